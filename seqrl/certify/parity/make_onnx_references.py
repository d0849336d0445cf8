"""Record what ONNX's operators compute where PyTorch has no such layer: LSTM with peepholes, the original GRU.

ONNX is no dependency of the certificate, so its numbers are kept beside this script, in onnx_references.safetensors,
whose metadata names the versions that made them. To make them anew, in an environment with onnx, onnxruntime, numpy and
safetensors:

    python seqrl/certify/parity/make_onnx_references.py

Every case is one operator on inputs, initial states, weights and biases drawn at random, seeded by its own name. ONNX's
reference evaluator computes it in float64, from the first step to the last. ONNX Runtime, which has these operators in
float32 alone, computes it under "runtime/ahead" and "runtime/back" in both directions on sequences of several lengths.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import safetensors.numpy
from onnx import helper
from onnx.reference import ReferenceEvaluator

T, N, D, H = 4, 3, 3, 4
LENGTHS = np.array([2, 4, 1], np.int32)
Case = dict[str, Any]


def operator(name: str, gates: int, states: str, peepholes: int = 0, **attributes: int) -> Callable[[Any], Case]:
    """A case of a recurrent operator: one direction, states (h, or h and c) given, weights in ONNX's own layout."""
    weights = {"W": (gates * H, D), "R": (gates * H, H), "B": (2 * gates * H,)}
    weights |= {"P": (peepholes * H,)} if peepholes else {}

    def case(rng: Any) -> Case:
        values = {key: rng.normal(0, 0.5, (1, *shape)) for key, shape in weights.items()}
        values |= {f"initial/{state}": rng.normal(size=(1, N, H)) for state in states}
        values["x"] = rng.normal(size=(T, N, D))
        evaluator = ReferenceEvaluator(model("forward", np.float64))
        results = outputs(evaluator.run(None, values))
        results |= {"lengths": LENGTHS.astype(np.int64)}
        narrow = {key: value.astype(np.float32) for key, value in values.items()}
        for end, direction in ("ahead", "forward"), ("back", "reverse"):
            content = model(direction, np.float32, "lengths").SerializeToString()
            session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
            found = outputs(session.run(None, {**narrow, "lengths": LENGTHS}))
            results |= {f"runtime/{end}/{key}": array for key, array in found.items()}
        return values | results

    def model(direction: str, dtype: Any, lengths: str = "") -> Any:
        number, finals = helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), [f"final/{state}" for state in states]
        given = ["x", "W", "R", "B", lengths, *(f"initial/{state}" for state in states), *(["P"] if peepholes else [])]
        inputs = [
            helper.make_tensor_value_info(key, onnx.TensorProto.INT32 if key == "lengths" else number, None)
            for key in given
            if key
        ]
        results = [helper.make_tensor_value_info(key, number, None) for key in ("y", *finals)]
        node = helper.make_node(name, given, ["y", *finals], hidden_size=H, direction=direction, **attributes)
        graph = helper.make_graph([node], name, inputs, results)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def outputs(found: Any) -> Case:
        y, *finals = found  # y: (T, 1, N, H), the final states: (1, N, H)
        return {"y": y[:, 0]} | {f"final/{state}": final[0] for state, final in zip(states, finals, strict=True)}

    return case


CASES: dict[str, Callable[[Any], Case]] = {
    "lstm peephole": operator("LSTM", 4, "hc", peepholes=3),
    "gru original": operator("GRU", 3, "h", linear_before_reset=0),
    "gru in onnx": operator("GRU", 3, "h", linear_before_reset=1),
}


def main() -> None:
    arrays: Case = {}
    for name, make in CASES.items():
        case = make(np.random.default_rng(zlib.crc32(name.encode())))
        arrays |= {f"{name}/{key}": np.ascontiguousarray(array) for key, array in case.items()}
    versions = f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, numpy {np.__version__}"
    path = Path(__file__).with_name("onnx_references.safetensors")
    safetensors.numpy.save_file(arrays, path, {"versions": versions})


if __name__ == "__main__":
    main()
