"""scripts/chat.py: what was said in, an answer out, and what can be wrong with it."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import seqrl

from .conftest import SCRIPTS, script
from .test_train_dialogue import SMALL

Main = Callable[[Sequence[object]], int]
Lines = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def chat() -> Main:
    main = script("chat")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("chat")
    colours, things = ["red", "blue", "green", "white"], ["hat", "coat", "bag", "shoe", "ring"]
    talks = [f"I lost my {c} {t}.\nOh no!\nWhat was it?\nA {c} {t}.\n" for c in colours for t in things]
    (folder / "talk.txt").write_text("\n".join(talks))
    train = script("train_dialogue")
    for model in "hred", "vhred":
        arguments = [*SMALL, "--epochs", 8, "--dialogues", folder / "talk.txt", "--model", model]
        assert train([*map(str, arguments), "--out", str(folder / model)]) == 0
    return {model: folder / model for model in ("hred", "vhred")}


def feed(monkeypatch: pytest.MonkeyPatch, content: str | bytes) -> None:
    raw = content.encode() if isinstance(content, str) else content
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def complaint(status: int, capsys: Lines) -> str:
    error = capsys.readouterr().err
    assert status == 2
    assert error.count("\n") == 1, error
    return error


def test_arguments_are_the_dialogue_so_far(chat: Main, trained: dict[str, Path], capsys: Lines) -> None:
    said = ["I lost my red hat.", "Oh no!", "What was it?"]
    assert chat([trained["hred"], *said]) == 0
    assert capsys.readouterr() == (seqrl.load(trained["hred"]).respond(said) + "\n", "")


def test_what_was_said_and_answered_is_kept_until_a_new_dialogue(
    chat: Main, trained: dict[str, Path], capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    responder = seqrl.load(trained["hred"])
    first = responder.respond(["I lost my red hat."])
    second = responder.respond(["I lost my red hat.", first, "What was it?"])
    fresh = responder.respond(["What was it?"])
    for new in "", "  ", "/new":
        feed(monkeypatch, f"I lost my red hat.\n What was it? \r\n{new}\nWhat was it?\n/quit\nOh no!\n")
        assert chat([trained["hred"]]) == 0
        assert capsys.readouterr() == (f"{first}\n{second}\n{fresh}\n", "")


def test_a_line_that_can_not_be_answered_is_said_and_the_talk_goes_on(
    chat: Main, trained: dict[str, Path], capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "xyzzy\n/hlep\nI lost my xyzzy hat.")
    assert chat([trained["hred"]]) == 0
    output, error = capsys.readouterr()
    assert output == seqrl.load(trained["hred"]).respond(["I lost my xyzzy hat."]) + "\n"
    lines = error.splitlines()
    assert lines[0] == "'xyzzy': none of the words is known to the model"
    assert lines[1].startswith("no such command: /hlep; ")
    assert lines[2:] == ["unknown to the model: xyzzy"]


def test_a_terminal_gets_a_prompt_and_ends_with_the_input(trained: dict[str, Path]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, SCRIPTS / "chat.py", trained["hred"]]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.write(ours, b"I lost my red hat.\n\nOh no!\n\x04")
    output, error = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, error
    assert output.startswith("Say something. An empty line or /new begins a new dialogue; /quit or Ctrl-D ends.\n> ")
    assert "(a new dialogue)" in output
    responder = seqrl.load(trained["hred"])
    for text in "I lost my red hat.", "Oh no!":
        assert responder.respond([text]) in output


def test_the_same_seed_draws_the_same_answers(chat: Main, trained: dict[str, Path], capsys: Lines) -> None:
    said = ["I lost my red hat.", "Oh no!"]
    answers = []
    for model, seed, options in (
        ("hred", 1, ["--temperature", 1.5]),
        ("hred", 1, ["--temperature", 1.5]),
        ("hred", 2, ["--temperature", 1.5]),
        ("vhred", 1, ["--temperature", 1.5]),
        ("vhred", 1, ["--temperature", 1.5]),
    ):
        assert chat([trained[model], *said, *options, "--seed", seed, "--draws", 6]) == 0
        answers.append(capsys.readouterr().out)
        assert 1 < answers[-1].count("\n") <= 6
    assert answers[0] == answers[1] != answers[2]
    assert answers[3] == answers[4]


def test_answers_that_are_the_same_are_shown_once(chat: Main, trained: dict[str, Path], capsys: Lines) -> None:
    assert chat([trained["hred"], "Oh no!", "--top-k", 1, "--draws", 5]) == 0
    assert capsys.readouterr().out.count("\n") == 1


BAD = {
    "xyzzy": "'xyzzy': none of the words is known to the model",
    "xyzzy|???": "all of 2 utterances: none of the words is known to the model",
    "Oh no!| ": "utterance 2 is empty",
    "Oh no!|--temperature|-1": "the temperature is -1.0; expected 0 (greedy) or a positive number",
    "Oh no!|--temperature|warm": "--temperature",
    "Oh no!|--top-k|0": "top-k is 0",
    "Oh no!|--top-p|2": "top-p is 2.0",
    "Oh no!|--draws|0": "--draws is 0; expected 1 or more",
    "Oh no!|--draws|3": "expected --temperature, --top-k or --top-p as well",
    "Oh no!|--seed|-1": "--seed is -1; expected 0 or more",
    "Oh no!|--temprature|1": "did you mean '--temperature'?",
}


@pytest.mark.parametrize("arguments", BAD)
def test_what_is_wrong_is_one_line(arguments: str, chat: Main, trained: dict[str, Path], capsys: Lines) -> None:
    assert BAD[arguments] in complaint(chat([trained["hred"], *arguments.split("|")]), capsys)


def test_a_folder_that_is_no_run_of_a_dialogue_model_is_named(chat: Main, tmp_path: Path, capsys: Lines) -> None:
    assert "no such folder" in complaint(chat([tmp_path / "missing"]), capsys)
    assert "no config.json" in complaint(chat([tmp_path]), capsys)


def test_bytes_that_are_not_utf_8_are_named_with_their_line(
    chat: Main, trained: dict[str, Path], capsys: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, b"Oh no!\n\xff\n")
    assert "standard input:2: byte 0xff is not UTF-8" in complaint(chat([trained["hred"]]), capsys)
