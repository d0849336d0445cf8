"""A layer of one's own: faults are found and placed, and mistakes in the request get one line."""

import re
from pathlib import Path

import pytest

from seqrl.certify import own
from seqrl.certify.__main__ import main
from seqrl.certify.certificate import Row, certify
from seqrl.errors import InputError

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def in_this_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.syspath_prepend(HERE)


def certified(layer: str, **options: str) -> Row:
    [row] = certify(own.jobs(f"faulty_layers:{layer}", **options))
    return row


# ---- planted faults ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "column", "message"),
    [
        (
            "DoubledBias(3, 2)",
            "gradients",
            r"the gradient of bias at \[\d\] is \S+, by central differences \S+ \(2 times as much\)$",
        ),
        (
            "ReturnedZeros(3, 2)",
            "gradients",
            r"the gradient of input 0 at \[\d, \d\] is 0, by central differences \S+ ",
        ),
        ("DroppedStep(3, 2)", "gradients", r"the gradient of input 0 at \[\d, \d, \d\] is"),
        ("Tied(3, 2)", "gradients", r"the gradient of weight at \[\d, \d\] is"),
        ("NoGradient(3, 2)", "gradients", r"backward returned 0 gradients for 1 inputs"),
        ("Raising(3, 2)", "gradients", r"ValueError: matmul"),
        ("Rebinding(3)", "uses", r"weight\.grad was rebound to another array; add to it \(\+=\)"),
        ("InPlace", "uses", r"input 0, changed in place, at \[\d, \d\] is \S+, before \S+"),
        ("InPlaceGradient", "uses", r"the gradient of the output, changed in place, at \[\d, \d\] is"),
        ("CachedInput", "uses", r"with two uses, the gradient of weight at \[\d\] is \S+, expected"),
        ("CachedInput", "inference", r"the attribute x was set by inference; a layer keeps no inputs"),
        ("Remembering", "inference", r"the output of a second call at \[\d, \d\] is \S+, expected"),
        ("LeastOfBatch", "batch", r"the output of example 0 in a batch at \[0, \d\] is \S+, expected 0"),
        (
            "PlainDropout(0.5)",
            "inference",
            r"the mean output of training at \[\d, \d\] is \S+, at inference \S+ \(0\.5",
        ),
        ("DropoutAtInference(0.5)", "inference", r"the random state was changed by inference"),
        (
            "ReversedPadding(3, 2)",
            "padded",
            r"the output of sequence 0 \(length 3\) in a padded batch at \[\d, 0, \d\] is \S+, expected",
        ),
        ("Wide(3, 2)", "float32", r"the output is float64, expected float32"),
    ],
)
def test_a_fault_is_found_and_placed(layer: str, column: str, message: str) -> None:
    row = certified(layer)
    assert not row.passed
    found = [problem for problem in row.problems if re.search(rf", {column}: .*{message}", problem)]
    assert found, row.problems


@pytest.mark.parametrize(
    "layer", ["Right(3, 2)", "Right(n_in=3, n_out=2, bias=False)", "made", "made()", "an_object", "Permuted"]
)
def test_a_right_layer_passes(layer: str) -> None:
    row = certified(layer)
    assert row.problems == []
    assert row.errors.keys() == {"gradients", "batch", "uses", "inference", "float32"}
    assert max(row.errors.values()) < 1e-6


@pytest.mark.parametrize("layer", ["GRU(3, 4)", "LSTM(3, 1, peephole=True)"])
def test_a_recurrent_layer_is_also_checked_on_padding_and_chunks(layer: str) -> None:
    [row] = certify(own.jobs(f"seqrl.layers.recurrent:{layer}"))
    assert row.problems == []
    assert row.errors.keys() >= {"padded", "chunks"}


def test_a_layer_that_mixes_the_batch_passes_when_it_is_said_to() -> None:
    assert certified("LeastOfBatch", batch_axis="none").passed


def test_a_layer_of_ids() -> None:
    [row] = certify(own.jobs("seqrl.layers.embedding:Embedding(6, 3)", integers=6))
    assert row.passed
    [row] = certify(own.jobs("seqrl.layers.embedding:Embedding(6, 3)", "2,7", integers=6))
    assert row.passed


def test_a_layer_of_images_gets_an_input_that_fits() -> None:
    [row] = certify(own.jobs("seqrl.layers.convolution:Conv2D(2, 3, 3)"))
    assert row.passed


# ---- the command ---------------------------------------------------------------------------------------------


def test_the_status_is_0_for_a_right_layer_and_the_table_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faulty_layers:Right(3, 2)", "--input", "5,3"]) == 0
    output = capsys.readouterr().out
    assert re.search(r"^Right .* passed$", output, re.MULTILINE)
    assert output.endswith("1 of 1 passed\n")


def test_the_status_is_1_for_a_wrong_layer_and_the_entry_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faulty_layers:DoubledBias(3, 2)"]) == 1
    output = capsys.readouterr().out
    assert re.search(r"^DoubledBias .* FAILED$", output, re.MULTILINE)
    assert re.search(r"^layer DoubledBias: .*\(2 times as much\)", output, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["faulty_layers"], "'faulty_layers' is no layer; expected MODULE:LAYER, as in"),
        (["faulty_layers:Right(3"], "'faulty_layers:Right(3' is no layer; expected MODULE:LAYER"),
        (["faulty_layers:3"], "is no layer; expected MODULE:LAYER"),
        (["faulty_layers:Right(3, 2)(1)"], "is no layer; expected MODULE:LAYER"),
        (["faulty_layers:Right(**{})"], "is no layer; expected MODULE:LAYER"),
        (
            ["faulty_layer:Right(3, 2)"],
            "there is no module 'faulty_layer' in this folder or installed (did you mean 'faulty_layers'?)",
        ),
        (["faulty_layers:rihgt(3, 2)"], "faulty_layers has no 'rihgt' (did you mean 'Right'?)"),
        (["faulty_layers:a_number"], "faulty_layers.a_number is a int, not a Layer"),
        (["faulty_layers:NotALayer"], "faulty_layers.NotALayer is a class, not a Layer"),
        (["faulty_layers:no_layer"], "faulty_layers.no_layer gives a int, not a Layer"),
        (["faulty_layers:an_object(3)"], "faulty_layers.an_object is a layer already made; it takes no arguments"),
        (["faulty_layers:Right"], "arguments are given as in 'faulty_layers:Right(3, 4)'"),
        (["faulty_layers:Failing(3)"], "can't be made: ValueError: no such size (faulty_layers.py:"),
        (["faulty_layers:Right(3, open)"], "the argument open of Right is no plain value"),
        (
            ["faulty_layers:Right(3, 2)", "--input", "5,4"],
            "does not take an input of shape (5, 4): InputError: Dense got",
        ),
        (
            ["faulty_layers:Right(3, 2)", "--input", "5,x"],
            "--input is '5,x'; expected the shape of the input, as in 5,3",
        ),
        (
            ["faulty_layers:Right(3, 2)", "--input", "5,3", "--batch-axis", "2"],
            "--batch-axis is '2'; expected none or a",
        ),
        (["faulty_layers:Right(3, 2)", "--integers", "-1"], "--integers is -1; expected the number of ids"),
        (["faulty_layers:Right(3, 2)", "--write"], "--write is for the certificate of seqrl"),
        (["--input", "5,3"], "--input, --integers and --batch-axis are for a layer of your own"),
        (["seqrl.layers.embedding:Embedding(6, 3)"], "takes none of the inputs tried"),
        (["--wirte"], "unknown option '--wirte'"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


def test_a_module_that_does_not_import_is_named_with_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_module_of_a_user.py").write_text("x = 1\ny = x / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"broken_module_of_a_user can't be imported: ZeroDivisionError"):
        own.jobs("broken_module_of_a_user:Layer")
    (tmp_path / "needing_module_of_a_user.py").write_text("import a_package_that_is_not_there\n")
    with pytest.raises(InputError, match=r"can't be imported: No module named 'a_package_that_is_not_there'"):
        own.jobs("needing_module_of_a_user:Layer")
