import os
from pathlib import Path

import pytest

from seqrl.errors import InputError
from seqrl.training.session import fingerprints


def test_fingerprints_tell_contents_apart(tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    Path(a).write_text("one")
    Path(b).write_text("two")
    found = fingerprints([a, None, b])
    assert list(found) == [a, b]
    assert found[a] != found[b]
    assert len(found[a]) == 64


def test_a_pipe_is_refused_because_resuming_could_not_read_it_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: not a file that can be read again"):
        fingerprints([str(tmp_path / "pipe")])
