"""scripts/train_language_model.py and scripts/generate_text.py: what they leave, and how their input can be bad."""

import gzip
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import seqrl
from seqrl.training import checkpoint, runs

from .conftest import SCRIPTS, script

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
SCRIPT = SCRIPTS / "train_language_model.py"
SMALL = ["--hidden", 16, "--embedding", 8, "--batch-size", 8, "--bptt", 20, "--epochs", 2, "--learning-rate", 0.02]


@pytest.fixture(scope="module")
def resume() -> Main:
    main = script("train_language_model")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def train(resume: Main) -> Main:
    return lambda arguments: resume([*arguments, *SMALL])


@pytest.fixture(scope="module")
def generate() -> Main:
    main = script("generate_text")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "counting.txt"
    names = ["one", "two", "three", "four", "five"]
    path.write_text("".join(f"{a} and {b}\n  are {c}.\n" for a in names for b in names for c in names))
    return path


@pytest.fixture(scope="module")
def trained(train: Main, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    assert train([text, "--out", folder]) == 0
    return folder


def complaint(status: int, capsys: Lines) -> str:
    """The one line on standard error that bad input gives."""
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


def test_a_run_holds_what_its_page_says(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "last.safetensors",
        "best.safetensors",
        "results.json",
        "report.html",
        "curves.png",
        "text.tokenizer.json",
    }
    page = (trained / "report.html").read_text()
    assert "A text at temperature 0.8" in page and "perplexity" in page


def test_results_agree_with_each_other(trained: Path) -> None:
    results = json.loads((trained / "results.json").read_text())
    test = results["test"]
    assert test["perplexity"] == pytest.approx(math.exp(test["loss"]))
    assert test["bits_per_character"] == pytest.approx(test["loss"] / math.log(2))
    assert test["unknown_share"] == 0
    assert results["tokens_per_second"] > 0
    validated = [line for line in runs.read_metrics(trained) if "valid_loss" in line]
    assert len(validated) == 2
    assert validated[1]["valid_loss"] < validated[0]["valid_loss"] < math.log(30)


def test_the_model_is_the_same_from_python(trained: Path, generate: Main, capsys: Lines) -> None:
    assert generate([trained, "--prompt", "one and", "--length", 50, "--seed", 3]) == 0
    assert capsys.readouterr().out == seqrl.load(trained).generate("one and", 50, seed=3) + "\n"
    assert seqrl.load(trained).perplexity("one and two\n  are three.") < 30


@pytest.mark.parametrize(
    "options",
    [
        ["--cell", "gru", "--layers", "2", "--tied", "--dropout", "0.2", "--variational", "--tokenizer", "word"],
        ["--cell", "gru-original", "--tokenizer", "bpe", "--vocabulary-size", "60", "--anneal", "0.25"],
        ["--cell", "rnn-relu", "--schedule", "constant", "--optimizer", "sgd", "--tied", "--hidden", "8"],
        ["--cell", "lstm-peephole", "--schedule", "linear", "--optimizer", "adamw", "--threads", "1", "--seed", "5"],
    ],
)
def test_every_option_gives_a_run_that_writes(
    options: list[str], resume: Main, generate: Main, text: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert resume([text, "--out", tmp_path / "run", *SMALL, *options]) == 0
    capsys.readouterr()
    arguments = ["--prompt", "one and", "--length", 20, "--count", 3, "--top-k", 5, "--top-p", 0.9]
    assert generate([tmp_path / "run", *arguments]) == 0
    texts = capsys.readouterr().out.split(f"\n{'-' * 40}\n")
    assert len(texts) == 3 and all(text.startswith("one and") for text in texts)


def test_files_of_ones_own_are_held_out(train: Main, text: Path, tmp_path: Path) -> None:
    (tmp_path / "valid.txt").write_text("one and one\n" * 10)
    with gzip.open(tmp_path / "test.txt.gz", "wt") as stream:
        stream.write("two and two\n" * 5)
    arguments = ["--valid", tmp_path / "valid.txt", "--test", tmp_path / "test.txt.gz", "--out", tmp_path / "run"]
    assert train([text, *arguments]) == 0
    data = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert data["validation_tokens"] == 10 * 12 and data["test_tokens"] == 5 * 12
    assert len(data["files"]) == 3


def test_a_text_of_one_endless_line_is_learned_by_words_and_characters(train: Main, tmp_path: Path) -> None:
    (tmp_path / "line.txt").write_text("one and two are three and four " * 100)
    for tokenizer in "word", "char":
        assert train([tmp_path / "line.txt", "--tokenizer", tokenizer, "--out", tmp_path / tokenizer]) == 0


BAD_FILES = {
    "empty": (b"", "bad.txt: empty file"),
    "white space": (b" \n\n", "bad.txt: nothing but white space"),
    "binary": (b"text\n\x00\x01\x02", "bad.txt:2: a NUL byte at offset 5"),
    "not UTF-8": (b"text\nna\xefve\n", "bad.txt:2: byte 0xef at offset 7 is not UTF-8"),
    "few characters": (b"one and two", "are too few to hold out"),
    "few tokens": (b"one and two\n" * 100, "fewer than one batch of 32 streams of 64; expected a longer text"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_named_in_one_line(kind: str, resume: Main, tmp_path: Path, capsys: Lines) -> None:
    content, expected = BAD_FILES[kind]
    (tmp_path / "bad.txt").write_bytes(content)
    assert expected in complaint(resume([tmp_path / "bad.txt", "--out", tmp_path / "run"]), capsys)
    assert not (tmp_path / "run").exists()


BAD_OPTIONS = {
    "--cell lstn": "--cell is 'lstn' (did you mean 'lstm'?)",
    "--tokenizer words": "(did you mean 'word'?)",
    "--optimizer adan": "(did you mean 'adam'?)",
    "--schedule cosin": "(did you mean 'cosine'?)",
    "--hiden 3": "unknown option '--hiden' (did you mean '--hidden'?)",
    "--hidden many": "--hidden: expected a whole number, not 'many'",
    "--bptt 0": "--bptt is 0; expected 1 or more",
    "--batch-size 0": "--batch-size is 0; expected 1 or more",
    "--dropout 1": "--dropout is 1.0; expected 0 or more, and less than 1",
    "--learning-rate nan": "--learning-rate is nan; expected more than 0",
    "--anneal 0": "--anneal is 0.0; expected more than 0",
    "--anneal 2": "--anneal is 2.0; expected at most 1",
    "--tied": "--tied with one layer needs --hidden and --embedding of one size; they are 256 and 128",
    "--seed -1": "--seed is -1; expected 0 or more",
    "--embeddings words.txt": "--embeddings gives vectors to words; expected --tokenizer word with it, not char",
    "--embeddings missing.txt --tokenizer word --batch-size 8": "missing.txt: no such file",
    "--vocabulary-size 3": "vocabulary size is 3",
    "--max-minutes -1": "--max-minutes is -1.0; expected more than 0",
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_said_in_one_line(
    options: str, resume: Main, text: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert BAD_OPTIONS[options] in complaint(resume([text, "--out", tmp_path / "run", *options.split()]), capsys)
    assert not (tmp_path / "run").exists()


def test_held_out_files_without_a_text_are_refused(resume: Main, text: Path, tmp_path: Path, capsys: Lines) -> None:
    status = resume(["--valid", text, "--out", tmp_path / "run"])
    assert "--valid and --test go with a text" in complaint(status, capsys)


def test_a_run_that_changed_its_text_is_not_resumed(train: Main, resume: Main, tmp_path: Path, capsys: Lines) -> None:
    path = tmp_path / "own.txt"
    path.write_text("one and two\n" * 200)
    assert train([path, "--out", tmp_path / "run"]) == 0
    path.write_text("one and six\n" * 200)
    capsys.readouterr()
    status = resume(["--resume", tmp_path / "run"])
    assert f"{path}: not what {tmp_path / 'run'} was begun with" in complaint(status, capsys)


def test_only_the_time_may_be_given_with_resume(trained: Path, resume: Main, text: Path, capsys: Lines) -> None:
    for more in [text], ["--hidden", 20], ["--overwrite"]:
        assert "only --max-minutes may be given" in complaint(resume([*more, "--resume", trained]), capsys)
    assert resume(["--resume", trained, "--max-minutes", 1]) == 0


def test_a_run_of_another_kind_is_refused(
    trained: Path, generate: Main, resume: Main, tmp_path: Path, capsys: Lines
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    config = json.loads((trained / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"kind": "translation"}))
    status = resume(["--resume", tmp_path / "run"])
    assert "a run of the kind 'translation'; expected 'language'" in complaint(status, capsys)
    assert "it has no config.json" in complaint(generate([tmp_path]), capsys)


def test_a_translator_writes_no_text(generate: Main, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "pairs.tsv").write_text("".join(f"{n}\t{str(n)[::-1]}\n" for n in range(100, 200)))
    small = ["--hidden", "8", "--embedding", "4", "--epochs", "1", "--tokenizer", "char"]
    main = script("train_translation")
    assert main(["--pairs", str(tmp_path / "pairs.tsv"), "--out", str(tmp_path / "run"), *small]) == 0
    capsys.readouterr()
    assert "not the run of a language model" in complaint(generate([tmp_path / "run"]), capsys)


def test_a_prompt_with_unknown_characters(trained: Path, generate: Main, capsys: Lines) -> None:
    assert generate([trained, "--prompt", "one ☃and☃", "--length", 5]) == 0
    written = capsys.readouterr()
    assert written.err == "unknown to the model: '☃'\n"
    assert written.out.startswith("one ☃and☃")
    status = generate([trained, "--prompt", "☃Ω"])
    assert "the prompt '☃Ω': nothing in it is known to the model: '☃', 'Ω'" in complaint(status, capsys)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--temperature", "-1"], "temperature is -1.0"),
        (["--top-k", "0"], "top-k is 0"),
        (["--top-p", "0"], "top-p is 0.0"),
        (["--length", "0"], "length is 0"),
        (["--count", "0"], "count is 0"),
        (["--seed", "-1"], "seed is -1"),
        (["--promt", "a"], "did you mean '--prompt'?"),
    ],
)
def test_bad_options_of_writing_are_said(
    options: list[str], said: str, trained: Path, generate: Main, capsys: Lines
) -> None:
    assert said in complaint(generate([trained, *options]), capsys)


def test_ctrl_c_saves_and_the_resumed_run_ends_as_one_that_was_not_stopped(text: Path, tmp_path: Path) -> None:
    small = [*map(str, SMALL), "--epochs", "8", "--dropout", "0.3"]

    def run(*arguments: object, stop: bool = False) -> int:
        process = subprocess.Popen(
            [sys.executable, SCRIPT, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "SEQRL_KERNELS": "reference"},
        )
        assert process.stdout is not None
        if stop:
            metrics = tmp_path / "stopped" / "metrics.jsonl"
            while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 5):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        if stop:
            assert f"--resume {tmp_path / 'stopped'}" in output, output
        return process.returncode

    assert run(text, *small, "--out", tmp_path / "whole") == 0
    assert run(text, *small, "--out", tmp_path / "stopped", stop=True) == 130
    assert run("--resume", tmp_path / "stopped") == 0
    for name in runs.BEST, runs.LAST:
        whole, stopped = (runs_of(tmp_path / kind / name) for kind in ("whole", "stopped"))
        assert whole.keys() == stopped.keys()
        assert all(whole[key] == stopped[key] for key in whole)


def runs_of(path: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in checkpoint.read(path).arrays.items()}
