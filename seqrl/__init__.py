"""Sequence models and reinforcement-learning agents in NumPy, on the CPU.

`import seqrl` itself costs nothing: what stands here is imported from its own module at first use.
"""

import importlib
import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING

__version__ = "0.1.0"
__all__ = ["Sequential", "__version__", "load"]

if not os.path.isdir(os.path.join(__path__[0], "agents")):  # a checkout, where agents/ stands beside this folder

    class _Beside:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
            return PathFinder.find_spec(name, [os.path.dirname(__path__[0])]) if name == "seqrl.agents" else None

    sys.meta_path.append(_Beside)

if TYPE_CHECKING:
    from seqrl.training.runs import load as load
    from seqrl.training.sequential import Sequential as Sequential
else:  # a type checker must not see this: to it, every misspelt name would be an attribute
    _MODULE_OF = {"Sequential": "seqrl.training.sequential", "load": "seqrl.training.runs"}

    def __getattr__(name: str) -> object:
        if name not in _MODULE_OF:
            raise AttributeError(f"module 'seqrl' has no attribute '{name}'", name=name, obj=sys.modules[__name__])
        value = getattr(importlib.import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
