from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrl.errors import InputError
from seqrl.text.batching import batches_by_length, pad
from seqrl.text.tokenizers import PAD


def test_pad_fills_on_the_right() -> None:
    ids, lengths = pad([[5, 6, 7], [], np.array([8])])
    assert ids.tolist() == [[5, 6, 7], [PAD, PAD, PAD], [8, PAD, PAD]]
    assert lengths.tolist() == [3, 0, 1]
    assert ids.dtype == lengths.dtype == np.int64
    assert pad([[1], []], value=-1)[0].tolist() == [[1], [-1]]


@pytest.mark.parametrize(("sequences", "shape"), [([], (0, 0)), ([[]], (1, 0)), ([[], []], (2, 0))])
def test_pad_of_nothing_has_no_columns(sequences: list[list[int]], shape: tuple[int, int]) -> None:
    ids, lengths = pad(sequences)
    assert ids.shape == shape
    assert ids.dtype == np.int64
    assert lengths.tolist() == [0] * shape[0]


def lengths_of(columns: int) -> st.SearchStrategy[np.ndarray]:
    row = st.lists(st.integers(0, 9), min_size=columns, max_size=columns)
    return st.lists(row, max_size=60).map(lambda rows: np.array(rows, dtype=np.int64).reshape(-1, columns))


@settings(deadline=None)
@given(lengths_of(1) | lengths_of(2), st.integers(1, 20), st.integers(0, 3))
def test_every_example_once_in_full_batches(lengths: np.ndarray, batch_size: int, seed: int) -> None:
    if lengths.shape[1] == 1:
        lengths = lengths[:, 0]
    batches = batches_by_length(lengths, batch_size, np.random.default_rng(seed))
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    full, rest = divmod(len(lengths), batch_size)
    assert sorted(len(batch) for batch in batches) == ([rest] if rest else []) + [batch_size] * full


@settings(deadline=None)
@given(lengths_of(2), st.integers(1, 20))
def test_batches_do_not_overlap_in_target_length(lengths: np.ndarray, batch_size: int) -> None:
    batches = batches_by_length(lengths, batch_size, np.random.default_rng(0))
    spans = sorted((lengths[batch, 1].min(), lengths[batch, 1].max()) for batch in batches)
    assert all(longest <= next_shortest for (_, longest), (next_shortest, _) in pairwise(spans))


def test_source_lengths_are_alike_within_a_target_length_and_where_it_changes() -> None:
    lengths = [(source, target) for target in (3, 4) for source in (1, 2, 3, 4, 5, 6)]
    batches = batches_by_length(lengths, 4, np.random.default_rng(0))
    # Sorted: sources 1 to 6 of target 3, then 6 to 1 of target 4.
    sources = sorted(sorted(lengths[i][0] for i in batch) for batch in batches)
    assert sources == [[1, 2, 3, 4], [1, 2, 3, 4], [5, 5, 6, 6]]


def test_epochs_differ_in_batches_and_in_their_order_and_follow_the_generator() -> None:
    lengths = np.repeat([3, 5], 50)
    rng = np.random.default_rng(0)
    first, second = (batches_by_length(lengths, 10, rng) for _ in range(2))
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    assert [lengths[batch[0]] for batch in first] != [lengths[batch[0]] for batch in second]
    again = batches_by_length(lengths, 10, np.random.default_rng(0))
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]


def test_batch_size_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="batch size is 0; expected 1 or more"):
        batches_by_length([1, 2], 0, np.random.default_rng(0))
