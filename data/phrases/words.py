"""What the grammar knows about a word in all three languages, read from the tables of `lexicon.py`."""

from dataclasses import dataclass
from functools import cached_property

from phrases import lexicon


@dataclass(frozen=True, eq=False)
class Noun:
    """`kinds` says which verbs and adjectives a noun goes with: the selectional restrictions of the grammar."""

    english: str
    english_plural: str
    french: str  # a leading * is an aspirate h: le *homard
    feminine: bool
    japanese: str
    counter: str = ""
    kinds: frozenset[str] = frozenset()
    polite: str = ""  # Japanese word for a member of somebody else's family
    at: tuple[str, str, str] = ("", "", "")  # of a place: in (English), in and to (French)

    @property
    def mass(self) -> bool:
        return "mass" in self.kinds

    @property
    def person(self) -> bool:
        return "person" in self.kinds


@dataclass(frozen=True, eq=False)
class Adjective:
    english: str
    french: str  # masculine/feminine/masculine before a vowel, or =noun with avoir (avoir faim)
    japanese: str  # marked by its last letter, see `lexicon.ADJECTIVES`
    kinds: frozenset[str] = frozenset()
    before: bool = False  # stands before the noun in French
    of_people: str = ""  # Japanese, where it is another word than of things


@dataclass(frozen=True, eq=False)
class Verb:
    english: tuple[str, str, str]  # base, past, participle
    after: str  # look *for*
    french: str
    particle: str
    japanese: str
    kinds: frozenset[str] = frozenset()
    places: tuple[str, ...] = ()
    state: bool = False  # no progressive in English, imparfait in the French past

    @cached_property
    def base(self) -> str:
        return self.english[0]

    @property
    def once(self) -> bool:
        """It happens in a moment: neither a habit nor in progress."""
        return "once" in self.kinds

    @property
    def long(self) -> bool:
        """It may take longer than a day, so that last year goes with it."""
        return "long" in self.kinds


@dataclass(frozen=True, eq=False)
class Phrase:
    """An expression that the grammar does not look into: a time, an adverb, a number."""

    english: str
    french: str
    japanese: str
    tenses: frozenset[str] = frozenset()  # that a time goes with


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


def plural(noun: str) -> str:
    """The regular English plural."""
    if noun.endswith("y") and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def noun(row: list[str], *kinds: str) -> Noun:
    english, *irregular = row[0].split()
    french, gender = row[1].split()
    japanese, _, counter = row[2].partition(" ")
    last = row[-1].split() if len(row) > 3 else []
    return Noun(
        english,
        irregular[0] if irregular else plural(english),
        french,
        gender == "f",
        japanese,
        counter,
        frozenset(last) | frozenset(kinds),
    )


def family(row: list[str]) -> Noun:
    member = noun(row[:4], "person", "family")
    return Noun(**{**vars(member), "counter": "人", "polite": row[4]})


def place(row: list[str]) -> Noun:
    at_english, at_french, to_french = row[3].split()
    return Noun(**{**vars(noun([*row[:3], row[4]], "place")), "at": (at_english, at_french, to_french)})


def country(row: list[str]) -> Noun:
    english, french, at, japanese = row
    return Noun(english, "", french, at == "en", japanese, kinds=frozenset({"country"}), at=("in", at, at))


def named(row: list[str], kind: str) -> Noun:
    """A language or a sport: no article in English, le in French."""
    return Noun(row[0], "", row[1], False, row[2], kinds=frozenset({kind, "mass"}))


def adjective(row: list[str]) -> Adjective:
    french = row[1].removeprefix("+")
    kinds = frozenset(row[3].split()) if len(row) > 3 else frozenset()
    return Adjective(row[0], french, row[2], kinds, row[1].startswith("+"), row[4] if len(row) > 4 else "")


def verb(row: list[str], state: bool = False) -> Verb:
    """english forms and particle | french | particle, japanese | kinds of object | places"""
    forms, _, after = row[0].partition(" +")
    base, *irregular = forms.split()
    past = regular_past(base)
    english = (base, *irregular) if irregular else (base, past, past)
    particle, _, japanese = row[2].rpartition(" ")
    cells = [*row[3:], "", ""]
    kinds, places = (cells[0], cells[1]) if particle else ("", cells[0])
    assert len(english) == 3, row
    return Verb(english, after, row[1], particle, japanese, frozenset(kinds.split()), tuple(places.split()), state)


def phrase(row: list[str]) -> Phrase:
    english, french, japanese, *tenses = row
    return Phrase(english, french, japanese, frozenset(tenses[0].split() if tenses else ()))


def regular_past(base: str) -> str:
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    return base + "ed"


THINGS = [noun(row) for row in rows(lexicon.THINGS)]
ANIMALS = [noun(row, "animal") for row in rows(lexicon.ANIMALS)]
PEOPLE = [noun([row[0], row[1], row[2] + " 人", row[3]], "person") for row in rows(lexicon.PEOPLE)]
FAMILY = [family(row) for row in rows(lexicon.FAMILY)]
PLACES = [place(row) for row in rows(lexicon.PLACES)]
COUNTRIES = [country(row) for row in rows(lexicon.COUNTRIES)]
LANGUAGES = [named(row, "language") for row in rows(lexicon.LANGUAGES)]
SPORTS = [named(row, "sport") for row in rows(lexicon.SPORTS)]
NOUNS = THINGS + ANIMALS + PEOPLE + FAMILY + PLACES + LANGUAGES + SPORTS
NOUN = {n.english: n for n in NOUNS + COUNTRIES}

ADJECTIVES = [adjective(row) for row in rows(lexicon.ADJECTIVES)]
FEELINGS = [adjective(row) for row in rows(lexicon.FEELINGS)]
ADJECTIVE = {a.english: a for a in ADJECTIVES + FEELINGS}

DOING = [verb(row) for row in rows(lexicon.DOING)]
STATES = [verb(row, state=True) for row in rows(lexicon.STATES)]
ACTIVE = [verb(row) for row in rows(lexicon.ACTIVE)]
MOVING = [verb(row) for row in rows(lexicon.MOVING)]
SPECIAL = {row[0].split()[0]: verb(row, state=row[0] == "live") for row in rows(lexicon.SPECIAL)}

TIMES = [phrase(row) for row in rows(lexicon.TIMES)]
HOURS = [phrase(row) for row in rows(lexicon.HOURS)]
WEATHER = [phrase(row) for row in rows(lexicon.WEATHER)]
OFTEN = [phrase(row) for row in rows(lexicon.OFTEN)]
NUMBERS = [phrase(row) for row in rows(lexicon.NUMBERS)]


def objects_of(v: Verb) -> list[Noun]:
    """What the verb can be done to: nouns of its kinds, or that it names."""
    return fitting(v.kinds)


def described_by(a: Adjective) -> list[Noun]:
    """The nouns that the adjective can be said of."""
    return fitting(a.kinds)


def fitting(kinds: frozenset[str]) -> list[Noun]:
    """The nouns of any of these kinds, or named, less those after a minus sign."""
    found = []
    for n in NOUNS:
        names = n.kinds | {n.english}
        if names & kinds and not any("-" + name in kinds for name in names):
            found.append(n)
    return found
