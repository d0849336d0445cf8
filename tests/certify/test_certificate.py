"""The certificate as a whole: what it counts as wrong, and what it prints and writes."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqrl import kernels
from seqrl.certify import __main__ as command
from seqrl.certify import cases, certificate, discovery, kernel_cases
from seqrl.certify.certificate import COLUMNS, Job, Row, certify
from seqrl.certify.differences import compare
from seqrl.layer import Layer


def job(error: float, tolerance: float = 1e-6, column: str = "gradients", thing: str = "Thing") -> Job:
    return Job("layer", thing, "a case", column, tolerance, lambda: [compare("a number", 1 + error, 1.0)])


def test_a_row_holds_the_largest_error_of_each_column() -> None:
    [row] = certify([job(1e-9), job(1e-8), job(1e-7, column="batch")])
    assert row.errors == {"gradients": pytest.approx(1e-8, rel=1e-3), "batch": pytest.approx(1e-7, rel=1e-3)}
    assert row.passed


def test_what_exceeds_its_tolerance_fails_and_is_told() -> None:
    good, bad = certify([job(1e-9), job(0.5, thing="Other")])
    assert good.passed
    assert bad.problems == ["a case, gradients: a number is 1.5, expected 1 (1.5 times as much)"]


def test_a_nan_an_exception_and_a_warning_fail() -> None:
    def raising() -> Any:
        raise ZeroDivisionError("by nothing")

    def warning() -> Any:
        return [compare("a number", np.log(np.zeros(1)), np.zeros(1))]

    for measure, message in (
        (lambda: [compare("a number", np.array([np.nan]), np.zeros(1))], "a number at [0] is nan, expected 0"),
        (raising, "ZeroDivisionError: by nothing"),
        (warning, "RuntimeWarning: divide by zero"),
    ):
        [row] = certify([Job("layer", "Thing", "a case", "batch", 1e-6, measure)])
        assert not row.passed
        assert message in row.problems[0]
        assert row.errors == {"batch": np.inf}


def test_many_differences_of_one_check_are_cut_short() -> None:
    many = [compare(f"number {k}", 2.0, 1.0) for k in range(5)]
    [row] = certify([Job("layer", "Thing", "a case", "batch", 1e-6, lambda: many)])
    assert len(row.problems) == 4
    assert row.problems[-1] == "a case, batch: and 2 more like these"


# ---- coverage ------------------------------------------------------------------------------------------------


def test_every_module_can_be_imported_and_every_kernel_has_arguments() -> None:
    assert discovery.broken_modules() == []
    assert discovery.uncovered_kernels() == []


def test_what_has_no_case_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(discovery.uncovered())
    for table, of in (
        (cases.LAYERS, "LayerNorm"),
        (cases.LOSSES, "softmax_cross_entropy"),
        (cases.OPTIMIZERS, "adamw"),
        (cases.FULL_BATCH_OPTIMIZERS, "lbfgs"),
        (cases.REGULARIZERS, "lp"),
        (kernel_cases.KERNELS, "add_rows"),
    ):
        for name in [name for name in table if name.startswith(of)]:
            monkeypatch.delitem(table, name)  # type: ignore[arg-type]
    assert set(discovery.uncovered()) - before == {
        "layer LayerNorm",
        "loss softmax_cross_entropy",
        "optimizer AdamW",
        "optimizer LBFGS",
        "regularizer lp",
        "kernel add_rows",
    }
    rows = {(row.kind, row.thing): row for row in certificate.complete([])}
    assert rows["optimizer", "LBFGS"].problems == ["not covered: no case names it"]


def test_what_lacks_a_measurement_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "uncovered", list)
    [row] = certificate.complete([Row("optimizer", "Adam", errors={"uses": 0, "float32": 0, "learns": 0})])
    assert row.problems == ["not covered: no parity"]


def test_a_new_layer_is_discovered() -> None:
    class Brandnew(Layer):
        __module__ = "seqrl.layers.brandnew"

    assert "Brandnew" in discovery.uncovered_layers()
    Brandnew.__module__ = "a_users_module"
    assert "Brandnew" not in discovery.uncovered_layers()


def test_every_parity_case_is_about_something_that_is_certified() -> None:
    jobs = certificate.jobs()
    assert {j.kind for j in jobs} <= {"layer", "loss", "objective", "optimizer", "regularizer", "kernel"}
    assert {j.column for j in jobs} <= COLUMNS.keys()


def test_a_wrong_compiled_kernel_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    if kernels.implementation == "reference":
        pytest.skip("no compiled kernels here")
    right = kernels.load("compiled")

    def wrong(**arguments: Any) -> None:
        right["add_rows"](**arguments)
        arguments["table"][0] += 1

    monkeypatch.setattr(kernels, "load", lambda implementation: right | {"add_rows": wrong})
    rows = {row.thing: row for row in certify(j for j in certificate.jobs() if j.kind == "kernel")}
    assert not rows["add_rows"].passed
    assert re.search(r"add_rows: table at \[0, \d\] is \S+, in the readable one", rows["add_rows"].problems[0])
    assert rows["add_product"].passed


# ---- the command ---------------------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "jobs", lambda: [job(0.0), job(1e-9, column="batch", thing="Other")])
    monkeypatch.setattr(command, "complete", lambda rows: rows)


@pytest.mark.usefixtures("short")
def test_it_prints_an_aligned_table_and_the_versions(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    heading, first, second, blank, verdict, versions = captured.out.splitlines()
    assert heading.split() == ["layers", "gradients", "batch", "verdict"]
    assert first.split() == ["Thing", "0", "-", "passed"]
    assert second.split() == ["Other", "-", "1e-09", "passed"]
    assert len({line.index(word) for line, word in ((heading, "verdict"), (first, "passed"), (second, "passed"))}) == 1
    assert (blank, verdict) == ("", "2 of 2 passed")
    parity = r"parity with torch 2\.\S+, numpy 2\.\S+, and with onnx \S+, onnxruntime \S+, numpy \S+"
    assert re.search(rf"^seqrl \S+, Python \S+, NumPy \S+, .*; {parity}$", versions)


@pytest.mark.usefixtures("short")
def test_what_is_not_covered_makes_it_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    huber = Row("loss", "huber", problems=["not covered: no case names it"])
    monkeypatch.setattr(command, "complete", lambda rows: [*rows, huber])
    assert command.main([]) == 1
    output = capsys.readouterr().out
    assert "\nloss huber: not covered: no case names it\n" in output
    assert "\n2 of 3 passed, 1 FAILED\n" in output


@pytest.mark.usefixtures("short")
def test_the_page_states_command_versions_seeds_and_tolerances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--write", "--path", str(tmp_path / "certificate.md")]) == 0
    assert capsys.readouterr().out.endswith(f"written: {tmp_path}/certificate.md\n")
    page = (tmp_path / "certificate.md").read_text()
    assert "`python -m seqrl.certify --write` writes this page: 2 of 2 passed, 2 measurements." in page
    assert re.search(r"^seqrl \S+, Python \S+, NumPy", page, re.MULTILINE)
    assert "fixed seeds" in page
    assert f"| gradients | {COLUMNS['gradients']} | 1e-06 |" in page
    assert "| layers | gradients | batch | verdict |\n|---|---:|---:|---|\n| Thing | 0 | - | passed |" in page


@pytest.mark.usefixtures("short")
def test_a_page_that_cant_be_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--write", "--path", str(tmp_path / "none/certificate.md")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
