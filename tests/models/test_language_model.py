import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from seqrl import kernels
from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.layers.recurrent import CELLS, NOTHING, Prepared
from seqrl.losses import softmax_cross_entropy
from seqrl.models.language_model import LanguageModel, LanguageModelConfig
from seqrl.models.sampling import sample
from seqrl.optimizers import Adam

Generator = np.random.Generator
V = 7


def model(**options: Any) -> LanguageModel:
    config = LanguageModelConfig(**{"vocabulary": V, "embedding": 3, "hidden": 4, **options})
    return LanguageModel(config, rng=np.random.default_rng(1), dropout_rng=np.random.default_rng(2))


def randomised(language_model: LanguageModel) -> LanguageModel:
    language_model = language_model.astype(np.float64)
    rng = np.random.default_rng(3)
    for _, parameter in language_model.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return language_model


def leaves(state: Any) -> list[Any]:
    return [leaf for part in state for leaf in leaves(part)] if isinstance(state, tuple) else [state]


def like(state: Any, rng: Generator) -> Any:
    """A random state of the same nesting."""
    return tuple(like(part, rng) for part in state) if isinstance(state, tuple) else rng.normal(size=state.shape)


OPTIONS: dict[str, dict[str, Any]] = {
    **{cell: {"cell": cell} for cell in CELLS},
    "two layers": {"layers": 2},
    "three layers, tied": {"layers": 3, "tied": True},
    "one layer, tied": {"tied": True, "hidden": 3},
    "dropout": {"layers": 2, "dropout": 0.4},
    "variational dropout": {"layers": 2, "dropout": 0.4, "variational": True},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@every_option
def test_gradients_of_parameters_and_initial_states(options: dict[str, Any], rng: Generator) -> None:
    for T, N in (5, 3), (1, 1), (4, 2), (2, 7):
        ids = rng.integers(0, V, (T, N))
        tested = randomised(model(**options))
        state = like(tested(ids)[1], rng)
        assert len(check_gradients(tested, ids, state)) == len(leaves(state)) + len(list(tested.parameters()))


@every_option
def test_chunks_with_the_state_carried_on_are_the_whole(options: dict[str, Any], rng: Generator) -> None:
    options = options | {"dropout": 0.0}
    ids = rng.integers(0, V, (9, 2))
    whole, chunked = randomised(model(**options)), randomised(model(**options))
    state = like(whole(ids)[1], rng)
    (logits, final), backward = whole.forward(ids, state)
    dlogits, dfinal = rng.normal(size=logits.shape), like(final, rng)
    dstate = backward(dlogits, dfinal)
    parts = [slice(0, 4), slice(4, 5), slice(5, 9)]
    backwards = []
    for part in parts:
        (logits_part, state), backward_part = chunked.forward(ids[part], state)
        backwards.append(backward_part)
        np.testing.assert_allclose(logits_part, logits[part], rtol=1e-12, atol=1e-12)
    for part, backward_part in zip(reversed(parts), reversed(backwards), strict=True):
        dfinal = backward_part(dlogits[part], dfinal)
    for a, b in zip(leaves(dfinal), leaves(dstate), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    for (name, a), (_, b) in zip(chunked.parameters(), whole.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-10, atol=1e-12, err_msg=name)


@every_option
def test_steps_give_what_the_whole_sequence_gives(options: dict[str, Any], rng: Generator) -> None:
    tested = randomised(model(**options))
    ids = rng.integers(0, V, (5, 2))
    logits, final = tested(ids)
    for prepared in NOTHING, tested.prepare(0), tested.prepare(1000):
        state = None
        for t in range(5):
            step_logits, state = tested.step(ids[t], state, prepared)
            np.testing.assert_allclose(step_logits, logits[t], rtol=1e-10, atol=1e-12)
        for a, b in zip(leaves(state), leaves(final), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(
        tested.gate_table(), prepared.table
    )  # advancing writes into its gates, not into the table


def test_a_batch_gives_what_its_sequences_give_alone(rng: Generator) -> None:
    tested = randomised(model(layers=2))
    ids = rng.integers(0, V, (5, 3))
    logits, _ = tested(ids)
    for n in range(3):
        np.testing.assert_allclose(tested(ids[:, n : n + 1])[0], logits[:, n : n + 1], rtol=1e-12)


def test_dropout_is_off_at_inference_and_its_masks_are_of_a_chunk_when_variational(rng: Generator) -> None:
    ids = np.full((6, 2), 3)
    for variational in False, True:
        tested = randomised(model(dropout=0.5, variational=variational, hidden=50, embedding=50))
        np.testing.assert_array_equal(tested(ids)[0], tested(ids)[0])
        x, _ = tested.dropout.forward(tested.embedding(ids))
        assert (x == x[0]).all() == variational
        assert (x[:, 0] != x[:, 1]).any()


def test_the_last_layer_of_a_tied_model_has_the_size_of_the_embedding() -> None:
    tested = model(layers=3, tied=True)
    assert [layer.H for layer in tested.stack.layers] == [4, 4, 3]
    assert tested.output.weight is tested.embedding.weight
    with pytest.raises(InputError, match="hidden is 4 and embedding 3; expected the same"):
        model(tied=True)


def test_no_steps_hand_the_state_on_and_no_sequences_are_no_special_case(rng: Generator) -> None:
    tested = randomised(model(layers=2))
    state = like(tested.zero_state(3), rng)
    (logits, final), backward = tested.forward(np.empty((0, 3), np.int64), state)
    assert logits.shape == (0, 3, V)
    assert all((a == b).all() for a, b in zip(leaves(final), leaves(state), strict=True))
    dfinal = like(state, rng)
    assert all((a == b).all() for a, b in zip(leaves(backward(logits, dfinal)), leaves(dfinal), strict=True))
    assert tested(np.empty((5, 0), np.int64))[0].shape == (5, 0, V)


def test_looking_gates_up_in_a_table_changes_nothing(rng: Generator) -> None:
    """With more ids than tokens the gates of the vocabulary are made; a vocabulary of thousands is read as it comes."""
    small, wide = randomised(model(layers=2)), randomised(model(layers=2))
    wide.config = replace(wide.config, vocabulary=1000)  # so that no table is made
    ids = rng.integers(0, V, (6, 3))
    dlogits = rng.normal(size=(6, 3, V))
    results = []
    for tested in small, wide:
        (logits, _), backward = tested.forward(ids)
        backward(dlogits)
        results.append([logits, tested(ids)[0], *(parameter.grad for _, parameter in tested.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 20])
def test_ids_that_are_none_are_refused_by_a_table_too(size: int) -> None:
    for wrong in -1, V:
        ids = np.full((size, 1), wrong)
        for read in model(), model().forward:
            with pytest.raises(InputError, match=f"the id {wrong}; expected 0 <= id < {V}"):
                read(ids)


def test_sizes_and_cells_are_checked() -> None:
    with pytest.raises(InputError, match="did you mean 'lstm'"):
        model(cell="lstn")
    with pytest.raises(InputError, match="layers of LanguageModel is 0"):
        model(layers=0)


@pytest.mark.parametrize("cell", CELLS)
def test_learns_what_only_the_carried_state_can_tell(cell: str, rng: Generator) -> None:
    """A period of five tokens in chunks of two: the second 4 is told from the first by what was a chunk before."""
    period = np.array([4, 5, 4, 6, 2])
    text = np.tile(period, 100)
    learner = model(cell=cell, hidden=16, embedding=8)
    optimizer = Adam(learner.parameters(), 0.02)
    losses = []
    state: Any = None
    for t in range(0, 398, 2):
        (logits, state), backward = learner.forward(text[t : t + 2, None], state)
        loss, dlogits = softmax_cross_entropy(logits, text[t + 1 : t + 3, None])
        backward(dlogits)
        optimizer.step()
        losses.append(loss)
    assert np.mean(losses[-10:]) < 0.1  # without the state it is at least 2/5 ln 2


@every_option
@pytest.mark.parametrize("steps", [0, 1000], ids=["row by row", "by table"])
def test_writing_is_steps_with_samples_of_their_logits(options: dict[str, Any], steps: int, rng: Generator) -> None:
    tested = randomised(model(**options))
    ids, state = np.array([1, 3, 0]), tested.zero_state(3)
    prepared = tested.prepare(steps)
    chosen = {"temperature": 0.7, "top_k": V - 1, "top_p": 0.9}
    written, after = tested.write(ids, state, np.random.default_rng(5).random((6, 3)), prepared, never=[2], **chosen)
    draws = np.random.default_rng(5)
    for row in written:
        logits, state = tested.step(ids, state, prepared)
        logits[:, 2] = -np.inf
        ids = sample(logits, draws, **chosen)
        np.testing.assert_array_equal(row, ids)
    assert len(written) == 6
    for a, b in zip(leaves(after), leaves(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


def test_writing_ends_when_every_row_has_ended(rng: Generator) -> None:
    tested = randomised(model())
    written, _ = tested.write(np.array([0, 1]), None, rng.random((300, 2)), tested.prepare(0), end=3)
    first = (written == 3).argmax(axis=0)
    assert (written == 3).any(axis=0).all()
    assert len(written) == first.max() + 1


def test_a_model_with_a_nan_writes_nothing(rng: Generator) -> None:
    tested = randomised(model())
    tested.output.bias.value[0] = np.nan
    with pytest.raises(InputError, match="largest logit of a row is not finite"):
        tested.write(np.array([0]), None, rng.random((3, 1)), tested.prepare(0))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint64])
def test_ids_of_a_small_type_are_followed_by_any(dtype: type[np.integer]) -> None:
    tested = randomised(model(vocabulary=300))
    tested.output.bias.value[280] = 1000
    written, _ = tested.write(np.array([1, 2], dtype), None, np.zeros((3, 2)), tested.prepare(0))
    np.testing.assert_array_equal(written, np.full((3, 2), 280))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"draws": np.zeros((3, 1))}, r"ids of shape (2,) and draws of shape (3, 1); expected (N,) and (steps, N)"),
        ({"draws": np.zeros(2)}, r"draws of shape (2,); expected (N,) and (steps, N)"),
        ({"ids": np.zeros((1, 2), int)}, r"ids of shape (1, 2) and draws of shape (3, 2)"),
        ({"draws": np.ones((3, 2))}, "a draw is 1.0; expected 0 <= draw < 1"),
        ({"draws": np.full((3, 2), np.nan)}, "a draw is nan; expected 0 <= draw < 1"),
        ({"never": [V]}, f"the id {V}; expected 0 <= id < {V}"),
        ({"never": [-1]}, f"the id -1; expected 0 <= id < {V}"),
        ({"state": "one row"}, "write got a state of the shapes ((1, 7),); expected ((2, 7),)"),
        ({"state": ()}, "write got a state of the shapes (); expected ((2, 7),)"),
        (
            {"prepared": Prepared(np.zeros((V - 1, 21)))},
            f"got a table of shape ({V - 1}, 21); expected ({V}, 21)",
        ),
    ],
)
def test_what_can_not_be_written_from_is_refused(given: dict[str, Any], said: str) -> None:
    tested = model(cell="gru", hidden=7)
    if given.get("state") == "one row":
        given = {"state": tested.zero_state(1)}
    arguments = {"ids": np.array([1, 2]), "state": None, "draws": np.zeros((3, 2)), "prepared": tested.prepare(0)}
    with pytest.raises(InputError, match=re.escape(said)):
        tested.write(**arguments | given)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_weights_prepared_of_another_model_are_refused(cell: str) -> None:
    """A product would read beyond the smaller of them."""
    tested, ids = randomised(model(cell=cell, hidden=40)), np.array([1, 2])
    others = [randomised(model(cell=cell, hidden=3)), model(cell=cell, hidden=40)]
    for other in others if kernels.implementation == "compiled" else others[:1]:
        with pytest.raises(ValueError):
            tested.step(ids, None, other.prepare(0))
        with pytest.raises(ValueError):
            tested.write(ids, None, np.zeros((2, 2)), other.prepare(0))
