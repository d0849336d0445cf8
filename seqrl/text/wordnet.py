"""The glosses of WordNet's data files (wndb(5WN)): definitions and example sentences."""

import re

HEADER = b"  1 This software and database is being provided"
"""How data.noun, data.verb, data.adj and data.adv begin: with the licence."""

_GLOSS = re.compile(r"^\d{8} [^|\n]* \| (.*)$", re.MULTILINE)
_EXAMPLE = re.compile(r';\s*(?=")')


def glosses(lines: str) -> str:
    """The glosses in some lines of a data file: each definition a line, and each example, quoted after `;`, one too."""
    return "".join(_EXAMPLE.sub("\n", gloss) + "\n" for gloss in _GLOSS.findall(lines))
