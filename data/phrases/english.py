"""English: a sentence of `tree.py` in words."""

import re
from dataclasses import replace

from phrases import tree
from phrases.tree import NounPhrase, Pronoun, Together
from phrases.words import Adjective, Verb

OBJECTS = {"I": "me", "you": "you", "he": "him", "she": "her", "we": "us", "they": "them"}
BE = {"I": ("am", "was"), "he": ("is", "was"), "she": ("is", "was")}
IRREGULAR_COMPARATIVES = {"good": "better", "bad": "worse"}


def realise(sentence: tree.Sentence) -> str:
    """The sentence with its capital and its full stop or question mark."""
    words, end = _sentence(sentence)
    text = " ".join(words).replace(" ,", ",").replace(" 's", "'s").replace("s's", "s'")
    return text[0].upper() + text[1:] + end


def _sentence(s: tree.Sentence) -> tuple[list[str], str]:
    match s:
        case tree.Statement(clause):
            return _clause(clause), "."
        case tree.Question(clause, word):
            return ([word] if word else []) + _clause(clause, question=True), "?"
        case tree.Who(clause):
            return _clause(clause, subject=["who"]), "?"
        case tree.Which(clause):
            act = clause.predicate
            assert isinstance(act, tree.Act) and act.object
            return [*nominal(act.object), *_clause(replace(clause, predicate=tree.Act(act.verb)), question=True)], "?"
        case tree.Prefers():
            return _prefers(s)
        case tree.Command():
            return _command(s), "."
        case tree.There():
            return _there(s)
        case tree.WhereIs(what, past):
            return ["where", _be(what, past), *nominal(what)], "?"
        case tree.This(what, negated):
            this, be = ("these", "are") if what.plural else ("this", "is")
            return [this, be, *(["not"] if negated else []), *nominal(what)], "."
        case tree.Whose(what):
            return ["whose", *_noun(what), "are these" if what.plural else "is this"], "?"
        case tree.Colour(what):
            return ["what colour", _be(what, False), *nominal(what)], "?"
        case tree.Joined(first, word, second):
            return [*_clause(first), word, *_clause(second)], "."
        case tree.Thinks(subject, verb, clause):
            thinks = Verb((verb, "", ""), "", "", "", "")
            return [*nominal(subject), _present(thinks, subject), "that", *_clause(clause)], "."
        case tree.Doer(head, clause, predicate):
            who = "who" if head.noun.person else "that"
            relative = [*nominal(head), *_clause(clause, subject=[who])]
            return _clause(tree.Clause(head, predicate), subject=relative), "."
        case tree.Done(head, clause, predicate):
            act = clause.predicate
            assert isinstance(act, tree.Act)
            relative = [*nominal(head), "that", *_clause(replace(clause, predicate=tree.Act(act.verb)))]
            return _clause(tree.Clause(head, predicate), subject=relative), "."
        case tree.Weather(weather, time, where):
            return [weather.english, *(_where(where) if where else []), *([time.english] if time else [])], "."
    raise TypeError(s)


def nominal(n: tree.Nominal, as_object: bool = False) -> list[str]:
    match n:
        case Pronoun(person, repeats):
            if repeats:
                return ["them" if repeats.plural else "it"] if as_object else ["they" if repeats.plural else "it"]
            return [OBJECTS[person] if as_object else person]
        case Together(first, second):
            return [*nominal(first), "and", *nominal(second)]
    words = _noun(n)
    if n.owner:
        return [*nominal(n.owner), "'s", *words]
    match n.determiner:
        case "bare" | "generic" | "name":
            return words
        case "a":
            return words if n.plural else [article(words[0]), *words]
        case "this" | "that":
            return [{"this": "these", "that": "those"}[n.determiner] if n.plural else n.determiner, *words]
        case "number":
            assert n.number
            return [n.number.english, *words]
        case "all":
            return ["all the", *words]
    return [n.determiner, *words]


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" and not word.startswith(("uni", "use")) else "a"


def _noun(n: NounPhrase) -> list[str]:
    word = n.noun.english_plural if n.plural else n.noun.english
    return [n.adjective.english, word] if n.adjective else [word]


def person(subject: tree.Nominal) -> str:
    """I, he (any third person singular) or they (all others)."""
    match subject:
        case Pronoun(_, repeats) if repeats:
            return "they" if repeats.plural else "he"
        case Pronoun(who):
            return who if who == "I" else "he" if who in ("he", "she") else "they"
        case Together():
            return "they"
    return "they" if subject.plural else "he"


def _be(subject: tree.Nominal, past: bool) -> str:
    return BE.get(person(subject), ("are", "were"))[past]


def _present(verb: Verb, subject: tree.Nominal) -> str:
    if person(subject) != "he":
        return verb.base
    if verb.base == "have":
        return "has"
    if re.search("[^aeiou]y$", verb.base):
        return verb.base[:-1] + "ies"
    return verb.base + ("es" if re.search("(s|x|ch|sh|o)$", verb.base) else "s")


def progressive(verb: Verb) -> str:
    base = verb.base
    if re.search("[^aeiou]e$", base):
        return base[:-1] + "ing"
    if re.fullmatch("[^aeiou]*[aeiou][^aeiouwxy]|.*[^aeiou]el", base):
        return base + base[-1] + "ing"
    return base + "ing"


def _where(where: tree.Where) -> list[str]:
    if where.relation == "home":
        return ["at", "home"]
    assert where.place
    words = nominal(where.place)
    if "bare" in where.place.noun.kinds and words[0] == "the" and where.relation in ("at", "to"):
        words = words[1:]
    return [where.place.noun.at[0] if where.relation == "at" else where.relation, *words]


def _predicate(p: tree.Predicate) -> tuple[Verb | None, list[str]]:
    """The verb (None is to be) and what follows it."""
    match p:
        case tree.Act(verb, thing, recipient):
            after = [verb.after] if verb.after else []
            words = nominal(thing, as_object=True) if thing else []
            if isinstance(recipient, Pronoun):
                return verb, [*nominal(recipient, as_object=True), *words]
            return verb, [*after, *words, *(["to", *nominal(recipient)] if recipient else [])]
        case tree.Is(adjective, degree, than):
            if than:
                return None, [*_comparative(adjective.english), "than", *nominal(than)]
            return None, [*([degree] if degree else []), adjective.english]
        case tree.IsA(noun):
            return None, [noun.english]
        case tree.IsAt(where):
            return None, _where(where)
        case tree.Goes(verb, where):
            return verb, [*([verb.after] if verb.after else []), *_where(where)]
        case tree.Aged(years):
            return None, [years.english, "years", "old"]
    raise TypeError(p)


def _comparative(adjective: str) -> list[str]:
    if adjective in IRREGULAR_COMPARATIVES:
        return [IRREGULAR_COMPARATIVES[adjective]]
    vowels = len(re.findall("[aeiouy]+", adjective.removesuffix("e")))
    if vowels > 1 and not adjective.endswith("y"):
        return ["more", adjective]
    if adjective.endswith("y"):
        return [adjective[:-1] + "ier"]
    if adjective.endswith("e"):
        return [adjective + "r"]
    doubled = re.fullmatch("[^aeiou]*[aeiou][^aeiouwxy]", adjective)
    return [adjective + (adjective[-1] if doubled else "") + "er"]


def _clause(c: tree.Clause, subject: list[str] | None = None, question: bool = False) -> list[str]:
    verb, rest = _predicate(c.predicate)
    if isinstance(c.predicate, tree.IsA):
        noun = c.predicate.noun
        several = person(c.subject) == "they" and c.subject != Pronoun("you")
        rest = [noun.english_plural] if several else [article(noun.english), noun.english]
    auxiliary, main = _verbs(c, verb)
    not_, adverb = [], [c.often.english] if c.often else []
    if c.negation == "not" or question:
        auxiliary, main = _with_auxiliary(c, verb, auxiliary, main)
    if c.negation == "not":
        not_ = ["not"]
    elif c.negation:
        adverb = [c.negation]
    elif c.tense == "perfect" and question:
        adverb = ["ever"]
    words = subject or nominal(c.subject)
    front = [auxiliary] if auxiliary else []
    if question:
        words = [*front, *words, *not_, *adverb, *main]
    elif front and front[0] == "can" and not_:
        words = [*words, "cannot", *main]
    else:
        words = [*words, *front, *not_, *adverb, *main]
    words += rest
    if c.company:
        words += ["with", *nominal(c.company, as_object=True)]
    if c.where:
        words += _where(c.where)
    if c.time:
        words = [c.time.english, ",", *words] if c.time_first else [*words, c.time.english]
    return words


def _verbs(c: tree.Clause, verb: Verb | None) -> tuple[str, list[str]]:
    """The auxiliary, empty where English needs none, and the other verbs."""
    base, participle, ing = ("be", "been", "being") if verb is None else (verb.base, verb.english[2], progressive(verb))
    past = c.tense == "past"
    match c.modal:
        case "can":
            return ("could" if past else "can"), [base]
        case "must":
            return "must", [base]
        case "want" | "like":
            finite = c.modal + "ed" if past else _present(Verb((c.modal, "", ""), "", "", "", ""), c.subject)
            return "", [finite, "to", base]
    match c.tense:
        case "progressive":
            return _be(c.subject, False), [ing]
        case "was doing":
            return _be(c.subject, True), [ing]
        case "future":
            return "will", [base]
        case "going to":
            return _be(c.subject, False), ["going", "to", base]
        case "perfect":
            return ("has" if person(c.subject) == "he" else "have"), [participle]
    if verb is None:
        return _be(c.subject, past), []
    return "", [verb.english[1] if past else _present(verb, c.subject)]


def _with_auxiliary(c: tree.Clause, verb: Verb | None, auxiliary: str, main: list[str]) -> tuple[str, list[str]]:
    """Do, does or did, where there is no other auxiliary."""
    if auxiliary:
        return auxiliary, main
    do = "did" if c.tense == "past" else "does" if person(c.subject) == "he" else "do"
    if c.modal:
        return do, [c.modal, *main[1:]]
    assert verb
    return do, [verb.base]


def _command(s: tree.Command) -> list[str]:
    verb, rest = _predicate(s.act)
    assert verb
    start = ["let us"] if s.we else ["do not"] if s.negated else []
    return [*start, verb.base, *rest, *([",", "please"] if s.please else [])]


def _prefers(s: tree.Prefers) -> tuple[list[str], str]:
    prefer = Verb(("prefer", "preferred", "preferred"), "", "", "", "")
    clause = tree.Clause(s.subject, tree.Act(prefer, s.more))
    return [*_clause(clause, question=s.question), "to", *nominal(s.less)], "?" if s.question else "."


def _there(s: tree.There) -> tuple[list[str], str]:
    """There is no milk; is there any milk?"""
    be = _be(s.what, s.past)
    what = s.what
    if s.negated:
        what = replace(what, determiner="no")
    elif s.question and what.determiner == "bare":
        what = replace(what, determiner="any")
    start = [be, "there"] if s.question else ["there", be]
    return [*start, *nominal(what), *_where(s.where)], "?" if s.question else "."


def tense_unclear(c: tree.Clause) -> bool:
    """They read the book: today or yesterday?"""
    verb = c.predicate.verb if isinstance(c.predicate, tree.Act) else None
    shown = (
        c.time or c.often or c.negation or c.modal or c.tense not in ("present", "past") or person(c.subject) == "he"
    )
    return verb is not None and verb.base == verb.english[1] and not shown


def verb_forms(verb: Verb) -> list[str]:
    """All that a verb looks like: eat, eats, ate, eaten, eating."""
    return [*verb.english, _present(verb, Pronoun("he")), progressive(verb)]


def adjective_forms(adjective: Adjective) -> list[str]:
    """Big, bigger."""
    return [adjective.english, *_comparative(adjective.english)[-1:]]
