"""Options of environments: from the command line to what learns, is evaluated and is drawn."""

from typing import Any

import gymnasium
import pytest

from seqrl.agents import Environments, options
from seqrl.errors import InputError, MissingExtra


def test_values_are_json_or_else_texts() -> None:
    texts = ["is_slippery=false", "map_name=8x8", "g=-9.5", "n=3", "none=null", 'desc=["SF", "HG"]', "text=a=b", "e="]
    assert options.read(texts) == {
        **{"is_slippery": False, "map_name": "8x8", "g": -9.5, "n": 3, "none": None, "desc": ["SF", "HG"]},
        **{"text": "a=b", "e": ""},
    }
    assert options.read([]) == {}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["is_slippery"], "--options has 'is_slippery'; expected NAME=VALUE, such as is_slippery=false"),
        (["=1"], "--options has '=1'; expected NAME=VALUE"),
        (["a=1", "a=2"], "--options has a twice"),
        (['desc=["SF", "HG"'], r'--options has desc=\["SF", "HG", which is no JSON: Expecting'),
        (["render_mode=human"], "--options has render_mode; learning draws nothing"),
    ],
)
def test_what_is_no_option_is_refused(texts: list[str], expected: str) -> None:
    with pytest.raises(InputError, match=f"^{expected}"):
        options.read(texts)


def test_not_a_number_is_a_text_which_no_number_is_taken_for() -> None:
    assert options.read(["g=NaN", "h=Infinity"]) == {"g": "NaN", "h": "Infinity"}


@pytest.mark.parametrize(
    ("environment", "given", "expected"),
    [
        (
            "FrozenLake-v1",
            {"is_slipery": False},
            r"FrozenLake-v1 has no option 'is_slipery' \(did you mean 'is_slippery'\?\); it has render_mode, desc, ",
        ),
        ("Acrobot-v1", {"max_episode_step": 9}, r"\(did you mean 'max_episode_steps'\?\)"),
        ("FrozenLake-v1", {"is_slippery": "False"}, "is_slippery of FrozenLake-v1 is 'False'; .* such as true"),
        ("FrozenLake-v1", {"map_name": 8}, 'map_name of FrozenLake-v1 is 8; expected a value such as "4x4"'),
        ("FrozenLake-v1", {"map_name": "9x9"}, "'FrozenLake-v1', map_name='9x9' can't be made: there is no '9x9'"),
        ("FrozenLake-v1", {"reward_schedule": 1}, "reward_schedule of FrozenLake-v1 is 1; .* such as \\[1, 0, 0\\]"),
        ("Pendulum-v1", {"g": "NaN"}, "g of Pendulum-v1 is 'NaN'; expected a value such as 10.0"),
        ("CartPole-v1", {"max_episode_steps": 0}, "max_episode_steps of CartPole-v1 is 0; expected a whole number"),
        ("CartPole-v1", {"max_episode_steps": 9.5}, "max_episode_steps of CartPole-v1 is 9.5"),
    ],
)
def test_an_option_that_an_environment_does_not_know_is_refused_in_one_line(
    environment: str, given: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InputError, match=expected) as error:
        Environments(environment, options=given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ("FrozenLake-v1", {"map_name": None, "desc": ["SF", "HG"], "is_slippery": False, "reward_schedule": [2, 0, 0]}),
        ("MountainCar-v0", {"goal_velocity": 0.01}),
        ("Pendulum-v1", {"g": 9, "max_episode_steps": 50}),
    ],
)
def test_options_are_what_the_environment_is_made_with(environment: str, given: dict[str, Any]) -> None:
    with Environments(environment, options=given) as environments:
        assert environments.time_limit == given.get("max_episode_steps", gymnasium.spec(environment).max_episode_steps)
        env = gymnasium.make(environment, **given)
        assert environments.observation_space == env.observation_space


def test_without_its_simulator_an_environment_with_options_names_the_extra_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise gymnasium.error.DependencyNotInstalled("Box2D is not installed")

    monkeypatch.setattr(gymnasium, "make", missing)
    monkeypatch.setattr(options, "load_env_creator", missing)
    with pytest.raises(MissingExtra, match="LunarLander-v3 needs box2d"):
        Environments("LunarLander-v3", options={"gravity": -5})


def make(**named: Any) -> gymnasium.Env[Any, Any]:
    assert named == {"size": 4}
    return gymnasium.make("CartPole-v1")


def test_a_function_that_takes_whatever_is_given_is_given_it() -> None:
    gymnasium.register("Anything-v0", make)
    try:
        Environments("Anything-v0", options={"size": 4}).close()
    finally:
        del gymnasium.registry["Anything-v0"]


def test_a_title_says_the_options() -> None:
    assert options.described("A-v0", {}) == "A-v0"
    assert options.described("A-v0", {"b": False, "c": "8x8"}) == 'A-v0 (b=false, c="8x8")'
