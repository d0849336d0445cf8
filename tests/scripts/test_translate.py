"""scripts/translate.py: sentences in, translations out, and what can be wrong with them."""

import io
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import seqrl

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "translate.py"
SENTENCES = ["I see two dogs.", "We see one books.", "I have six trees.", "We see dogs."]


def feed(monkeypatch: pytest.MonkeyPatch, content: str | bytes) -> None:
    raw = content.encode() if isinstance(content, str) else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_arguments_and_standard_input_give_what_python_gives(
    translate: Main, trained: Path, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "".join(f"{line}\n" for line in seqrl.load(trained).translate(SENTENCES))
    assert translate([trained, *SENTENCES]) == 0
    assert capsys.readouterr().out == expected
    feed(monkeypatch, "\n".join(SENTENCES))
    assert translate([trained]) == 0
    assert capsys.readouterr().out == expected


def test_standard_input_of_more_than_a_batch_keeps_its_order(
    translate: Main, trained: Path, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "".join(f"{line}\n" for line in SENTENCES * 300))
    assert translate([trained]) == 0
    assert capsys.readouterr().out.splitlines() == seqrl.load(trained).translate(SENTENCES) * 300


def test_empty_standard_input_gives_nothing(
    translate: Main, trained: Path, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "")
    assert translate([trained]) == 0
    assert capsys.readouterr() == ("", "")


def test_nbest_has_number_score_and_text_of_a_beam(translate: Main, trained: Path, capsys: Lines) -> None:
    assert translate([trained, *SENTENCES, "--beam", "3", "--nbest"]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [int(number) for number, _, _ in lines] == [n for n in (1, 2, 3, 4) for _ in range(3)]
    for n in range(4):
        scores = [float(score) for _, score, _ in lines[3 * n : 3 * n + 3]]
        assert scores == sorted(scores, reverse=True)
        assert all(score < 0 for score in scores)


def test_the_best_of_a_beam_is_what_is_printed_without_nbest(translate: Main, trained: Path, capsys: Lines) -> None:
    assert translate([trained, *SENTENCES, "--beam", "3"]) == 0
    best = [hypotheses[0][0] for hypotheses in seqrl.load(trained).nbest(SENTENCES, 3)]
    assert capsys.readouterr().out.splitlines() == best


def test_attention_plot_is_a_picture(translate: Main, trained: Path, tmp_path: Path) -> None:
    assert translate([trained, SENTENCES[0], "--attention-plot", tmp_path / "a.png"]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_word_that_is_unknown_is_named_and_the_rest_translated(translate: Main, trained: Path, capsys: Lines) -> None:
    assert translate([trained, SENTENCES[0], "I see two zebras."]) == 0
    output, error = capsys.readouterr()
    assert output.count("\n") == 2
    assert error == "sentence 2: unknown to the model: zebras\n"


BAD_LINES = {
    "I see.\n\n": "standard input:2: it is empty",
    "I see.\n...\n": "standard input:2: no words in it: '...'",
    "I see.\nI see.\nZebras graze.\n": "standard input:3: none of its words is known to the model: 'Zebras graze.'",
}


@pytest.mark.parametrize("text", BAD_LINES)
def test_a_line_that_cannot_be_translated_is_named(
    text: str, translate: Main, trained: Path, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, text)
    assert translate([trained]) == 2
    assert BAD_LINES[text] in capsys.readouterr().err.splitlines()[-1]


def test_a_line_that_is_not_utf8_is_named(
    translate: Main, trained: Path, capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, b"I see.\nI \xff see.\n")
    assert translate([trained]) == 2
    assert "standard input:2: byte 0xff is not UTF-8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--beam", "0"], "--beam is 0; expected 1 or more"),
        (["--bean", "3"], "unknown option '--bean' (did you mean '--beam'?)"),
        (["--attention-plot", "missing/a.png"], "missing/a.png: can't be written"),
    ],
)
def test_a_bad_option_is_one_line(
    options: list[str], expected: str, translate: Main, trained: Path, capsys: Lines
) -> None:
    assert translate([trained, SENTENCES[0], *options]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def remove(*names: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return spoil


def cut(name: str, size: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:size])

    return spoil


def edit(old: str, new: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        config = (folder / "config.json").read_text()
        assert old in config
        (folder / "config.json").write_text(config.replace(old, new))

    return spoil


BAD_RUNS: dict[str, tuple[Callable[[Path], None], str]] = {
    "missing": (shutil.rmtree, "no such folder; expected a run folder"),
    "no config": (remove("config.json"), "not a run folder, it has no config.json"),
    "no checkpoint": (remove("best.safetensors", "last.safetensors"), "a run without a checkpoint"),
    "no tokenizer": (remove("source.tokenizer.json"), "source.tokenizer.json: can't read the tokenizer"),
    "cut config": (cut("config.json", 100), "config.json: damaged"),
    "cut tokenizer": (cut("target.tokenizer.json", 100), "target.tokenizer.json: damaged"),
    "empty checkpoint": (cut("best.safetensors", 0), "best.safetensors: not a checkpoint, or cut short"),
    "cut header": (cut("best.safetensors", 100), "best.safetensors: not a checkpoint, or cut short"),
    "cut checkpoint": (cut("best.safetensors", 5000), "best.safetensors: not a checkpoint, or cut short"),
    "other kind": (edit('"kind": "translation"', '"kind": "translatoin"'), "(did you mean 'translation'?)"),
    "unknown setting": (edit('"hidden"', '"hiden"'), "unknown setting 'hiden' (did you mean 'hidden'?)"),
    "wrong type": (edit('"hidden": 16', '"hidden": "16"'), "hidden is '16'; expected a value such as"),
    "other size": (
        edit('"hidden": 16', '"hidden": 32'),
        "best.safetensors: the weights hold 'encoder.layers.0.ahead.weight_ih' of shape (8, 32), the model has (8, 64)",
    ),
}


@pytest.mark.parametrize("kind", BAD_RUNS)
def test_a_bad_run_is_one_line_that_says_what_is_wrong(
    kind: str, translate: Main, trained: Path, tmp_path: Path, capsys: Lines
) -> None:
    spoil, expected = BAD_RUNS[kind]
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    spoil(folder)
    assert translate([folder, SENTENCES[0]]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert str(folder) in error
    assert error.count("\n") == 1


def test_a_file_is_not_a_run(translate: Main, trained: Path, capsys: Lines) -> None:
    assert translate([trained / "config.json", SENTENCES[0]]) == 2
    assert "a file, not a run folder" in capsys.readouterr().err


def test_output_that_nobody_reads_and_output_on_a_full_disk(trained: Path) -> None:
    command = [sys.executable, SCRIPT, trained]
    lines = "".join(f"{line}\n" for line in SENTENCES * 500)
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, input=lines, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "translate.py: standard input or output: No space left on device\n"
    piped = f"'{sys.executable}' '{SCRIPT}' '{trained}' | head -n 1"
    done = subprocess.run(["bash", "-c", piped], input=lines, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
