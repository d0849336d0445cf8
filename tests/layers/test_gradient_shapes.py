"""A gradient of another shape is refused: NumPy would broadcast some of them, compiled code would read on."""

import numpy as np
import pytest

from seqrl.certify.cases import LAYERS, LayerCase

HAND_ON = ("Embedding", "Flatten", "no Dropout", "Identity", "Step")  # no arithmetic of theirs depends on it
BATCHED = ("Seq2Seq", "HRED", "LastUtterance", "LanguageModel")  # models of batches or with states are left out
CASES = {
    name: case for name, case in LAYERS.items() if name not in HAND_ON and not any(model in name for model in BATCHED)
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_gradient_of_another_shape_is_refused(case: LayerCase, dtype: type[np.floating]) -> None:
    rng = np.random.default_rng(0)
    layer = case.make(rng).astype(dtype)
    inputs = [x.astype(dtype) if np.issubdtype(x.dtype, np.floating) else x for x in case.inputs(rng, 6, 4)]
    y, backward = case.forward(layer, *inputs)
    *others, last = y.shape
    wrong = [(*others, last + 3), (*others, 1), (len(y) - 1, *y.shape[1:]), (len(y) + 2, *y.shape[1:]), (*others,)]
    for shape in wrong:
        if shape != y.shape:
            with pytest.raises(ValueError, match="shape"):
                backward(np.ones(shape, dtype))
