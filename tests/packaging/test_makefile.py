"""`make setup` on machines that are unlike this one, each played by a Python that only says what it would do."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

# Knows its version, `-m venv`, and pip (in the environment that it made, or its own); notes each call of pip.
PYTHON = """#!/bin/sh
here={machine}
case "$*" in
  *'version_info[:2]'*) echo {version};;
  *'< (3, 11)'*) exit {too_old};;
  "-m venv .venv") mkdir -p .venv; [ {ensurepip} = yes ] && mkdir -p .venv/bin && cp "$0" .venv/bin/python;;
  "-m venv --without-pip .venv") mkdir -p .venv/bin;;
  *--version) [ {pip} = yes ];;
  "-m pip"*) echo "$*" >> "$here/calls"; [ ! -e "$here/offline" ];;
esac
"""


class Machine:
    """A checkout and a Python in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.checkout.mkdir()
        for file in ("Makefile", "pyproject.toml", "setup.py"):
            shutil.copy(CHECKOUT / file, self.checkout)

    def python(self, version: str = "3.11", *, ensurepip: bool = True, pip: bool = True) -> Path:
        path = self.folder / f"python{version}"
        values = {"ensurepip": "yes" if ensurepip else "no", "pip": "yes" if pip else "no"}
        too_old = int(tuple(map(int, version.split("."))) < (3, 11))
        path.write_text(PYTHON.format(machine=self.folder, version=version, too_old=too_old, **values))
        path.chmod(0o755)
        return path

    def setup(self, python: Path | str, checkout: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = ["make", "-C", checkout or self.checkout, "setup", f"PYTHON={python}"]
        return subprocess.run(command, capture_output=True, text=True)

    def installs(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_setup_installs_once(machine: Machine) -> None:
    python = machine.python()
    assert machine.setup(python).returncode == 0
    assert machine.setup(python).returncode == 0
    [call] = machine.installs()
    assert call.startswith("-m pip install") and call.endswith("-e .[fast,plots,translation,onnx,video,test]")


def test_an_interrupted_setup_starts_again_from_nothing(machine: Machine) -> None:
    python = machine.python()
    (machine.folder / "offline").touch()
    assert machine.setup(python).returncode != 0
    leftover = machine.checkout / ".venv/half-installed"
    leftover.touch()
    (machine.folder / "offline").unlink()
    assert machine.setup(python).returncode == 0
    assert len(machine.installs()) == 2
    assert not leftover.exists()


def test_another_python_gets_another_environment(machine: Machine) -> None:
    for version in ("3.11", "3.12", "3.12", "3.11"):
        assert machine.setup(machine.python(version)).returncode == 0
    assert len(machine.installs()) == 3


def test_a_changed_pyproject_sets_up_again(machine: Machine) -> None:
    python = machine.python()
    machine.setup(python)
    later = time.time() + 10
    os.utime(machine.checkout / "pyproject.toml", (later, later))
    machine.setup(python)
    assert len(machine.installs()) == 2


def test_a_copied_checkout_does_not_run_the_original(machine: Machine) -> None:
    python = machine.python()
    machine.setup(python)
    copy = machine.folder / "copy"
    shutil.copytree(machine.checkout, copy)
    assert machine.setup(python, copy).returncode == 0
    assert len(machine.installs()) == 2


def test_without_ensurepip_the_outer_pip_installs(machine: Machine) -> None:
    assert machine.setup(machine.python(ensurepip=False)).returncode == 0
    [call] = machine.installs()
    assert call.startswith("-m pip --python .venv/bin/python install")


def test_without_ensurepip_and_pip_the_missing_packages_are_named(machine: Machine) -> None:
    result = machine.setup(machine.python(ensurepip=False, pip=False))
    assert result.returncode != 0
    assert "apt install python3-venv, or python3-pip" in result.stderr


def test_an_old_python_is_refused_with_its_version_and_the_way_out(machine: Machine) -> None:
    python = machine.python("3.9")
    result = machine.setup(python)
    assert result.returncode != 0
    assert f"needs Python 3.11 or newer; {python} is 3.9. Choose another: make PYTHON=python3.12" in result.stderr
    assert not (machine.checkout / ".venv").exists()


def test_a_python_that_does_not_exist_is_named(machine: Machine) -> None:
    result = machine.setup("python3.99")
    assert result.returncode != 0
    assert "python3.99 is not a Python that runs here" in result.stderr
