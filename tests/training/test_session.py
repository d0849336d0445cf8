from pathlib import Path

from seqrl.training.session import fingerprints


def test_fingerprints_tell_contents_apart(tmp_path: Path) -> None:
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    Path(a).write_text("one")
    Path(b).write_text("two")
    found = fingerprints([a, None, b])
    assert list(found) == [a, b]
    assert found[a] != found[b]
    assert len(found[a]) == 64
