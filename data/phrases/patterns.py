"""The sentence patterns: each draws one sentence of its kind, in the terms of `tree.py`."""

from collections.abc import Callable
from dataclasses import replace

from phrases import words
from phrases.english import tense_unclear
from phrases.parts import (
    AFTER_BE,
    BESIDE,
    BUILDINGS,
    DESCRIBED,
    JOBS,
    OBJECTS,
    OPEN_AIR,
    PETS,
    PORTABLE,
    Draw,
    active,
    asked,
    beside,
    describable,
    doing,
    is_so,
    object_of,
    others,
    own,
    person,
    place_of,
    pronoun,
    relative,
    somebody,
    spot,
    suited,
    thing,
    time_in,
    with_tense,
)
from phrases.tree import (
    Act,
    Aged,
    Clause,
    Colour,
    Command,
    Doer,
    Done,
    Goes,
    Is,
    IsA,
    IsAt,
    Joined,
    Nominal,
    NounPhrase,
    Prefers,
    Pronoun,
    Question,
    Sentence,
    Statement,
    There,
    Thinks,
    This,
    Weather,
    Where,
    WhereIs,
    Which,
    Who,
    Whose,
)
from phrases.words import ADJECTIVE, NOUN, SPECIAL, Verb

Pattern = Callable[[Draw], Sentence]


def verbs(names: str) -> list[Verb]:
    """Verbs that do something to something, by their names."""
    return [v for v in words.DOING if v.base in names.split()]


TO = {**SPECIAL, **{v.base: v for v in reversed(words.DOING)}}  # verbs with an object, by name
INTRANSITIVE = {v.base: v for v in words.ACTIVE}


def either(asking: bool, clause: Clause) -> Sentence:
    return Question(asked(clause)) if asking else Statement(suited(clause))


# Doing something


def transitive(d: Draw) -> Sentence:
    clause = doing(d, somebody(d))
    return transitive(d) if tense_unclear(clause) else Statement(clause)


def transitive_question(d: Draw) -> Sentence:
    return Question(asked(doing(d, somebody(d, asking=True))))


def intransitive(d: Draw) -> Sentence:
    return Statement(active(d, somebody(d)))


def intransitive_question(d: Draw) -> Sentence:
    return Question(asked(active(d, somebody(d, asking=True))))


def state(d: Draw) -> Sentence:
    """She likes tea; he had two brothers."""
    asking = d.chance(0.33)
    verb, subject = d.one(words.STATES), somebody(d, asking)
    thing_ = object_of(d, verb, subject)
    act = Act(verb, thing_)
    if verb.base in ("love", "hate"):  # one says I do not like it
        return either(asking, Clause(subject, act, d.weighted(present=2, past=1)))
    if verb.base == "understand" and "language" in thing_.noun.kinds:  # not in an instant, as in French
        return either(asking, Clause(subject, act, negation="not" if d.chance(0.2) else ""))
    return either(asking, with_tense(d, Clause(subject, act), verb))


WILLED = [v for v in words.DOING if v.base not in ("lose", "break", "forget")]


def modal(d: Draw) -> Sentence:
    """I want to buy a car; he could not find the key."""
    verb = d.one(WILLED)
    modal_ = d.weighted(want=4, can=3, must=3)
    asking = modal_ != "must" and d.chance(0.25)
    subject = somebody(d, asking)
    tense = "past" if modal_ != "must" and d.chance(0.25) else "present"
    time = time_in(d, "future", verb.long) if modal_ != "can" and tense == "present" and d.chance(0.25) else None
    negation = "not" if d.chance(0.25) else ""
    return either(asking, Clause(subject, Act(verb, object_of(d, verb, subject)), tense, negation, modal_, time=time))


def modal_intransitive(d: Draw) -> Sentence:
    verb = d.one([v for v in words.ACTIVE if v.base not in ("cry", "wait")])
    modal_ = d.weighted(want=4, can=3, must=0 if verb.base in ("play", "laugh", "dance") else 3, like=3)
    asking = modal_ != "must" and d.chance(0.3)
    negation = "not" if d.chance(0.25) else ""
    return either(
        asking, Clause(somebody(d, asking), Act(verb), "present", negation, modal_, where=place_of(d, verb, 0.6))
    )


LIKED = verbs(
    "eat drink buy read write watch listen draw learn teach speak play cook make wear repair drive sing visit"
)


def likes_doing(d: Draw) -> Sentence:
    """They like to read novels."""
    verb = d.one(LIKED)
    asking = d.chance(0.25)
    noun = d.one(OBJECTS[verb])
    determiner = "generic" if noun.kinds & {"language", "sport"} else "bare"
    liked = NounPhrase(noun, determiner, not noun.mass)
    if "instrument" in noun.kinds and verb.base == "play":
        liked = NounPhrase(noun)
    act = Act(verb, liked)
    return either(asking, Clause(somebody(d, asking), act, negation="not" if d.chance(0.2) else "", modal="like"))


DAILY = [t for t in words.TIMES if "present" in t.tenses and not t.tenses & {"long", "season"}]


def moving(d: Draw) -> Sentence:
    """My sister got up at seven o'clock."""
    verb = d.one(words.MOVING)
    asking = d.chance(0.2)
    momentary = replace(verb, kinds=frozenset({"once" if verb.base == "fall" else "simple"}))
    clause = with_tense(d, Clause(somebody(d, asking), Act(verb)), momentary)
    if clause.tense == "going to" and verb.base == "go":  # is going to go
        clause = replace(clause, tense="future")
    if verb.base not in ("fall", "rest") and d.chance(0.4):
        clause = replace(clause, time=d.one(words.HOURS), time_first=False)
    elif clause.tense == "present" and (asking or not clause.often):
        clause = replace(clause, time=d.one(DAILY), time_first=False)
    return either(asking, clause)


def by_the_clock(d: Draw) -> Sentence:
    verb = INTRANSITIVE[d.one(("eat", "study", "cook", "run", "work", "swim"))]
    tense = d.weighted(present=2, past=2, future=1)
    negation = "not" if d.chance(0.15) else ""
    return Statement(Clause(somebody(d), Act(verb), tense, negation, time=d.one(words.HOURS[:-1])))


LASTING = verbs("eat drink read write wash watch listen wait look")


def background(d: Draw) -> Sentence:
    """She was reading a book."""
    subjects: list[Nominal] = [Pronoun("he"), Pronoun("she"), relative(d), person(d)]
    subject = d.one(subjects)
    if isinstance(subject, NounPhrase):
        subject = replace(subject, plural=False)
    if d.chance(0.5):
        verb = d.one(words.ACTIVE)
        return Statement(Clause(subject, Act(verb), "was doing", where=place_of(d, verb, 0.7)))
    verb = d.one(LASTING)
    act = Act(verb, object_of(d, verb, subject))
    return Statement(Clause(subject, act, "was doing", where=place_of(d, verb, 0.25)))


def going(d: Draw) -> Sentence:
    """We went to the beach with our son."""
    asking = d.chance(0.2)
    subject = somebody(d, asking)
    where = Where("to", NounPhrase(d.one([*BUILDINGS, *OPEN_AIR, NOUN["beach"], NOUN["market"]])))
    clause = with_tense(d, Clause(subject, Goes(SPECIAL["go"], where)), SPECIAL["go"])
    if clause.tense == "going to":  # is going to go
        clause = replace(clause, tense="future")
    if d.chance(0.15):
        clause = replace(clause, company=relative(d, own(subject)), time_first=False)
    return either(asking, clause)


def with_company(d: Draw) -> Sentence:
    """I cook with my friends."""
    subject = somebody(d)
    company = relative(d, own(subject))
    if d.chance(0.3):
        company = NounPhrase(d.one([NOUN["friend"], NOUN["neighbour"], NOUN["child"]]), own(subject), d.chance(0.5))
    verb = INTRANSITIVE[d.one(("work", "walk", "dance", "play", "study", "travel", "sing", "eat", "swim", "cook"))]
    clause = with_tense(d, Clause(subject, Act(verb)), verb)
    return Statement(replace(clause, company=company, where=None if clause.time else place_of(d, verb, 0.2)))


def country(d: Draw) -> Sentence:
    """She lives in Japan; he will go to Canada next year."""
    asking = d.chance(0.2)
    subject = somebody(d, asking)
    noun = NounPhrase(d.one(words.COUNTRIES), "name")
    kind = d.weighted(live=4, go=3, travel=3)
    if kind == "live":
        negation = d.one(("", "", "", "", "", "not", "no longer"))
        tense = "present" if negation == "no longer" else d.weighted(present=3, past=2)
        return either(asking, Clause(subject, Goes(SPECIAL["live"], Where("at", noun)), tense, negation))
    tense = d.weighted(past=1, future=1)
    time = d.one([t for t in words.TIMES if tense in t.tenses and "far" in t.tenses]) if d.chance(0.5) else None
    if kind == "go":
        return either(asking, Clause(subject, Goes(SPECIAL["go"], Where("to", noun)), tense, time=time))
    return either(asking, Clause(subject, Act(INTRANSITIVE["travel"]), tense, time=time, where=Where("at", noun)))


def animal(d: Draw) -> Sentence:
    """The cats are sleeping under the table."""
    noun = d.one(PETS)
    subject = NounPhrase(noun, d.weighted(the=2, my=2, your=1, our=1), d.chance(0.25), beside(d, noun, 0.3))
    places = [("at", "garden"), ("at", "kitchen"), ("under", "table"), ("on", "bed"), ("under", "tree")]
    relation, place = ("at", "garden") if noun.english == "bird" else d.one(places)
    verb = INTRANSITIVE["play" if relation == "at" and d.chance(0.5) else "sleep"]
    clause = with_tense(d, Clause(subject, Act(verb), where=Where(relation, NounPhrase(NOUN[place]))), verb)
    return Statement(replace(clause, time=None, time_first=False))


# Giving, and pronouns as objects


def giving(d: Draw) -> Sentence:
    """He gave me a book; I will show the photo to my uncle."""
    verb = SPECIAL[d.one(("give", "show", "lend", "send"))]
    asking = d.chance(0.2)
    subject = somebody(d, asking)
    recipient: Nominal = others(d, subject)
    if d.chance(0.5):
        recipient = relative(d, own(subject)) if d.chance(0.6) else NounPhrase(d.one(JOBS))
    gift = thing(d, d.one(OBJECTS[verb]), subject, adjective=0.15)
    if gift.determiner in ("his", "her"):  # whose?
        gift = replace(gift, determiner="the")
    act = Act(verb, gift, recipient)
    return either(asking, with_tense(d, Clause(subject, act), replace(verb, kinds=frozenset({"once"}))))


WITH_PRONOUN = [v for v in [*verbs("see help invite call look forget meet wait"), *words.STATES]
                if v.after != "at" and (v.base == "know" or not v.state)]  # fmt: skip


def pronoun_object(d: Draw) -> Sentence:
    """She helped us; I must call him."""
    asking = d.chance(0.2)
    subject, verb = somebody(d, asking), d.one(WITH_PRONOUN)
    clause = with_tense(d, Clause(subject, Act(verb, others(d, subject))), verb)
    if not verb.state and d.chance(0.25):
        modal_ = d.weighted(want=1, can=1) if asking else d.weighted(want=1, can=1, must=1)
        clause = Clause(subject, clause.predicate, negation=clause.negation and "not", modal=modal_)
    return either(asking, clause)


SEQUENCES = (
    "buy eat", "buy read", "open read", "write send", "wash eat", "cut eat", "find read", "choose buy", "repair use",
    "lose find", "buy wear", "find use", "cook eat", "make eat", "wash wear",
)  # fmt: skip


def sequence(d: Draw) -> Sentence:
    """She buys the apple and she eats it."""
    verb, then = (TO[name] for name in d.one(SEQUENCES).split())
    subject = pronoun(d)
    noun = d.one([n for n in OBJECTS[verb] if n in OBJECTS[then]])
    first = thing(d, noun, subject, adjective=0.1)
    if noun.mass or first.determiner not in ("the", "a", "this", "that", "number", own(subject)):
        first = replace(first, determiner="the", number=None)
    tense = "past" if verb.once else d.weighted(present=2, past=3)
    return Joined(
        Clause(subject, Act(verb, first), tense), "and", Clause(subject, Act(then, Pronoun("it", first)), tense)
    )


def experience(d: Draw) -> Sentence:
    """She has never seen a fox. Have you ever eaten lobster?"""
    verb = d.one(verbs("eat drink see visit read drive write sing draw learn study wear repair play take"))
    noun = d.one(OBJECTS[verb])
    if noun.mass:
        determiner = "generic" if noun.kinds & {"language", "sport"} else "bare"
    else:
        determiner = d.weighted(the=1, this=2) if noun.kinds & {"place", "text", "sung", "art"} else "a"
    if "instrument" in noun.kinds and verb.base == "play":
        determiner = "the"
    act = Act(verb, NounPhrase(noun, determiner, "pair" in noun.kinds))
    asking = d.chance(0.4)
    return either(asking, Clause(somebody(d, asking), act, "perfect", "never"))


# Being something, or somewhere


def description(d: Draw) -> Sentence:
    """The soup is too hot."""
    noun, adjective = describable(d)
    tense = d.weighted(present=6, past=2)
    mode = d.weighted(plain=3, asking=1, negated=1)
    if mode != "plain":
        return either(mode == "asking", Clause(noun, Is(adjective), tense, "not"))
    too = 0.6 if "excess" in adjective.kinds else 0
    very = 0 if "absolute" in adjective.kinds or adjective.english == "delicious" else 1.5
    degree = d.weighted(none=3, very=very, too=too)
    return Statement(Clause(noun, Is(adjective, "" if degree == "none" else degree), tense))


OWNED = [n for n in words.THINGS if n.kinds & {"thing", "vehicle"} and AFTER_BE[n]]


def owned(d: Draw) -> Sentence:
    """The teacher's car was expensive."""
    noun = d.one(OWNED)
    owner = relative(d, "my") if d.chance(0.5) else NounPhrase(d.one(JOBS))
    subject = NounPhrase(noun, plural="pair" in noun.kinds or d.chance(0.15), owner=owner)
    negation = "not" if d.chance(0.15) else ""
    return either(d.chance(0.15), Clause(subject, is_so(d, noun), d.weighted(present=3, past=1), negation))


TOO_WIDE = frozenset({"thing", "goods", "place", "person", "adult", "seen", "sight", "outside"})


def comparison(d: Draw) -> Sentence:
    """My bag is heavier than your bag; the train is longer than the bus."""
    noun, adjective = describable(d)
    kinds = noun.noun.kinds
    if "absolute" in adjective.kinds or adjective.english == "delicious" or kinds & {"mass", "pair"}:
        return comparison(d)
    if noun.noun in PORTABLE and d.chance(0.3):
        return Statement(Clause(replace(noun, determiner="my"), Is(adjective, than=replace(noun, determiner="your"))))
    rivals = [n for n in DESCRIBED[adjective] if n.kinds & kinds - TOO_WIDE and n is not noun.noun]
    rivals = [n for n in rivals if not n.kinds & {"mass", "pair"} and ("owned" in n.kinds) == ("owned" in kinds)]
    if not rivals:
        return comparison(d)
    return Statement(Clause(noun, Is(adjective, than=replace(noun, noun=d.one(rivals)))))


def feeling(d: Draw) -> Sentence:
    """We are very hungry."""
    mode = d.weighted(plain=4, asking=2, negated=1)
    adjective = d.one(words.FEELINGS)
    tense = d.weighted(present=6, past=2)
    time = time_in(d, "past") if tense == "past" and d.chance(0.4) else None
    negation = d.one(("not", "no longer")) if mode == "negated" else ""
    very = mode == "plain" and "very" in adjective.kinds and d.chance(0.3)
    subject = somebody(d, mode == "asking")
    return either(mode == "asking", Clause(subject, Is(adjective, "very" if very else ""), tense, negation, time=time))


EITHER_SEX = ("doctor", "writer", "teacher")


def profession(d: Draw) -> Sentence:
    """She is a nurse. French has a masculine word for most professions: here those are men's."""
    asking = d.chance(0.25)
    subject: Nominal = Pronoun(d.weighted(you=4, he=3, she=4, they=2)) if asking else pronoun(d)
    if d.chance(0.4):
        subject = relative(d, d.weighted(my=4, your=3, his=1, her=1))
    woman = (isinstance(subject, NounPhrase) and subject.noun.feminine) or subject == Pronoun("she")
    job = d.one([n for n in JOBS if n.feminine == woman or (woman and n.english in EITHER_SEX)])
    return either(asking, Clause(subject, IsA(job), d.weighted(present=5, past=2), "not" if d.chance(0.2) else ""))


def age(d: Draw) -> Sentence:
    """My cousin is six years old."""
    young = replace(relative(d), noun=NOUN[d.one(("son", "daughter", "brother", "sister", "cousin"))])
    subjects: list[Nominal] = [Pronoun("he"), Pronoun("she"), young]
    return Statement(Clause(d.one(subjects), Aged(d.one(words.NUMBERS)), d.weighted(present=3, past=1)))


def located(d: Draw) -> Sentence:
    """Your keys are on the table."""
    noun, where = spot(d)
    if "place" not in noun.noun.kinds:
        noun = replace(noun, determiner=d.weighted(the=4, my=2, your=2), plural=noun.plural or d.chance(0.25))
    return either(
        d.chance(0.25), Clause(noun, IsAt(where), d.weighted(present=4, past=1), "not" if d.chance(0.15) else "")
    )


def somebody_at(d: Draw) -> Sentence:
    """He was at home yesterday."""
    asking = d.chance(0.25)
    noun = d.one([*BUILDINGS, *OPEN_AIR, NOUN["kitchen"], NOUN["bedroom"], NOUN["beach"]])
    where = Where("home") if d.chance(0.15) else Where("at", NounPhrase(noun))
    tense = d.weighted(present=4, past=2, future=1)
    time = time_in(d, tense) if tense != "present" and d.chance(0.5) else None
    negation = "not" if d.chance(0.15) else ""
    return either(asking, Clause(somebody(d, asking), IsAt(where), tense, negation, time=time))


FOODS = [n for n in words.THINGS if n.kinds & {"food", "drink"} and n.mass]


def existence(d: Draw) -> Sentence:
    """There is some milk in the kitchen; is there a bank in the village?"""
    kind = d.weighted(building=4, food=2, thing=6)
    if kind == "building":
        noun = d.one(BUILDINGS)
        what = NounPhrase(noun, "a", adjective=beside(d, noun, 0.3))
        where = Where("at", NounPhrase(NOUN[d.one(("village", "town", "street", "square"))]))
    elif kind == "food":
        what = NounPhrase(d.one(FOODS), "some")
        where = d.one([Where("on", NounPhrase(NOUN["table"])), Where("at", NounPhrase(NOUN["kitchen"]))])
    else:
        what, where = spot(d)
        what = replace(what, determiner="a", adjective=beside(d, what.noun, 0.2))
    if (kind != "food" and d.chance(0.35)) or what.plural:
        numbers = words.NUMBERS[:3] if "place" in what.noun.kinds else words.NUMBERS
        what = replace(what, plural=True, determiner="number", number=d.one(numbers))
    mode = d.weighted(plain=5, negated=2, question=2)
    if mode != "plain":
        what = replace(what, determiner="bare" if what.plural or what.noun.mass else "a", number=None)
    return There(what, where, d.chance(0.2), mode == "negated", mode == "question")


def this_is(d: Draw) -> Sentence:
    """This is my brother; these are her shoes; this is an easy question."""
    kind = d.weighted(relative=3, mine=4, described=3)
    if kind == "relative":
        return This(relative(d, d.weighted(my=4, his=1, her=1, our=1), d.chance(0.2)), d.chance(0.2))
    if kind == "mine":
        noun = d.one(SHOWN)
        plural = d.chance(0.25) or "pair" in noun.kinds
        return This(NounPhrase(noun, d.weighted(my=3, your=2, his=1, her=1, our=1), plural), d.chance(0.25))
    noun = d.one([n for n in [*SHOWN, *words.THINGS, *words.PLACES] if BESIDE[n] and not n.mass])
    return This(NounPhrase(noun, "a", "pair" in noun.kinds, d.one(BESIDE[noun])), d.chance(0.15))


SHOWN = [n for n in [*words.THINGS, *PETS] if n in PORTABLE or n.kinds & {"pet", "vehicle", "instrument"}]


# Questions


def where_is(d: Draw) -> Sentence:
    noun = d.one([*PORTABLE, *BUILDINGS, *PETS])
    if "place" in noun.kinds:
        return WhereIs(NounPhrase(noun), past=False)
    determiner = d.weighted(the=3, my=3, your=3, his=1, her=1, our=1)
    return WhereIs(NounPhrase(noun, determiner, d.chance(0.3) or "pair" in noun.kinds), d.chance(0.2))


ASKED_WHAT = verbs(
    "eat drink buy sell choose cook read write see watch look listen wash repair use carry find lose forget"
    " draw learn study teach wear make"
)


def what(d: Draw) -> Sentence:
    """What did you buy at the market?"""
    verb = d.one(ASKED_WHAT)
    clause = with_tense(d, Clause(somebody(d, asking=True), Act(verb)), verb)
    return Question(replace(asked(clause), where=place_of(d, verb, 0.3)), "what")


def when_where_why(d: Draw) -> Sentence:
    """Why did she not call the nurse?"""
    word = d.weighted(where=3, when=2, why=3)
    subject = somebody(d, asking=True)
    clause = doing(d, subject) if d.chance(0.6) else active(d, subject)
    negation = "not" if word == "why" and clause.negation == "not" else ""
    if word == "when" and clause.tense in ("present", "progressive"):
        clause = replace(clause, tense="future")
    return Question(replace(asked(clause), negation=negation, time=None, where=None), word)


ASKED_WHICH = verbs("eat buy sell choose read write wash find lose draw repair wear take cut visit use")


def which(d: Draw) -> Sentence:
    """Which flowers did you buy? How many apples are you eating?"""
    verb = d.one(ASKED_WHICH)
    noun = d.one([n for n in OBJECTS[verb] if not n.mass])
    how_many = not noun.kinds & {"place", "transport", "pair"} and verb.base != "wear" and d.chance(0.4)
    asked_for = NounPhrase(noun, "how many" if how_many else "which", how_many or d.chance(0.2) or "pair" in noun.kinds)
    return Which(asked(with_tense(d, Clause(somebody(d, asking=True), Act(verb, asked_for)), verb)))


def who(d: Draw) -> Sentence:
    """Who ate my sandwich?"""
    nobody = Pronoun("they")  # so that my, your, his and her are all somebody else's
    clause = doing(d, nobody) if d.chance(0.6) else active(d, nobody)
    act = clause.predicate
    assert isinstance(act, Act)
    if isinstance(act.object, NounPhrase) and act.object.determiner == "their":
        act = replace(act, object=replace(act.object, determiner="my"))
    return Who(asked(replace(clause, subject=Pronoun("he"), predicate=act)))


def whose(d: Draw) -> Sentence:
    noun = d.one([*PORTABLE, *PETS, NOUN["car"], NOUN["bicycle"]])
    return Whose(NounPhrase(noun, "this", d.chance(0.3) or "pair" in noun.kinds))


def colour(d: Draw) -> Sentence:
    noun = d.one(DESCRIBED[ADJECTIVE["red"]])
    determiner = "the" if "part" in noun.kinds else d.weighted(your=3, his=1, her=1, the=1)
    return Colour(NounPhrase(noun, determiner, d.chance(0.25) or "pair" in noun.kinds))


# Commands


COMMANDED = verbs(
    "open close eat drink buy read wash clean use take cut choose wait help call answer listen look write carry repair"
    " make cook visit learn"
)


def command(d: Draw) -> Sentence:
    """Open the window, please. Do not drink this coffee. Let us visit the castle."""
    verb = d.one(COMMANDED)
    noun = d.one(OBJECTS[verb])
    mood = d.weighted(plain=3, please=3, negated=2, we=1.5)
    if noun.person:
        determiner = "the" if not noun.kinds & {"family", "owned"} else "our" if mood == "we" else "your"
        if noun.english in ("husband", "wife") and mood == "we":
            return command(d)
    elif noun.kinds & {"language", "sport"}:
        determiner = "generic"
    elif noun.mass or "place" in noun.kinds:
        determiner = d.weighted(the=2, this=1)
    else:
        determiner = d.weighted(the=5, this=2, your=0 if mood == "we" else 1, a=0 if mood == "negated" else 1)
    what = NounPhrase(noun, determiner, "pair" in noun.kinds, beside(d, noun, 0.15))
    return Command(Act(verb, what), mood == "negated", mood == "we", mood == "please")


# Two clauses


ALIKE = frozenset({"food", "drink", "pet", "sport", "language"})


def contrast(d: Draw) -> Sentence:
    """I like tea but I do not like coffee."""
    subject = pronoun(d)
    verb = d.one([words.STATES[0], words.STATES[0], TO["eat"], TO["drink"], TO["speak"], INTO_SPORT])
    a, b = d.one(OBJECTS[verb]), d.one(OBJECTS[verb])
    if a is b or not a.kinds & b.kinds & ALIKE:
        return contrast(d)
    generic = verb.state or a.kinds & {"language", "sport"}
    first, second = (NounPhrase(n, "generic" if generic else "bare", not n.mass) for n in (a, b))
    return Joined(Clause(subject, Act(verb, first)), "but", Clause(subject, Act(verb, second), negation="not"))


INTO_SPORT = next(v for v in words.DOING if v.base == "play" and "sport" in v.kinds)


def preference(d: Draw) -> Sentence:
    """My aunt prefers tea to coffee."""
    kind = d.one(("food", "drink", "pet", "sport", "fruit", "language"))
    nouns = [n for n in words.NOUNS if kind in n.kinds]
    more, less = d.one(nouns), d.one(nouns)
    if more is less:
        return preference(d)
    asking = d.chance(0.2)
    first, second = (NounPhrase(n, "generic", not n.mass) for n in (more, less))
    return Prefers(somebody(d, asking), first, second, asking)


REASONS = {
    "sleep": ("tired",), "rest": ("tired", "sick"), "eat": ("hungry",), "run": ("late",), "laugh": ("happy",),
    "cry": ("sad", "tired", "alone"), "go to bed": ("tired", "sick"), "sing": ("happy",),
    "come home": ("tired", "hungry", "sick"), "dance": ("happy",),
}  # fmt: skip
REASONED = {f"{v.base} {v.after}".strip(): v for v in [*words.ACTIVE, *words.MOVING]}


def because(d: Draw) -> Sentence:
    """She sleeps because she is tired."""
    name = d.one(tuple(REASONS))
    subject, verb = pronoun(d), REASONED[name]
    tense = d.weighted(present=2, past=2, progressive=0 if verb.after else 2)
    reason = Is(ADJECTIVE[d.one(REASONS[name])])
    return Joined(
        Clause(subject, Act(verb), tense), "because", Clause(subject, reason, "past" if tense == "past" else "present")
    )


def thinking(d: Draw) -> Sentence:
    """I think that this film is boring."""
    noun, adjective = describable(d)
    if "absolute" in adjective.kinds:
        return thinking(d)
    return Thinks(d.one([pronoun(d), somebody(d)]), d.weighted(think=3, know=1), Clause(noun, Is(adjective)))


def doer(d: Draw) -> Sentence:
    """The woman who is wearing a red hat is tall."""
    noun = NOUN[d.one(("man", "woman", "boy", "girl", "student", "tourist"))]
    head = NounPhrase(noun)
    clause = replace(active(d, head), tense="progressive", negation="", often=None, time=None, time_first=False)
    if "young" in noun.kinds and clause.predicate == Act(INTRANSITIVE["work"]):
        return doer(d)
    if d.chance(0.5):
        wear = TO["wear"]
        unworn = ("dress", "skirt") if not noun.feminine else ()
        worn = NounPhrase(d.one([n for n in OBJECTS[wear] if "pair" not in n.kinds and n.english not in unworn]), "a")
        worn = replace(worn, adjective=beside(d, worn.noun, 0.5))
        clause = replace(clause, predicate=Act(wear, worn), where=None)
    return Doer(head, clause, d.one([is_so(d, noun), Is(d.one(words.FEELINGS))]))


READ_AND_SUCH = verbs("read write buy repair find wear draw sing visit watch choose")


def done(d: Draw) -> Sentence:
    """The letter that she wrote is long."""
    verb = d.one(READ_AND_SUCH)
    noun = d.one([n for n in OBJECTS[verb] if AFTER_BE[n]])
    head = NounPhrase(noun, "the", (d.chance(0.2) and not noun.mass) or "pair" in noun.kinds)
    tense = "past" if verb.once else d.weighted(past=3, progressive=2)
    return Done(head, Clause(pronoun(d), Act(verb, head), tense), is_so(d, noun))


def weather(d: Draw) -> Sentence:
    """It was cold yesterday."""
    weather_ = d.one(words.WEATHER)
    (tense,) = weather_.tenses
    time = time_in(d, "progressive" if tense == "present" else tense)
    where = Where("at", NounPhrase(d.one(words.COUNTRIES), "name"))
    if d.chance(0.3):
        where = Where("at", NounPhrase(d.one([NOUN["village"], NOUN["town"], NOUN["mountain"]])))
    return Weather(weather_, time if d.chance(0.6) else None, where if d.chance(0.8) else None)


# How often each comes, in no unit.
PATTERNS: tuple[tuple[float, Pattern], ...] = (
    (16, transitive),
    (5, transitive_question),
    (5, intransitive),
    (2, intransitive_question),
    (9, state),
    (6, modal),
    (3, modal_intransitive),
    (2, likes_doing),
    (8, moving),
    (1, by_the_clock),
    (4, background),
    (4, going),
    (2, with_company),
    (2, country),
    (1.5, animal),
    (5, giving),
    (3, pronoun_object),
    (4, sequence),
    (2.5, experience),
    (13, description),
    (3, owned),
    (4, comparison),
    (4, feeling),
    (2, profession),
    (0.5, age),
    (3, located),
    (3, somebody_at),
    (4, existence),
    (3, this_is),
    (2, where_is),
    (3, what),
    (4, when_where_why),
    (3, which),
    (3, who),
    (1, whose),
    (1, colour),
    (5, command),
    (2, contrast),
    (2, preference),
    (1.5, because),
    (4, thinking),
    (1.5, doer),
    (4, done),
    (1, weather),
)
TOTAL = sum(weight for weight, _ in PATTERNS)


def draw(d: Draw) -> Sentence:
    """A sentence of any pattern, each as often as its weight says."""
    x = d.rng.random() * TOTAL
    for weight, pattern in PATTERNS:
        x -= weight
        if x < 0:
            return pattern(d)
    raise AssertionError("the weights do not add up")
