"""Splitting text into words, a block of it at a time, for counts and embeddings."""

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

END = "\0"
"""The word after each line: it ends a sentence. No text has it."""


def words(text: str) -> list[str]:
    """Words in lower case: letters and digits of any script with their marks, and apostrophes inside a word.

    All else separates words, underscores and hyphens too. U+2019 is an apostrophe. Text without spaces, such as
    Chinese, is not segmented: what stands between two punctuation marks is one word.
    """
    if not text.isascii():
        text = _BEYOND_ASCII.sub(_replacement, text)
    spaced = text.encode().translate(_SPACED).replace(b"\0", b" \0 ")
    if b"'" in spaced:  # remove those that don't stand inside a word
        spaced = spaced.replace(b"''", b"  ").replace(b"' ", b"  ").replace(b" '", b"  ").strip(b"'")
    return spaced.decode().split()


def tokens(text: str) -> list[str]:
    """What white space separates, as the text has it."""
    return text.replace("\n", f" {END} ").split()


SPLITTINGS: dict[str, Callable[[str], list[str]]] = {"words": words, "whitespace": tokens}
"""Ways to split a text, by name. Each gives `END` for every line end."""


# Millions of words a second: one bytes.translate replaces all of a block's ASCII, and the rest comes from a cache.


def _spaced(character: str) -> str:
    """A character of a word in lower case, END for a line end, nothing for a variation selector, and else a space."""
    if character in "'’":
        return "'"
    if character == "\n":
        return END
    if "\ufe00" <= character <= "\ufe0f":
        return ""
    return character.lower() if unicodedata.category(character) in _OF_WORDS else " "


class _Table(dict[int, str]):
    """For str.translate, made as characters occur."""

    def __missing__(self, code: int) -> str:
        self[code] = spaced = _spaced(chr(code))
        return spaced


_OF_WORDS = {"Ll", "Lu", "Lt", "Lm", "Lo", "Nd", "Nl", "No", "Mn", "Mc"}
_SPACED = "".join(map(_spaced, map(chr, range(128)))).encode() + bytes(range(128, 256))
_TABLE = _Table()
_BEYOND_ASCII = re.compile(r"[^\0-\x7f]{1,32}")  # of bounded length, as each takes memory in the cache


@lru_cache(maxsize=1 << 16)
def _spaced_run(run: str) -> str:
    return run.lower().translate(_TABLE)  # lower() of a whole run knows Greek's final sigma


def _replacement(match: re.Match[str]) -> str:
    return _spaced_run(match[0])
