"""Parts of sentences drawn at random, such that they make sense: who, what, where and when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from phrases import words
from phrases.tree import Act, Clause, Is, Nominal, NounPhrase, Pronoun, Together, Where
from phrases.words import NOUN, SPECIAL, Adjective, Noun, Phrase, Verb

T = TypeVar("T")


@dataclass
class Draw:
    """The random choices. Only `rng.random()` is used: its sequence is the same in every version of Python."""

    rng: random.Random

    def one(self, items: Sequence[T]) -> T:
        return items[int(self.rng.random() * len(items))]

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def weighted(self, **weights: float) -> str:
        """A name, with the odds of its weight; underscores stand for spaces."""
        x = self.rng.random() * sum(weights.values())
        for name, weight in weights.items():
            x -= weight
            if x < 0:
                return name.replace("_", " ")
        raise AssertionError("no weight is positive")


POSSESSIVE = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
WRONG_SPOUSE = {"his": ("husband",), "her": ("wife",), "our": ("husband", "wife"), "their": ("husband", "wife")}
ALL_VERBS = [*words.DOING, *words.STATES, *words.ACTIVE, *words.MOVING, *SPECIAL.values()]
OBJECTS = {v: words.objects_of(v) for v in ALL_VERBS}
DESCRIBED = {a: words.described_by(a) for a in words.ADJECTIVES}
BESIDE = {n: [a for a in DESCRIBED if n in DESCRIBED[a] and "predicate" not in a.kinds] for n in words.NOUNS}
AFTER_BE = {n: [a for a in DESCRIBED if n in DESCRIBED[a] and "attribute" not in a.kinds] for n in words.NOUNS}
SAID = [a for a in DESCRIBED if "attribute" not in a.kinds]

MANY = [n for n in words.FAMILY if "many" in n.kinds]
JOBS = [n for n in words.PEOPLE if "job" in n.kinds]
PETS = [n for n in words.ANIMALS if "pet" in n.kinds]
BUILDINGS = [n for n in words.PLACES if "building" in n.kinds]
OPEN_AIR = [NOUN[name] for name in ("garden", "park", "street", "square", "village", "forest")]
PORTABLE = [n for n in words.THINGS if n.kinds & {"thing", "fruit"} and not n.mass]

TENSES = ("present", "progressive", "past", "future")
TIMES = {tense: [t for t in words.TIMES if tense in t.tenses] for tense in TENSES}
SHORT_TIMES = {tense: [t for t in TIMES[tense] if "long" not in t.tenses] for tense in TENSES}


# Who


def pronoun(d: Draw) -> Pronoun:
    return Pronoun(d.weighted(I=4, you=4, he=4, she=4, we=6, they=5))


def own(subject: Nominal) -> str:
    """The possessive that goes back to the subject."""
    match subject:
        case Pronoun(person):
            return POSSESSIVE[person]
        case NounPhrase(noun, _, plural):
            return "their" if plural else "her" if noun.feminine else "his"
    return "their"


def relative(d: Draw, determiner: str = "", plural: bool = False) -> NounPhrase:
    """My mother, your brothers; no husband of his and no wife of hers."""
    determiner = determiner or d.weighted(my=6, your=3, his=2, her=2, our=1, their=1)
    noun = d.one(MANY if plural else words.FAMILY)
    if noun.english in WRONG_SPOUSE.get(determiner, ()):
        return relative(d, determiner, plural)
    return NounPhrase(noun, determiner, plural)


def person(d: Draw) -> NounPhrase:
    """The doctor, the young women, my neighbour."""
    noun = d.one(words.PEOPLE)
    royal = noun.english in ("king", "queen")
    determiner = "the" if royal else d.weighted(the=6, this=1)
    if "owned" in noun.kinds:
        determiner = d.weighted(my=5, your=2, his=1, her=1)
    return NounPhrase(noun, determiner, d.chance(0.25) and not royal, beside(d, noun, 0.12))


def somebody(d: Draw, asking: bool = False) -> Nominal:
    """Anybody; but one does not ask (`asking`) what I or we do."""
    kind = d.weighted(pronoun=12, relative=4, person=5, together=1)
    if kind == "pronoun":
        return Pronoun(d.weighted(you=6, he=3, she=3, they=3)) if asking else pronoun(d)
    if kind == "relative":
        return relative(d, plural=d.chance(0.12))
    if kind == "person":
        return person(d)
    determiner = d.weighted(my=3, your=1)
    first, second = relative(d, determiner), relative(d, determiner)
    return Together(first, second) if first.noun is not second.noun else first


def others(d: Draw, subject: Nominal) -> Pronoun:
    """A pronoun for somebody who is not among the subject."""
    first_person = subject in (Pronoun("I"), Pronoun("we"))
    names = ("you", "he", "she", "they") if first_person else ("I", "you", "he", "she", "we", "they")
    return Pronoun(d.one([name for name in names if subject != Pronoun(name)]))


# What


def beside(d: Draw, noun: Noun, probability: float) -> Adjective | None:
    """An adjective that may stand beside the noun, or none."""
    return d.one(BESIDE[noun]) if BESIDE[noun] and d.chance(probability) else None


def thing(d: Draw, noun: Noun, subject: Nominal, adjective: float = 0.25) -> NounPhrase:
    """A noun as somebody's object, with an article, a number or a possessive that suits it."""
    if noun.kinds & {"language", "sport"}:
        return NounPhrase(noun, "generic")
    possessive = own(subject) if d.chance(0.6) else d.weighted(my=2, your=2, his=1, her=1)
    if "family" in noun.kinds:
        return relative(d, possessive)
    described = beside(d, noun, adjective)
    if noun.mass:
        return NounPhrase(noun, d.weighted(the=3, some=4, bare=4, this=1), False, described)
    if noun.person:
        return NounPhrase(noun, possessive if "owned" in noun.kinds else "the", False, described)
    if noun.kinds & {"place", "thought"}:
        return NounPhrase(noun, d.weighted(the=3, this=1), False, described)
    shared = bool(noun.kinds & {"food", "wild", "sung", "told", "event"})
    if "pair" not in noun.kinds and d.chance(0.8):
        determiner = d.weighted(the=6, a=6, own=2, this=1, that=1)
        determiner = determiner if determiner != "own" else "the" if shared else possessive
        return NounPhrase(noun, determiner, False, described)
    if "pair" in noun.kinds:
        determiner = d.weighted(the=4, bare=2, own=4, this=1)
    else:
        determiner = d.weighted(the=4, bare=5, number=4, own=2, this=1, many=1)
    number = d.one(words.NUMBERS) if determiner == "number" else None
    determiner = determiner if determiner != "own" else "the" if shared else possessive
    return NounPhrase(noun, determiner, True, described, number)


def object_of(d: Draw, verb: Verb, subject: Nominal) -> NounPhrase:
    noun = d.one(OBJECTS[verb])
    if verb.base == "play" and "instrument" in noun.kinds:
        return NounPhrase(noun)
    if verb.base in ("like", "love", "hate"):
        return NounPhrase(noun, "generic", not noun.mass)
    if verb.base == "have" and noun.person:
        if d.chance(0.5):
            return NounPhrase(noun, "a")
        return NounPhrase(noun, "number", True, number=d.one(words.NUMBERS[:4]))
    what = thing(d, noun, subject)
    if verb.base == "wear" and what.determiner in ("number", "many"):
        return replace(what, determiner=own(subject), number=None)
    return what


NOBODYS = frozenset({"place", "wild", "grasped", "asked", "sung", "told", "event", "art", "food"})


def describable(d: Draw) -> tuple[NounPhrase, Adjective]:
    """Something, and what may be said of it."""
    adjective = d.one(SAID)
    noun = d.one(DESCRIBED[adjective])
    if "language" in noun.kinds:
        return NounPhrase(noun, "generic"), adjective
    plural = (d.chance(0.25) and not noun.mass and "place" not in noun.kinds) or "pair" in noun.kinds
    if "owned" in noun.kinds:
        determiner = d.weighted(my=3, your=2, his=1)
    elif noun.mass or noun.person or noun.kinds & NOBODYS:
        determiner = d.weighted(the=3, this=1)
    else:
        determiner = d.weighted(the=4, this=2, my=2, your=2, his=1, her=1, our=1, their=1)
    return NounPhrase(noun, determiner, plural), adjective


# Where and when


SURFACES = {"on": ("table", "chair", "bed"), "under": ("table", "chair", "bed"), "in": ("bag", "suitcase", "box")}
LANDMARKS = ("house", "door", "tree", "car", "window")


def spot(d: Draw) -> tuple[NounPhrase, Where]:
    """Something, and where it may be."""
    relation = d.weighted(on=3, under=2, inside=2, near=2, behind=1, in_front_of=1).replace("inside", "in")
    if relation in SURFACES:
        fits = [n for n in PORTABLE if "container" not in n.kinds and n.english != "umbrella"]
        noun = d.one(fits if relation == "in" else PORTABLE)
        surface = NOUN[d.one(SURFACES[relation])]
        return NounPhrase(noun, plural="pair" in noun.kinds), Where(relation, NounPhrase(surface))
    building, other = d.one(BUILDINGS), d.one(BUILDINGS)
    if d.chance(0.5) and building is not other:
        return NounPhrase(building), Where(relation, NounPhrase(other))
    return NounPhrase(d.one(PETS)), Where(relation, NounPhrase(NOUN[d.one(LANDMARKS)]))


def place_of(d: Draw, verb: Verb, probability: float) -> Where | None:
    """Where one does that."""
    if not verb.places or not d.chance(probability):
        return None
    return Where("at", NounPhrase(NOUN[d.one(verb.places)]))


def time_in(d: Draw, tense: str, long: bool = False) -> Phrase:
    """`long`: last year is possible too."""
    return d.one((TIMES if long else SHORT_TIMES)["future" if tense == "going to" else tense])


# Clauses


def with_tense(d: Draw, clause: Clause, verb: Verb) -> Clause:
    """The clause with tense, negation, adverb and time."""
    negation = "not" if d.chance(0.2) else ""
    if verb.state:
        tense = d.weighted(present=8, past=4)
        if tense == "present" and d.chance(0.1):
            negation = "no longer"
        return replace(clause, tense=tense, negation=negation)
    if verb.once:
        tense = d.weighted(past=6, future=3, going_to=2)
    else:
        progressive = 0 if "simple" in verb.kinds else 4
        tense = d.weighted(present=7, progressive=progressive, past=6, future=3, going_to=2)
    often = time = None
    if tense == "present" and d.chance(0.3):
        often = None if negation else d.one(words.OFTEN)
        if not often:
            negation = d.weighted(never=3, no_longer=2)
    elif d.chance(0.45):
        time = time_in(d, tense, verb.long)
    first = time is not None and tense != "progressive" and not negation and d.chance(0.25)
    return replace(clause, tense=tense, negation=negation, often=often, time=time, time_first=first)


def suited(clause: Clause, question: bool = False) -> Clause:
    """Some and numbers do not go with a negation or a question: no *I do not eat some bread*."""
    act = clause.predicate
    if not isinstance(act, Act) or not isinstance(act.object, NounPhrase) or not (clause.negation or question):
        return clause
    if act.object.determiner not in ("some", "number", "many"):
        return clause
    return replace(clause, predicate=replace(act, object=replace(act.object, determiner="bare", number=None)))


def asked(clause: Clause) -> Clause:
    """The clause as it may be asked: neither negated nor with an adverb or a time in front."""
    return suited(replace(clause, negation="", often=None, time_first=False), question=True)


def doing(d: Draw, subject: Nominal) -> Clause:
    """Somebody does something to something."""
    verb = d.one(words.DOING)
    clause = with_tense(d, Clause(subject, Act(verb, object_of(d, verb, subject))), verb)
    return suited(replace(clause, where=place_of(d, verb, 0.12 if clause.time else 0.3)))


def active(d: Draw, subject: Nominal) -> Clause:
    """Somebody does something."""
    verb = d.one(words.ACTIVE)
    clause = with_tense(d, Clause(subject, Act(verb)), verb)
    return replace(clause, where=place_of(d, verb, 0.6))


def is_so(d: Draw, noun: Noun) -> Is:
    """An adjective that may be said of the noun."""
    return Is(d.one(AFTER_BE[noun]))
