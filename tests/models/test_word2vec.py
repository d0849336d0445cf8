import math
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.models.word2vec import Word2Vec, Word2VecConfig, alias_table, huffman_ways

Generator = np.random.Generator
MODES = [
    (architecture, objective)
    for architecture in ("skip-gram", "cbow")
    for objective in ("negative-sampling", "hierarchical-softmax")
]
TOPICS, WORDS = 4, 8


def topical_text(rng: Generator, sentences: int = 800) -> np.ndarray:
    """Sentences of ten words of one topic each, in random order; word w is of topic w % TOPICS."""
    topics = rng.integers(0, TOPICS, (sentences, 1))
    words = rng.integers(0, WORDS, (sentences, 10)) * TOPICS + topics
    return np.hstack([words, np.full((sentences, 1), -1)]).ravel().astype(np.int32)


def counts_of(ids: np.ndarray) -> np.ndarray:
    return np.bincount(ids[ids >= 0])


def constant_loss(objective: str) -> float:
    """The best that one probability for all reaches: one label in six is 1, or about as many steps go left as right."""
    return math.log(2) if objective == "hierarchical-softmax" else math.log(6) - 5 / 6 * math.log(5)


def made(counts: Any, *, seed: int = 0, **options: Any) -> Word2Vec:
    return Word2Vec(counts, Word2VecConfig(**options), rng=np.random.default_rng(seed))


# ---- what is learned -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("architecture", "objective"), MODES)
def test_words_of_one_topic_come_to_lie_together(architecture: str, objective: str, rng: Generator) -> None:
    ids = topical_text(rng)
    model = made(counts_of(ids), architecture=architecture, objective=objective, size=16, window=4, subsampling=0)
    rate = {"skip-gram": 0.2, "cbow": 0.04}[architecture]
    for step in range(15):
        total, count = model.learn(ids, rate * (1 - step / 15), rng)
    assert total / count < 0.7 * constant_loss(objective)
    unit = model.vectors / np.linalg.norm(model.vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    same = np.arange(TOPICS * WORDS)[:, None] % TOPICS == np.arange(TOPICS * WORDS) % TOPICS
    np.fill_diagonal(similar, np.nan)
    assert np.nanmin(np.where(same, similar, np.nan)) > np.nanmax(np.where(same, np.nan, similar))


@pytest.mark.parametrize(("architecture", "objective"), MODES)
def test_the_same_seeds_give_the_same_bits_and_others_do_not(architecture: str, objective: str, rng: Generator) -> None:
    ids = topical_text(rng, 100)

    def learned(seed: int, text_seed: int) -> np.ndarray:
        model = made(counts_of(ids), seed=seed, architecture=architecture, objective=objective, size=20)
        model.learn(ids, 0.1, np.random.default_rng(text_seed))
        return model.vectors.copy()

    np.testing.assert_array_equal(learned(0, 0), learned(0, 0))
    assert not np.array_equal(learned(0, 0), learned(0, 1))
    assert not np.array_equal(learned(0, 0), learned(1, 0))


@pytest.mark.parametrize(("architecture", "objective"), MODES)
def test_several_threads_learn_one_model(architecture: str, objective: str, rng: Generator) -> None:
    ids = topical_text(rng)
    model = made(counts_of(ids), architecture=architecture, objective=objective, size=16, subsampling=0)
    results: list[tuple[float, int]] = []

    def work(seed: int) -> None:
        own = np.random.default_rng(seed)
        results.extend(model.learn(ids, 0.1 * (1 - step / 8), own) for step in range(8))

    threads = [threading.Thread(target=work, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 16
    total, count = results[-1]
    assert total / count < 0.8 * constant_loss(objective)
    assert np.isfinite(model.vectors).all()


def test_sizes_that_are_no_multiple_of_a_cache_line_are_padded_with_zeros_that_stay(rng: Generator) -> None:
    ids = topical_text(rng, 50)
    model = made(counts_of(ids), size=19)
    model.learn(ids, 0.5, rng)
    assert model.vectors.shape == (TOPICS * WORDS, 19)
    assert {name: array.shape for name, array in model.arrays().items()} == {
        "words": (TOPICS * WORDS, 32),
        "outputs": (TOPICS * WORDS, 32),
    }
    for array in model.arrays().values():
        assert array.ctypes.data % 64 == 0
        assert np.all(array[:, 19:] == 0)
        assert np.any(array[:, :19] != 0)


def test_arrays_are_all_that_must_be_kept(rng: Generator) -> None:
    ids = topical_text(rng, 50)
    one, other = made(counts_of(ids), size=10), made(counts_of(ids), seed=1, size=10)
    one.learn(ids, 0.1, np.random.default_rng(1))
    for name, array in other.arrays().items():
        array[...] = one.arrays()[name]
    for model in (one, other):
        model.learn(ids, 0.1, np.random.default_rng(2))
    np.testing.assert_array_equal(one.vectors, other.vectors)


def test_no_window_crosses_the_end_of_a_sentence() -> None:
    """Alone in their sentences, words have no neighbours: nothing is predicted and nothing changes."""
    model = made([3, 2, 1], size=4, subsampling=0)
    before = model.vectors.copy()
    assert model.learn(np.array([0, -1, 1, -1, 2, -1, 0], np.int32), 0.1, np.random.default_rng(0)) == (0.0, 0)
    np.testing.assert_array_equal(model.vectors, before)


def test_a_text_without_words_is_learned_in_no_time(rng: Generator) -> None:
    model = made([3, 2])
    assert model.learn(np.array([], np.int32), 0.1, rng) == (0.0, 0)
    assert model.learn(np.array([-1, -1], np.int32), 0.1, rng) == (0.0, 0)


# ---- what is drawn -------------------------------------------------------------------------------------------


def test_frequent_words_are_skipped_by_the_formula_of_the_original_program(rng: Generator) -> None:
    counts = np.array([900_000, 90_000, 9_990, 10])
    model = made(counts, size=1, window=1, negatives=1, subsampling=1e-3)
    share = counts / counts.sum()
    expected = np.minimum(1, np.sqrt(1e-3 / share) + 1e-3 / share)
    # Two words in a sentence are predictions of each other only if both stay: the chance is the square.
    for word, chance in enumerate(expected):
        sentences = 40_000
        ids = np.tile(np.array([word, word, -1], np.int32), sentences)
        _, count = model.learn(ids, 0.0, rng)
        # Each of the two predicts its word and one other.
        assert abs(count / (4 * sentences) - chance**2) < 4 * math.sqrt(0.25 / sentences)


def test_negatives_are_drawn_by_count_to_three_quarters_and_are_never_the_word_itself() -> None:
    counts = np.array([1000, 100, 10, 1])
    chances, others = alias_table(counts**0.75)
    V = len(counts)
    drawn = np.zeros(V)
    np.add.at(drawn, np.arange(V), chances / 2.0**32 / V)
    np.add.at(drawn, others, (1 - chances / 2.0**32) / V)
    np.testing.assert_allclose(drawn, counts**0.75 / (counts**0.75).sum(), atol=1e-9)

    from seqrl import kernels

    rng = np.random.default_rng(0)
    n = 100_000
    ids = np.full(n, 1, np.int32)
    targets = kernels.draw_targets(ids, rng.integers(0, 2**64, (n, 2), np.uint64), chances, others)
    np.testing.assert_array_equal(targets[:, 0], 1)
    assert (targets[:, 1:] < 0).all()
    shares = np.bincount(~targets[:, 1:].ravel(), minlength=V) / (2 * n)
    wanted = counts**0.75 * (np.arange(V) != 1)
    np.testing.assert_allclose(shares, wanted / wanted.sum(), atol=4e-3)


def test_negatives_of_a_word_that_is_nearly_all_of_the_text_end() -> None:
    model = made([10**12, 1], subsampling=0)
    total, count = model.learn(np.array([0, 0, 0, 1], np.int32), 0.1, np.random.default_rng(0))
    assert count > 0 and np.isfinite(total)


@pytest.mark.parametrize("V", [2, 3, 10, 257])
def test_ways_are_those_of_an_optimal_tree(V: int, rng: Generator) -> None:
    counts = np.sort(rng.integers(1, 1000, V))[::-1]
    starts, ways = huffman_ways(counts)
    codes = ["".join("1" if t >= 0 else "0" for t in ways[a:b]) for a, b in pairwise(starts)]
    assert sum(2.0 ** -len(code) for code in codes) == 1  # a complete tree
    ordered = sorted(codes)
    assert not any(b.startswith(a) for a, b in pairwise(ordered))
    # Huffman (1952): the cost is the sum over all merges, whichever of equal ones go first.
    left, cost = sorted(int(c) for c in counts), 0
    while len(left) > 1:
        merged = left[0] + left[1]
        cost += merged
        left = sorted([*left[2:], merged])
    assert sum(int(c) * len(code) for c, code in zip(counts, codes, strict=True)) == cost
    # A way goes through the tree: what follows a prefix is always the same node, another for another prefix.
    node_of: dict[str, int] = {}
    for word, code in enumerate(codes):
        for k in range(len(code)):
            step = int(ways[starts[word] + k])
            assert node_of.setdefault(code[:k], step if step >= 0 else ~step) == (step if step >= 0 else ~step)
    assert sorted(node_of.values()) == list(range(V - 1))
    assert node_of[""] == 0


def test_the_window_reaches_one_to_window_words_equally_often(rng: Generator) -> None:
    model = made([1000, 1000], size=1, window=4, negatives=1, subsampling=0)
    n = 20_000
    _, count = model.learn(np.tile(np.array([0, 1], np.int32), n // 2), 0.0, rng)
    assert abs(count / (2 * n) - 2 * 2.5) < 0.05  # the mean of 1 to 4, to both sides


# ---- what is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "options", "said"),
    [
        ([5], {}, "1 different words"),
        ([5, 4], {"architecture": "skipgram"}, "'skipgram' .did you mean 'skip-gram'"),
        ([5, 4], {"objective": "negative"}, "negative-sampling"),
        ([5, 4], {"size": 0}, "size of Word2Vec is 0"),
        ([5, 4], {"window": 0}, "window of Word2Vec is 0"),
        ([5, 4], {"window": 70_000}, "window is 70000; expected at most 65535"),
        ([5, 0], {}, "a word's count is 0; expected 1 or more"),
        ([5, 4], {"negatives": 0}, "negatives of Word2Vec is 0"),
        ([5, 4], {"subsampling": -1.0}, "subsampling is -1.0"),
    ],
)
def test_a_model_that_makes_no_sense_is_refused(counts: list[int], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        made(counts, **options)


@pytest.mark.parametrize("wrong", [-2, 3])
def test_an_id_that_is_no_words_is_refused_before_anything_is_read(wrong: int, rng: Generator) -> None:
    with pytest.raises(InputError, match=r"expected -1 .* to 2"):
        made([3, 2, 1]).learn(np.array([0, 1, wrong], np.int32), 0.1, rng)
