"""Trained models as ONNX graphs, which ONNX Runtime runs without seqrl.

`graphs(model)` gives them, `export(model, folder)` writes them, `export_run(run, folder)` does so for a saved run.
What goes in and comes out stands in `seqrl.interop.onnx.models`.
"""

from seqrl.interop.onnx.export import export, export_run
from seqrl.interop.onnx.models import graphs

__all__ = ["export", "export_run", "graphs"]
