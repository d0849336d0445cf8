"""English dates in free formats and in ISO 8601: `python data/generate_dates.py` writes data/dates/*.tsv."""

import random
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pairs import Pair, write_pairs

FOLDER = Path(__file__).parent / "dates"
SIZES = {"train": 45_000, "valid": 1_000, "test": 5_000}
SEED = 2
FIRST, LAST = date(1950, 1, 1), date(2049, 12, 31)  # a century, so that two digits of a year say which

# Names are written out here because strftime follows the machine's language.
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def month(d: date) -> str:
    return MONTHS[d.month - 1]


def mon(d: date) -> str:
    return month(d)[:3]


def day(d: date) -> str:
    return DAYS[d.weekday()]


def ordinal(d: date) -> str:
    ending = "th" if 11 <= d.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(d.day % 10, "th")
    return f"{d.day}{ending}"


# Numbers alone are read by their separator: slashes put the month first, dots the day, a year of four digits in front
# is followed by the month.
FORMATS: tuple[Callable[[date], str], ...] = (
    lambda d: f"{month(d)} {d.day}, {d.year}",
    lambda d: f"{month(d)} {d.day}, {d.year}".lower(),
    lambda d: f"{mon(d)} {d.day}, {d.year}",
    lambda d: f"{month(d)} {ordinal(d)}, {d.year}",
    lambda d: f"{day(d)}, {month(d)} {d.day}, {d.year}",
    lambda d: f"{day(d)[:3]}, {mon(d)} {d.day}, {d.year}",
    lambda d: f"{day(d)}, {d.day} {month(d)} {d.year}",
    lambda d: f"{d.day} {month(d)} {d.year}",
    lambda d: f"{d.day} {mon(d)} {d.year}".lower(),
    lambda d: f"{ordinal(d)} of {month(d)} {d.year}",
    lambda d: f"{d.day:02}-{mon(d).upper()}-{d.year % 100:02}",
    lambda d: f"{d.year}, {month(d)} {d.day}",
    lambda d: f"{d.month}/{d.day}/{d.year % 100:02}",
    lambda d: f"{d.month:02}/{d.day:02}/{d.year}",
    lambda d: f"{d.day:02}.{d.month:02}.{d.year}",
    lambda d: f"{d.year}{d.month:02}{d.day:02}",
)


def generate(rng: random.Random) -> dict[str, list[Pair]]:
    """Distinct sources, cut into the splits in the order in which they were drawn."""
    days = LAST.toordinal() - FIRST.toordinal() + 1
    found: dict[str, str] = {}
    while len(found) < sum(SIZES.values()):
        d = date.fromordinal(FIRST.toordinal() + int(days * rng.random()))
        source = FORMATS[int(len(FORMATS) * rng.random())](d)
        if found.setdefault(source, d.isoformat()) != d.isoformat():
            raise AssertionError(f"'{source}' is both {found[source]} and {d.isoformat()}")
    pairs = list(found.items())
    splits = {}
    for split, size in SIZES.items():
        splits[split], pairs = pairs[:size], pairs[size:]
    return splits


if __name__ == "__main__":
    for split, pairs in generate(random.Random(SEED)).items():
        write_pairs(FOLDER / f"{split}.tsv", pairs)
