"""data/addition: right sums, and no sum in both splits, whichever way round it is written."""

import random
from collections import Counter

import generate_addition
from pairs import read_pairs

SPLITS = {split: read_pairs(generate_addition.FOLDER / f"{split}.tsv") for split in generate_addition.SIZES}
PAIRS = [pair for pairs in SPLITS.values() for pair in pairs]


def test_the_files_are_what_the_generator_writes() -> None:
    assert generate_addition.generate(random.Random(generate_addition.SEED)) == SPLITS


def test_splits_have_their_sizes() -> None:
    assert {split: len(pairs) for split, pairs in SPLITS.items()} == {"train": 45_000, "test": 5_000}


def test_every_sum_is_right_and_of_numbers_below_a_thousand() -> None:
    for source, target in PAIRS:
        a, b = source.split("+")
        assert (str(int(a)), str(int(b)), str(int(a) + int(b))) == (a, b, target)
        assert int(a) < 1000 and int(b) < 1000


def test_two_numbers_are_added_once_in_one_order() -> None:
    assert len({frozenset(Counter(source.split("+")).items()) for source, _ in PAIRS}) == len(PAIRS)


def test_the_test_set_has_the_lengths_of_the_training_set() -> None:
    shares = []
    for pairs in SPLITS.values():
        lengths = Counter(len(source) for source, _ in pairs)
        shares.append([lengths[n] / len(pairs) for n in range(3, 8)])
    train, test = shares
    assert max(abs(a - b) for a, b in zip(train, test, strict=True)) < 0.02
