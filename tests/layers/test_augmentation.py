import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.layers.augmentation import RandomShift


def all_moves(x: np.ndarray, pixels: int) -> dict[tuple[int, int], bytes]:
    """What an image looks like moved (down, right)."""
    wide = np.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels)))
    height, width = x.shape[1:]
    return {
        (down, right): wide[
            :, pixels - down : pixels - down + height, pixels - right : pixels - right + width
        ].tobytes()
        for down in range(-pixels, pixels + 1)
        for right in range(-pixels, pixels + 1)
    }


@pytest.mark.parametrize(("height", "width"), [(4, 5), (1, 3)])
def test_each_image_is_moved_by_itself_and_every_move_is_as_likely(
    height: int, width: int, rng: np.random.Generator
) -> None:
    image = rng.uniform(1, 2, (2, height, width)).astype(np.float32)
    y, _ = RandomShift(2, rng=rng).forward(np.stack([image] * 2500))
    moved = all_moves(image, 2)
    counts = {content: 0 for content in moved.values()}
    for one in y:
        counts[one.tobytes()] += 1
    expected = {content: 100 * list(moved.values()).count(content) for content in counts}
    for content, count in counts.items():
        assert abs(count - expected[content]) < 5 * expected[content] ** 0.5


def test_inference_and_no_pixels_change_nothing(rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 1, 4, 4))
    assert RandomShift(2, rng=rng)(x) is x
    assert np.array_equal(RandomShift(0, rng=rng).forward(x)[0], x)


def test_the_gradient_goes_back_to_where_each_pixel_came_from(rng: np.random.Generator) -> None:
    x, dy = rng.normal(size=(20, 2, 4, 5)), rng.normal(size=(20, 2, 4, 5))
    y, backward = RandomShift(3, rng=rng).forward(x)
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, backward(dy)))  # y is linear in x


def test_bad_input_is_said(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="pixels of RandomShift are -1"):
        RandomShift(-1, rng=rng)
    with pytest.raises(InputError, match=r"RandomShift got input of shape \(2, 9\)"):
        RandomShift(1, rng=rng)(np.zeros((2, 9)))
