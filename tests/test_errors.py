import sys
from pathlib import Path

import numpy as np
import pytest

from seqrl.errors import InputError, MissingExtra, check_sizes, choose, nearest, require


def test_the_nearest_name_is_hinted_at() -> None:
    assert nearest("lsmt", ["rnn", "lstm", "gru"]) == " (did you mean 'lstm'?)"
    assert nearest("LSTM", ["rnn", "lstm", "gru"]) == " (did you mean 'lstm'?)"
    assert nearest("transformer", ["rnn", "lstm", "gru"]) == ""


def test_choose_gives_the_value_of_the_name() -> None:
    assert choose("cell", "gru", {"rnn": 1, "gru": 2}) == 2


def test_choose_says_what_was_given_and_what_is_known() -> None:
    with pytest.raises(InputError) as error:
        choose("cell", "gruu", {"rnn": 1, "gru": 2})
    assert str(error.value) == "cell is 'gruu' (did you mean 'gru'?); expected one of rnn, gru"


@pytest.mark.parametrize("size", [0, -1, 2.0, "3", None])
def test_a_size_that_is_no_positive_whole_number_is_named(size: object) -> None:
    with pytest.raises(InputError) as error:
        check_sizes("Dense", n_in=3, n_out=size)
    assert str(error.value) == f"n_out of Dense is {size!r}; expected a whole number of 1 or more"


def test_whole_numbers_of_any_type_are_sizes() -> None:
    check_sizes("Dense", n_in=1, n_out=np.int64(2))


def test_an_input_error_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)


def test_require_gives_the_module() -> None:
    assert require("json", "fast").dumps([1]) == "[1]"


def test_a_missing_dependency_names_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingExtra) as error:
        require("no_such_module.plots", "plots")
    assert str(error.value) == 'no_such_module.plots is not installed; pip install "seqrl[plots]" brings it'
    assert isinstance(error.value, InputError)
    assert isinstance(error.value, ImportError)


def test_a_dependency_that_is_broken_is_not_called_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "seqrl_broken.py").write_text("import seqrl_what_it_needs\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="seqrl_what_it_needs") as error:
        require("seqrl_broken", "plots")
    assert not isinstance(error.value, MissingExtra)
    sys.modules.pop("seqrl_broken", None)
