"""data/dates: every source is a real date, read in one way, and belongs to one split."""

import random
import re
from datetime import date

import generate_dates
from pairs import read_pairs

SPLITS = {split: read_pairs(generate_dates.FOLDER / f"{split}.tsv") for split in generate_dates.SIZES}
PAIRS = [pair for pairs in SPLITS.values() for pair in pairs]


def test_the_files_are_what_the_generator_writes() -> None:
    assert generate_dates.generate(random.Random(generate_dates.SEED)) == SPLITS


def test_splits_have_their_sizes_and_share_no_source() -> None:
    assert {split: len(pairs) for split, pairs in SPLITS.items()} == generate_dates.SIZES
    assert len({source for source, _ in PAIRS}) == len(PAIRS)


def test_sources_fit_in_29_characters() -> None:
    assert max(len(source) for source, _ in PAIRS) <= 29


def test_names_and_years_in_the_source_are_those_of_the_target() -> None:
    for source, target in PAIRS:
        d = date.fromisoformat(target)
        lower = source.lower()
        assert d.strftime("%y") in source
        for names, value in ((generate_dates.DAYS, d.weekday()), (generate_dates.MONTHS, d.month - 1)):
            named = {i for i, name in enumerate(names) if re.search(rf"\b{name[:3].lower()}", lower)}
            assert named <= {value}, f"{source} is not {target}"


def test_all_formats_of_one_date_are_spelt_as_people_write_them() -> None:
    assert [write(date(2003, 6, 3)) for write in generate_dates.FORMATS] == [
        "June 3, 2003",
        "june 3, 2003",
        "Jun 3, 2003",
        "June 3rd, 2003",
        "Tuesday, June 3, 2003",
        "Tue, Jun 3, 2003",
        "Tuesday, 3 June 2003",
        "3 June 2003",
        "3 jun 2003",
        "3rd of June 2003",
        "03-JUN-03",
        "2003, June 3",
        "6/3/03",
        "06/03/2003",
        "03.06.2003",
        "20030603",
    ]


def test_ordinals_of_the_teens_end_in_th() -> None:
    ordinals = [generate_dates.ordinal(date(2000, 1, day)) for day in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 30, 31)]
    assert ordinals == ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "30th", "31st"]


def test_no_source_is_written_by_two_dates() -> None:
    """Day and month can be told apart in every format: the whole century, in all formats, has no clash."""
    first, last = generate_dates.FIRST.toordinal(), generate_dates.LAST.toordinal()
    days = [date.fromordinal(n) for n in range(first, last + 1, 7)]
    days += [date(year, month, day) for year in (1951, 2010) for month in range(1, 13) for day in range(1, 13)]
    seen: dict[str, date] = {}
    for d in days:
        for write in generate_dates.FORMATS:
            assert seen.setdefault(write(d), d) == d
