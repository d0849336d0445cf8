"""Japanese: a sentence of `tree.py` in words, polite throughout.

You is said in statements and left out of questions; a possessive that goes back to the subject is left out, and the
words for a family depend on whose it is. The future is the present; never is 決して or, of experience, 一度も.
"""

from dataclasses import replace

from phrases import tree
from phrases.japanese_verbs import Form, NounForm, VerbForm, form, verb
from phrases.parts import own
from phrases.tree import NounPhrase, Pronoun, Together
from phrases.words import Noun, Verb

PRONOUNS = {"I": "私", "you": "あなた", "he": "彼", "she": "彼女", "we": "私たち", "they": "彼ら"}
OWNERS = {"my": "I", "your": "you", "his": "he", "her": "she", "our": "we", "their": "they"}
RELATIONS = {"on": "上", "under": "下", "behind": "後ろ", "near": "近く", "in front of": "前", "in": "中"}
NEGATIVE_ADVERBS = {"never": "決して", "no longer": "もう"}
THROUGH = {"travel", "walk"}  # these take their place as an object: 公園を歩く
# Verbs that depend on their object.
COLLOCATIONS = {
    ("eat", "soup"): ("を", "飲む5"),
    ("wear", "head"): ("を", "かぶる5"),
    ("wear", "lower"): ("を", "履く5"),
    ("wear", "tied"): ("を", "する"),
    ("wear", "ring"): ("を", "する"),
    ("cook", "soup"): ("を", "作る5"),
    ("have", "person"): ("が", "いる1"),
    ("have", "animal"): ("を", "飼う5~"),
}


def realise(sentence: tree.Sentence) -> str:
    """The sentence with its full stop, which also ends questions."""
    return "".join(_sentence(sentence)) + "。"


def _sentence(s: tree.Sentence) -> list[str]:
    match s:
        case tree.Statement(clause):
            return [*_topic(clause), *_rest(clause)]
        case tree.Question(clause, word):
            topic = [] if clause.subject == Pronoun("you") else _topic(clause)
            if word == "why":
                return [*topic, *_rest(clause, word, polite=False), "の", "です", "か"]
            return [*topic, *_rest(clause, word), "か"]
        case tree.Who(clause):
            return [*_time(clause), "誰", "が", *_rest(replace(clause, time=None)), "か"]
        case tree.Which(clause):
            return _which(clause)
        case tree.Prefers():
            return _prefers(s)
        case tree.Command():
            return _command(s)
        case tree.There():
            return _there(s)
        case tree.WhereIs(what, past):
            return [*noun_phrase(what), "は", "どこ", "に", _existing(what).polite(past), "か"]
        case tree.This(what, negated):
            this = "こちら" if what.noun.person else "これ"
            return [this, "は", *noun_phrase(what), NounForm("").polite(negative=negated)]
        case tree.Whose(what):
            return ["これ", "は", "誰", "の", *_described(what), "です", "か"]
        case tree.Colour(what):
            return [*noun_phrase(what), "は", "何色", "です", "か"]
        case tree.Joined():
            return _joined(s)
        case tree.Thinks():
            return _thinks(s)
        case tree.Doer(head, clause, predicate):
            relative = _rest(clause, polite=False)
            return [*relative, *noun_phrase(head), "は", *_rest(tree.Clause(head, predicate))]
        case tree.Done(head, clause, predicate):
            act = clause.predicate
            assert isinstance(act, tree.Act) and isinstance(act.object, NounPhrase)
            doing = replace(clause, predicate=tree.Act(_in_japanese(act.verb, act.object.noun)))
            relative = [*nominal(clause.subject), "が", *_rest(doing, polite=False)]
            return [*relative, *noun_phrase(head), "は", *_rest(tree.Clause(head, predicate))]
        case tree.Weather(weather, time, where):
            start = [time.japanese.removesuffix("に")] if time else []
            topic = [*_place(where), "で", "は"] if where else ["は"] if time else []
            return [*start, *(["、"] if time and where else []), *topic, weather.japanese]
    raise TypeError(s)


# Noun phrases


def nominal(n: tree.Nominal, subject: tree.Nominal | None = None) -> list[str]:
    match n:
        case Pronoun(person):
            return [PRONOUNS[person]]
        case Together(first, second):
            return [*noun_phrase(first), "と", *noun_phrase(second)]
    return noun_phrase(n, subject)


def noun_phrase(n: NounPhrase, subject: tree.Nominal | None = None) -> list[str]:
    """`subject` is whose sentence it is in: what belongs to the subject itself is not said to."""
    family = "family" in n.noun.kinds
    belongs = subject is not None and own(subject) == n.determiner
    if n.owner:
        start = [*noun_phrase(n.owner), "の"]
    elif n.determiner in OWNERS:
        understood = belongs or (family and n.determiner == "my")
        start = [] if understood else [PRONOUNS[OWNERS[n.determiner]], "の"]
    else:
        start = [{"this": "この", "that": "あの"}.get(n.determiner, "")]
    speakers = isinstance(subject, Together) or (
        isinstance(subject, NounPhrase) and subject.determiner in ("my", "our")
    )
    return [*start, *_described(n, humble=speakers and belongs)]


def _described(n: NounPhrase, humble: bool = False) -> list[str]:
    """`humble`: a member of one's own family, for whom there is another word."""
    own_family = humble or n.determiner in ("my", "our", "a", "number", "bare", "how many")
    word = n.noun.japanese if own_family or not n.noun.polite else n.noun.polite
    several = n.plural and n.noun.person and n.determiner != "number" and word != "友達"
    words = [word, *(["たち"] if several else [])]
    if not n.adjective:
        return words
    return [_attributive(n), *words]


def _attributive(n: NounPhrase) -> str:
    assert n.adjective
    word = n.adjective.of_people if n.noun.person and n.adjective.of_people else n.adjective.japanese
    adjective = form(word)
    return adjective.plain() if isinstance(adjective, VerbForm) else adjective.attributive()


def _number(n: NounPhrase) -> list[str]:
    """Numbers and many follow the particle: りんごを二つ."""
    if n.determiner == "many":
        return ["たくさん"]
    if n.determiner != "number":
        return []
    assert n.number
    counter = n.noun.counter or "つ"
    if counter == "つ" and n.number.japanese == "十":
        counter = ""
    return [n.number.japanese + counter]


def _place(where: tree.Where) -> list[str]:
    if where.relation == "home":
        return ["家"]
    assert where.place
    words = noun_phrase(where.place)
    return [*words, "の", RELATIONS[where.relation]] if where.relation in RELATIONS else words


# Clauses


def _topic(c: tree.Clause) -> list[str]:
    if c.time and c.time_first:
        return [c.time.japanese, "、", *nominal(c.subject), "は"]
    return [*nominal(c.subject), "は"]


def _time(c: tree.Clause) -> list[str]:
    return [c.time.japanese] if c.time and not c.time_first else []


def _rest(c: tree.Clause, word: str = "", polite: bool = True) -> list[str]:
    """All but the topic. `word` is the question word."""
    start = _time(c)
    through = isinstance(c.predicate, tree.Act) and c.predicate.verb.base in THROUGH
    particle = "を" if through else "で"
    adverb = [NEGATIVE_ADVERBS[c.negation]] if c.negation in NEGATIVE_ADVERBS else []
    if c.tense == "perfect" and c.negation:
        adverb = ["一度", "も"]
    if c.often:
        adverb = [c.often.japanese]
    if word in ("when", "why"):
        start += [{"when": "いつ", "why": "なぜ"}[word]]
    if word == "where":
        start += ["どこ", particle]
    if c.company:
        adverb += [*nominal(c.company, c.subject), "と"]
    if c.where:
        adverb += [*_place(c.where), particle]
    complements, predicate = _predicate(c)
    if word == "what":
        complements = ["何", "を"]
    return [*start, *adverb, *complements, *_inflected(c, predicate, polite)]


def _predicate(c: tree.Clause) -> tuple[list[str], Form]:
    """What stands before the verb or adjective, and that."""
    negative = _negative(c)
    match c.predicate:
        case tree.Act(verb_, thing, recipient):
            return _act(verb_, thing, recipient, c)
        case tree.Is(adjective, degree, than):
            person = not isinstance(c.subject, NounPhrase) or c.subject.noun.person
            word = adjective.of_people if adjective.of_people and person else adjective.japanese
            quality = form(word)
            before = [*nominal(than), "より"] if than else ["とても"] if degree == "very" else []
            if degree == "too" and not isinstance(quality, VerbForm):
                quality = quality.excess()
            return before, quality
        case tree.IsA(noun):
            return [], NounForm(noun.japanese)
        case tree.IsAt(where):
            return [*_place(where), "に"], _existing(c.subject)
        case tree.Goes(verb_, where):
            return [*_place(where), "に"], form(verb_.japanese, negative)
        case tree.Aged(years):
            return [], NounForm(years.japanese + "歳")
    raise TypeError(c.predicate)


def _act(
    verb_: Verb, thing: tree.Nominal | None, recipient: tree.Nominal | None, c: tree.Clause
) -> tuple[list[str], Form]:
    noun = thing.repeats if isinstance(thing, Pronoun) else thing
    if isinstance(noun, NounPhrase):
        verb_ = _in_japanese(verb_, noun.noun)
    words: list[str] = []
    said = form(verb_.japanese, _negative(c) and not c.modal)
    if c.modal or c.tense == "perfect":
        said = verb(verb_.japanese)
    if recipient:
        words = [*nominal(recipient, c.subject), "に"]
        if recipient in (Pronoun("I"), Pronoun("we")):
            assert isinstance(said, VerbForm)
            te = "" if verb_.base == "give" else said.te
            said = verb(te + "くれる1")
    if isinstance(thing, NounPhrase):
        words += [*noun_phrase(thing, c.subject), verb_.particle, *_number(thing)]
    elif thing and not (isinstance(thing, Pronoun) and thing.repeats):
        words += [*nominal(thing), verb_.particle]
    return words, said


def _in_japanese(verb_: Verb, noun: Noun) -> Verb:
    """The verb that Japanese has for this object."""
    for (base, kind), (particle, word) in COLLOCATIONS.items():
        if base == verb_.base and (kind in noun.kinds or kind == noun.english):
            return replace(verb_, particle=particle, japanese=word)
    return verb_


def is_collocation(verb_: Verb, noun: Noun) -> bool:
    """Whether the verb is another one with this object than with most."""
    return _in_japanese(verb_, noun) is not verb_


def _negative(c: tree.Clause) -> bool:
    return bool(c.negation) or (c.often is not None and c.often.english == "rarely")


def _inflected(c: tree.Clause, word: Form, polite: bool) -> list[str]:
    """Tense, modality and negation on the predicate."""
    past, negative = c.tense in ("past", "was doing"), _negative(c)
    if c.modal or c.tense == "perfect":
        assert isinstance(word, VerbForm)
        return _modal(c, word, past, negative)
    if c.tense in ("progressive", "was doing") and isinstance(word, VerbForm):
        word = word.ongoing()
    return [word.polite(past, negative) if polite else word.plain(past, negative)]


def _modal(c: tree.Clause, word: VerbForm, past: bool, negative: bool) -> list[str]:
    match c.modal:
        case "want":
            others = c.subject not in (Pronoun("I"), Pronoun("you"), Pronoun("we"))
            return [word.desire(others).polite(past, negative)]
        case "can":
            return [word.dictionary, "こと", "が", verb("できる1").polite(past, negative)]
        case "must" if negative:
            return [word.te, "は", "いけません"]
        case "must":
            return [word.nai + "なければ", "なりません"]
        case "like":
            return [word.dictionary, "の", "が", NounForm("好き").polite(past, negative)]
    return [word.plain(past=True), "こと", "が", verb("ある5").polite(negative=negative)]


def _existing(subject: tree.Nominal) -> VerbForm:
    """いる of people and animals, ある of things."""
    alive = not isinstance(subject, NounPhrase) or bool(subject.noun.kinds & {"person", "animal"})
    return verb("いる1" if alive else "ある5")


# Other sentences


def _command(s: tree.Command) -> list[str]:
    clause = tree.Clause(Pronoun("we" if s.we else "you"), s.act)
    complements, word = _predicate(clause)
    assert isinstance(word, VerbForm)
    if s.we:
        return [*complements, word.stem + "ましょう"]
    return [*complements, word.nai + "ないで" if s.negated else word.te, "ください"]


def _which(c: tree.Clause) -> list[str]:
    """どの本を読みますか, 本を何冊読みますか."""
    act = c.predicate
    assert isinstance(act, tree.Act) and isinstance(act.object, NounPhrase)
    thing = act.object
    topic = [] if c.subject == Pronoun("you") else _topic(c)
    verb_ = _in_japanese(act.verb, thing.noun)
    words = _rest(replace(c, predicate=tree.Act(verb_)))
    time, words = words[: len(_time(c))], words[len(_time(c)) :]
    if thing.determiner == "which":
        asked = ["どの", *_described(thing), verb_.particle]
    else:
        counter = thing.noun.counter or "つ"
        asked = [*_described(thing), verb_.particle, "いくつ" if counter == "つ" else "何" + counter]
    return [*topic, *time, *asked, *words, "か"]


def _prefers(s: tree.Prefers) -> list[str]:
    topic = [] if s.question and s.subject == Pronoun("you") else [*nominal(s.subject), "は"]
    words = [*topic, *noun_phrase(s.less), "より", *noun_phrase(s.more), "の", "ほう", "が", "好き", "です"]
    return [*words, "か"] if s.question else words


def _there(s: tree.There) -> list[str]:
    particle = "は" if s.negated else "が"
    exists = _existing(s.what).polite(s.past, s.negated)
    words = [*_place(s.where), "に", *noun_phrase(s.what), particle, *_number(s.what), exists]
    return [*words, "か"] if s.question else words


def _joined(s: tree.Joined) -> list[str]:
    first, second = s.first, s.second
    if s.word == "because":
        reason = _predicate(second)[1]
        past, negative = second.tense == "past", bool(second.negation)
        plain = reason.attributive(past, negative) if isinstance(reason, NounForm) else reason.plain(past, negative)
        return [*nominal(first.subject), "は", plain, "ので", "、", *_rest(first)]
    if s.word == "but":
        words = _rest(second)
        particle = next(i for i, word in enumerate(words) if word in ("を", "が", "は"))
        words[particle] = "は"
        return [*_topic(first), *_rest(first), "が", "、", *words]
    complements, word = _predicate(first)
    assert isinstance(word, VerbForm)
    return [*_topic(first), *complements, word.te, "、", *_rest(second)]


def _thinks(s: tree.Thinks) -> list[str]:
    inner = s.clause
    words = _rest(inner, polite=False)
    if s.verb == "think":
        thinks = verb("思う5") if s.subject == Pronoun("I") else verb("思う5").ongoing()
        return [*nominal(s.subject), "は", *nominal(inner.subject), "が", *words, "と", thinks.polite()]
    quality = _predicate(inner)[1]
    if isinstance(quality, NounForm):
        words = [quality.attributive().removesuffix("の") + ("である" if quality.link == "の" else "")]
    return [*nominal(s.subject), "は", *nominal(inner.subject), "が", *words, "こと", "を", "知っています"]
