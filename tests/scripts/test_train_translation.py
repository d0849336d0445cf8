"""scripts/train_translation.py: what it leaves, and every way in which its input can be bad."""

import gzip
import json
import math
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import seqrl
from seqrl.training import runs

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]
SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "train_translation.py"


def complaint(status: int, capsys: Lines) -> str:
    """The one line on standard error that bad input gives."""
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_holds_what_its_page_says(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        "config.json",
        "metrics.jsonl",
        "last.safetensors",
        "best.safetensors",
        "results.json",
        "report.html",
        "curves.png",
        "attention.png",
        "source.tokenizer.json",
        "target.tokenizer.json",
    }


def test_results_have_fractions_and_the_signature_of_bleu(trained: Path) -> None:
    results = json.loads((trained / "results.json").read_text())
    assert 0 <= results["test"]["exact_match"] <= 1
    assert 0 <= results["test"]["bleu"] <= 100
    assert "version:" in results["test"]["bleu_signature"]
    assert results["train_seconds"] > 0
    assert results["target_tokens_per_second"] > 0


def test_validation_perplexity_is_exp_of_the_loss(trained: Path) -> None:
    validated = [line for line in runs.read_metrics(trained) if "valid_loss" in line]
    assert len(validated) == 2
    for line in validated:
        assert line["valid_perplexity"] == math.exp(line["valid_loss"])


def test_tests_of_several_files_are_kept_by_name(train: Main, pairs: Path, tmp_path: Path) -> None:
    lines = pairs.read_text().splitlines(keepends=True)
    (tmp_path / "random.tsv").write_text("".join(lines[:5]))
    with gzip.open(tmp_path / "compositional.tsv.gz", "wt") as stream:
        stream.writelines(lines[5:12])
    tests = [tmp_path / "random.tsv", tmp_path / "compositional.tsv.gz"]
    arguments = ["--pairs", pairs, "--valid", tests[0], "--test", *tests, "--out", tmp_path / "run", "--epochs", "1"]
    assert train(arguments) == 0
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["random"]["sentences"] == 5
    assert results["compositional"]["sentences"] == 7


def test_aligned_files_give_the_same_run_as_pairs(train: Main, trained: Path, pairs: Path, tmp_path: Path) -> None:
    split = [line.split("\t") for line in pairs.read_text().splitlines()]
    for side, name in enumerate(("a.en", "a.fr")):
        (tmp_path / name).write_text("".join(f"{pair[side]}\n" for pair in split))
    aligned = ["--source", tmp_path / "a.en", "--target", tmp_path / "a.fr", "--out", tmp_path / "run"]
    assert train(aligned) == 0
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == (trained / "best.safetensors").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        ["--cell", "rnn", "--no-bidirectional", "--attention", "none", "--peeky", "--reverse-source"],
        ["--cell", "gru", "--layers", "2", "--attention", "general", "--tokenizer", "char", "--label-smoothing", "0.1"],
        [
            "--attention",
            "additive",
            "--tokenizer",
            "bpe",
            "--vocabulary-size",
            "60",
            "--optimizer",
            "sgd",
            "--clip",
            "1",
        ],
        ["--attention", "scaled-dot", "--max-length", "6", "--dropout", "0", "--optimizer", "adamw", "--seed", "5"],
    ],
)
def test_every_option_gives_a_run_that_translates(
    options: list[str], train: Main, translate: Main, pairs: Path, tmp_path: Path, capsys: Lines
) -> None:
    assert train(["--pairs", pairs, "--out", tmp_path / "run", *options]) == 0
    capsys.readouterr()
    assert translate([tmp_path / "run", "I see two dogs.", "We see one book."]) == 0
    assert capsys.readouterr().out.count("\n") == 2


def test_an_existing_run_is_refused_and_stays_as_it_is(train: Main, trained: Path, pairs: Path, capsys: Lines) -> None:
    before = contents(trained)
    assert "--overwrite" in complaint(train(["--pairs", pairs, "--out", trained]), capsys)
    assert contents(trained) == before


def test_overwriting_leaves_nothing_of_the_earlier_run(train: Main, trained: Path, pairs: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "old.png").write_bytes(b"")
    arguments = ["--pairs", pairs, "--out", tmp_path / "run", "--overwrite", "--attention", "none", "--epochs", "1"]
    assert train(arguments) == 0
    assert {path.name for path in trained.iterdir()} - {path.name for path in (tmp_path / "run").iterdir()} == {
        "attention.png"
    }
    assert len([line for line in runs.read_metrics(tmp_path / "run") if "valid_loss" in line]) == 1


def test_overwriting_loses_nothing_when_the_new_input_is_bad(
    train: Main, trained: Path, tmp_path: Path, capsys: Lines
) -> None:
    shutil.copytree(trained, tmp_path / "run")
    before = contents(tmp_path / "run")
    missing = ["--pairs", tmp_path / "missing.tsv", "--out", tmp_path / "run", "--overwrite"]
    assert "missing.tsv: no such file" in complaint(train(missing), capsys)
    assert contents(tmp_path / "run") == before


def test_a_folder_with_other_files_is_not_taken(train: Main, pairs: Path, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    arguments = ["--pairs", pairs, "--out", tmp_path, "--overwrite"]
    assert "not empty and not a run" in complaint(train(arguments), capsys)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


BAD_FILES = {
    "empty": (b"", "bad.tsv: empty file"),
    "no tab": (b"a\tb\nno tab\n", "bad.tsv:2: no tab"),
    "not UTF-8": (b"a\tb\nc\t\xff\n", "bad.tsv:2: byte 0xff"),
    "too few": (b"a\tb\n", "1 distinct source sentences are too few"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_is_named_with_its_line(kind: str, train: Main, tmp_path: Path, capsys: Lines) -> None:
    content, expected = BAD_FILES[kind]
    (tmp_path / "bad.tsv").write_bytes(content)
    assert expected in complaint(train(["--pairs", tmp_path / "bad.tsv", "--out", tmp_path / "run"]), capsys)
    assert not (tmp_path / "run").exists()


def test_line_counts_that_differ_are_said(train: Main, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "a").write_text("one\ntwo\n")
    (tmp_path / "b").write_text("un\n")
    arguments = ["--source", tmp_path / "a", "--target", tmp_path / "b", "--out", tmp_path / "run"]
    assert f"{tmp_path / 'a'} has 2 lines and {tmp_path / 'b'} has 1" in complaint(train(arguments), capsys)


BAD_OPTIONS = {
    "--cell lstn": "--cell is 'lstn' (did you mean 'lstm'?)",
    "--attention additiv": "(did you mean 'additive'?)",
    "--tokenizer words": "(did you mean 'word'?)",
    "--optimizer adan": "(did you mean 'adam'?)",
    "--hiden 3": "unknown option '--hiden' (did you mean '--hidden'?)",
    "--hidden many": "--hidden: expected a whole number, not 'many'",
    "--hidden 0": "--hidden is 0; expected 1 or more",
    "--hidden 15": "needs an even number",
    "--dropout 1": "--dropout is 1.0; expected 0 or more, and less than 1",
    "--learning-rate nan": "--learning-rate is nan; expected more than 0",
    "--max-minutes -1": "--max-minutes is -1.0; expected more than 0",
    "--seed -1": "--seed is -1; expected 0 or more",
    "--source-embeddings missing.txt": "missing.txt: no such file",
    "--target-embeddings missing.txt": "missing.txt: no such file",
    "--target-embeddings a.txt --tokenizer bpe": "--target-embeddings gives vectors to words; expected",
    "--vocabulary-size 3": "vocabulary size is 3",
    "--max-length 1": "has at most 1 tokens on both sides",
    "--source a.txt": "--pairs",
    "--target a.txt": "--pairs",
    "--languages eng fra": "not a tar archive",
    "--languages eng": "--languages",
    "stray": "'stray' belongs to no option",
    "--test a/same.tsv b/same.tsv": "'same' is taken",
}


@pytest.mark.parametrize("options", BAD_OPTIONS)
def test_a_bad_option_is_one_line(options: str, train: Main, pairs: Path, tmp_path: Path, capsys: Lines) -> None:
    arguments = ["--pairs", pairs, "--out", tmp_path / "run", *options.split()]
    assert BAD_OPTIONS[options] in complaint(train(arguments), capsys)
    assert not (tmp_path / "run").exists()


def test_half_of_two_aligned_files_is_not_enough(train: Main, tmp_path: Path, capsys: Lines) -> None:
    assert "without --target" in complaint(train(["--source", "a.txt", "--out", tmp_path / "run"]), capsys)


def test_a_folder_that_cannot_be_made_is_said(train: Main, pairs: Path, tmp_path: Path, capsys: Lines) -> None:
    (tmp_path / "file").write_text("")
    arguments = ["--pairs", pairs, "--out", tmp_path / "file" / "run"]
    assert f"{tmp_path / 'file' / 'run'}: can't be written: Not a directory" in complaint(train(arguments), capsys)


def test_a_learning_rate_that_explodes_stops_the_run_with_a_good_checkpoint(
    train: Main, pairs: Path, tmp_path: Path, capsys: Lines
) -> None:
    folder = tmp_path / "run"
    arguments = ["--pairs", pairs, "--out", folder, "--optimizer", "sgd", "--learning-rate", "1e38", "--clip", "1e30"]
    status = train(arguments)
    error = capsys.readouterr().err.splitlines()[-1]
    assert status == 2
    assert re.search(r"step \d+: the .* is not finite.*'[a-z_.0-9]+'.*; training stopped", error), error
    translator = seqrl.load(folder)
    assert len(translator.translate(["I see two dogs."])) == 1


def test_a_run_that_has_ended_is_resumed_to_the_same_results(
    resume: Main, trained: Path, tmp_path: Path, capsys: Lines
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / "results.json").unlink()
    assert resume(["--resume", folder]) == 0
    for name in "results.json", "best.safetensors", "metrics.jsonl":
        assert (folder / name).read_bytes() == (trained / name).read_bytes()


def test_resuming_takes_no_other_settings(resume: Main, trained: Path, capsys: Lines) -> None:
    error = complaint(resume(["--resume", trained, "--hidden", "64"]), capsys)
    assert "own settings" in error


def test_resuming_a_folder_that_is_no_run_is_refused(resume: Main, tmp_path: Path, capsys: Lines) -> None:
    assert "no config.json" in complaint(resume(["--resume", tmp_path]), capsys)
    assert "no such folder" in complaint(resume(["--resume", tmp_path / "missing"]), capsys)
    assert not (tmp_path / "missing").exists()


def test_resuming_with_other_data_is_refused(
    train: Main, resume: Main, pairs: Path, tmp_path: Path, capsys: Lines
) -> None:
    own = tmp_path / "own.tsv"
    shutil.copy(pairs, own)
    assert train(["--pairs", own, "--out", tmp_path / "run", "--epochs", "1"]) == 0
    own.write_text(own.read_text().replace("dogs", "frogs"))
    capsys.readouterr()
    assert f"{own}: not what {tmp_path / 'run'} was begun with" in complaint(
        resume(["--resume", tmp_path / "run"]), capsys
    )


def test_out_of_time_ends_with_results_and_can_go_on(train: Main, resume: Main, pairs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert train(["--pairs", pairs, "--out", folder, "--max-minutes", "1e-9"]) == 0
    results = json.loads((folder / "results.json").read_text())
    assert (results["ended"], results["steps"]) == ("out of time", 1)
    assert resume(["--resume", folder, "--max-minutes", "10"]) == 0
    assert json.loads((folder / "results.json").read_text())["ended"] == "finished"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_how_to_go_on_and_ends_as_one_that_was_not(
    number: signal.Signals, pairs: Path, tmp_path: Path
) -> None:
    options = ["--hidden", "16", "--embedding", "8", "--batch-size", "4", "--epochs", "8"]
    command = [sys.executable, SCRIPT, "--pairs", pairs, *options]
    whole, folder = tmp_path / "whole", tmp_path / "run"
    subprocess.run([*command, "--out", whole], check=True, capture_output=True)
    process = subprocess.Popen([*command, "--out", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (folder / runs.METRICS).exists() or not (folder / runs.METRICS).stat().st_size:
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    output, error = process.communicate()
    assert process.returncode == 130, output + error
    assert f"--resume {folder}" in output
    assert not (folder / runs.RESULTS).exists()
    subprocess.run([sys.executable, SCRIPT, "--resume", folder], check=True, capture_output=True)
    assert (folder / runs.BEST).read_bytes() == (whole / runs.BEST).read_bytes()
    assert timeless(folder) == timeless(whole)


def timeless(folder: Path) -> list[dict[str, float]]:
    return [{k: v for k, v in line.items() if k not in runs.TIMES} for line in runs.read_metrics(folder)]
