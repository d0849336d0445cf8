"""The figure that a test file is about, as a module: scripts/figures/NAME.py for test_NAME.py."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FIGURES = Path(__file__).parents[3] / "scripts" / "figures"


@pytest.fixture(scope="module")
def script(request: pytest.FixtureRequest) -> ModuleType:
    pytest.importorskip("matplotlib")
    name = request.path.stem.removeprefix("test_")
    spec = importlib.util.spec_from_file_location(name, FIGURES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module
