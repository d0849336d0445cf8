from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.losses import softmax_cross_entropy
from seqrl.models.decoding import greedy
from seqrl.models.seq2seq import ATTENTIONS, Batch, Seq2Seq, Seq2SeqConfig
from seqrl.optimizers import Adam
from seqrl.text.specials import BOS, EOS, PAD

Generator = np.random.Generator
SOURCE, TARGET = 9, 8


def model(dropout: float = 0.0, **options: Any) -> Seq2Seq:
    config = Seq2SeqConfig(SOURCE, TARGET, **{"embedding": 3, "hidden": 4, "dropout": dropout, **options})
    return Seq2Seq(config, rng=np.random.default_rng(1), dropout_rng=np.random.default_rng(2))


def randomised(seq2seq: Seq2Seq) -> Seq2Seq:
    seq2seq = seq2seq.astype(np.float64)
    rng = np.random.default_rng(3)
    for _, parameter in seq2seq.parameters():
        parameter.value[...] = rng.normal(0, 0.5, parameter.shape)
    return seq2seq


def pairs(
    rng: Generator, source_lengths: tuple[int, ...] = (5, 1, 3), target_lengths: tuple[int, ...] = (2, 4, 1)
) -> Batch:
    N, S, T = len(source_lengths), max(source_lengths), max(target_lengths)
    source, target = rng.integers(4, SOURCE, (N, S)), rng.integers(3, TARGET, (N, T))
    return Batch(source, np.array(source_lengths), target, np.array(target_lengths))


# Each option once in each of its values, and those that meet in the code together.
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"cell": "rnn", "attention": "none", "bidirectional": False},
    "thought to all": {"cell": "lstm", "attention": "none", "peeky": True},
    "dot": {"cell": "gru", "attention": "dot", "layers": 2},
    "scaled dot, reversed": {"cell": "rnn", "attention": "scaled-dot", "reverse_source": True, "bidirectional": False},
    "general, thought to all": {"cell": "gru", "attention": "general", "peeky": True, "layers": 2},
    "additive, everything": {
        "cell": "lstm",
        "attention": "additive",
        "peeky": True,
        "layers": 2,
        "reverse_source": True,
        "dropout": 0.3,
    },
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


@every_option
def test_gradients(options: dict[str, Any], rng: Generator) -> None:
    for batch in (pairs(rng), pairs(rng, (2, 2), (3, 3)), pairs(rng, (1,), (1,))):
        seq2seq = model(**options)
        errors = check_gradients(seq2seq, batch)
        assert errors.keys() == dict(seq2seq.parameters()).keys()


def logits_by_row(seq2seq: Seq2Seq, batch: Batch) -> list[Any]:
    """Each row's logits (target length, V)."""
    logits, _ = seq2seq.forward(batch)
    time_major = np.full(batch.target.T.shape, -1)
    time_major[np.arange(len(time_major))[:, None] < batch.target_lengths] = np.arange(len(logits))
    return [logits[column[column >= 0]] for column in time_major.T]


def test_logits_come_in_the_order_of_the_real_rows(rng: Generator) -> None:
    batch = pairs(rng)
    real, target = batch.real_rows()
    # Targets of lengths 2, 4, 1 in time-major order: rows 0, 1, 2 at step 0, rows 0, 1 at step 1, row 1 at 2 and 3.
    assert real is not None
    assert real.tolist() == [0, 1, 2, 3, 4, 7, 10]
    t = batch.target
    assert target.tolist() == [t[0, 0], t[1, 0], t[2, 0], t[0, 1], t[1, 1], t[1, 2], t[1, 3]]
    assert batch.target_tokens == len(target) == len(model().forward(batch)[0])
    whole, everything = pairs(rng, (2, 2), (3, 3)).real_rows()
    assert whole is None
    assert len(everything) == 6


def test_a_target_does_not_see_itself_or_what_follows(rng: Generator) -> None:
    seq2seq, batch = randomised(model()), pairs(rng, (3,), (4,))
    before, _ = seq2seq.forward(batch)
    changed = batch.target.copy()
    changed[0, 2] = 3 + (changed[0, 2] - 2) % 5
    after, _ = seq2seq.forward(batch._replace(target=changed))
    np.testing.assert_array_equal(after[:3], before[:3])
    assert not np.allclose(after[3], before[3])


def test_reversing_the_source_turns_each_row_inside_its_length(rng: Generator) -> None:
    batch = pairs(rng)
    turned = batch.source.copy()
    for row, length in zip(turned, batch.source_lengths, strict=True):
        row[:length] = row[:length][::-1].copy()
    plain, reverse = (randomised(model(bidirectional=False, reverse_source=r)) for r in (False, True))
    np.testing.assert_array_equal(reverse.forward(batch)[0], plain.forward(batch._replace(source=turned))[0])


@every_option
@pytest.mark.parametrize("steps", [0, 1000], ids=["row by row", "by table"])
def test_decoding_step_by_step_gives_the_logits_of_training(
    options: dict[str, Any], steps: int, rng: Generator
) -> None:
    seq2seq, batch = randomised(model(**{**options, "dropout": 0.0})), pairs(rng)
    rows = logits_by_row(seq2seq, batch)
    encoded = seq2seq.encode(batch.source, batch.source_lengths)
    state, prepared = encoded.state, seq2seq.prepare(steps)
    assert (prepared.table is None) == (steps == 0)
    tokens = np.full(3, 2)
    for t in range(batch.target.shape[1]):
        logits, state = seq2seq.decode_step(tokens, encoded, state, prepared)
        for n in range(3):
            if t < batch.target_lengths[n]:
                possible = [token for token in range(TARGET) if token not in (PAD, BOS)]
                np.testing.assert_allclose(logits[n, possible], rows[n][t][possible], rtol=1e-10, atol=1e-12)
                assert (logits[n, [PAD, BOS]] == -np.inf).all()
        tokens = batch.target[:, t]


def test_attention_weights_are_over_the_real_source(rng: Generator) -> None:
    seq2seq, batch = randomised(model(peeky=True)), pairs(rng)
    weights = seq2seq.attention_weights(batch)
    assert weights.shape == (3, 4, 5)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-12)
    for n, length in enumerate(batch.source_lengths):
        assert not weights[n, :, length:].any()


def test_without_attention_there_are_no_weights(rng: Generator) -> None:
    with pytest.raises(InputError, match="no attention"):
        model(attention="none").attention_weights(pairs(rng))


def test_dropout_acts_in_training_only(rng: Generator) -> None:
    wet, batch = model(dropout=0.5), pairs(rng)
    dry = model()
    assert not np.allclose(wet.forward(batch)[0], dry.forward(batch)[0])
    state = wet.dropout.rng.bit_generator.state
    np.testing.assert_array_equal(wet(batch), dry(batch))
    a, b = (m.encode(batch.source, batch.source_lengths) for m in (wet, dry))
    np.testing.assert_array_equal(a.memory, b.memory)
    np.testing.assert_array_equal(wet.attention_weights(batch), dry.attention_weights(batch))
    assert greedy(wet, batch.source, batch.source_lengths, 5) == greedy(dry, batch.source, batch.source_lengths, 5)
    assert wet.dropout.rng.bit_generator.state == state


def test_the_same_seeds_give_the_same_model_and_draws(rng: Generator) -> None:
    batch = pairs(rng)
    np.testing.assert_array_equal(model(dropout=0.5).forward(batch)[0], model(dropout=0.5).forward(batch)[0])


def test_sources_can_be_picked_and_repeated(rng: Generator) -> None:
    seq2seq, batch = randomised(model(peeky=True)), pairs(rng)
    encoded = seq2seq.encode(batch.source, batch.source_lengths)
    prepared, tokens = seq2seq.prepare(0), np.array([2, 2, 2])
    logits, _ = seq2seq.decode_step(tokens, encoded, encoded.state, prepared)
    picked = encoded.pick(np.array([2, 0, 2]))
    again, _ = seq2seq.decode_step(tokens, picked, picked.state, prepared)
    np.testing.assert_allclose(again, logits[[2, 0, 2]], rtol=1e-12)


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("reverse_source", [False, True])
def test_empty_sources_can_be_translated(attention: str, reverse_source: bool) -> None:
    """One row of no words in a batch, and a batch of no words."""
    seq2seq = model(attention=attention, reverse_source=reverse_source)
    some = greedy(seq2seq, np.array([[4, 5], [0, 0]]), np.array([2, 0]), 3)
    none = greedy(seq2seq, np.zeros((1, 0), np.int64), np.array([0]), 3)
    assert none[0] == some[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"cell": "ltsm"},
            "cell is 'ltsm' (did you mean 'lstm'?); "
            "expected one of rnn, rnn-relu, lstm, lstm-peephole, gru, gru-original",
        ),
        (
            {"attention": "luong"},
            "attention is 'luong'; expected one of none, dot, scaled-dot, general, additive",
        ),
        ({"layers": 0}, "layers is 0; expected at least 1"),
        ({"embedding": -1}, "embedding is -1; expected at least 1"),
        ({"hidden": 0}, "hidden is 0; expected at least 1"),
        ({"hidden": 5}, "hidden is 5; a bidirectional encoder needs an even number, half for each direction"),
        ({"dropout": 1.0}, "the dropout probability is 1.0; expected 0 <= p < 1"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        model(**options)
    assert str(error.value) == message


# ---- learning ------------------------------------------------------------------------------------------------


def digits(rng: Generator, N: int, reverse: bool) -> Batch:
    """Sequences of one to four of three digits, to be copied or turned round; a fixed guess gets few of them right."""
    lengths = rng.integers(1, 5, N)
    source = rng.integers(4, 7, (N, 4))
    target = np.full((N, 5), EOS)
    for n, length in enumerate(lengths):
        target[n, :length] = source[n, :length][:: -1 if reverse else 1]
    return Batch(source, lengths, target, lengths + 1)


@pytest.mark.parametrize("reverse", [False, True], ids=["copy", "reverse"])
@pytest.mark.parametrize("attention", ["none", "dot", "additive"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_it_learns_to_copy_and_to_reverse(cell: str, attention: str, reverse: bool, rng: Generator) -> None:
    seq2seq = model(cell=cell, attention=attention, embedding=16, hidden=32)
    optimizer = Adam(seq2seq.parameters(), 0.01, clip=1.0)
    for _ in range(250):
        batch = digits(rng, 48, reverse)
        logits, backward = seq2seq.forward(batch)
        _, dlogits = softmax_cross_entropy(logits, batch.real_rows()[1])
        backward(dlogits)
        optimizer.step()
    unseen = digits(rng, 200, reverse)
    found = greedy(seq2seq, unseen.source, unseen.source_lengths, 8)
    right = [
        ids == target[: n - 1].tolist()
        for ids, target, n in zip(found, unseen.target, unseen.target_lengths, strict=True)
    ]
    assert np.mean(right) >= 0.95


@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_the_parts_of_a_batch_are_its_rows_without_needless_padding(parts: int, rng: Generator) -> None:
    batch = pairs(rng)
    split = batch.split(parts)
    assert len(split) == min(parts, 3)
    rows = [
        (source[:s].tolist(), target[:t].tolist()) for part in split for source, s, target, t in zip(*part, strict=True)
    ]
    expected = [(source[:s].tolist(), target[:t].tolist()) for source, s, target, t in zip(*batch, strict=True)]
    assert rows == expected
    for part in split:
        assert part.source.shape[1] == part.source_lengths.max()
        assert part.target.shape[1] == part.target_lengths.max()
