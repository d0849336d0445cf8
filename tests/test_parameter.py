import copy

import numpy as np
import pytest

from seqrl.parameter import Packed, Parameter


def pair() -> tuple[Parameter, Parameter]:
    return Parameter([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), Parameter([7.0, 8.0])


def test_a_parameter_owns_its_memory() -> None:
    given = np.ones(3, np.float32)
    parameter = Parameter(given)
    given[:] = 5
    assert parameter.value.tolist() == [1, 1, 1]
    assert parameter.grad.tolist() == [0, 0, 0]


def test_a_parameter_is_contiguous_whatever_it_was_made_from() -> None:
    assert Parameter(np.ones((2, 3)).T).value.flags.c_contiguous


def test_repr_names_shape_and_type() -> None:
    assert repr(pair()[0]) == "Parameter(shape=(2, 3), dtype=float32)"


def test_packing_keeps_values_and_gradients() -> None:
    a, b = pair()
    a.grad += 1
    packed = Packed([("a", a), ("b", b)])
    assert packed.value.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert packed.grad.tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert packed.slices == {"a": slice(0, 6), "b": slice(6, 8)}


def test_packed_parameters_are_views_both_ways() -> None:
    a, b = pair()
    packed = Packed([("a", a), ("b", b)])
    packed.value[5] = 60
    assert a.value[1, 2] == 60
    b.grad += 2
    assert packed.grad[6:].tolist() == [2, 2]
    a.value[...] = 0
    assert packed.value[:6].tolist() == [0] * 6


def test_a_tied_parameter_is_laid_down_once_and_equal_values_are_not_a_tie() -> None:
    a, b = pair()
    assert Packed([("a", a), ("b", b), ("again", a)]).value.size == 8
    assert Packed([("a", a), ("equal", Parameter(a.value))]).value.size == 12


def test_packing_again_moves_the_views() -> None:
    a, b = pair()
    Packed([("a", a), ("b", b)])
    packed = Packed([("b", b), ("a", a)])
    a.value[...] = 9
    assert packed.value.tolist() == [7, 8, 9, 9, 9, 9, 9, 9]


def test_a_copy_of_a_packed_parameter_is_independent() -> None:
    a, _ = pair()
    packed = Packed([("a", a)])
    other = copy.deepcopy(a)
    other.value[...] = 0
    assert packed.value.tolist() == [1, 2, 3, 4, 5, 6]


def test_nothing_and_scalars_can_be_packed() -> None:
    assert Packed([]).value.shape == (0,)
    scalar = Parameter(3.0)
    packed = Packed([("scalar", scalar)])
    packed.value[0] = 4
    assert scalar.value == 4


def test_types_are_not_mixed() -> None:
    with pytest.raises(TypeError, match=r"different types.*float32.*float64"):
        Packed([("a", Parameter(1.0)), ("b", Parameter(1.0, np.float64))])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["value", "grad"])
def test_the_first_parameter_that_is_not_finite_is_named(where: str, bad: float) -> None:
    a, b = pair()
    packed = Packed([("a", a), ("b", b)])
    assert packed.first_non_finite() is None
    getattr(b, where)[1] = bad
    assert packed.first_non_finite() == "b"


@pytest.mark.parametrize("where", ["value", "grad"])
def test_large_finite_numbers_are_finite(where: str) -> None:
    """Their squares are not, in float32."""
    a, b = pair()
    packed = Packed([("a", a), ("b", b)])
    getattr(b, where)[1] = 1e30
    assert packed.first_non_finite() is None


def test_a_second_gradient_vector_is_for_the_parameters_of_the_same_names() -> None:
    a, b = pair()
    packed = Packed([("a", a), ("b", b)])
    c, d = pair()
    grad = packed.view_gradients([("b", d), ("a", c)])  # in whatever order
    c.grad += 1
    d.grad += 2
    assert grad.tolist() == [1] * 6 + [2] * 2
    assert not packed.grad.any()
