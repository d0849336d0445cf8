from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import pytest
import tyro

from seqrl.errors import InputError, MissingExtra
from seqrl.training import command


@dataclass(frozen=True)
class Model:
    hidden: int = 4
    """Units."""
    deep: bool = False
    """Or not."""


@dataclass(frozen=True)
class Options:
    model: Model = field(default_factory=Model)
    out: str | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    dropped_words: int = 0
    share: float = 0.5
    limit: int | None = None
    most: float | None = None
    pair: tuple[str, str] | None = None


def test_options_of_inner_dataclasses_have_no_prefix() -> None:
    options = command.parse(Options, ["--hidden", "3", "--deep", "--out", "x", "--names", "a", "b"])
    assert options == Options(Model(3, True), "x", names=("a", "b"))
    assert command.parse(Options, []) == Options()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--hiden", "3"], "unknown option '--hiden' (did you mean '--hidden'?); --help lists them"),
        (["--zzz"], "unknown option '--zzz'; --help lists them"),
        (["stray"], "'stray' belongs to no option; --help lists them"),
        (["--dw", "1"], "unknown option '--dw' (did you mean '--dropped-words'?); --help lists them"),
        (["--hidden", "x"], "--hidden: expected a whole number, not 'x'"),
        (["--limit", "1e5"], "--limit: expected a whole number, not '1e5'"),
        (["--share", "half"], "--share: expected a number, not 'half'"),
        (["--most", "half"], "--most: expected a number, not 'half'"),
        (["--pair", "1"], "--pair: expected 2 values, not '1'"),
        (["--names"], "--names is given without a value"),
        (["--names", "--deep"], "--names is given without a value"),
        (["--names", "a", "--names", "b"], "--names is given twice; expected all of its values after one"),
        (["--sizes", "64,64"], "--sizes: can't take '64,64'; between several values stand spaces"),
        (["--hidden"], "Missing value for argument '--hidden'. Expected 1 values."),
    ],
)
def test_a_bad_option_is_one_line_and_status_2(
    arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(lambda options: 0, Options, arguments) == 2
    message = capsys.readouterr().err.partition(": ")[2]
    assert message == f"{expected}\n"


@dataclass(frozen=True)
class Required:
    run: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A folder."""


def test_what_is_missing_is_said_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(lambda options: 0, Required, []) == 2
    assert capsys.readouterr().err.endswith(": missing: RUN A folder.\n")


def test_help_names_every_option_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.run(lambda options: 0, Options, ["--help"])
    assert not end.value.code
    shown = capsys.readouterr().out
    for part in "--hidden INT", "Units.", "(default: 4)", "--deep, --no-deep", "--out STR":
        assert part in shown


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (InputError("a.tsv:3: no tab"), 2, "a.tsv:3: no tab"),
        (InputError("in\ntwo lines"), 2, "in two lines"),
        (MissingExtra('pip install "seqrl[plots]"'), 2, 'pip install "seqrl[plots]"'),
        (PermissionError(13, "Permission denied", "a.tsv"), 2, "a.tsv: Permission denied"),
        (MemoryError("Unable to allocate 9 TiB"), 2, "not enough memory (Unable to allocate 9 TiB)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_a_user_can_cause_is_one_line(
    error: BaseException, status: int, expected: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(options: Options) -> int:
        raise error

    assert command.run(fail, Options, []) == status
    shown = capfd.readouterr().err
    assert shown.count("\n") == 1
    assert shown.endswith(f"{expected}\n")


def test_a_mistake_in_the_program_shows_where_it_is() -> None:
    def fail(options: Options) -> int:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        command.run(fail, Options, [])


def test_a_command_to_copy_has_this_python_and_the_script_beside_the_one_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some folder").mkdir()
    (tmp_path / "some folder" / "show.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["some folder/train.py", "--fast"])
    monkeypatch.setattr("sys.executable", str(tmp_path / ".venv/bin/python"))
    assert command.again("show.py", "a run", 3) == ".venv/bin/python 'some folder/show.py' 'a run' 3"
    assert command.resuming("run") == ".venv/bin/python scripts/train.py --resume run"
    monkeypatch.setattr("sys.executable", "/usr/bin/python")
    assert command.again("show.py") == "/usr/bin/python 'some folder/show.py'"
