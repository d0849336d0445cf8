"""scripts/train_dialogue.py: what it leaves, and how its input can be bad."""

import gzip
import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import seqrl
from seqrl.training import checkpoint, runs

from .conftest import SCRIPTS, script

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
SCRIPT = SCRIPTS / "train_dialogue.py"
SMALL = ["--hidden", 12, "--embedding", 8, "--context", 10, "--latent", 4, "--batch-size", 8, "--epochs", 2]
MODELS = ["hred", "vhred", "seq2seq"]


@pytest.fixture(scope="module")
def resume() -> Main:
    main = script("train_dialogue")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def train(resume: Main) -> Main:
    return lambda arguments: resume([*SMALL, *arguments])


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of dialogues, and another for tests with the answers that fit."""
    folder = tmp_path_factory.mktemp("talk")
    colours, things = ["red", "blue", "green", "white", "black"], ["hat", "coat", "bag", "shoe", "ring", "belt"]
    talks = [f"I lost my {c} {t}.\nOh no!\nWhat was it?\nA {c} {t}.\n" for c in colours for t in things]
    (folder / "talk.txt").write_text("\n".join(talks[:25]))
    (folder / "test.txt").write_text("\n".join(talks[25:]))
    answers = [f"{n}\t2\topen\tOh no!\tI see.\n{n}\t4\trecall\tA black {t}.\n" for n, t in enumerate(things[1:], 1)]
    (folder / "test.answers.tsv").write_text("".join(answers))
    return folder


@pytest.fixture(scope="module")
def corpus(talk: Path) -> list[object]:
    return ["--dialogues", talk / "talk.txt", "--valid", talk / "test.txt", "--test", talk / "test.txt"]


@pytest.fixture(scope="module")
def trained(train: Main, corpus: list[object], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    for model in MODELS:
        assert train([*corpus, "--model", model, "--out", folder / model]) == 0
    return {model: folder / model for model in MODELS}


def complaint(status: int, capsys: Lines) -> str:
    """The one line on standard error that bad input gives."""
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def timeless(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k not in runs.TIMES} for line in runs.read_metrics(folder)]


@pytest.mark.parametrize("model", MODELS)
def test_a_run_holds_what_its_page_says_and_answers(model: str, trained: dict[str, Path]) -> None:
    assert {path.name for path in trained[model].iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "last.safetensors",
        "best.safetensors",
        "results.json",
        "report.html",
        "curves.png",
        "dialogue.tokenizer.json",
    }
    responder = seqrl.load(trained[model])
    assert isinstance(responder.respond(["I lost my red hat.", "Oh no!"]), str)
    assert responder.variational == (model == "vhred")


@pytest.mark.parametrize("model", ["hred", "seq2seq"])
def test_perplexity_is_exp_of_the_loss(model: str, trained: dict[str, Path]) -> None:
    test = json.loads((trained[model] / "results.json").read_text())["test"]
    assert test["perplexity"] == math.exp(test["loss"])
    assert test["tokens"] == 5 * (4 + 5 + 5)  # words, a full stop or the like, EOS
    best = min(line["valid_loss"] for line in runs.read_metrics(trained[model]) if "valid_loss" in line)
    assert test["loss"] == pytest.approx(best, rel=1e-6)  # of the best weights, on the same dialogues


def test_a_bound_is_called_one_and_is_made_of_its_parts(trained: dict[str, Path]) -> None:
    test = json.loads((trained["vhred"] / "results.json").read_text())["test"]
    assert "perplexity" not in test and "loss" not in test
    assert test["perplexity_bound"] == math.exp(test["bound"])
    answers, tokens = 5 * 3, test["tokens"]
    assert test["bound"] == pytest.approx(test["reconstruction"] + test["kl"] * answers / tokens, rel=1e-5)
    assert 0 <= test["active_units"] <= 4


def test_what_fits_is_counted_by_kind(trained: dict[str, Path]) -> None:
    for folder in trained.values():
        answers = json.loads((folder / "results.json").read_text())["test"]["answers"]
        assert {kind: found["places"] for kind, found in answers.items()} == {"recall": 5, "open": 5}
        assert answers["recall"]["from_last_utterance"] == 0.2  # one of five answers to the same question
        assert answers["open"]["from_last_utterance"] == 1
        for found in answers.values():
            assert 0 <= found["drawn_exact_match"] <= 1 and 0 <= found["distinct_fitting"] <= found["possible"]


@pytest.mark.parametrize(
    "options",
    [
        ["--cell", "lstm", "--no-bidirectional", "--layers", 2, "--no-tied", "--dropout", 0.2, "--threads", 1],
        ["--model", "vhred", "--cell", "rnn", "--annealing", 0, "--free-bits", 0, "--word-dropout", 0.5],
        ["--model", "seq2seq", "--tokenizer", "char", "--optimizer", "adamw", "--schedule", "linear"],
        ["--tokenizer", "bpe", "--vocabulary-size", 60, "--max-utterances", 3, "--optimizer", "sgd", "--seed", 5],
    ],
)
def test_every_option_gives_a_run_that_answers(
    options: list[object], train: Main, talk: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert train(["--dialogues", talk / "talk.txt", "--out", tmp_path / "run", *options]) == 0
    assert seqrl.load(tmp_path / "run").candidates(["I lost my red hat."], 3)
    assert "To talk: " in capsys.readouterr().out


def test_gzipped_dialogues_give_the_same_run(
    train: Main, trained: dict[str, Path], talk: Path, corpus: list[object], tmp_path: Path
) -> None:
    with gzip.open(tmp_path / "talk.txt.gz", "wb") as stream:
        stream.write((talk / "talk.txt").read_bytes())
    assert train(["--dialogues", tmp_path / "talk.txt.gz", *corpus[2:], "--out", tmp_path / "run"]) == 0
    best = [checkpoint.read(folder / "best.safetensors").arrays for folder in (trained["hred"], tmp_path / "run")]
    assert all((best[0][name] == best[1][name]).all() for name in best[0])


def test_an_existing_run_is_refused_and_stays_as_it_is(
    train: Main, trained: dict[str, Path], corpus: list[object], capsys: Lines
) -> None:
    before = contents(trained["hred"])
    assert "--overwrite" in complaint(train([*corpus, "--out", trained["hred"]]), capsys)
    missing = ["--dialogues", "missing.txt", "--out", trained["hred"], "--overwrite"]
    assert "missing.txt: no such file" in complaint(train(missing), capsys)
    assert contents(trained["hred"]) == before


BAD_FILES = {
    "empty": (b"", "bad.txt: empty file"),
    "blank": (b"\n\n", "bad.txt: no dialogues in it"),
    "alone": (b"a\nb\n\nc\n", "bad.txt:4: a dialogue of one utterance, 'c'"),
    "endless": (b"a " * 50_000, "bad.txt:1: a dialogue of one utterance"),
    "binary": (bytes(range(256)), "bad.txt:1: a character of code 0"),
    "not UTF-8": (b"a\nb\xff\n", "bad.txt:2: byte 0xff"),
    "no blank lines": (b"a\nb\nc\nd\n", "1 distinct dialogues are too few"),
    "damaged": (gzip.compress(b"a\nb\n" * 99)[:-9], "bad.txt: damaged or cut short"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_named_with_its_line(kind: str, train: Main, tmp_path: Path, capsys: Lines) -> None:
    content, expected = BAD_FILES[kind]
    (tmp_path / "bad.txt").write_bytes(content)
    assert expected in complaint(train(["--dialogues", tmp_path / "bad.txt", "--out", tmp_path / "run"]), capsys)
    assert not (tmp_path / "run").exists()


def test_answers_that_do_not_go_with_the_test_are_named_with_their_line(
    train: Main, talk: Path, tmp_path: Path, capsys: Lines
) -> None:
    shutil.copy(talk / "test.txt", tmp_path)
    (tmp_path / "test.answers.tsv").write_text("1\t2\topen\tOh no!\n1\t2\tclosed\tOh no!\n")
    arguments = ["--dialogues", talk / "talk.txt", "--test", tmp_path / "test.txt", "--out", tmp_path / "run"]
    assert "test.answers.tsv:2: the kind is 'closed'" in complaint(train(arguments), capsys)


BAD_OPTIONS = {
    "--model vred": "--model is 'vred' (did you mean 'vhred'?)",
    "--cell gruu": "(did you mean 'gru'?)",
    "--tokenizer words": "(did you mean 'word'?)",
    "--optimizer adan": "(did you mean 'adam'?)",
    "--schedule cosin": "(did you mean 'cosine'?)",
    "--contxt 3": "unknown option '--contxt' (did you mean '--context'?)",
    "--context 0": "--context is 0; expected 1 or more",
    "--latent 0": "--latent is 0; expected 1 or more",
    "--hidden 15": "needs an even number",
    "--hidden many": "--hidden: expected a whole number, not 'many'",
    "--dropout 1": "--dropout is 1.0; expected 0 or more, and less than 1",
    "--word-dropout -0.1": "--word-dropout is -0.1",
    "--free-bits nan": "--free-bits is nan; expected 0 or more",
    "--annealing -1": "--annealing is -1.0; expected 0 or more",
    "--learning-rate 0": "--learning-rate is 0.0; expected more than 0",
    "--max-utterances 1": "--max-utterances is 1; expected 2 or more",
    "--max-length 1": "no training dialogue has two utterances in a row of at most 1 tokens",
    "--vocabulary-size 3": "vocabulary size is 3",
    "--seed -1": "--seed is -1; expected 0 or more",
    "--embeddings missing.txt": "missing.txt: no such file",
    "--embeddings a.txt --tokenizer char": "--embeddings gives vectors to words; expected --tokenizer word with it",
    "stray": "'stray' belongs to no option",
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_one_line(options: str, train: Main, talk: Path, tmp_path: Path, capsys: Lines) -> None:
    arguments = ["--dialogues", talk / "talk.txt", "--out", tmp_path / "run", *options.split()]
    assert BAD_OPTIONS[options] in complaint(train(arguments), capsys)
    assert not (tmp_path / "run").exists()


def test_held_out_files_alone_are_not_enough(train: Main, talk: Path, tmp_path: Path, capsys: Lines) -> None:
    arguments = ["--test", talk / "test.txt", "--out", tmp_path / "run"]
    assert "expected --dialogues FILE" in complaint(train(arguments), capsys)


def test_resuming_takes_no_other_settings_data_or_kind(
    train: Main, resume: Main, trained: dict[str, Path], talk: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert "own settings" in complaint(resume(["--resume", trained["hred"], "--model", "vhred"]), capsys)
    shutil.copy(talk / "talk.txt", tmp_path)
    assert train(["--dialogues", tmp_path / "talk.txt", "--out", tmp_path / "run", "--epochs", 1]) == 0
    (tmp_path / "talk.txt").write_text((talk / "talk.txt").read_text().replace("hat", "cap"))
    capsys.readouterr()
    expected = f"{tmp_path / 'talk.txt'}: not what {tmp_path / 'run'} was begun with"
    assert expected in complaint(resume(["--resume", tmp_path / "run"]), capsys)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "kind": "language"}))
    assert "a run of the kind 'language'; expected 'dialogue'" in complaint(
        resume(["--resume", tmp_path / "run"]), capsys
    )


def test_answers_that_change_are_other_data(
    train: Main, resume: Main, talk: Path, tmp_path: Path, capsys: Lines
) -> None:
    for name in "test.txt", "test.answers.tsv":
        shutil.copy(talk / name, tmp_path)
    arguments = ["--dialogues", talk / "talk.txt", "--test", tmp_path / "test.txt", "--out", tmp_path / "run"]
    assert train([*arguments, "--epochs", 1]) == 0
    with open(tmp_path / "test.answers.tsv", "a") as stream:
        stream.write("1\t3\topen\tWhat was it?\n")
    capsys.readouterr()
    assert f"{tmp_path / 'test.answers.tsv'}: not what" in complaint(resume(["--resume", tmp_path / "run"]), capsys)


@pytest.mark.parametrize("model", ["hred", "vhred"])
def test_a_run_that_ran_out_of_time_goes_on_to_the_same_bits(
    model: str, train: Main, resume: Main, trained: dict[str, Path], corpus: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    assert train([*corpus, "--model", model, "--out", folder, "--max-minutes", 1e-9]) == 0
    assert json.loads((folder / "results.json").read_text())["steps"] == 1
    assert resume(["--resume", folder, "--max-minutes", 10]) == 0
    state = [checkpoint.read(run / "last.safetensors").arrays for run in (trained[model], folder)]
    assert set(state[0]) == set(state[1])
    assert all(state[0][name].tobytes() == state[1][name].tobytes() for name in state[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_anywhere_ends_as_one_that_was_not(
    number: signal.Signals, corpus: list[object], tmp_path: Path
) -> None:
    options = [*SMALL, "--model", "vhred", "--batch-size", 2, "--epochs", 8, "--dropout", 0.1]
    command: list[Any] = [sys.executable, SCRIPT, *corpus, *options, "--out"]
    whole, folder = tmp_path / "whole", tmp_path / "run"
    subprocess.run([*map(str, command), whole], check=True, capture_output=True)
    process = subprocess.Popen([*map(str, command), folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (folder / runs.METRICS).exists() or (folder / runs.METRICS).read_text().count("\n") < 12:
        assert process.poll() is None
        time.sleep(0.002)
    process.send_signal(number)
    output, error = process.communicate()
    assert process.returncode == (130 if number == signal.SIGINT else -number), output + error
    subprocess.run([sys.executable, SCRIPT, "--resume", folder], check=True, capture_output=True)
    assert (folder / runs.BEST).read_bytes() == (whole / runs.BEST).read_bytes()
    assert timeless(folder) == timeless(whole)
