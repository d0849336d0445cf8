"""French: a sentence of `tree.py` in words.

You is tu, they is ils, and the speaker is masculine; what happened is in the passé composé, what was so in the
imparfait.
"""

from dataclasses import replace
from typing import NamedTuple

from phrases import tree
from phrases.french_verbs import conjugate
from phrases.tree import NounPhrase, Pronoun, Together
from phrases.words import Adjective, Verb

SUBJECTS = {"I": "je", "you": "tu", "he": "il", "she": "elle", "we": "nous", "they": "ils"}
DIRECT = {"I": "me", "you": "te", "he": "le", "she": "la", "we": "nous", "they": "les"}
INDIRECT = {"I": "me", "you": "te", "he": "lui", "she": "lui", "we": "nous", "they": "leur"}
STRESSED = {"I": "moi", "you": "toi", "he": "lui", "she": "elle", "we": "nous", "they": "eux"}
REFLEXIVE = ("me", "te", "se", "nous", "vous", "se")
# masculine, feminine, plural
POSSESSIVES = {
    "my": ("mon", "ma", "mes"),
    "your": ("ton", "ta", "tes"),
    "his": ("son", "sa", "ses"),
    "her": ("son", "sa", "ses"),
    "our": ("notre", "notre", "nos"),
    "their": ("leur", "leur", "leurs"),
}
NEGATIONS = {"not": "pas", "never": "jamais", "no longer": "plus"}
MODALS = {"want": "vouloir", "can": "pouvoir", "must": "devoir", "like": "aimer"}
WITH_PASSE_COMPOSE = {"comprendre"}  # states of mind that one comes to: j'ai compris
WITH_ETRE = {"aller", "venir", "arriver", "partir", "rentrer", "rester", "tomber", "entrer", "sortir", "naître"}
RELATIONS = {
    "on": ["sur"],
    "under": ["sous"],
    "behind": ["derrière"],
    "near": ["près", "de"],
    "in front of": ["devant"],
    "in": ["dans"],
}
QUESTION_WORDS = {
    "where": ["où"],
    "when": ["quand"],
    "why": ["pourquoi"],
    "how": ["comment"],
    "what": ["que"],
}
CONJUNCTIONS = {
    "and": ["et"], "but": ["mais"], "because": ["parce", "que"], "when": ["quand"], "so": ["alors"],
}  # fmt: skip
BETTER = {"bon": "meilleur", "mauvais": "pire"}
ELIDED = {"le", "la", "je", "me", "te", "se", "ne", "de", "que", "ce"}
CONTRACTED = {("à", "le"): "au", ("à", "les"): "aux", ("de", "le"): "du", ("de", "les"): "des"}


class Features(NamedTuple):
    """What a verb, an adjective or a participle agrees with."""

    person: int = 2
    feminine: bool = False
    plural: bool = False


def features(n: tree.Nominal) -> Features:
    match n:
        case Pronoun(_, repeats) if repeats:
            return features(repeats)
        case Pronoun(person):
            number = tree.PERSONS.index(person)
            return Features((0, 1, 2, 2, 3, 5)[number], person == "she", number > 3)
        case Together(first, second):
            return Features(5, features(first).feminine and features(second).feminine, True)
    return Features(5 if n.plural else 2, n.noun.feminine, n.plural)


def starts_with_vowel(word: str) -> bool:
    """Whether le, je, ne... elide before the word."""
    return word == "y" or word[0] in "aàâeéèêiîoôuhœ"


def join(words: list[str]) -> str:
    """Words in one line, with elisions (l'eau), without the marks of aspirate h (*homard)."""
    text = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if following and (
            (word in ELIDED and starts_with_vowel(following)) or (word == "si" and following in ("il", "ils"))
        ):
            text += word[:-1] + "'"
        else:
            text += word + " "
    return text.strip().replace(" ,", ",").replace("*", "")


def contract(preposition: str, words: list[str]) -> list[str]:
    """à + le = au, de + les = des; le before a vowel stays to be elided."""
    if not words:
        return [preposition]
    elides = words[0] == "le" and starts_with_vowel(words[1])
    if (preposition, words[0]) in CONTRACTED and not elides:
        return [CONTRACTED[preposition, words[0]], *words[1:]]
    return [preposition, *words]


def plural(word: str) -> str:
    if word.endswith(("s", "x", "z")):
        return word
    if word.endswith("al"):
        return word[:-2] + "aux"
    return word + ("x" if word.endswith(("eau", "eu")) and word != "bleu" else "s")


def agree(adjective: str, f: Features) -> str:
    """gentil/gentille with its noun: gentil, gentille, gentils, gentilles."""
    if adjective.endswith("!"):
        return adjective[:-1]
    masculine, _, feminine = adjective.partition("/")
    feminine = feminine.partition("/")[0] or (masculine if masculine.endswith("e") else masculine + "e")
    word = feminine if f.feminine else masculine
    return plural(word) if f.plural else word


def _described(n: NounPhrase) -> list[str]:
    """Noun and adjective in their order."""
    noun = plural(n.noun.french) if n.plural else n.noun.french
    if not n.adjective:
        return [noun]
    f = features(n)
    word = agree(n.adjective.french, f)
    if not n.adjective.before:
        return [noun, word]
    before_vowel = n.adjective.french.split("/")[2:]
    if before_vowel and not f.feminine and not f.plural and starts_with_vowel(noun):
        word = before_vowel[0]
    return [word, noun]


def noun_phrase(n: NounPhrase, negated: bool = False) -> list[str]:
    """With its article. `negated` is an object after pas: un, une, des, du become de."""
    words = _described(n)
    le = "les" if n.plural else "la" if n.noun.feminine else "le"
    vowel = starts_with_vowel(words[0])
    match n.determiner:
        case "name":
            return words
        case "the" | "generic":
            words = [le, *words]
        case "a" | "some" | "bare":
            if negated:
                words = ["de", *words]
            elif n.plural:
                words = ["de" if n.adjective and n.adjective.before else "des", *words]
            elif n.determiner == "a":
                words = ["une" if n.noun.feminine else "un", *words]
            else:
                words = contract("de", [le, *words])
        case "this" | "that":
            ce = "ces" if n.plural else "cette" if n.noun.feminine else "cet" if vowel else "ce"
            words = [ce, *words]
        case "number":
            assert n.number
            words = [n.number.french, *words]
        case "many":
            words = ["beaucoup", "de", *words]
        case "how many" | "how much":
            words = ["combien", "de", *words]
        case "all":
            words = ["toutes" if n.noun.feminine else "tous", "les", *words]
        case "which":
            words = [agree("quel/quelle", features(n)), *words]
        case possessive:
            mine = POSSESSIVES[possessive]
            words = [mine[2] if n.plural else mine[1] if n.noun.feminine and not vowel else mine[0], *words]
    if n.owner:
        words += contract("de", noun_phrase(n.owner))
    return words


def nominal(n: tree.Nominal, stressed: bool = False, negated: bool = False) -> list[str]:
    match n:
        case Pronoun(_, repeats) if repeats:
            f = features(repeats)
            return [("elle" if f.feminine else "il") + ("s" if f.plural else "")]
        case Pronoun(person):
            return [(STRESSED if stressed else SUBJECTS)[person]]
        case Together(first, second):
            return [*noun_phrase(first), "et", *noun_phrase(second)]
    return noun_phrase(n, negated)


def after_de(n: NounPhrase) -> list[str]:
    """de before a noun phrase, where des, du and de la vanish: besoin d'eau."""
    if n.determiner in ("some", "bare") or (n.determiner == "a" and n.plural):
        return ["de", *_described(n)]
    return contract("de", noun_phrase(n))


def _where(where: tree.Where) -> list[str]:
    if where.relation == "home":
        return ["à", "la", "maison"]
    assert where.place
    words = noun_phrase(where.place)
    noun = where.place.noun
    if where.relation in ("at", "to"):
        preposition = noun.at[1] if where.relation == "at" else noun.at[2]
        return contract(preposition, words)
    *start, last = RELATIONS[where.relation]
    return [*start, *contract(last, words)]


class VerbPhrase(NamedTuple):
    """What a predicate is made of, before tense and negation."""

    infinitive: str
    clitics: list[str]
    rest: list[str]
    reflexive: bool = False
    agrees_with: Features | None = None  # of the participle: an object that stands before it


def _verb_phrase(p: tree.Predicate, f: Features, negated: bool) -> VerbPhrase:
    match p:
        case tree.Act(verb, thing, recipient):
            return _act(verb, thing, recipient, negated)
        case tree.Is(adjective, degree, than):
            return _is(adjective, degree, than, f)
        case tree.IsA(noun):
            return VerbPhrase("être", [], [plural(noun.french) if f.plural else noun.french])
        case tree.IsAt(where):
            return VerbPhrase("être", [], _where(where))
        case tree.Goes(verb, where):
            infinitive, *_ = verb.french.split()
            return VerbPhrase(infinitive, [], _where(where))
        case tree.Aged(years):
            return VerbPhrase("avoir", [], [years.french, "ans"])
    raise TypeError(p)


def _act(verb: Verb, thing: tree.Nominal | None, recipient: tree.Nominal | None, negated: bool) -> VerbPhrase:
    words = verb.french.split()
    reflexive = words[0] == "se"
    infinitive, *tail = words[1:] if reflexive else words
    clitics: list[str] = []
    agrees_with = None
    rest = list(tail)
    if isinstance(thing, Pronoun):
        agrees_with = features(thing)
        if thing.repeats:
            clitics = ["les" if agrees_with.plural else "la" if agrees_with.feminine else "le"]
        else:
            clitics = [DIRECT[thing.person]]
    elif isinstance(thing, NounPhrase):
        if tail and tail[-1] == "de":
            rest = tail[:-1] + after_de(thing)
        elif tail:
            rest = tail[:-1] + contract(tail[-1], noun_phrase(thing))
        elif infinitive == "parler" and "language" in thing.noun.kinds:
            rest = [thing.noun.french]
        else:
            rest = noun_phrase(thing, negated)
    if isinstance(recipient, Pronoun):
        clitics = [INDIRECT[recipient.person], *clitics]
    elif recipient:
        rest += contract("à", nominal(recipient))
    return VerbPhrase(infinitive, clitics, rest, reflexive, agrees_with)


def _is(adjective: Adjective, degree: str, than: tree.Nominal | None, f: Features) -> VerbPhrase:
    degrees = {"very": ["très"], "too": ["trop"], "": []}[degree]
    if adjective.french.startswith("="):
        noun = adjective.french[1:]
        if noun == "retard":
            return VerbPhrase("être", [], ["en", noun])
        return VerbPhrase("avoir", [], [*degrees, noun])
    if than:
        masculine = adjective.french.partition("/")[0]
        better = BETTER.get(masculine)
        words = [agree(better, f)] if better else ["plus", agree(adjective.french, f)]
        return VerbPhrase("être", [], [*words, "que", *nominal(than, stressed=True)])
    return VerbPhrase("être", [], [*degrees, agree(adjective.french, f)])


def _clause(c: tree.Clause, subject: list[str] | None = None) -> list[str]:
    f = features(c.subject)
    is_state = isinstance(c.predicate, tree.Act | tree.Goes) and c.predicate.verb.state
    phrase = _verb_phrase(c.predicate, f, bool(c.negation))
    words = _verbs(c, f, phrase, is_state)
    start = subject if subject is not None else nominal(c.subject)
    words = [*start, *words, *phrase.rest]
    if c.company:
        words += ["avec", *nominal(c.company, stressed=True)]
    if c.where:
        words += _where(c.where)
    if c.time:
        words = [c.time.french, ",", *words] if c.time_first else [*words, c.time.french]
    return words


def _verbs(c: tree.Clause, f: Features, phrase: VerbPhrase, is_state: bool) -> list[str]:
    """Negation, pronouns, verbs and adverb, from ne to the last verb."""
    reflexive = [REFLEXIVE[f.person]] if phrase.reflexive else []
    clitics = [*reflexive, *phrase.clitics]
    second = NEGATIONS.get(c.negation, "")
    adverb = [second] if second else []
    if c.often:
        adverb.append(c.often.french)
    ne = ["ne"] if second else []
    if c.modal:
        forms = conjugate(MODALS[c.modal])
        finite = (forms.imperfect if c.tense == "past" else forms.present)[f.person]
        return [*ne, finite, *adverb, *clitics, phrase.infinitive]
    forms = conjugate(phrase.infinitive)
    stative = phrase.infinitive in ("être", "avoir") or (is_state and phrase.infinitive not in WITH_PASSE_COMPOSE)
    if c.tense in ("future", "going to"):
        if phrase.infinitive in ("être", "avoir") and c.tense == "future":
            return [*ne, *clitics, forms.future[f.person], *adverb]
        return [*ne, conjugate("aller").present[f.person], *adverb, *clitics, phrase.infinitive]
    if c.tense == "was doing" or (c.tense == "past" and stative):
        return [*ne, *clitics, forms.imperfect[f.person], *adverb]
    if c.tense in ("past", "perfect"):
        with_etre = phrase.reflexive or phrase.infinitive in WITH_ETRE
        auxiliary = conjugate("être" if with_etre else "avoir").present[f.person]
        agrees_with = f if with_etre else phrase.agrees_with
        participle = agree(forms.participle, agrees_with) if agrees_with else forms.participle
        if c.tense == "perfect" and not second:
            adverb = ["déjà"]
        return [*ne, *clitics, auxiliary, *adverb, participle]
    return [*ne, *clitics, forms.present[f.person], *adverb]


def realise(sentence: tree.Sentence) -> str:
    """The sentence with its capital and its full stop or question mark, a space before the latter."""
    words, end = _sentence(sentence)
    text = join(words)
    return text[0].upper() + text[1:] + end


def _sentence(s: tree.Sentence) -> tuple[list[str], str]:
    match s:
        case tree.Statement(clause):
            return _clause(clause), "."
        case tree.Question(clause, word):
            return [*_asking(word), *_clause(clause)], " ?"
        case tree.Who(clause):
            return _clause(clause, subject=["qui"]), " ?"
        case tree.Which(clause):
            act = clause.predicate
            assert isinstance(act, tree.Act) and isinstance(act.object, NounPhrase)
            subject = ["est-ce", "que", *nominal(clause.subject)]
            return [*noun_phrase(act.object), *_after_object(act.object, clause, subject)], " ?"
        case tree.Prefers():
            return _prefers(s)
        case tree.Command():
            return _command(s), "."
        case tree.There():
            return _there(s)
        case tree.WhereIs(what, past):
            return ["où", _to_be(what, past), *nominal(what)], " ?"
        case tree.This(what, negated):
            be = "sont" if what.plural else "est"
            return ["ce", *(["ne"] if negated else []), be, *(["pas"] if negated else []), *nominal(what)], "."
        case tree.Whose(what):
            these = replace(what, determiner="this")
            return ["à", "qui", _to_be(what, False), *nominal(these)], " ?"
        case tree.Colour(what):
            return ["de", "quelle", "couleur", _to_be(what, False), *nominal(what)], " ?"
        case tree.Joined(first, word, second):
            return [*_clause(first), *CONJUNCTIONS[word], *_clause(second)], "."
        case tree.Thinks(subject, verb, clause):
            verb_forms = conjugate({"think": "penser", "know": "savoir"}[verb]).present
            return [*nominal(subject), verb_forms[features(subject).person], "que", *_clause(clause)], "."
        case tree.Doer(head, clause, predicate):
            relative = [*nominal(head), *_clause(replace(clause, subject=head), subject=["qui"])]
            return _clause(tree.Clause(head, predicate), subject=relative), "."
        case tree.Done(head, clause, predicate):
            relative = _after_object(head, clause, ["que", *nominal(clause.subject)])
            return _clause(tree.Clause(head, predicate), subject=[*nominal(head), *relative]), "."
        case tree.Weather(weather, time, where):
            return [weather.french, *(_where(where) if where else []), *([time.french] if time else [])], "."
    raise TypeError(s)


def _after_object(thing: NounPhrase, clause: tree.Clause, subject: list[str]) -> list[str]:
    """que j'ai écrite: the participle agrees with the object that stands before it."""
    act = clause.predicate
    assert isinstance(act, tree.Act)
    phrase = VerbPhrase(act.verb.french, [], [], agrees_with=features(thing))
    words = [*subject, *_verbs(clause, features(clause.subject), phrase, act.verb.state)]
    return [*words, *(_where(clause.where) if clause.where else []), *([clause.time.french] if clause.time else [])]


def _prefers(s: tree.Prefers) -> tuple[list[str], str]:
    prefers = conjugate("préférer").present[features(s.subject).person]
    start = ["est-ce", "que"] if s.question else []
    words = [*start, *nominal(s.subject), prefers, *noun_phrase(s.more), *contract("à", noun_phrase(s.less))]
    return words, " ?" if s.question else "."


def _asking(word: str) -> list[str]:
    return [*(QUESTION_WORDS[word] if word else []), "est-ce", "que"]


def _to_be(subject: tree.Nominal, past: bool) -> str:
    forms = conjugate("être")
    return (forms.imperfect if past else forms.present)[features(subject).person]


def _command(s: tree.Command) -> list[str]:
    phrase = _verb_phrase(s.act, Features(1), s.negated)
    forms = conjugate(phrase.infinitive)
    verb = forms.present[3] if s.we else forms.imperative
    start = ["ne", verb, "pas"] if s.negated else [verb]
    return [*start, *phrase.rest, *([",", "s'il te plaît"] if s.please else [])]


def _there(s: tree.There) -> tuple[list[str], str]:
    have = "avait" if s.past else "a"
    start = ["est-ce", "que", "il", "y", have] if s.question else ["il", *(["ne"] if s.negated else []), "y", have]
    what = noun_phrase(s.what, s.negated)
    return [*start, *(["pas"] if s.negated else []), *what, *_where(s.where)], " ?" if s.question else "."
