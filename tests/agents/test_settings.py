"""The data files of tuned settings."""

from pathlib import Path

import pytest

from seqrl.agents import ALGORITHMS, settings
from seqrl.errors import InputError

FILES = sorted((Path(settings.__file__).parent / "settings").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_is_of_an_algorithm_and_has_only_settings_that_it_knows(file: Path) -> None:
    assert file.stem in ALGORITHMS
    assert settings.tables(file.stem)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_environment_that_is_tuned_for_is_one_of_gymnasium(file: Path) -> None:
    import gymnasium

    for environment in settings.tables(file.stem):
        assert environment in gymnasium.registry


def test_tuned_settings_are_those_of_the_file_without_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    table = settings.parse('["CartPole-v1"]\nsteps = 7\ngamma = 0.5\n', "dqn.toml", "dqn")
    monkeypatch.setattr(settings, "tables", lambda algorithm: table)
    assert settings.tuned("dqn", "CartPole-v1") == {"gamma": 0.5}
    assert settings.tuned("dqn", "gymnasium:CartPole-v1") == {"gamma": 0.5}
    assert settings.tuned_steps("dqn", "CartPole-v1", 3) == 7
    assert settings.tuned_steps("dqn", "Acrobot-v1", 3) == 3


def test_an_environment_or_algorithm_without_a_table_has_the_defaults() -> None:
    assert settings.tuned("dqn", "Nothing-v0") == {}
    assert settings.tuned("no_such_algorithm", "CartPole-v1") == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "['A-v0']\nlerning_rate = 1",
            r"x.toml: 'A-v0': unknown setting 'lerning_rate' \(did you mean 'learning_rate'",
        ),
        ("['A-v0']\ngamma = 'high'", "x.toml: 'A-v0': gamma is 'high'; expected a value such as 0.99"),
        ("gamma = 1", "x.toml: 'gamma' is 1; expected a table of settings"),
        ("['A-v0']\nsteps = 0", "x.toml: 'A-v0': steps is 0; expected a whole number"),
        ("['A-v0'\n", "x.toml: not TOML: "),
    ],
)
def test_a_file_that_says_what_it_can_not_is_refused(text: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"^{expected}"):
        settings.parse(text, "x.toml", "dqn")
