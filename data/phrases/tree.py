"""The meaning of a sentence, which each language puts into words in its own way."""

from dataclasses import dataclass

from phrases.words import Adjective, Noun, Phrase, Verb


@dataclass(frozen=True)
class Pronoun:
    """One of `PERSONS`; `it` and `them` stand for the noun that they repeat."""

    person: str
    repeats: "NounPhrase | None" = None


PERSONS = ("I", "you", "he", "she", "we", "they")


@dataclass(frozen=True)
class NounPhrase:
    """`determiner` is one of

    the, a, this, that, my, your, his, her, our, their; some (a part of a mass, or several); bare (likewise, without a
    word in English); every one of its kind (generic); many, all, which, how many; number (see `number`); `of` another
    noun phrase (the teacher's car).
    """

    noun: Noun
    determiner: str = "the"
    plural: bool = False
    adjective: Adjective | None = None
    number: Phrase | None = None
    owner: "NounPhrase | None" = None


@dataclass(frozen=True)
class Together:
    """Two subjects: my father and my mother."""

    first: NounPhrase
    second: NounPhrase


Nominal = Pronoun | NounPhrase | Together


@dataclass(frozen=True)
class Where:
    """`relation` is at (where something is or happens), to, home, on, under, behind, near or in front of."""

    relation: str
    place: NounPhrase | None = None


@dataclass(frozen=True)
class Act:
    """What a verb says, with its object and, of a gift, who gets it."""

    verb: Verb
    object: Nominal | None = None
    recipient: Nominal | None = None


@dataclass(frozen=True)
class Is:
    """An adjective after the verb to be. `degree` is empty, very or too; `than` makes it a comparison."""

    adjective: Adjective
    degree: str = ""
    than: Nominal | None = None


@dataclass(frozen=True)
class IsA:
    """A profession."""

    noun: Noun


@dataclass(frozen=True)
class IsAt:
    where: Where


@dataclass(frozen=True)
class Goes:
    verb: Verb
    where: Where


@dataclass(frozen=True)
class Aged:
    years: Phrase


Predicate = Act | Is | IsA | IsAt | Goes | Aged


@dataclass(frozen=True)
class Clause:
    """`tense` is present, progressive, past, was doing, future, going to or perfect (never, ever).

    `negation` is empty, not, never or no longer; `modal` is empty, want, can, must or like.
    """

    subject: Nominal
    predicate: Predicate
    tense: str = "present"
    negation: str = ""
    modal: str = ""
    often: Phrase | None = None
    time: Phrase | None = None
    time_first: bool = False
    where: Where | None = None
    company: Nominal | None = None


@dataclass(frozen=True)
class Statement:
    clause: Clause


@dataclass(frozen=True)
class Question:
    """Yes or no, or with where, when, why, how or what (the object) in front."""

    clause: Clause
    word: str = ""


@dataclass(frozen=True)
class Who:
    """The subject is asked for; the clause's own is not used."""

    clause: Clause


@dataclass(frozen=True)
class Which:
    """Which book are you reading, how many books: the object (its determiner says which of the two) is asked for."""

    clause: Clause


@dataclass(frozen=True)
class Prefers:
    """Somebody likes one thing better than another."""

    subject: Nominal
    more: NounPhrase
    less: NounPhrase
    question: bool = False


@dataclass(frozen=True)
class Command:
    """To do it, or (negated) not to, or to do it together (`we`)."""

    act: Act
    negated: bool = False
    we: bool = False
    please: bool = False


@dataclass(frozen=True)
class There:
    """There is, or are."""

    what: NounPhrase
    where: Where
    past: bool = False
    negated: bool = False
    question: bool = False


@dataclass(frozen=True)
class WhereIs:
    what: NounPhrase
    past: bool = False


@dataclass(frozen=True)
class This:
    """This is (These are) something."""

    what: NounPhrase
    negated: bool = False


@dataclass(frozen=True)
class Whose:
    what: NounPhrase


@dataclass(frozen=True)
class Colour:
    """What colour is it?"""

    what: NounPhrase


@dataclass(frozen=True)
class Joined:
    """Two clauses with and, but, because or so between them."""

    first: Clause
    word: str
    second: Clause


@dataclass(frozen=True)
class Thinks:
    """Somebody thinks (`verb` think) or knows that something is so."""

    subject: Nominal
    verb: str
    clause: Clause


@dataclass(frozen=True)
class Doer:
    """Who is doing it: the man who is singing (`head` is the subject of `clause`)."""

    head: NounPhrase
    clause: Clause
    predicate: Predicate


@dataclass(frozen=True)
class Done:
    """What somebody is doing or did it to: the book that I am reading (`head` is the object of `clause`)."""

    head: NounPhrase
    clause: Clause
    predicate: Predicate


@dataclass(frozen=True)
class Weather:
    """One of the expressions in `lexicon.WEATHER`."""

    weather: Phrase
    time: Phrase | None = None
    where: Where | None = None


Sentence = (
    Statement
    | Question
    | Who
    | Which
    | Prefers
    | Command
    | There
    | WhereIs
    | This
    | Whose
    | Colour
    | Joined
    | Thinks
    | Doer
    | Done
    | Weather
)
