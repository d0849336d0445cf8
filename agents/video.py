"""An episode of an agent as a picture that moves: GIF (Pillow) or MP4 (imageio-ffmpeg), of the extra `video`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from seqrl import files
from seqrl.errors import InputError, MissingExtra, require

from .agent import Agent
from .making import find_spec

Frame = npt.NDArray[np.uint8]  # (height, width, 3)

FORMATS = (".gif", ".mp4")
MAX_STEPS = 1_000  # of an episode
GIF_RATE = 50.0  # frames a second; browsers slow down what is faster
GIF_COLOURS = 64
LAST = 1_000  # ms that a GIF shows the last frame, before it begins again
NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


def check_path(path: Path) -> None:
    """Raises InputError for a name that doesn't say a format, and where there is no such folder; before any work."""
    if path.suffix not in FORMATS:
        raise InputError(f"the video is '{path}'; expected a name that ends in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise InputError(f"the video is '{path}'; there is no folder {path.parent}")
    require("PIL" if path.suffix == ".gif" else "imageio_ffmpeg", "video")


def record(
    agent: Agent,
    environment: str,
    path: Path,
    seed: int = 0,
    options: Mapping[str, Any] = NO_OPTIONS,
    max_steps: int | None = None,
) -> tuple[float, int]:
    """Write an episode of the best policy that the agent knows; (its return, its length).

    options: of gymnasium.make. max_steps: where the episode is cut (default: 1,000).
    Raises InputError for an environment that draws no pictures, MissingExtra for what draws them.
    """
    check_path(path)
    with _drawn(environment, options) as env:
        episode = _Episode(agent, env, seed, max_steps or MAX_STEPS)
        rate = float(env.metadata.get("render_fps") or 30)
        (_write_gif if path.suffix == ".gif" else _write_mp4)(path, iter(episode), rate)
    return episode.return_, episode.length


@contextmanager
def _drawn(environment: str, options: Mapping[str, Any]) -> Iterator[gymnasium.Env[Any, Any]]:
    """The environment, drawing. Pygame needs no screen for it, and greets nobody."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    spec = find_spec(environment)
    try:
        env = gymnasium.make(spec, **{**options, "render_mode": "rgb_array"}, disable_env_checker=True)
        env.reset(seed=0)
        env.render()
    except gymnasium.error.DependencyNotInstalled:
        raise MissingExtra('pygame is not installed; pip install "seqrl[video]" brings it') from None
    except (gymnasium.error.Error, TypeError, NotImplementedError) as error:
        problem = " ".join(str(error).split())
        raise InputError(f"{environment} draws no pictures (render_mode rgb_array): {problem}") from None
    with env:
        yield env


class _Episode:
    """The frames of an episode, each when it is asked for."""

    def __init__(self, agent: Agent, env: gymnasium.Env[Any, Any], seed: int, max_steps: int) -> None:
        self.agent, self.env, self.seed, self.max_steps = agent, env, seed, max_steps
        self.return_, self.length = 0.0, 0

    def __iter__(self) -> Iterator[Frame]:
        observation, _ = self.env.reset(seed=self.seed)
        yield self._frame()
        for _ in range(self.max_steps):
            observation, reward, terminated, truncated, _ = self.env.step(self.agent.act(observation))
            self.return_ += float(reward)
            self.length += 1
            yield self._frame()
            if terminated or truncated:
                return

    def _frame(self) -> Frame:
        frame = np.asarray(self.env.render())
        if frame.ndim != 3 or frame.shape[2] != 3:
            raise InputError(f"{self.env} rendered {type(frame).__name__} of shape {frame.shape}; expected RGB")
        return np.ascontiguousarray(frame, np.uint8)


def _write_gif(path: Path, frames: Iterator[Frame], rate: float) -> None:
    image = require("PIL.Image", "video")
    every = max(1, round(rate / GIF_RATE))

    def pictures() -> Iterator[Any]:
        for number, frame in enumerate(frames):
            if number % every == 0:
                yield image.fromarray(frame).quantize(GIF_COLOURS)

    first, *rest = pictures()
    duration = 10 * max(2, round(100 * every / rate))  # ms, in whole hundredths of a second
    durations = [duration] * len(rest) + [LAST]
    with files.writing(path) as stream:
        first.save(stream, format="GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def _write_mp4(path: Path, frames: Iterator[Frame], rate: float) -> None:
    ffmpeg = require("imageio_ffmpeg", "video")
    first = next(frames)
    height, width = (size - size % 2 for size in first.shape[:2])  # the format has none that are odd
    beside = path.with_name(f".{path.stem}.part.mp4")
    with files.write_errors(path):
        try:
            writer = ffmpeg.write_frames(
                str(beside), (width, height), fps=rate, macro_block_size=2, ffmpeg_log_level="error"
            )
            writer.send(None)
            for frame in (first, *frames):
                writer.send(np.ascontiguousarray(frame[:height, :width]))
            writer.close()
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
