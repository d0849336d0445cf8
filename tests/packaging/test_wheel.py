"""The wheel, built from a copy of the sources and installed in an environment outside the checkout; and a checkout
that is installed as it lies."""

import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DATA = {
    "seqrl/py.typed",
    *(f"seqrl/certify/parity/{name}references.safetensors" for name in ("", "onnx_")),
    *(f"seqrl/agents/settings/{path.name}" for path in (CHECKOUT / "agents/settings").iterdir()),
}
PACKAGES = {"seqrl": "seqrl", "agents": "seqrl/agents"}  # folder in the checkout: folder in the wheel
LATE = ["tokenizers", "matplotlib", "numba", "gymnasium", "sacrebleu"]


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that sees nothing of the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MYPY"))}
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def copy_sources(to: Path) -> Path:
    for folder in PACKAGES:
        shutil.copytree(CHECKOUT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in filter(Path.is_file, CHECKOUT.iterdir()):
        shutil.copy(file, to)
    return to


def install(folder: Path, *what: str | Path) -> None:
    """Into a new .venv in the folder, with dependencies lent by the running environment."""
    venv.create(folder / ".venv", symlinks=True)
    # A folder named in a .pth file has its own .pth files ignored: an editable install of seqrl there stays unseen.
    [site] = folder.glob(".venv/lib/*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = [sys.executable, "-m", "pip", "--python", folder / ".venv/bin/python"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", *what, cwd=folder)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the source distribution."""
    source = copy_sources(tmp_path_factory.mktemp("source"))
    run(sys.executable, "-m", "build", "--no-isolation", source, cwd=source)
    [wheel] = (source / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def outside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with .venv, where the wheel is installed."""
    folder = tmp_path_factory.mktemp("outside")
    install(folder, wheel)
    return folder


def modules(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}


def test_the_wheel_holds_every_module_of_seqrl_and_agents_and_nothing_else(wheel: Path) -> None:
    expected = {f"{to}/{module}" for folder, to in PACKAGES.items() for module in modules(CHECKOUT / folder)}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == expected | DATA


def test_the_installed_wheel_is_what_gets_imported(outside: Path) -> None:
    code = "import seqrl, seqrl.agents; print(seqrl.__file__); print(seqrl.agents.__file__)"
    files = [Path(line) for line in run(outside / ".venv/bin/python", "-c", code, cwd=outside).splitlines()]
    [site] = outside.glob(".venv/lib/*/site-packages")
    assert files == [site / "seqrl/__init__.py", site / "seqrl/agents/__init__.py"]


def test_no_top_level_agents_is_installed(outside: Path) -> None:
    code = "import importlib.util; print(importlib.util.find_spec('agents'))"
    assert run(outside / ".venv/bin/python", "-c", code, cwd=outside) == "None\n"


def test_the_version_of_the_distribution_is_that_of_the_module(outside: Path) -> None:
    code = "import importlib.metadata, seqrl; print(importlib.metadata.version('seqrl') == seqrl.__version__)"
    assert run(outside / ".venv/bin/python", "-c", code, cwd=outside) == "True\n"


def test_importing_seqrl_is_quick(outside: Path) -> None:
    code = "import time; start = time.perf_counter(); import seqrl; print(time.perf_counter() - start)"
    seconds = [float(run(outside / ".venv/bin/python", "-c", code, cwd=outside)) for _ in range(7)]
    assert statistics.median(seconds) < 0.2


def test_importing_seqrl_imports_no_heavy_dependency(outside: Path) -> None:
    code = f"import sys, seqrl; print(sorted(sys.modules.keys() & {LATE}))"
    assert run(outside / ".venv/bin/python", "-c", code, cwd=outside) == "[]\n"


def test_a_user_of_the_wheel_gets_its_types(outside: Path) -> None:
    (outside / "right.py").write_text("import seqrl.agents\nversion: str = seqrl.__version__\n")
    (outside / "wrong.py").write_text("import seqrl.agents\nversion: int = seqrl.__version__\n")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", outside / ".venv/bin/python"]
    run(*mypy, "right.py", cwd=outside)
    with pytest.raises(AssertionError, match=r"wrong\.py:2: error: Incompatible types in assignment"):
        run(*mypy, "wrong.py", cwd=outside)


def test_a_folder_named_as_the_package_is_not_taken_for_it_beside_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "seqrl").mkdir()
    checkout = copy_sources(tmp_path / "seqrl")
    install(tmp_path, "-e", checkout)
    code = "import seqrl, seqrl.agents; print(seqrl.__file__); print(seqrl.agents.__file__)"
    files = [Path(line) for line in run(tmp_path / ".venv/bin/python", "-c", code, cwd=tmp_path).splitlines()]
    assert files == [checkout / "seqrl/__init__.py", checkout / "agents/__init__.py"]
