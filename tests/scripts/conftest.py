"""The command lines as functions, and a small trained run."""

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
Main = Callable[[Sequence[str]], int]

SMALL = ["--hidden", "16", "--embedding", "8", "--batch-size", "16", "--epochs", "2", "--learning-rate", "0.01"]


def script(name: str) -> Main:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    main: Main = module.main
    return main


@pytest.fixture(scope="session")
def train() -> Main:
    """scripts/train_translation.py with a small model."""
    main = script("train_translation")
    return lambda arguments: main([*SMALL, *map(str, arguments)])


@pytest.fixture(scope="session")
def resume() -> Main:
    """scripts/train_translation.py as it is."""
    main = script("train_translation")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="session")
def translate() -> Main:
    main = script("translate")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small corpus of words."""
    numbers = {"one": "un", "two": "deux", "three": "trois", "four": "quatre", "five": "cinq", "six": "six"}
    things = {"cats": "chats", "dogs": "chiens", "birds": "oiseaux", "trees": "arbres", "books": "livres"}
    verbs = {"I see": "Je vois", "I have": "J'ai", "We see": "Nous voyons"}
    path = tmp_path_factory.mktemp("corpus") / "small.tsv"
    path.write_text(
        "".join(
            f"{verb} {number} {thing}.\t{verbs[verb]} {numbers[number]} {things[thing]}.\n"
            for verb in verbs
            for number in numbers
            for thing in things
        )
    )
    return path


@pytest.fixture(scope="session")
def trained(train: Main, pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("runs") / "trained"
    assert train(["--pairs", pairs, "--out", folder]) == 0
    return folder
