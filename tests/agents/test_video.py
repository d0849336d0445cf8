"""An episode as a GIF or an MP4."""

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from seqrl.agents import ALGORITHMS, video
from seqrl.agents.agent import Agent
from seqrl.errors import InputError, MissingExtra

image = pytest.importorskip("PIL.Image")


class Moving(gymnasium.Env[Any, Any]):
    """Ends after six steps; draws the step as a brightness, in odd sizes."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}
    observation_space = gymnasium.spaces.Discrete(10)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None, shape: tuple[int, ...] = (31, 45, 3)) -> None:
        self.render_mode, self.shape = render_mode, shape

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.t = 0
        return 0, {}

    def step(self, action: Any) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.t += 1
        return self.t, 0.5, self.t == 6, False, {}

    def render(self) -> Any:
        return np.full(self.shape, 40 * self.t, np.uint8)


@pytest.fixture
def agent() -> Any:
    gymnasium.register("Moving-v0", Moving)
    gymnasium.register("Flat-v0", Moving, kwargs={"shape": (31, 45)})
    agent: Agent = ALGORITHMS["q_learning"]("Moving-v0")
    yield agent
    del gymnasium.registry["Moving-v0"], gymnasium.registry["Flat-v0"]


def test_a_gif_has_every_frame_of_the_episode_at_its_speed(agent: Agent, tmp_path: Path) -> None:
    assert video.record(agent, "Moving-v0", tmp_path / "a.gif") == (3.0, 6)
    shades = []
    with image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.size) == (7, (45, 31))
        for frame in range(7):
            gif.seek(frame)
            assert gif.info["duration"] == (100 if frame < 6 else 1000)  # how it ended can be seen
            shades.append(int(np.asarray(gif.convert("RGB"))[5, 5, 0]))
    assert shades == [0, 40, 80, 120, 160, 200, 240]


def test_an_episode_is_cut_where_it_is_asked(agent: Agent, tmp_path: Path) -> None:
    assert video.record(agent, "Moving-v0", tmp_path / "a.gif", max_steps=2) == (1.0, 2)


def test_a_fast_environment_has_no_more_frames_in_a_gif_than_are_shown(
    agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Moving.metadata, "render_fps", 100)
    video.record(agent, "Moving-v0", tmp_path / "a.gif")
    with image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 20


def test_an_mp4_of_odd_sizes_can_be_read_again(agent: Agent, tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    assert video.record(agent, "Moving-v0", tmp_path / "a.mp4") == (3.0, 6)
    frames, seconds = ffmpeg.count_frames_and_secs(str(tmp_path / "a.mp4"))
    assert frames == 7
    assert seconds == pytest.approx(0.7, abs=0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_an_environment_that_draws_otherwise_is_refused_and_leaves_nothing(agent: Agent, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rendered ndarray of shape \(31, 45\); expected RGB"):
        video.record(agent, "Flat-v0", tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_an_environment_that_draws_nothing_is_refused(agent: Agent, tmp_path: Path) -> None:
    gymnasium.register("Unseen-v0", lambda: Moving())
    try:
        with pytest.raises(InputError, match="Unseen-v0 draws no pictures"):
            video.record(agent, "Unseen-v0", tmp_path / "a.gif")
    finally:
        del gymnasium.registry["Unseen-v0"]


def test_what_is_missing_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match=r'pip install "seqrl\[video\]" brings it'):
        video.check_path(Path("a.mp4"))


@pytest.mark.parametrize("environment", ["CartPole-v1", "FrozenLake-v1"])
def test_environments_of_gymnasium_are_drawn(environment: str, tmp_path: Path) -> None:
    pytest.importorskip("pygame")
    agent = ALGORITHMS["dqn"](environment, seed=0)
    _, length = video.record(agent, environment, tmp_path / "a.gif")
    with image.open(tmp_path / "a.gif") as gif:
        assert 1 < gif.n_frames <= length + 1
