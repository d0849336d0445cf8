from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.gradient_check import check_gradients
from seqrl.losses import softmax_cross_entropy
from seqrl.models.hred import HRED, DialogueBatch, HREDConfig, pad_dialogues
from seqrl.models.last_utterance import LastUtterance
from seqrl.models.seq2seq import Seq2SeqConfig
from seqrl.optimizers import Adam
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN

Generator = np.random.Generator
V = 9


def dialogue(rng: Generator, *words: int) -> list[list[int]]:
    """Utterances of so many words, and EOS."""
    return [[*rng.integers(4, V, count).tolist(), EOS] for count in words]


def dialogues(rng: Generator) -> DialogueBatch:
    """Of several lengths; one has nothing to predict."""
    return pad_dialogues([dialogue(rng, *words) for words in [(2, 0, 4), (1,), (3, 1, 1, 2), (0, 3)]])


def by_dialogue(rows: Any, batch: DialogueBatch) -> list[Any]:
    """Those of the rows for real tokens that belong to each dialogue, in their order."""
    pairs, N = batch.pairs(), len(batch.ids)
    real = np.arange(pairs.target.shape[1])[:, None] < pairs.target_lengths
    owners = np.broadcast_to(batch.answered() % N, real.shape)[real]
    assert len(owners) == len(rows)
    return [rows[owners == n] for n in range(N)]


def model(**options: Any) -> HRED:
    config = HREDConfig(V, **{"embedding": 3, "hidden": 4, "context": 5, **options})
    return HRED(config, rng=np.random.default_rng(1), dropout_rng=np.random.default_rng(2))


def randomised(layer: Any, scale: float = 0.5) -> Any:
    layer, rng = layer.astype(np.float64), np.random.default_rng(3)
    for _, parameter in layer.parameters():
        parameter.value[...] = rng.normal(0, scale, parameter.shape)
    return layer


OPTIONS: dict[str, dict[str, Any]] = {
    "plain rnn": {"cell": "rnn", "bidirectional": False, "tied": False},
    "gru": {"cell": "gru", "tied": False},
    "lstm, two layers": {"cell": "lstm", "layers": 2},
    "peepholes, one way": {"cell": "lstm-peephole", "layers": 2, "bidirectional": False},
    "tied": {"cell": "gru-original", "layers": 2},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


# ---- batches -------------------------------------------------------------------------------------------------


def test_dialogues_are_padded_and_counted() -> None:
    batch = pad_dialogues([[[5, EOS], [6, 7, EOS], [EOS]], [[8, EOS]]])
    assert batch.ids.tolist() == [[[5, 3, 0], [6, 7, 3], [3, 0, 0]], [[8, 3, 0], [0, 0, 0], [0, 0, 0]]]
    assert batch.lengths.tolist() == [[2, 3, 1], [2, 0, 0]]
    assert batch.utterances.tolist() == [3, 1]
    assert batch.target_tokens == 4


def test_pairs_are_each_utterance_with_its_answer() -> None:
    batch = pad_dialogues([[[5, EOS], [6, 7, EOS], [EOS]], [[8, EOS], [9, EOS]], [[4, 4, 4, EOS]]])
    pairs = batch.pairs()
    assert pairs.source.tolist() == [[5, 3, 0], [8, 3, 0], [6, 7, 3]]  # what is said first in all dialogues comes first
    assert pairs.target.tolist() == [[6, 7, 3], [9, 3, 0], [3, 0, 0]]
    assert pairs.source_lengths.tolist() == [2, 2, 3]
    assert pairs.target_lengths.tolist() == [3, 2, 1]
    assert pairs.target_tokens == batch.target_tokens


@pytest.mark.parametrize("parts", [1, 2, 3, 9])
def test_a_batch_in_parts_has_the_same_dialogues(parts: int, rng: Generator) -> None:
    batch = dialogues(rng)
    found = batch.split(parts)
    assert len(found) == min(parts, 4)
    assert sum(part.target_tokens for part in found) == batch.target_tokens
    texts = [[row[row != PAD].tolist() for row in rows if row.any()] for part in found for rows in part.ids]
    assert texts == [[row[row != PAD].tolist() for row in rows if row.any()] for rows in batch.ids]
    for part in found:
        assert part.ids.shape[1:] == (part.utterances.max(), part.lengths.max())


@pytest.mark.parametrize("wrong", [[[[5, EOS]], []], [[[5, EOS]], [[5, EOS], []]]])
def test_dialogues_without_an_utterance_or_a_token_are_refused(wrong: list[list[list[int]]]) -> None:
    with pytest.raises(InputError, match=r"dialogue 2 has .*; expected at least one, with a token in each"):
        pad_dialogues(wrong)


# ---- the model -----------------------------------------------------------------------------------------------


@every_option
def test_gradients(options: dict[str, Any], rng: Generator) -> None:
    for batch in (dialogues(rng), pad_dialogues([dialogue(rng, 0, 0)])):
        hred = model(embedding=2, context=3, dropout=0.3, word_dropout=0.5, **options)
        assert check_gradients(hred, batch).keys() == dict(hred.parameters()).keys()


@every_option
def test_the_equations_word_by_word(options: dict[str, Any], rng: Generator) -> None:
    """One dialogue, one utterance and one word at a time, with the layers' single steps and nothing padded."""
    hred = randomised(model(**options))
    texts = dialogue(rng, 2, 0, 3)
    E, context, expected = hred.embedding.weight.value, None, []
    for text, answer in pairwise(texts):
        _, final = hred.encoder.read(E[text][:, None])
        top = final[-1] if hred.config.bidirectional else (final[-1],)
        vector = np.concatenate([part[0] if isinstance(part, tuple) else part for part in top], axis=1)
        c, context = hred.context.step(vector, context)
        flat = np.tanh(c @ hred.initial.weight.value + hred.initial.bias.value)
        H, lstm = hred.config.hidden, options["cell"].startswith("lstm")
        cells = [flat[:, start : start + H] for start in range(0, flat.shape[1], H)]
        state: Any = tuple(zip(cells[::2], cells[1::2], strict=True)) if lstm else tuple(cells)
        for word in [BOS, *answer[:-1]]:
            y, state = hred.decoder.step(np.concatenate([E[[word]], c], axis=1), state)
            expected.append(hred.output(hred.narrow(y) if hred.narrow else y)[0])
    batch = pad_dialogues([texts])
    # The rows are in the order of time: the first words of both answers, then the second of the longer one.
    np.testing.assert_allclose(hred.forward(batch)[0], np.array(expected)[[0, 1, 2, 3, 4]], rtol=1e-12)


@every_option
def test_a_padded_batch_is_its_dialogues_alone(options: dict[str, Any], rng: Generator) -> None:
    together, alone, batch = randomised(model(**options)), randomised(model(**options)), dialogues(rng)
    logits, backward = together.forward(batch)
    dlogits = rng.normal(size=logits.shape)
    backward(dlogits)
    rows, drows = by_dialogue(logits, batch), by_dialogue(dlogits, batch)
    for row, drow, one in zip(rows, drows, batch.split(4), strict=True):
        logits_n, backward_n = alone.forward(one)
        backward_n(drow)
        np.testing.assert_allclose(logits_n, row, rtol=1e-12)
    for (name, a), (_, b) in zip(together.parameters(), alone.parameters(), strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-10, atol=1e-13, err_msg=name)


def test_what_stands_in_the_padding_does_not_count(rng: Generator) -> None:
    hred, batch = randomised(model()), dialogues(rng)
    filled = np.where(np.arange(batch.ids.shape[2]) < batch.lengths[:, :, None], batch.ids, 7)
    wider = np.concatenate([filled, np.full((*filled.shape[:2], 2), 8)], axis=2)
    np.testing.assert_array_equal(hred.forward(batch._replace(ids=wider))[0], hred.forward(batch)[0])


def test_inference_is_training_without_dropout(rng: Generator) -> None:
    batch = dialogues(rng)
    wet, dry = model(dropout=0.5, word_dropout=0.5), model()
    state = wet.dropout_rng.bit_generator.state
    np.testing.assert_array_equal(wet(batch), dry(batch))
    np.testing.assert_array_equal(wet.encode(batch).condition, dry.encode(batch).condition)
    assert wet.dropout_rng.bit_generator.state == state
    np.testing.assert_allclose(dry(batch), dry.forward(batch)[0], rtol=1e-6)
    assert not np.allclose(wet.forward(batch)[0], wet.forward(batch)[0])


def test_an_answer_depends_on_all_before_it_and_on_nothing_after(rng: Generator) -> None:
    hred = randomised(model())
    texts = dialogue(rng, 2, 2, 2, 2)
    last = hred(pad_dialogues([texts]))[-1]  # of the end of the last utterance
    for u in range(3):
        changed = [[*text] for text in texts]
        changed[u][0] = 4 + (changed[u][0] - 3) % 5
        assert not np.allclose(hred(pad_dialogues([changed]))[-1], last), f"utterance {u} is not seen"
    first = by_dialogue(hred(pad_dialogues([texts])), pad_dialogues([texts]))[0][::3]
    longer = [*texts, *dialogue(rng, 2)]
    np.testing.assert_allclose(hred(pad_dialogues([longer]))[::4], first, rtol=1e-12)


def test_the_last_utterance_is_all_that_the_baseline_sees(rng: Generator) -> None:
    config = Seq2SeqConfig(V, V, embedding=3, hidden=4)
    seq2seq = randomised(LastUtterance(config, rng=np.random.default_rng(1), dropout_rng=np.random.default_rng(2)))
    texts = dialogue(rng, 2, 2, 2, 2)
    changed = [*dialogue(rng, 4), *texts[1:]]
    a, b = (pad_dialogues([given]) for given in (texts, changed))
    expected, found = seq2seq(a), seq2seq(b)
    assert not np.allclose(found[0], expected[0])
    np.testing.assert_allclose(found[[1, 2, 4, 5, 7, 8]], expected[[1, 2, 4, 5, 7, 8]], rtol=1e-12)
    np.testing.assert_allclose(seq2seq.encode(b).memory, seq2seq.encode(a).memory, rtol=1e-12)


class _Words:
    """A generator whose uniform numbers fall below 0.5 at even places."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.resize([0.1, 0.9], shape)


def test_dropped_words_become_unknown_and_the_start_stays() -> None:
    hred = model(word_dropout=0.5)
    hred.dropout_rng = _Words()  # type: ignore[assignment]
    ids = np.array([[BOS, BOS], [5, 6], [7, 8]])
    assert hred._drop_words(ids).tolist() == [[BOS, BOS], [UNKNOWN, 6], [UNKNOWN, 8]]


def test_all_words_can_be_dropped_and_then_none_is_seen(rng: Generator) -> None:
    hred = randomised(model(word_dropout=1.0))
    texts = dialogue(rng, 1, 3)
    changed = [texts[0], [*(4 + (np.array(texts[1][:-1]) - 3) % 5), EOS]]
    np.testing.assert_array_equal(*(hred.forward(pad_dialogues([given]))[0] for given in (texts, changed)))


# ---- decoding ------------------------------------------------------------------------------------------------


@every_option
@pytest.mark.parametrize("steps", [0, 1000], ids=["row by row", "by table"])
def test_decoding_step_by_step_gives_the_logits_of_training(
    options: dict[str, Any], steps: int, rng: Generator
) -> None:
    """The contexts are those of dialogues of different lengths, the answers what training predicts last in each."""
    hred = randomised(model(**options))
    whole = [dialogue(rng, *words) for words in [(2, 0, 4), (3, 4), (3, 1, 1, 4)]]
    batch = pad_dialogues(whole)
    rows = by_dialogue(hred.forward(batch)[0], batch)
    encoded = hred.encode(pad_dialogues([texts[:-1] for texts in whole]))
    answers = np.array([texts[-1] for texts in whole])
    state, prepared, tokens = encoded.state, hred.prepare(steps), np.full(3, BOS)
    assert (prepared.table is None) == (steps == 0)
    for t in range(5):
        logits, state = hred.decode_step(tokens, encoded, state, prepared)
        for n in range(3):
            real = np.arange(5)[:, None] < batch.lengths[n, 1 : batch.utterances[n]]
            last = np.flatnonzero(np.nonzero(real)[1] == real.shape[1] - 1)  # rows of the last utterance
            possible = [token for token in range(V) if token not in (PAD, BOS)]
            np.testing.assert_allclose(logits[n, possible], rows[n][last[t], possible], rtol=1e-10, atol=1e-12)
        assert (logits[:, [PAD, BOS]] == -np.inf).all()
        tokens = answers[:, t]


def test_contexts_can_be_picked_and_repeated(rng: Generator) -> None:
    hred = randomised(model(cell="lstm", layers=2))
    encoded = hred.encode(dialogues(rng))
    picked = encoded.pick(np.array([2, 0, 2]))
    tokens = np.array([4, 5, 6])
    logits, _ = hred.decode_step(tokens, picked, picked.state, hred.prepare(0))
    for n, (row, token) in enumerate(zip([2, 0, 2], tokens, strict=True)):
        alone = encoded.pick(np.array([row]))
        expected, _ = hred.decode_step(np.array([token]), alone, alone.state, hred.prepare(0))
        np.testing.assert_allclose(logits[n], expected[0], rtol=1e-12)


# ---- what is refused, and learning ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cell": "lstn"}, r"cell is 'lstn' \(did you mean 'lstm'\?\)"),
        ({"hidden": 5}, "hidden is 5; a bidirectional encoder needs an even number"),
        ({"context": 0}, "context of HRED is 0; expected a whole number of 1 or more"),
        ({"word_dropout": 1.5}, "the word dropout is 1.5; expected a share from 0 to 1"),
        ({"dropout": 1.0}, "the dropout probability is 1.0"),
    ],
)
def test_a_model_that_can_not_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model(**options)


def remembered(rng: Generator, count: int) -> DialogueBatch:
    """Something is said, two utterances follow that are the same in all dialogues, and then it is said again."""
    said = rng.choice([4, 5, 6], count)
    return pad_dialogues([[[int(word), EOS], [7, EOS], [8, EOS], [int(word), EOS]] for word in said])


def test_it_learns_an_answer_that_was_given_turns_ago_and_the_baseline_can_not(rng: Generator) -> None:
    losses = {}
    config = Seq2SeqConfig(V, V, embedding=8, hidden=16)
    streams = [np.random.default_rng(seed) for seed in (1, 2)]
    baseline = LastUtterance(config, rng=streams[0], dropout_rng=streams[1])
    for name, learner in ("hred", model(embedding=8, hidden=16, context=16)), ("last utterance", baseline):
        optimizer = Adam(learner.parameters(), 0.02)
        for _ in range(120):
            batch = remembered(rng, 16)
            logits, backward = learner.forward(batch)
            _, dlogits = softmax_cross_entropy(logits, batch.pairs().real_rows()[1])
            backward(dlogits)
            optimizer.step()
        test = remembered(rng, 200)
        targets = test.pairs().real_rows()[1]
        losses[name], _ = softmax_cross_entropy(learner(test), targets)
    # One of a dialogue's six tokens can't be told from the utterance before: without memory log 3 / 6 is the least.
    assert losses["hred"] < 0.01
    assert losses["last utterance"] > 0.95 * np.log(3) / 6
