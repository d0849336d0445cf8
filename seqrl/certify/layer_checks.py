"""The checks of a layer, each a function of its case that returns what it measured.

None means that the check does not apply. Every layer is checked with all its parameters at random (a wrong gradient
of a bias hides while the bias is zero), at sizes that are odd or one.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from seqrl.certify.cases import LayerCase
from seqrl.certify.check import CENTRAL_DIFFERENCES, EXACT, SINGLE_PRECISION, Check
from seqrl.certify.differences import (
    Difference,
    Differences,
    compare,
    compare_trees,
    identical,
    is_floating,
    leaves,
    map_leaves,
    narrowed,
)
from seqrl.certify.language import LogitsAndStates
from seqrl.errors import InputError
from seqrl.gradient_check import DIFFERENCES, gradient_pairs
from seqrl.layer import Layer
from seqrl.layers.attention import Attention
from seqrl.models.hred import DialogueBatch
from seqrl.models.seq2seq import Batch
from seqrl.models.vhred import VHRED
from seqrl.optimizers import Adam

T, N = 4, 3


# ---- layers and inputs ---------------------------------------------------------------------------------------


def built(case: LayerCase, dtype: str = "float64") -> Layer:
    """The layer with all parameters and buffers at random; the same at every call, its sources of randomness too."""
    layer = case.make(np.random.default_rng(1)).astype(dtype)
    rng = np.random.default_rng(2)
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    for _, buffer in layer.buffers():
        if is_floating(buffer):  # positive, as a running variance is
            buffer[...] = rng.uniform(0.5, 1.5, buffer.shape)
    return layer


def draws(case: LayerCase) -> bool:
    """Whether training draws random numbers."""
    return any(True for _ in built(case).generators())


def fresh() -> np.random.Generator:
    return np.random.default_rng(0)


def compare_gradients(layer: Layer, expected: dict[str, Any], when: str = "") -> Differences:
    return [compare(f"{when}the gradient of {name}", g, expected[name]) for name, g in gradients(layer).items()]


def gradients(layer: Layer) -> dict[str, Any]:
    return {name: parameter.grad.copy() for name, parameter in layer.parameters()}


def example(x: Any, n: int, axis: int) -> Any:
    """Example n alone, still a batch; a vector (lengths, say) holds one entry an example."""
    return np.take(x, [n], axis=axis if x.ndim > 1 else 0)


# ---- every layer ---------------------------------------------------------------------------------------------


def gradients_by_differences(case: LayerCase) -> Differences:
    """Every gradient of parameters and inputs is that of central differences."""
    found = []
    for sizes in dict.fromkeys([(T, N), case.smallest]):
        layer, inputs = built(case), case.inputs(fresh(), *sizes)
        pairs = gradient_pairs(layer, *inputs, forward=case.forward)
        found += [compare(f"the gradient of {name}", *pair, DIFFERENCES) for name, pair in pairs.items()]
    return found


def one_by_one(case: LayerCase) -> Differences | None:
    """A batch gives what its examples give one by one: outputs, input gradients, summed parameter gradients."""
    if case.batch_axis is None or draws(case):
        return None
    rng, axis = fresh(), case.batch_axis
    inputs = case.inputs(rng, T, N)
    layer, alone = built(case), built(case)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    dx = backward(dy)
    found = []
    for n in range(y.shape[axis]):
        y_n, backward_n = case.forward(alone, *(example(x, n, axis) for x in inputs))
        found.append(compare(f"the output of example {n} in a batch", example(y, n, axis), y_n))
        dx_n = [example(part, n, axis) for part in leaves(dx)]
        found += compare_trees(f"the input gradient of example {n} in a batch", dx_n, backward_n(example(dy, n, axis)))
    return found + compare_gradients(layer, gradients(alone))


def two_uses(case: LayerCase) -> Differences:
    """Two forwards of one layer and then their backwards, in either order, give what each gives alone."""
    found = []
    for order in (0, 1), (1, 0):
        rng, together = fresh(), built(case)
        total = gradients(together)
        used, expected = [], []
        for inputs in case.inputs(rng, T, N), case.inputs(rng, T - 2, N - 1):
            alone = built(case)
            for (_, one), (_, other) in zip(alone.generators(), together.generators(), strict=True):
                one.bit_generator.state = other.bit_generator.state
            y, backward = case.forward(alone, *inputs)
            dy = rng.normal(size=y.shape)
            expected.append(backward(dy))
            total = {name: total[name] + gradient for name, gradient in gradients(alone).items()}
            used.append((dy, case.forward(together, *inputs)[1]))
        for use in order:
            dy, backward = used[use]
            found += compare_trees(f"with two uses, the input gradient of use {use + 1}", backward(dy), expected[use])
        found += compare_gradients(together, total, "with two uses, ")
    return found


def accumulation(case: LayerCase) -> Differences:
    """Two backward calls give twice the gradient, written into the arrays that were there."""
    rng = fresh()
    layer, inputs = built(case), case.inputs(rng, T, N)
    arrays = {name: (parameter.value, parameter.grad) for name, parameter in layer.parameters()}
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    first, once = backward(dy), gradients(layer)
    first = copy.deepcopy(first)
    found = compare_trees("at a second backward call, the input gradient", backward(dy), first)
    twice = {name: 2 * gradient for name, gradient in once.items()}
    found += compare_gradients(layer, twice, "after two backward calls, ")
    for name, parameter in layer.parameters():
        for what, before, now in zip(("value", "grad"), arrays[name], (parameter.value, parameter.grad), strict=True):
            if now is not before:
                remedy = "add to it (+=)" if what == "grad" else "write into it (value[...] =)"
                found.append(Difference(f"{name}.{what}", np.inf, f"was rebound to another array; {remedy}"))
    return found


def inputs_left_alone(case: LayerCase) -> Differences:
    """Neither the inputs nor the gradient of the output are changed in place."""
    rng = fresh()
    layer, inputs = built(case), case.inputs(rng, T, N)
    kept = map_leaves(np.copy, inputs)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    kept_dy = dy.copy()
    backward(dy)
    pairs = list(zip(leaves(inputs), leaves(kept), strict=True))
    found = [identical(f"input {k}, changed in place,", *pair) for k, pair in enumerate(pairs)]
    return [*found, identical("the gradient of the output, changed in place,", dy, kept_dy)]


def inference_changes_nothing(case: LayerCase) -> Differences:
    """Calling the layer leaves parameters, buffers, gradients and random states, and gives the same again."""
    layer, inputs = built(case), case.inputs(fresh(), T, N)
    kept = map_leaves(np.copy, inputs)
    state = layer.state_dict()
    random = [generator.bit_generator.state for _, generator in layer.generators()]
    y = copy.deepcopy(layer(*inputs))
    found = compare_trees("the output of a second call", layer(*inputs), y)
    for name, now in layer.state_dict().items():
        if name in state:
            found.append(identical(f"after inference, {name}", now, state[name]))
        else:
            found.append(Difference(f"the attribute {name}", np.inf, "was set by inference; a layer keeps no inputs"))
    found += [identical(f"after inference, the gradient of {name}", g, 0 * g) for name, g in gradients(layer).items()]
    pairs = zip(leaves(inputs), leaves(kept), strict=True)
    found += [identical(f"input {k}, changed in place by inference,", *pair) for k, pair in enumerate(pairs)]
    if [generator.bit_generator.state for _, generator in layer.generators()] != random:
        found.append(Difference("the random state", np.inf, "was changed by inference"))
    return found


def inference_is_training(case: LayerCase) -> Differences | None:
    """Inference gives what training gives where nothing is drawn and no running statistics are kept."""
    layer, inputs = built(case), case.inputs(fresh(), T, N)
    if draws(case) or any(True for _ in layer.buffers()):
        return None
    expected = case.forward(built(case), *inputs)[0]
    return compare_trees("the output at inference", first_of(layer(*inputs), expected), expected)


def first_of(y: Any, like: Any) -> Any:
    """The output without what `case.forward` leaves out, such as attention's weights."""
    return y[0] if isinstance(y, tuple) and not isinstance(like, tuple) else y


DRAWS = 4000
EXPECTATION = 0.15  # how far the mean of so many draws may be from what they scatter around


def expectation(case: LayerCase) -> Differences | None:
    """Where elements are dropped at random, training's mean is what inference gives."""
    layer, inputs = built(case), case.inputs(fresh(), T, N)
    if not draws(case) or any(True for _ in layer.parameters()):
        return None
    y = layer(*inputs)
    if not _drops(case.forward(layer, *inputs)[0], y):
        return None
    mean = sum(case.forward(layer, *inputs)[0] for _ in range(DRAWS)) / DRAWS
    return [compare("the mean output of training", mean, y, "at inference")]


def _drops(drawn: Any, y: Any) -> bool:
    """Whether some elements are zero and the others one multiple of y."""
    kept = drawn != 0
    if np.shape(drawn) != np.shape(y) or kept.all() or not kept.any():
        return False
    multiples = drawn[kept] / y[kept]
    return bool(np.ptp(multiples) <= 1e-9 * np.abs(multiples).max())


def single_precision(case: LayerCase) -> Differences:
    """float32 stays float32, and agrees with float64 to its precision; at inference too."""
    rng = fresh()
    inputs = case.inputs(rng, T, N)
    wide = built(case)
    layer = wide.astype(np.float32)  # draws what the original draws
    y, backward = case.forward(layer, *narrowed(inputs))
    dy = rng.normal(size=y.shape)
    dx = backward(dy.astype(np.float32))
    y_wide, backward_wide = case.forward(wide, *inputs)
    found = compare_trees("the output in float32", y, y_wide)
    found += compare_trees("the input gradient in float32", dx, backward_wide(dy))
    found += compare_gradients(layer, gradients(wide), "in float32, ")
    at_inference = first_of(layer(*narrowed(inputs)), y)
    found += compare_trees("the output at inference in float32", at_inference, first_of(wide(*inputs), y))
    for what, tree in ("the output", y), ("the input gradient", dx), ("the output at inference", at_inference):
        found += [
            Difference(what, np.inf, f"is {a.dtype}, expected float32") for a in leaves(tree) if a.dtype != np.float32
        ]
    return found


def strided_arrays(case: LayerCase) -> Differences:
    """Strided and read-only arrays give what contiguous ones give."""

    def strided(x: Any) -> Any:
        wide = np.zeros((2 * len(x), *x.shape[1:]), x.dtype)
        wide[::2] = x
        view = wide[::2]
        view.flags.writeable = False
        return view

    return _same_for_other_arrays(case, strided)


def short_integers(case: LayerCase) -> Differences | None:
    """Ids and lengths of int32 give what those of int64 give."""
    if not any(np.issubdtype(x.dtype, np.integer) for x in leaves(case.inputs(fresh(), T, N))):
        return None
    return _same_for_other_arrays(case, lambda x: x.astype(np.int32) if np.issubdtype(x.dtype, np.integer) else x)


def _same_for_other_arrays(case: LayerCase, convert: Callable[[Any], Any]) -> Differences:
    rng = fresh()
    inputs = case.inputs(rng, T, N)
    layer, other = built(case), built(case)
    y, backward = case.forward(layer, *inputs)
    dy = rng.normal(size=y.shape)
    y_other, backward_other = case.forward(other, *map_leaves(convert, inputs))
    found = compare_trees("the output", y_other, y)
    found += compare_trees("the input gradient", backward_other(convert(dy)), backward(dy))
    return found + compare_gradients(other, gradients(layer))


def wide_arrays(case: LayerCase) -> Differences:
    """Inputs and gradients of float64 for a float32 layer are refused (InputError) or right."""
    rng = fresh()
    inputs = case.inputs(rng, T, N)
    found: Differences = []
    layer, other = built(case, "float32"), built(case, "float32")
    y, backward = case.forward(layer, *narrowed(inputs))
    dy = rng.normal(size=y.shape)
    dx = backward(dy.astype(np.float32))
    with contextlib.suppress(InputError):
        found += compare_trees("the output", case.forward(other, *inputs)[0], y)
    other = built(case, "float32")
    _, backward_other = case.forward(other, *narrowed(inputs))
    with contextlib.suppress(InputError):
        found += compare_trees("the input gradient", backward_other(dy), dx)
        found += compare_gradients(other, gradients(layer))
    return found


def empty_arrays(case: LayerCase) -> Differences:
    """No steps and no examples are no special case, or refused (InputError)."""
    found = []
    for sizes in [(T, 0), (0, N)]:
        layer, inputs = built(case), case.inputs(fresh(), *sizes)
        if all(x.size for x in leaves(inputs)):
            continue
        try:
            y, backward = case.forward(layer, *inputs)
        except InputError:
            continue
        found.append(compare("the size of the output for an empty input", y.size, 0))
        expected = tuple(np.zeros(x.shape) for x in leaves(inputs) if is_floating(x))
        found += compare_trees("the input gradient for an empty input", leaves(backward(np.zeros_like(y))), expected)
        found += compare_gradients(layer, {name: 0 * g for name, g in gradients(layer).items()})
    return found


def saving(case: LayerCase) -> Differences:
    """Parameters and buffers survive saving and loading, and then give the same at inference."""
    layer, other = built(case), case.make(np.random.default_rng(3)).astype(np.float64)
    inputs = case.inputs(fresh(), T, N)
    other.load_state_dict(layer.state_dict())
    found = [identical(f"after loading, {name}", a, layer.state()[name]) for name, a in other.state().items()]
    return found + compare_trees("the output after loading", other(*inputs), layer(*inputs))


# ---- padding and carried states ------------------------------------------------------------------------------

SCANNED = 6, 4  # T, N
LENGTHS = np.array([3, 6, 0, 1])


def _scanned(case: LayerCase, like: Layer) -> tuple[np.random.Generator, Any, Any, Any]:
    """An rng, x (T, N, D), an initial state and the gradient of a final one."""
    rng = fresh()
    [x] = case.inputs(rng, *SCANNED)
    scanning: Any = like
    (_, final), _ = scanning.scan(x)

    def state() -> Any:
        return map_leaves(lambda s: rng.normal(size=s.shape), final)

    return rng, x, state(), state()


def can_scan(case: LayerCase) -> bool:
    return hasattr(built(case), "scan")


def can_step(layer: Any) -> bool:
    """Whether the layer reads one way, and so can carry a state on; a stack where all of its layers can."""
    return hasattr(layer, "step") and all(can_step(part) for part in getattr(layer, "layers", ()))


def gradients_of_states(case: LayerCase) -> Differences | None:
    """With lengths, the gradients of inputs, parameters and initial states are those of central differences."""
    if not can_scan(case):
        return None
    found = []
    for lengths in (LENGTHS, None):
        layer: Any = built(case)
        _, x, state, _ = _scanned(case, layer)

        def forward(layer: Any, x: Any, state: Any, lengths: Any = lengths) -> Any:
            return layer.scan(x, state, lengths)

        pairs = gradient_pairs(layer, x, state, forward=forward)
        found += [compare(f"with states, the gradient of {name}", *pair, DIFFERENCES) for name, pair in pairs.items()]
    return found


def padded_sequences(case: LayerCase) -> Differences | None:
    """A padded batch gives what its sequences give alone; nothing comes out of padding or goes into it."""
    if draws(case) or not can_scan(case):
        return None
    padded: Any = built(case)
    alone: Any = built(case)
    rng, x, state, dfinal = _scanned(case, padded)
    (y, final), backward = padded.scan(x, state, LENGTHS)
    dy = rng.normal(size=y.shape)
    dx, dstate = backward(dy, dfinal)
    found = []
    for n, length in enumerate(LENGTHS):
        row = slice(n, n + 1)

        def of_row(tree: Any, row: slice = row) -> Any:
            return map_leaves(lambda s: s[row], tree)

        (y_n, final_n), backward_n = alone.scan(x[:length, row], of_row(state))
        dx_n, dstate_n = backward_n(dy[:length, row], of_row(dfinal))
        who = f"of sequence {n} (length {length}) in a padded batch"
        found.append(compare(f"the output {who}", y[:length, row], y_n))
        found.append(compare(f"the input gradient {who}", dx[:length, row], dx_n))
        found += compare_trees(f"the final state {who}", of_row(final), final_n)
        found += compare_trees(f"the gradient of the initial state {who}", of_row(dstate), dstate_n)
        found.append(identical(f"the output in the padding {who}", y[length:, n], 0 * y[length:, n], "expected"))
        found.append(
            identical(f"the input gradient in the padding {who}", dx[length:, n], 0 * dx[length:, n], "expected")
        )
    return found + compare_gradients(padded, gradients(alone), "in a padded batch, ")


def padded_memories(case: LayerCase) -> Differences | None:
    """Attention over padded memories gives what each memory gives alone, without its padding."""
    if not isinstance(built(case), Attention):
        return None
    padded, alone = built(case), built(case)
    rng = fresh()
    query, memory, lengths = case.inputs(rng, T, N)
    y, backward = case.forward(padded, query, memory, lengths)
    dy = rng.normal(size=y.shape)
    dquery, dmemory = backward(dy)
    found = []
    for n, length in enumerate(lengths):
        row = slice(n, n + 1)
        y_n, backward_n = case.forward(alone, query[:, row], memory[:length, row], lengths[row])
        dquery_n, dmemory_n = backward_n(dy[:, row])
        who = f"of memory {n} (length {length}) in a padded batch"
        found.append(compare(f"the output {who}", y[:, row], y_n))
        found.append(compare(f"the gradient of the query {who}", dquery[:, row], dquery_n))
        found.append(compare(f"the gradient {who}", dmemory[:length, row], dmemory_n))
        padding = dmemory[length:, n]
        found.append(identical(f"the gradient in the padding {who}", padding, 0 * padding, "expected"))
    return found + compare_gradients(padded, gradients(alone), "in a padded batch, ")


def padded_texts(case: LayerCase) -> Differences | None:
    """A padded batch of sentence pairs or dialogues gives what each of them gives alone."""
    [batch, *_] = case.inputs(fresh(), T, N)
    padded: Any = built(case)
    if not isinstance(batch, (Batch, DialogueBatch)) or padded.config.dropout or isinstance(padded, VHRED):
        return None  # or it draws what differs
    alone = built(case)
    rng = fresh()
    logits, backward = case.forward(padded, batch)
    dlogits = rng.normal(size=logits.shape)
    backward(dlogits)
    found = []
    owners = _owners(batch)
    for n, one in enumerate(batch.split(N)):
        where = np.flatnonzero(owners == n)
        logits_n, backward_n = case.forward(alone, one)
        backward_n(dlogits[where])
        found.append(compare(f"the logits of example {n} in a padded batch", logits[where], logits_n))
    return found + compare_gradients(padded, gradients(alone), "in a padded batch, ")


def _owners(batch: Batch | DialogueBatch) -> Any:
    """Which pair or dialogue each of the logits belongs to."""
    pairs = batch if isinstance(batch, Batch) else batch.pairs()
    owners = np.arange(N) if isinstance(batch, Batch) else batch.answered() % N
    real = np.arange(pairs.target.shape[1])[:, None] < pairs.target_lengths
    return np.broadcast_to(owners, real.shape)[real]


def chunks(case: LayerCase) -> Differences | None:
    """A sequence in chunks with the state carried on gives what the whole sequence gives, backwards too."""
    if draws(case) or not can_scan(case) or not can_step(built(case)):
        return None
    whole: Any = built(case)
    chunked: Any = built(case)
    rng, x, state, dfinal = _scanned(case, whole)
    (y, final), backward = whole.scan(x, state)
    dy = rng.normal(size=y.shape)
    dx, dstate = backward(dy, dfinal)
    parts = [slice(0, 3), slice(3, 4), slice(4, len(x))]
    outputs, backwards = [], []
    for part in parts:
        (y_part, state), backward_part = chunked.scan(x[part], state)
        outputs.append(y_part)
        backwards.append(backward_part)
    found = [compare("the output in chunks", np.concatenate(outputs), y)]
    found += compare_trees("the final state after chunks", state, final)
    for part, backward_part in zip(reversed(parts), reversed(backwards), strict=True):
        dx_part, dfinal = backward_part(dy[part], dfinal)
        found.append(compare("the input gradient in chunks", dx_part, dx[part]))
    found += compare_trees("the gradient of the initial state in chunks", dfinal, dstate)
    return found + compare_gradients(chunked, gradients(whole), "in chunks, ")


def chunks_of_text(case: LayerCase) -> Differences | None:
    """A text in chunks with the states carried on gives what the whole text gives a language model, backwards too."""
    whole: Any = built(case)
    chunked: Any = built(case)
    if draws(case) or not isinstance(whole, LogitsAndStates):
        return None
    rng = fresh()
    ids, states = case.inputs(rng, *SCANNED)
    y, backward = whole.forward(ids, states)
    dy = rng.normal(size=y.shape)
    dstates = backward(dy)
    parts = [slice(0, 3), slice(3, 4), slice(4, len(ids))]
    found, backwards = [], []
    for part in parts:
        y_part, backward_part = chunked.forward(ids[part], states)
        logits, states = np.split(y_part, [len(ids[part])])
        found.append(compare("the logits in chunks", logits, y[: len(ids)][part]))
        backwards.append(backward_part)
    found.append(compare("the final states after chunks", states, y[len(ids) :]))
    dfinal = dy[len(ids) :]
    for part, backward_part in zip(reversed(parts), reversed(backwards), strict=True):
        dfinal = backward_part(np.concatenate([dy[: len(ids)][part], dfinal]))
    found.append(compare("the gradient of the initial states in chunks", dfinal, dstates))
    return found + compare_gradients(chunked, gradients(whole), "in chunks, ")


# ---- learning ------------------------------------------------------------------------------------------------

STEPS = 200
LEARNED = 0.5  # of what the best constant predictor loses


def learning(case: LayerCase) -> Differences | None:
    """From its own start the layer learns what the same layer with random parameters does, on given inputs.

    The measure is the squared error over that of the best constant output, after STEPS steps of Adam.
    """
    teacher, rng = built(case, "float32"), fresh()
    if not any(True for _ in teacher.parameters()):
        return None
    inputs = narrowed(case.inputs(rng, T, 4 * N))
    student = case.make(np.random.default_rng(4))
    target = case.forward(teacher, *inputs)[0]
    optimizer = Adam(student.parameters(), 0.03)
    for _ in range(STEPS):
        y, backward = case.forward(student, *inputs)
        backward((y - target) / np.float32(target.size))
        optimizer.step()
    reached = np.square(case.forward(student, *inputs)[0] - target).mean()
    axes = tuple(range(target.ndim - 1))
    baseline = np.square(target - target.mean(axis=axes, keepdims=True)).mean()
    detail = f"is {reached:.3g} after {STEPS} steps; the best constant output has {baseline:.3g}"
    return [Difference("the squared error in learning a layer of its kind", float(reached / baseline), detail)]


# ---- all of them ---------------------------------------------------------------------------------------------


LAYER_CHECKS: list[Check[LayerCase]] = [
    Check("gradients", CENTRAL_DIFFERENCES, gradients_by_differences),
    Check("gradients", CENTRAL_DIFFERENCES, gradients_of_states),
    Check("batch", EXACT, one_by_one),
    Check("padded", EXACT, padded_sequences),
    Check("padded", EXACT, padded_memories),
    Check("padded", EXACT, padded_texts),
    Check("chunks", EXACT, chunks),
    Check("chunks", EXACT, chunks_of_text),
    Check("uses", EXACT, two_uses),
    Check("uses", EXACT, accumulation),
    Check("uses", EXACT, inputs_left_alone),
    Check("inference", EXACT, inference_changes_nothing),
    Check("inference", EXACT, inference_is_training),
    Check("inference", EXPECTATION, expectation),
    Check("inference", EXACT, saving),
    Check("float32", SINGLE_PRECISION, single_precision),
    Check("float32", SINGLE_PRECISION, wide_arrays),
    Check("learns", LEARNED, learning),
    Check("arrays", EXACT, strided_arrays),
    Check("arrays", EXACT, short_integers),
    Check("arrays", EXACT, empty_arrays),
]
