"""scripts/train_embeddings.py: what it leaves, and how its input can be bad."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import seqrl
from seqrl.training import checkpoint, runs

from .conftest import SCRIPTS, script

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
SCRIPT = SCRIPTS / "train_embeddings.py"
SMALL = ["--size", "8", "--epochs", "2", "--subsampling", "0"]


@pytest.fixture(scope="module")
def resume() -> Main:
    main = script("train_embeddings")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def train(resume: Main) -> Main:
    return lambda arguments: resume([*arguments, *SMALL])


def sentences(count: int) -> str:
    rng = np.random.default_rng(0)
    nouns, verbs = ["the cat", "a dog", "my bird", "one fish"], ["sees", "hears", "likes", "follows"]
    return "".join(f"{rng.choice(nouns)} {rng.choice(verbs)} {rng.choice(nouns)}.\n" for _ in range(count))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "animals.txt"
    path.write_text(sentences(300))
    return path


@pytest.fixture(scope="module")
def trained(train: Main, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "trained"
    assert train(["--corpus", text, "--out", folder]) == 0
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
        "results.json",
        "report.html",
        "curve.png",
        "words.png",
        "vocabulary.txt",
    }
    page = (trained / "report.html").read_text()
    assert "Nearest words" in page and "follows" in page and "Learning curve" in page
    assert (trained.parent / "corpora").is_dir()


def test_results_agree_with_the_metrics(trained: Path) -> None:
    results = json.loads((trained / "results.json").read_text())
    last = runs.read_metrics(trained)[-1]
    assert results["epochs"] == last["epoch"] == 2
    assert results["epoch_loss"] == last["epoch_loss"]
    assert results["words"] == last["words"] == 2 * 300 * 5
    assert results["words_per_second"] > 0
    assert results["ended"] == "finished"


def test_loading_gives_the_vectors_of_the_last_epoch(trained: Path) -> None:
    embeddings = seqrl.load(trained)
    assert len(embeddings) == 12 and embeddings["cat"].shape == (8,)
    assert embeddings.counts is not None and embeddings.counts.sum() == 300 * 5
    assert np.array_equal(embeddings.vectors, checkpoint.read(trained / runs.LAST).arrays["model.words"][:, :8])
    nearest = json.loads((trained / "results.json").read_text())["nearest"]
    for word, found in nearest.items():
        again = embeddings.nearest(word, 8)
        assert [near for near, _ in again] == [near for near, _ in found]
        assert np.allclose([cosine for _, cosine in again], [cosine for _, cosine in found])


def test_the_terminal_tells_speed_neighbours_and_paths(train: Main, text: Path, tmp_path: Path, capsys: Lines) -> None:
    assert train(["--corpus", text, "--out", tmp_path / "run", "--threads", 1]) == 0
    output = capsys.readouterr().out
    assert "1,500 of 1,500 words to train on, 12 different ones, that occur 5 times or more" in output
    assert "1 thread, repeats to the last bit" in output
    assert "finished after 2 epochs" in output and "words/s" in output
    assert f"{tmp_path / 'run' / 'report.html'}\n" in output
    assert f"scripts/query_embeddings.py {tmp_path / 'run'} --nearest " in output
    word = output.rsplit("--nearest ", 1)[1].strip()
    assert f"    {word}" in output
    assert train(["--corpus", text, "--out", tmp_path / "run", "--overwrite"]) == 0
    assert "2 threads, without locks: no run repeats another" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ["--architecture", "cbow", "--negatives", "3", "--window", "2", "--learning-rate", "0.1", "--seed", "3"],
        ["--objective", "hierarchical-softmax", "--subsampling", "0.01", "--threads", "3"],
        ["--architecture", "cbow", "--objective", "hierarchical-softmax", "--max-vocabulary", "6"],
        ["--splitting", "whitespace", "--min-count", "1", "--size", "16", "--max-minutes", "1"],
    ],
)
def test_every_option_gives_a_run_that_loads(options: list[str], resume: Main, text: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert resume(["--corpus", text, "--out", tmp_path / "run", "--cache", cache, *SMALL, *options]) == 0
    assert any(cache.iterdir()) and not (tmp_path / "corpora").exists()
    embeddings = seqrl.load(tmp_path / "run")
    assert np.isfinite(embeddings.vectors).all()
    assert ("dog." in embeddings) == ("whitespace" in options)
    assert len(embeddings) == 6 or "--max-vocabulary" not in options


def test_files_of_both_kinds_are_one_corpus(train: Main, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(sentences(20))
    with gzip.open(tmp_path / "b.txt.gz", "wt") as stream:
        stream.write(sentences(30))
    assert train(["--corpus", tmp_path / "a.txt", tmp_path / "b.txt.gz", "--out", tmp_path / "run"]) == 0
    data = json.loads((tmp_path / "run" / "config.json").read_text())["data"]
    assert data["words"] <= data["raw_words"] == 250
    assert len(data["files"]) == 2


BAD_FILES = {
    "empty": (b"", "bad.txt: no words in it"),
    "without words": (b" \n ... \n", "bad.txt: no words in it"),
    "binary": (b"text\n\x00\x01\x02", "bad.txt:2: "),
    "not UTF-8": (b"text\nna\xefve\n", "bad.txt:2: byte 0xef at offset 7 is not UTF-8"),
    "rare": (b"one and two and three", "no word occurs 5 times or more"),
    "one word": (b"one one one one one", "1 different words; expected 2 or more"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_named_in_one_line(kind: str, resume: Main, tmp_path: Path, capsys: Lines) -> None:
    content, expected = BAD_FILES[kind]
    (tmp_path / "bad.txt").write_bytes(content)
    assert expected in complaint(resume(["--corpus", tmp_path / "bad.txt", "--out", tmp_path / "run"]), capsys)
    assert not (tmp_path / "run").exists()


BAD_OPTIONS = {
    "--architecture skipgram": "--architecture is 'skipgram' (did you mean 'skip-gram'?)",
    "--objective negative": "--objective is 'negative' (did you mean 'negative-sampling'?)",
    "--splitting word": "--splitting is 'word' (did you mean 'words'?)",
    "--sise 3": "unknown option '--sise' (did you mean '--size'?)",
    "--size many": "--size: expected a whole number, not 'many'",
    "--size 0": "--size is 0; expected 1 or more",
    "--window 0": "--window is 0; expected 1 or more",
    "--negatives 0": "--negatives is 0; expected 1 or more",
    "--min-count 0": "--min-count is 0; expected 1 or more",
    "--max-vocabulary 0": "--max-vocabulary is 0; expected 1 or more",
    "--epochs 0": "--epochs is 0; expected 1 or more",
    "--threads 0": "--threads is 0; expected 1 or more",
    "--subsampling -1": "--subsampling is -1.0; expected 0 (none) to 1",
    "--subsampling nan": "--subsampling is nan; expected 0 (none) to 1",
    "--learning-rate 0": "--learning-rate is 0.0; expected more than 0",
    "--learning-rate nan": "--learning-rate is nan; expected more than 0",
    "--max-minutes -1": "--max-minutes is -1.0; expected more than 0",
    "--seed -1": "--seed is -1; expected 0 or more",
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_said_in_one_line(
    options: str, resume: Main, text: Path, tmp_path: Path, capsys: Lines
) -> None:
    status = resume(["--corpus", text, "--out", tmp_path / "run", *options.split()])
    assert BAD_OPTIONS[options] in complaint(status, capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_learning_rate_that_is_far_too_large_stops_in_one_line(
    train: Main, text: Path, tmp_path: Path, capsys: Lines
) -> None:
    status = train(["--corpus", text, "--out", tmp_path / "run", "--learning-rate", 1e30, "--epochs", 50])
    error = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert "not finite; training stopped" in error and "A lower learning rate may help" in error
    assert np.isfinite(seqrl.load(tmp_path / "run").vectors).all()


def test_a_run_that_changed_its_text_is_not_resumed(train: Main, resume: Main, tmp_path: Path, capsys: Lines) -> None:
    path = tmp_path / "own.txt"
    path.write_text(sentences(50))
    assert train(["--corpus", path, "--out", tmp_path / "run"]) == 0
    path.write_text(sentences(51))
    capsys.readouterr()
    status = resume(["--resume", tmp_path / "run"])
    assert f"{path}: not what {tmp_path / 'run'} was begun with" in complaint(status, capsys)


def test_a_run_is_resumed_without_its_cache(train: Main, resume: Main, text: Path, tmp_path: Path) -> None:
    assert train(["--corpus", text, "--out", tmp_path / "run"]) == 0
    before = (tmp_path / "run" / runs.LAST).read_bytes()
    shutil.rmtree(tmp_path / "corpora")
    assert resume(["--resume", tmp_path / "run"]) == 0
    assert (tmp_path / "run" / runs.LAST).read_bytes() == before


def test_only_the_time_may_be_given_with_resume(trained: Path, resume: Main, text: Path, capsys: Lines) -> None:
    for more in ["--corpus", text], ["--size", 20], ["--overwrite"]:
        assert "only --max-minutes may be given" in complaint(resume([*more, "--resume", trained]), capsys)
    assert resume(["--resume", trained, "--max-minutes", 1]) == 0


def test_a_run_is_replaced_only_when_asked(trained: Path, train: Main, text: Path, capsys: Lines) -> None:
    assert "holds a run already" in complaint(train(["--corpus", text, "--out", trained]), capsys)


def test_a_run_of_another_kind_is_refused(trained: Path, resume: Main, tmp_path: Path, capsys: Lines) -> None:
    shutil.copytree(trained, tmp_path / "run")
    config = json.loads((trained / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"kind": "language"}))
    status = resume(["--resume", tmp_path / "run"])
    assert "a run of the kind 'language'; expected 'embeddings'" in complaint(status, capsys)


def test_ctrl_c_saves_and_the_resumed_run_ends_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    (tmp_path / "text").write_text(sentences(4000))  # two chunks
    small = [*SMALL, "--epochs", "4", "--threads", "1"]

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
            while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 1):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=120)
        if stop:
            assert f"--resume {tmp_path / 'stopped'}" in output, output
        return process.returncode

    assert run("--corpus", tmp_path / "text", *small, "--out", tmp_path / "whole") == 0
    assert run("--corpus", tmp_path / "text", *small, "--out", tmp_path / "stopped", stop=True) == 130
    assert run("--resume", tmp_path / "stopped") == 0
    whole, stopped = (tables(tmp_path / kind / runs.LAST) for kind in ("whole", "stopped"))
    assert whole == stopped


def tables(path: Path) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in checkpoint.read(path).arrays.items()}
