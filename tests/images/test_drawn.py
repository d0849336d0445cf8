import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.images.drawn import draw_digits


def test_images_are_ink_on_paper_and_each_digit_occurs_equally_often(rng: np.random.Generator) -> None:
    images, labels = draw_digits(203, rng)
    assert images.shape == (203, 1, 28, 28)
    assert images.dtype == np.float32
    assert images.min() == 0
    assert 0.7 < images.max() <= 1
    assert np.bincount(labels).tolist() == [21, 21, 21, *[20] * 7]
    assert not np.array_equal(labels, np.sort(labels))
    ink = (images > 0.5).mean(axis=(1, 2, 3))
    assert 0.01 < ink.min() < ink.max() < 0.4


def test_one_seed_gives_the_same_images_and_another_gives_others() -> None:
    (first, labels), (again, labels_again) = (draw_digits(30, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, again)
    assert np.array_equal(labels, labels_again)
    assert not np.array_equal(first, draw_digits(30, np.random.default_rng(2))[0])


def test_no_two_images_are_alike_but_those_of_a_digit_are_more_so_than_others(rng: np.random.Generator) -> None:
    images, labels = draw_digits(400, rng)
    flat = images.reshape(400, -1)
    apart = np.square(flat[:, None] - flat[None]).mean(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.001
    nearest = labels[apart.argmin(axis=1)]
    assert 0.6 < (nearest == labels).mean() < 0.97  # to be learned, and not by the nearest neighbour alone


def test_a_digit_stays_inside_its_image(rng: np.random.Generator) -> None:
    images, _ = draw_digits(500, rng)
    edge = np.ones((28, 28), bool)
    edge[1:-1, 1:-1] = False
    assert (images[:, 0, edge] > 0.6).any(axis=1).mean() < 0.05


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_images(count: int, rng: np.random.Generator) -> None:
    images, labels = draw_digits(count, rng)
    assert images.shape == (count, 1, 28, 28)
    assert sorted(labels) == list(range(count))


def test_a_negative_number_of_digits_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match=r"^the number of digits is -1; expected 0 or more$"):
        draw_digits(-1, rng)
