"""Values and gradients beside PyTorch's, as the certificate compares them."""

import ast
from pathlib import Path

import numpy as np
import pytest

from seqrl.certify.cases import OPTIMIZERS
from seqrl.certify.parity import comparisons
from seqrl.certify.parity.comparisons import PARITY, TOLERANCE, measure, recorded, references


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", PARITY)
def test_seqrl_computes_what_was_recorded(name: str, dtype: str) -> None:
    differences = measure(name, dtype)
    assert differences
    assert [str(d) for d in differences if not d.error <= TOLERANCE[dtype]] == []


def test_every_recorded_case_is_compared_and_no_other() -> None:
    arrays, versions = references()
    assert {name.split("/")[0] for name in arrays} == PARITY.keys()
    assert versions.startswith("torch 2.")
    assert "onnx 1." in versions


def test_every_case_of_the_script_is_recorded() -> None:
    scripts = [Path(comparisons.__file__).with_name(f"make_{name}references.py") for name in ("", "onnx_")]
    tables = [
        node.value
        for script in scripts
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "CASES"
    ]
    names = [ast.literal_eval(key) for table in tables if isinstance(table, ast.Dict) for key in table.keys if key]
    assert len(tables) == len(scripts)
    assert sorted(names) == sorted(PARITY)


def test_every_optimizer_of_the_certificate_has_its_reference() -> None:
    assert PARITY.keys() >= OPTIMIZERS.keys()


def test_half_of_the_clipped_steps_are_clipped() -> None:
    """So that the comparison sees both sides of the clipping norm."""
    for name in ("sgd momentum", "adam decay", "adamw"):
        norms = np.linalg.norm(recorded(name)["gradients"], axis=1)
        assert 10 < (norms > 1).sum() < 50
