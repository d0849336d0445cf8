"""The sentence patterns: each draws one sentence of its kind, in `tree.py`'s terms, that makes sense."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from phrases import words
from phrases.tree import (
    Act, Aged, Clause, Colour, Command, Doer, Done, Goes, Is, IsA, IsAt, Joined, Nominal, NounPhrase, Pronoun, Question,
    Sentence, Statement, There, Thinks, This, Together, Weather, Where, WhereIs, Who, Whose,
)  # fmt: skip
from phrases.words import ADJECTIVE, NOUN, SPECIAL, Adjective, Noun, Phrase, Verb

T = TypeVar("T")
Pattern = Callable[["Draw"], Sentence]
SINGULAR_PRONOUNS = ("I", "you", "he", "she")
POSSESSIVE = {"I": "my", "you": "your", "he": "his", "she": "her", "we": "our", "they": "their"}
SUPPORTS = {"on": ("table", "chair", "bed"), "under": ("table", "chair", "bed"), "in": ("bag", "suitcase", "box")}


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
        return name.replace("_", " ")


FITTING = {n: [a for a in words.ADJECTIVES if n in words.described_by(a)] for n in words.NOUNS}
OBJECTS = {v: words.objects_of(v) for v in [*words.DOING, *words.STATES, *SPECIAL.values()]}
BUILDINGS = [n for n in words.PLACES if "building" in n.kinds]
JOBS = [n for n in words.PEOPLE if "job" in n.kinds]
PORTABLE = [n for n in words.THINGS if n.kinds & {"thing", "fruit"} and not n.mass]
PETS = [n for n in words.ANIMALS if "pet" in n.kinds]
OPEN_AIR = [NOUN[name] for name in ("garden", "park", "street", "square", "village", "forest")]
MANY = [n for n in words.FAMILY if "many" in n.kinds]


# Parts of sentences


def pronoun(d: Draw) -> Pronoun:
    return Pronoun(d.weighted(I=5, you=3, he=4, she=4, we=3, they=3))


def own(subject: Nominal) -> str:
    """The possessive that goes back to the subject."""
    match subject:
        case Pronoun(person):
            return POSSESSIVE[person]
        case NounPhrase(noun, _, plural):
            return "their" if plural else "her" if noun.feminine else "his"
    return "their"


def relative(d: Draw, determiner: str = "", plural: bool = False) -> NounPhrase:
    """My mother, your brothers."""
    noun = d.one(MANY if plural else words.FAMILY)
    return NounPhrase(noun, determiner or d.weighted(my=6, your=3, his=2, her=2, our=1, their=1), plural)


def person(d: Draw) -> NounPhrase:
    """The doctor, the young women."""
    noun = d.one(words.PEOPLE)
    determiner = d.weighted(the=4, my=2, this=0.5) if "owned" in noun.kinds else d.weighted(the=6, this=1)
    plural = d.chance(0.25) and noun.english not in ("king", "queen")
    return NounPhrase(noun, determiner, plural, _adjective(d, noun, 0.12))


def somebody(d: Draw) -> Nominal:
    kind = d.weighted(pronoun=12, relative=4, person=5, together=1)
    if kind == "pronoun":
        return pronoun(d)
    if kind == "relative":
        return relative(d, plural=d.chance(0.12))
    if kind == "person":
        return person(d)
    determiner = d.weighted(my=3, your=1)
    first, second = relative(d, determiner), relative(d, determiner)
    return Together(first, second) if first != second else first


def _adjective(d: Draw, noun: Noun, probability: float) -> Adjective | None:
    return d.one(FITTING[noun]) if FITTING[noun] and d.chance(probability) else None


def thing(d: Draw, noun: Noun, subject: Nominal, adjective: float = 0.25) -> NounPhrase:
    """A noun as somebody's object, with an article, a number or a possessive that suits it."""
    if noun.kinds & {"language", "sport"}:
        return NounPhrase(noun, "generic")
    possessive = own(subject) if d.chance(0.7) else d.weighted(my=2, your=2, his=1, her=1)
    if "family" in noun.kinds:
        return NounPhrase(noun, possessive)
    adjective_ = _adjective(d, noun, adjective)
    if noun.mass:
        determiner = d.weighted(the=3, some=4, bare=4, this=1)
        return NounPhrase(noun, determiner, False, adjective_)
    kind = d.weighted(the=6, a=6, own=2, this=1, that=1, plural=4)
    if kind == "own" and noun.kinds & {"food", "place", "wild"} or noun.person and "owned" not in noun.kinds:
        kind = "the"
    if kind != "plural" or noun.person or "place" in noun.kinds:
        kind = "the" if kind == "plural" else kind
        return NounPhrase(noun, possessive if kind == "own" else kind, False, adjective_)
    determiner = d.weighted(the=4, bare=5, number=4, own=2, this=1, many=1)
    number = d.one(words.NUMBERS) if determiner == "number" else None
    if determiner == "own":
        determiner = "the" if noun.kinds & {"food", "wild"} else possessive
    return NounPhrase(noun, determiner, True, adjective_, number)


def object_of(d: Draw, verb: Verb, subject: Nominal) -> NounPhrase:
    noun = d.one(OBJECTS[verb])
    if verb.kinds & {"food", "drink"} and verb.state or verb in words.STATES[:3]:
        if "family" not in noun.kinds:
            return NounPhrase(noun, "generic", not noun.mass)
    return thing(d, noun, subject)


def place_of(d: Draw, verb: Verb, probability: float) -> Where | None:
    if not verb.places or not d.chance(probability):
        return None
    return Where("at", NounPhrase(NOUN[d.one(verb.places)]))


def time_in(d: Draw, tense: str) -> Phrase:
    tense = "future" if tense == "going to" else tense
    return d.one([t for t in words.TIMES if tense in t.tenses])


def with_tense(d: Draw, clause: Clause, verb: Verb | None = None) -> Clause:
    """Tense, negation, adverb and time for the clause."""
    state = verb is None or verb.state
    if state:
        tense = d.weighted(present=8, past=4)
    elif verb and verb.once:
        tense = d.weighted(past=6, future=3, going_to=2)
    else:
        tense = d.weighted(present=7, progressive=4, past=6, future=3, going_to=2)
    negation = "not" if d.chance(0.2) else ""
    often = time = None
    if not state:
        if tense == "present" and d.chance(0.3):
            often = None if negation else d.one(words.OFTEN)
            negation = negation if often or d.chance(0.3) else d.weighted(never=3, no_longer=2)
        elif d.chance(0.45):
            time = time_in(d, tense)
    elif tense == "present" and verb and d.chance(0.1):
        negation = "no longer"
    first = bool(time) and tense != "progressive" and d.chance(0.2)
    return replace(clause, tense=tense, negation=negation, often=often, time=time, time_first=first)


def suited(clause: Clause, question: bool = False) -> Clause:
    """Some and numbers do not go with a negation: no *I do not eat some bread*."""
    act = clause.predicate
    if not isinstance(act, Act) or not isinstance(act.object, NounPhrase) or not (clause.negation or question):
        return clause
    thing = act.object
    if thing.determiner in ("some", "number", "many"):
        thing = replace(thing, determiner="bare", number=None)
    return replace(clause, predicate=replace(act, object=thing))


def doing(d: Draw, subject: Nominal, verb: Verb | None = None) -> Clause:
    """Somebody does something to something."""
    verb = verb or d.one(words.DOING)
    clause = Clause(subject, Act(verb, object_of(d, verb, subject)))
    clause = with_tense(d, clause, verb)
    return suited(replace(clause, where=place_of(d, verb, 0.12 if clause.time else 0.3)))


def active(d: Draw, subject: Nominal) -> Clause:
    verb = d.one(words.ACTIVE)
    clause = with_tense(d, Clause(subject, Act(verb)), verb)
    return replace(clause, where=place_of(d, verb, 0.6))


# Patterns


def transitive(d: Draw) -> Sentence:
    return Statement(doing(d, somebody(d)))


def transitive_question(d: Draw) -> Sentence:
    return Question(suited(replace(doing(d, somebody(d)), often=None, negation="", time_first=False), question=True))


def intransitive(d: Draw) -> Sentence:
    return Statement(active(d, somebody(d)))


def intransitive_question(d: Draw) -> Sentence:
    return Question(replace(active(d, somebody(d)), negation="", time_first=False))


def state(d: Draw) -> Sentence:
    verb, subject = d.one(words.STATES), somebody(d)
    return Statement(suited(with_tense(d, Clause(subject, Act(verb, object_of(d, verb, subject))), verb)))


def state_question(d: Draw) -> Sentence:
    verb, subject = d.one(words.STATES), somebody(d)
    return Question(suited(Clause(subject, Act(verb, object_of(d, verb, subject))), question=True))


def modal(d: Draw) -> Sentence:
    verb, subject = d.one(words.DOING), somebody(d)
    modal = d.weighted(want=4, can=3, must=3)
    tense = "past" if modal != "must" and d.chance(0.25) else "present"
    negation = "not" if d.chance(0.25) else ""
    time = time_in(d, "future") if modal != "can" and tense == "present" and d.chance(0.25) else None
    clause = Clause(subject, Act(verb, object_of(d, verb, subject)), tense, negation, modal, time=time)
    if modal != "must" and d.chance(0.25):
        return Question(suited(replace(clause, negation="", time=None), question=True))
    return Statement(suited(clause))


def modal_intransitive(d: Draw) -> Sentence:
    verb, subject = d.one(words.ACTIVE), somebody(d)
    modal = d.weighted(want=4, can=3, must=3, like=3)
    negation = "not" if d.chance(0.25) else ""
    clause = Clause(subject, Act(verb), "present", negation, modal, where=place_of(d, verb, 0.6))
    if modal != "must" and d.chance(0.3):
        return Question(replace(clause, negation=""))
    return Statement(clause)


def likes_doing(d: Draw) -> Sentence:
    verb = d.one([v for v in words.DOING if not v.once])
    subject = somebody(d)
    noun = d.one(OBJECTS[verb])
    family = "family" in noun.kinds
    thing_ = NounPhrase(noun, own(subject)) if family else NounPhrase(noun, "bare", not noun.mass)
    if noun.kinds & {"language", "sport"}:
        thing_ = NounPhrase(noun, "generic")
    clause = Clause(subject, Act(verb, thing_), "present", "not" if d.chance(0.2) else "", "like")
    return Question(replace(clause, negation="")) if d.chance(0.25) else Statement(clause)


def moving(d: Draw) -> Sentence:
    verb, subject = d.one(words.MOVING), somebody(d)
    clause = with_tense(d, Clause(subject, Act(verb)), replace(verb, kinds=frozenset({"once"})) if verb.base == "fall" else verb)
    if clause.tense == "progressive":
        clause = replace(clause, tense="present", time=None)
    return Question(replace(clause, negation="", often=None, time_first=False)) if d.chance(0.2) else Statement(clause)


def going(d: Draw) -> Sentence:
    subject = somebody(d)
    noun = d.one([*BUILDINGS, *OPEN_AIR, NOUN["beach"], NOUN["market"]])
    where = Where("to", NounPhrase(noun))
    clause = with_tense(d, Clause(subject, Goes(SPECIAL["go"], where)), SPECIAL["go"])
    if clause.tense == "going to":
        clause = replace(clause, tense="future")
    if d.chance(0.15):
        clause = replace(clause, company=relative(d, own(subject)), time_first=False)
    return Question(replace(clause, negation="", often=None, time_first=False)) if d.chance(0.2) else Statement(clause)


def describable(d: Draw, subject_only: bool = True) -> tuple[NounPhrase, Adjective]:
    adjective = d.one(words.ADJECTIVES)
    noun = d.one(words.described_by(adjective))
    plural = not noun.mass and d.chance(0.25) and not noun.kinds & {"language", "place"}
    if noun.mass:
        determiner = d.weighted(the=3, this=1)
    elif noun.kinds & {"place", "wild", "grasped", "asked"} or noun.person and "owned" not in noun.kinds:
        determiner = d.weighted(the=3, this=1)
    elif noun.person:
        determiner = d.weighted(my=3, your=2, his=1)
    else:
        determiner = d.weighted(the=4, this=2, my=2, your=2, his=1, her=1, our=1, their=1)
    if "language" in noun.kinds:
        determiner = "generic"
    return NounPhrase(noun, determiner, plural), adjective


def description(d: Draw) -> Sentence:
    noun, adjective = describable(d)
    if d.chance(0.12) and not noun.noun.person and not noun.noun.mass and noun.determiner == "the":
        noun = replace(noun, owner=d.one([relative(d, "my"), NounPhrase(NOUN["teacher"]), NounPhrase(NOUN["doctor"])]))
    tense = d.weighted(present=6, past=2)
    if d.chance(0.2):
        return Question(Clause(noun, Is(adjective), tense))
    negation = "not" if d.chance(0.2) else ""
    return Statement(Clause(noun, Is(adjective, "" if negation else d.weighted(x=3, very=1.5, too=0.6).replace("x", "")),
                            tense, negation))


def comparison(d: Draw) -> Sentence:
    noun, adjective = describable(d)
    same_kind = [n for n in words.described_by(adjective) if n.kinds & noun.noun.kinds and n.mass == noun.noun.mass]
    other = d.one(same_kind)
    if other == noun.noun:
        return comparison(d) if noun.noun.mass else Statement(
            Clause(replace(noun, determiner="my"), Is(adjective, than=replace(noun, determiner="your"))))
    return Statement(Clause(noun, Is(adjective, than=replace(noun, noun=other))))


def feeling(d: Draw) -> Sentence:
    subject, adjective = somebody(d), d.one(words.FEELINGS)
    tense = d.weighted(present=6, past=2)
    time = None
    if tense == "past" and d.chance(0.4):
        time = time_in(d, "past")
    if d.chance(0.25):
        return Question(Clause(subject, Is(adjective), tense, time=time))
    negation = d.weighted(x=4, not_=1, no_longer=0.4).strip().replace("x", "")
    degree = "very" if not negation and adjective.english in ("tired", "happy", "sad", "hungry", "busy", "angry") and (
        d.chance(0.3)) else ""
    return Statement(Clause(subject, Is(adjective, degree), tense, negation, time=time))


def profession(d: Draw) -> Sentence:
    subject = somebody(d)
    feminine = isinstance(subject, NounPhrase) and subject.noun.feminine or subject == Pronoun("she")
    job = d.one([n for n in JOBS if n.feminine == feminine or n.english in ("doctor", "writer", "teacher", "artist")])
    if isinstance(subject, NounPhrase) and "job" in subject.noun.kinds or isinstance(subject, Together):
        subject = Pronoun("they")
        job = d.one([n for n in JOBS if not n.feminine])
    clause = Clause(subject, IsA(job), d.weighted(present=5, past=2), "not" if d.chance(0.2) else "")
    return Question(replace(clause, negation="")) if d.chance(0.25) else Statement(clause)


def age(d: Draw) -> Sentence:
    subject = d.one([pronoun(d), relative(d)])
    return Statement(Clause(subject, Aged(d.one(words.NUMBERS)), d.weighted(present=3, past=1)))


def spot(d: Draw) -> tuple[NounPhrase, Where]:
    """Something, and where it may be."""
    relation = d.weighted(on=3, under=2, **{"in": 2}, near=2, behind=1, in_front_of=1)
    if relation in SUPPORTS:
        return NounPhrase(d.one(PORTABLE)), Where(relation, NounPhrase(NOUN[d.one(SUPPORTS[relation])]))
    noun = d.one([*PETS, *words.THINGS[-20:-12], *BUILDINGS])
    if "building" in noun.kinds:
        return NounPhrase(noun), Where(relation, NounPhrase(d.one([n for n in BUILDINGS if n != noun])))
    return NounPhrase(d.one(PETS)), Where(relation, NounPhrase(NOUN[d.one(("house", "door", "tree", "car", "window"))]))


def located(d: Draw) -> Sentence:
    noun, where = spot(d)
    noun = replace(noun, determiner=d.weighted(the=4, my=2, your=2) if "place" not in noun.noun.kinds else "the")
    clause = Clause(noun, IsAt(where), d.weighted(present=4, past=1), "not" if d.chance(0.15) else "")
    return Question(replace(clause, negation="")) if d.chance(0.25) else Statement(clause)


def somebody_at(d: Draw) -> Sentence:
    subject = somebody(d)
    noun = d.one([*BUILDINGS, *OPEN_AIR, NOUN["kitchen"], NOUN["room"], NOUN["beach"]])
    where = Where("home") if d.chance(0.15) else Where("at", NounPhrase(noun))
    tense = d.weighted(present=4, past=2, future=1)
    time = time_in(d, tense) if tense != "present" and d.chance(0.5) else None
    clause = Clause(subject, IsAt(where), tense, "not" if d.chance(0.15) else "", time=time)
    return Question(replace(clause, negation="")) if d.chance(0.25) else Statement(clause)


def existence(d: Draw) -> Sentence:
    if d.chance(0.4):
        noun = d.one(BUILDINGS)
        where = Where("at", NounPhrase(d.one([NOUN["village"], NOUN["town"], NOUN["street"], NOUN["square"]])))
        what = NounPhrase(noun, "a", False, _adjective(d, noun, 0.3))
    else:
        what, where = spot(d)
        food = d.one([n for n in words.THINGS if n.kinds & {"food", "drink"} and n.mass])
        if where.relation == "on" and d.chance(0.4):
            what, where = NounPhrase(food, "some"), Where(*d.one([("on", NounPhrase(NOUN["table"])), ("at", NounPhrase(NOUN["kitchen"]))]))
        else:
            what = replace(what, determiner="a", adjective=_adjective(d, what.noun, 0.2))
    if not what.noun.mass and d.chance(0.35):
        what = replace(what, plural=True, determiner="number", number=d.one(words.NUMBERS))
    mode = d.weighted(plain=5, negated=2, question=2)
    if mode != "plain":
        what = replace(what, determiner="bare" if what.plural or what.noun.mass else "a", number=None)
    return There(what, where, d.chance(0.2), mode == "negated", mode == "question")


def where_is(d: Draw) -> Sentence:
    noun = d.one([*PORTABLE, *BUILDINGS, *PETS])
    determiner = "the" if "place" in noun.kinds else d.weighted(the=3, my=3, your=3, his=1, her=1, our=1)
    return WhereIs(NounPhrase(noun, determiner, "place" not in noun.kinds and d.chance(0.3)), d.chance(0.2))


def what_question(d: Draw) -> Sentence:
    verb = d.one([v for v in words.DOING if v.kinds & {"food", "drink", "goods", "text", "thing", "tool", "watched", "drawn", "heard"}])
    clause = with_tense(d, Clause(somebody(d), Act(verb)), verb)
    return Question(replace(clause, often=None, negation="", time_first=False, where=place_of(d, verb, 0.3)), "what")


def when_where_why(d: Draw) -> Sentence:
    subject = somebody(d)
    word = d.weighted(where=3, when=2, why=3)
    clause = doing(d, subject) if d.chance(0.6) else active(d, subject)
    clause = replace(clause, often=None, negation=clause.negation if word == "why" and clause.negation == "not" else "",
                     time=None, time_first=False, where=None)
    return Question(suited(clause, question=True), word)


def who_question(d: Draw) -> Sentence:
    clause = doing(d, Pronoun("he")) if d.chance(0.6) else active(d, Pronoun("he"))
    return Who(suited(replace(clause, often=None, negation="", time_first=False), question=True))


def command(d: Draw) -> Sentence:
    verb = d.one([v for v in words.DOING if v.base in (
        "open", "close", "eat", "drink", "buy", "read", "wash", "clean", "use", "take", "cut", "choose", "wait", "help", "call",
        "answer", "listen", "look", "write", "carry", "repair", "hide")])
    noun = d.one(OBJECTS[verb])
    determiner = d.weighted(the=4, this=2, your=1, a=1) if not noun.mass else d.weighted(the=2, this=1)
    if "family" in noun.kinds:
        determiner = "your"
    elif noun.person:
        determiner = "the"
    thing_ = NounPhrase(noun, determiner, False, _adjective(d, noun, 0.15))
    mood = d.weighted(plain=3, please=3, negated=2, we=1)
    if thing_.determiner == "your" and mood == "we" or mood == "negated" and determiner == "a":
        thing_ = replace(thing_, determiner="the" if "family" not in noun.kinds else "my")
    if mood == "we" and "family" in noun.kinds:
        thing_ = replace(thing_, determiner="our")
    return Command(Act(verb, thing_), mood == "negated", mood == "we", mood == "please")


def giving(d: Draw) -> Sentence:
    verb = SPECIAL[d.one(("give", "show", "lend", "send"))]
    subject = somebody(d)
    thing_ = thing(d, d.one(OBJECTS[verb]), subject, adjective=0.15)
    others = [p for p in ("I", "you", "he", "she", "we", "they") if subject != Pronoun(p) and not (subject == Pronoun("we") and p == "I")]
    recipient: Nominal = Pronoun(d.one(others))
    if d.chance(0.5):
        recipient = relative(d, own(subject)) if d.chance(0.6) else NounPhrase(d.one(words.PEOPLE))
    elif isinstance(subject, Pronoun) and subject.person == "I" and recipient == Pronoun("we"):
        recipient = Pronoun("you")
    clause = with_tense(d, Clause(subject, Act(verb, thing_, recipient)), replace(verb, kinds=frozenset({"once"})))
    clause = replace(clause, often=None)
    return Question(suited(replace(clause, negation="", time_first=False), question=True)) if d.chance(0.2) else Statement(suited(clause))


def pronoun_object(d: Draw) -> Sentence:
    verbs = [v for v in words.DOING if v.base in ("see", "help", "invite", "call", "find", "look", "forget", "meet", "wait", "hide")
             if v.after != "at" and not v.base == "hide"] + [words.STATES[4]]
    subject = somebody(d)
    others = [p for p in ("I", "you", "he", "she", "we", "they") if subject != Pronoun(p)]
    if subject in (Pronoun("I"), Pronoun("we")):
        others = ["you", "he", "she", "they"]
    verb = d.one(verbs)
    clause = with_tense(d, Clause(subject, Act(verb, Pronoun(d.one(others)))), verb)
    if d.chance(0.2):
        clause = replace(Clause(subject, clause.predicate, "present", clause.negation if clause.negation == "not" else "",
                                d.weighted(want=1, can=1, must=1)))
        if verb.state:
            clause = replace(clause, modal="")
    return Question(replace(clause, negation="", often=None, time_first=False)) if d.chance(0.2) else Statement(clause)


BY_BASE = {**SPECIAL, **{v.base: v for v in reversed(words.DOING)}}
BY_NAME = {v.base: v for v in words.ACTIVE}
SEQUENCES = (
    ("buy", "eat"), ("buy", "read"), ("open", "read"), ("write", "send"), ("wash", "eat"), ("cut", "eat"), ("find", "read"),
    ("choose", "buy"), ("repair", "use"), ("lose", "find"), ("buy", "wear"), ("find", "use"), ("order", "eat"), ("cook", "eat"),
    ("receive", "read"), ("wash", "wear"), ("buy", "wash"), ("receive", "open"),
)  # fmt: skip


def sequence(d: Draw) -> Sentence:
    """She buys the apple and she eats it."""
    first, second = d.one(SEQUENCES)
    verb, then = BY_BASE[first], BY_BASE[second]
    shared = [n for n in OBJECTS[verb] if n in OBJECTS[then] and not n.person]
    subject = pronoun(d)
    thing_ = thing(d, d.one(shared), subject, adjective=0.1)
    if thing_.determiner in ("bare", "some", "many") or thing_.noun.mass:
        thing_ = replace(thing_, determiner="the", number=None)
    tense = d.weighted(present=2, past=3) if not verb.once else "past"
    return Joined(
        Clause(subject, Act(verb, thing_), tense), "and", Clause(subject, Act(then, Pronoun("it", thing_)), tense)
    )


def contrast(d: Draw) -> Sentence:
    """I like tea, but I do not like coffee."""
    subject = pronoun(d)
    verb = d.one([words.STATES[0], words.STATES[0], BY_BASE["eat"], BY_BASE["drink"], BY_BASE["speak"], BY_BASE["play"]])
    a, b = d.one(OBJECTS[verb]), d.one(OBJECTS[verb])
    if a == b or not (a.kinds & b.kinds):
        return contrast(d)
    phrases = []
    for noun in (a, b):
        generic = verb.state or noun.kinds & {"language", "sport"}
        phrases.append(NounPhrase(noun, "generic" if generic else "bare", not noun.mass))
    return Joined(Clause(subject, Act(verb, phrases[0])), "but", Clause(subject, Act(verb, phrases[1]), negation="not"))


def because(d: Draw) -> Sentence:
    subject = pronoun(d)
    feelings = {
        "sleep": ("tired",), "rest": ("tired", "sick"), "eat": ("hungry",), "run": ("late",), "cry": ("sad", "tired", "alone"),
        "laugh": ("happy",), "smile": ("happy",), "go to bed": ("tired", "sick"), "come home": ("tired", "hungry", "sick"),
        "dance": ("happy",), "sing": ("happy",), "wait": ("ready",),
    }  # fmt: skip
    verb = d.one([v for v in [*words.ACTIVE, *words.MOVING] if " ".join(filter(None, (v.base, v.after))) in feelings])
    feeling_ = d.one(feelings[" ".join(filter(None, (verb.base, verb.after)))])
    tense = d.weighted(present=2, past=2, progressive=2)
    if verb.after and tense == "progressive":
        tense = "present"
    negated = verb.base == "wait"
    reason = Clause(subject, Is(ADJECTIVE[feeling_]), "past" if tense == "past" else "present", "not" if negated else "")
    return Joined(Clause(subject, Act(verb), tense), "because", reason)


def thinking(d: Draw) -> Sentence:
    noun, adjective = describable(d)
    return Thinks(d.one([pronoun(d), pronoun(d), somebody(d)]), d.weighted(think=3, know=1), Clause(noun, Is(adjective)))


def this_is(d: Draw) -> Sentence:
    if d.chance(0.3):
        return This(relative(d, d.weighted(my=4, his=1, her=1, our=1), d.chance(0.2)), d.chance(0.2))
    noun = d.one([n for n in [*PORTABLE, *words.THINGS, *PETS] if not n.mass and FITTING[n]])
    if d.chance(0.5):
        return This(NounPhrase(noun, d.weighted(my=3, your=2, his=1, her=1, our=1), d.chance(0.25)), d.chance(0.25))
    return This(NounPhrase(noun, "a", d.chance(0.2), d.one(FITTING[noun])), d.chance(0.15))


def whose(d: Draw) -> Sentence:
    noun = d.one([*PORTABLE, *PETS, NOUN["car"], NOUN["bicycle"]])
    return Whose(NounPhrase(noun, "this", d.chance(0.3)))


def colour(d: Draw) -> Sentence:
    noun = d.one([n for n in words.described_by(ADJECTIVE["red"])])
    determiner = "the" if "part" in noun.kinds else d.weighted(your=3, his=1, her=1, the=1)
    return Colour(NounPhrase(noun, determiner, d.chance(0.25)))


def doer(d: Draw) -> Sentence:
    """The man who is singing is my uncle: the man, described."""
    noun = d.one([n for n in words.PEOPLE if n.english in ("man", "woman", "boy", "girl", "child", "student", "tourist")])
    head = NounPhrase(noun, "the")
    clause = replace(active(d, head), tense="progressive", negation="", often=None, time=None, time_first=False)
    if d.chance(0.5):
        clause = replace(clause, predicate=Act(BY_BASE["wear"], thing(d, d.one(OBJECTS[BY_BASE["wear"]]), head)), where=None)
    return Doer(head, clause, Is(d.one(FITTING[noun])))


def done(d: Draw) -> Sentence:
    """The letter that she wrote is long."""
    verb = d.one([v for v in words.DOING if v.base in ("read", "write", "buy", "repair", "find", "wear", "draw", "sing", "visit", "watch")])
    noun = d.one([n for n in OBJECTS[verb] if FITTING[n]])
    head = NounPhrase(noun, "the", not noun.mass and d.chance(0.2))
    tense = "past" if verb.once else d.weighted(past=3, progressive=2)
    clause = Clause(pronoun(d), Act(verb, head), tense)
    return Done(head, clause, Is(d.one(FITTING[noun])))


def experience(d: Draw) -> Sentence:
    """She has never seen the castle. Have you ever eaten lobster?"""
    verb = d.one([v for v in words.DOING if v.base in (
        "eat", "drink", "see", "visit", "read", "drive", "write", "sing", "draw", "learn", "study", "meet", "wear", "repair")])
    noun = d.one(OBJECTS[verb])
    determiner = "bare" if noun.mass else d.weighted(the=1, this=2) if noun.kinds & {"place", "text", "sung", "art"} else "a"
    thing_ = NounPhrase(noun, "generic" if noun.kinds & {"language"} else determiner)
    clause = Clause(somebody(d), Act(verb, thing_), "perfect")
    return Question(clause) if d.chance(0.4) else Statement(replace(clause, negation="never"))


def with_company(d: Draw) -> Sentence:
    subject = somebody(d)
    company = relative(d, own(subject)) if d.chance(0.7) else NounPhrase(d.one([NOUN["friend"], NOUN["neighbour"], NOUN["child"]]), own(subject), d.chance(0.5))
    verb = d.one([v for v in words.ACTIVE if v.base in ("work", "walk", "dance", "play", "study", "travel", "sing", "eat", "swim", "cook")])
    clause = with_tense(d, Clause(subject, Act(verb)), verb)
    return Statement(replace(clause, company=company, where=place_of(d, verb, 0.2) if not clause.time else None))


def country(d: Draw) -> Sentence:
    subject = somebody(d)
    noun = NounPhrase(d.one(words.COUNTRIES), "name")
    if d.chance(0.45):
        clause = Clause(subject, Goes(SPECIAL["live"], Where("at", noun)), d.weighted(present=3, past=2),
                        d.weighted(x=5, not_=1, no_longer=1).strip().replace("x", ""))
    elif d.chance(0.5):
        clause = with_tense(d, Clause(subject, Goes(SPECIAL["go"], Where("to", noun))), SPECIAL["go"])
        if clause.tense in ("progressive", "going to"):
            clause = replace(clause, tense="future", time=time_in(d, "future"), time_first=False)
    else:
        clause = Clause(subject, Act(BY_NAME["travel"]), d.weighted(past=1, future=1), where=Where("at", noun))
    return Question(replace(clause, negation="", often=None, time_first=False)) if d.chance(0.2) else Statement(clause)


def animal(d: Draw) -> Sentence:
    """What animals do."""
    noun = d.one(PETS)
    subject = NounPhrase(noun, d.weighted(the=2, my=2, your=1, our=1), d.chance(0.25), _adjective(d, noun, 0.3))
    if noun.english in ("bird", "tortoise"):
        where = Where("at", NounPhrase(NOUN["garden"]))
    else:
        where = Where(*d.one([("under", NounPhrase(NOUN["table"])), ("on", NounPhrase(NOUN["bed"])), ("at", NounPhrase(NOUN["garden"])),
                              ("at", NounPhrase(NOUN["kitchen"])), ("under", NounPhrase(NOUN["tree"])), ("behind", NounPhrase(NOUN["house"]))]))
    verb = BY_NAME[d.one(("sleep", "sleep", "eat", "play"))]
    if verb.base == "eat":
        verb = BY_NAME["sleep"]
    clause = with_tense(d, Clause(subject, Act(verb), where=where), verb)
    return Statement(replace(clause, time=None, time_first=False))


def weather(d: Draw) -> Sentence:
    weather_ = d.one(words.WEATHER)
    (tense,) = weather_.tenses
    times = [t for t in words.TIMES if ("progressive" if tense == "present" else tense) in t.tenses]
    return Weather(weather_, d.one(times) if d.chance(0.8) else None)


PATTERNS: tuple[tuple[float, Pattern], ...] = (
    (16, transitive), (5, transitive_question), (4, intransitive), (2, intransitive_question), (6, state), (3, state_question),
    (6, modal), (3, modal_intransitive), (2, likes_doing), (3, moving), (4, going), (8, description), (3, comparison),
    (4, feeling), (2, profession), (0.5, age), (3, located), (3, somebody_at), (4, existence), (2, where_is), (3, what_question),
    (4, when_where_why), (3, who_question), (4, command), (4, giving), (3, pronoun_object), (4, sequence), (2, contrast),
    (1.5, because), (3, thinking), (3, this_is), (1, whose), (1, colour), (1.5, doer), (3, done), (2.5, experience),
    (2, with_company), (2, country), (1.5, animal), (0.3, weather),
)  # fmt: skip


def draw(d: Draw) -> Sentence:
    """A sentence of any pattern, each as often as its weight says."""
    x = d.rng.random() * sum(weight for weight, _ in PATTERNS)
    for weight, pattern in PATTERNS:
        x -= weight
        if x < 0:
            break
    return pattern(d)
