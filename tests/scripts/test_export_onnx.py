"""scripts/export_onnx.py: a run in, ONNX files out that work without seqrl; and the programs of docs/interchange.md."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqrl
from seqrl.activations import ReLU
from seqrl.layer import Layer
from seqrl.layers.dense import Dense
from seqrl.layers.pooling import Flatten
from seqrl.text.specials import BOS, EOS
from seqrl.training.sequential import Sequential

from .conftest import SCRIPTS, Main, script

onnxruntime = pytest.importorskip("onnxruntime")
PAGE = SCRIPTS.parent / "docs" / "interchange.md"


@pytest.fixture(scope="module")
def export() -> Main:
    main = script("export_onnx")
    return lambda arguments: main([*map(str, arguments)])


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a language model's run."""
    folder = tmp_path_factory.mktemp("language")
    (folder / "text.txt").write_text("The function adds two numbers, and the method returns them.\n" * 200)
    sizes = "--tokenizer char --hidden 16 --embedding 8 --batch-size 8 --bptt 16 --epochs 1 --learning-rate 0.01"
    arguments = [str(folder / "text.txt"), "--out", str(folder / "run"), *sizes.split()]
    assert script("train_language_model")(arguments) == 0
    return folder / "run"


class Own(Layer):
    def forward(self, x: object) -> object:  # type: ignore[override]
        return x, lambda dy: dy


def sequential(layers: Sequence[Layer]) -> Sequential:
    model = Sequential(layers)
    model.predict(np.zeros((1, 2, 3)))  # so that it knows its rows
    return model


def program(begins: str) -> str:
    """The Python of docs/interchange.md that reads this folder."""
    [found] = [code for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S) if begins in code]
    return str(found)


def run_program(code: str) -> str:
    """Its standard output, in a process of its own without seqrl."""
    done = subprocess.run([sys.executable, "-W", "error", "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.removesuffix("\n")


def test_a_translator_translates_without_seqrl(
    export: Main, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export([trained, "--out", tmp_path]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = ["encoder.onnx", "decoder.onnx", "source.tokenizer.json", "target.tokenizer.json"]
    assert [line.partition("\t")[0] for line in lines[:-1]] == [str(tmp_path / name) for name in names]
    assert re.fullmatch(r"ONNX Runtime computes what seqrl does: largest difference \d\.\de-0[789]", lines[-1])
    code = (
        program("runs/demo/onnx")
        .replace("runs/demo/onnx", str(tmp_path))
        .replace("I see two dogs.", "We see six cats.")
    )
    assert "seqrl" not in code
    assert run_program(code) == seqrl.load(trained).translate(["We see six cats."])[0]


def test_a_language_model_writes_without_seqrl(export: Main, text_run: Path) -> None:
    assert export([text_run]) == 0
    assert {path.name for path in (text_run / "onnx").iterdir()} == {"model.onnx", "text.tokenizer.json"}
    text = run_program(program("runs/language/onnx").replace("runs/language/onnx", str(text_run / "onnx")))
    assert text.startswith("The function ")
    assert len(text) > 20


@pytest.mark.parametrize("model", ["hred", "vhred", "seq2seq"])
def test_a_dialogue_model_answers_without_seqrl(export: Main, tmp_path: Path, model: str) -> None:
    names, moods = ["Ann", "Bo", "Cy", "Di"], ["well", "fine", "tired"]
    lines = ["who are you ?\nI am {} .\nhow are you ?\nI am {} .\n\n".format(*both) for both in product(names, moods)]
    (tmp_path / "dialogues").write_text("".join(lines))
    sizes = f"--model {model} --hidden 16 --embedding 8 --context 12 --epochs 30 --batch-size 8 --learning-rate 0.03"
    folder = tmp_path / "run"
    files = ["--dialogues", str(tmp_path / "dialogues"), "--out", str(folder)]
    assert script("train_dialogue")([*files, *sizes.split()]) == 0
    assert export([folder]) == 0
    assert {path.name for path in (folder / "onnx").iterdir()} == {
        "encoder.onnx",
        "decoder.onnx",
        "dialogue.tokenizer.json",
    }

    sessions = [onnxruntime.InferenceSession(folder / "onnx" / f"{end}.onnx") for end in ("encoder", "decoder")]
    responder = seqrl.load(folder)
    for said in ["who are you ?"], ["who are you ?", "I am Ann .", "how are you ?"]:
        ids = [np.array([[*responder.tokenizer.encode(utterance), EOS]]) for utterance in said]
        assert responder.tokenizer.decode(answer(*sessions, ids, responder.max_length)) == responder.respond(said)


def answer(encoder: Any, decoder: Any, said: list[Any], limit: int) -> list[int]:
    """The tokens of the likeliest answer to the ids of utterances, each (1, S)."""
    sizes = {entry.name: entry.shape[-1] for entry in encoder.get_inputs()}
    values = {name: np.zeros((1, size), np.float32) for name, size in sizes.items() if isinstance(size, int)}
    for ids in said:
        values |= {"utterance": ids, "source": ids, "lengths": np.array([ids.shape[1]])}
        values |= {name.replace("context.final", "context.state"): a for name, a in named(encoder, values).items()}
    written = [BOS]
    while written[-1] != EOS and len(written) <= limit:
        values["tokens"] = np.array(written[-1:])
        values |= {name.replace("final", "state"): a for name, a in named(decoder, values).items()}
        written.append(int(values["logits"][0].argmax()))
    return written


def named(session: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The outputs of a graph by name, of those of the values that it reads."""
    outputs = session.run(None, {entry.name: values[entry.name] for entry in session.get_inputs()})
    return dict(zip([entry.name for entry in session.get_outputs()], outputs, strict=True))


def test_a_file_of_a_sequential_goes_beside_it(
    export: Main, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    model = sequential([Flatten(), Dense(6, 4, rng=rng), ReLU(), Dense(4, 2, rng=rng)])
    model.save(tmp_path / "net.safetensors")
    assert export([tmp_path / "net.safetensors"]) == 0
    x = rng.normal(size=(5, 2, 3)).astype(np.float32)
    [y] = onnxruntime.InferenceSession(tmp_path / "net-onnx" / "model.onnx").run(None, {"x": x})
    assert np.allclose(y, model(x), atol=1e-6)


def test_a_run_of_images_is_exported(export: Main, tmp_path: Path, rng: np.random.Generator) -> None:
    model = Sequential([Flatten(), Dense(6, 2, rng=rng)])
    model.compile("adam", "softmax_cross_entropy")
    x = rng.normal(size=(8, 1, 2, 3)).astype(np.float32)
    model.fit(x, np.arange(8) % 2, verbose=False, out=tmp_path / "run")
    assert export([tmp_path / "run"]) == 0
    [y] = onnxruntime.InferenceSession(tmp_path / "run" / "onnx" / "model.onnx").run(None, {"x": x})
    assert np.allclose(y, seqrl.load(tmp_path / "run")(x), atol=1e-6)


def test_a_run_that_is_overwritten_loses_its_export(export: Main, trained: Path, tmp_path: Path) -> None:
    from seqrl.training import runs

    run = shutil.copytree(trained, tmp_path / "run")
    assert export([run]) == 0
    config = runs.read_config(run)
    with runs.locked(run):
        runs.create(run, config)
    assert not list(run.glob("onnx/*"))


def test_bad_input_is_one_line(
    export: Main,
    trained: Path,
    tmp_path: Path,
    rng: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "text").write_text("no model")
    Sequential([Dense(2, 2, rng=rng)]).save(tmp_path / "unseen")
    sequential([Flatten(), Own()]).save(tmp_path / "own")
    for arguments, expected in (
        ([tmp_path / "none"], "none: no such folder; expected a run folder"),
        ([tmp_path], "not a run folder, it has no config.json"),
        ([tmp_path / "text"], "text: not a checkpoint, or cut short"),
        ([tmp_path / "unseen"], "the axes of the input of a Sequential are not known"),
        ([tmp_path / "own"], "the architecture has 'Own', which is not of this library"),
        ([trained, "--out", tmp_path / "text"], "text: can't be written: "),
        ([trained, "--out", trained], "a run, whose tokenizers would be replaced; expected another folder"),
        ([trained, "--into", tmp_path], "unknown option '--into'"),
        ([], "RUN"),
    ):
        assert export(arguments) == 2
        error = capsys.readouterr().err
        assert expected in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("module", ["onnx", "onnxruntime"])
def test_without_the_extra_one_line_says_how_to_get_it(
    export: Main,
    trained: Path,
    tmp_path: Path,
    module: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert export([trained, "--out", tmp_path]) == 2
    expected = f'{module} is not installed; pip install "seqrl[onnx]" brings it\n'
    assert capsys.readouterr().err.endswith(expected)
    assert not list(tmp_path.iterdir())
