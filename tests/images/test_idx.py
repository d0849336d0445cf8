import gzip
from pathlib import Path

import pytest

from seqrl.errors import InputError
from seqrl.images.idx import read_idx

SIX = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
ZIPPED = gzip.compress(SIX, mtime=0)  # the time would be in the names of the tests


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_the_last_axis_runs_fastest_and_sizes_are_big_endian(compress: type[bytes], tmp_path: Path) -> None:
    path = tmp_path / "idx"
    path.write_bytes(compress(SIX))
    assert read_idx(path, 2).tolist() == [[1, 2, 3], [4, 5, 255]]
    wide = bytes([0, 0, 8, 1, 0, 0, 1, 2]) + bytes(258)
    path.write_bytes(compress(wide))
    assert read_idx(str(path), 1).shape == (258,)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        (SIX[:7], "cut short, 7 bytes"),
        (SIX[:-1], "5 bytes of data; its header says 2 x 3 = 6"),
        (SIX + b"\0", "7 bytes of data; its header says 2 x 3 = 6"),
        (bytes([0, 0, 13, 2]) + SIX[4:], "type 0x0d; expected 0x08"),
        (bytes([0, 0, 8, 3]) + SIX[4:], "3 axes; expected 2"),
        (ZIPPED[:-9], "damaged gzip file"),
        (ZIPPED[:12] + b"\xff\xff" + ZIPPED[14:], "can't be read|damaged gzip file"),
    ],
)
def test_damaged_files_are_one_clear_line(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(InputError, match=expected) as error:
        read_idx(path, 2)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_an_enormous_size_in_a_header_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "idx"
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(InputError, match="0 bytes of data"):
        read_idx(path, 3)


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_idx(tmp_path / "absent", 3)
    with pytest.raises(InputError, match="directory"):
        read_idx(tmp_path, 3)
