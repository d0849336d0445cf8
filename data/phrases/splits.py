"""Training, validation and two held-out sets: random sentences, and combinations of words never seen together."""

import random
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from phrases import english, french, japanese, words
from phrases.parts import Draw
from phrases.patterns import draw

SIZES = {"train": 23_000, "valid": 1_000, "random": 1_000, "compositional": 1_000}
POOL = 33_000  # sentences drawn, of which those with rare words are dropped
LONGEST = 12  # words of English
COMMON = 14  # a word is in this many of the sentences drawn, or they are dropped
KNOWN = 5  # a word of a held-out sentence is in this many training sentences
LEARNABLE = 10  # and one of a compositional sentence in this many
PARTNERS = 5  # that each of two words has besides the other, when the two are kept out
HELD_OUT = 0.16  # of the combinations of a verb and its object, or an adjective and its noun
Combination = tuple[str, str]


@dataclass(frozen=True, eq=False)
class Translated:
    """A sentence in three languages."""

    english: str
    french: str
    japanese: str

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """All its words, marked by their language; of Japanese, which has no spaces, all its characters."""
        return frozenset(
            [f"eng {word}" for word in tokens(self.english)]
            + [f"fra {word}" for word in tokens(self.french)]
            + [f"jpn {character}" for character in self.japanese]
        )


def tokens(text: str) -> list[str]:
    """Words and punctuation marks of English or French."""
    return re.findall(r"[\w-]+|[^\w\s]", text)


def lemmas() -> dict[str, str]:
    """Every English form of the nouns, adjectives and verbs that may be held out, with the word it belongs to.

    A form of two words (a light, light) belongs to the first.
    """
    found: dict[str, str] = {}
    for noun in words.NOUNS:
        found |= {noun.english: noun.english, noun.english_plural: noun.english}
    for adjective in words.ADJECTIVES:
        for form in english.adjective_forms(adjective):
            found.setdefault(form, adjective.english)
    for verb in words.DOING:
        for form in english.verb_forms(verb):
            found.setdefault(form, verb.base)
    return found


def content(source: str, lemma: dict[str, str]) -> frozenset[str]:
    """The nouns, adjectives and verbs of an English sentence."""
    return frozenset(lemma[token] for token in tokens(source.lower()) if token in lemma)


def combinations(d: Draw, share: float) -> list[Combination]:
    """Verbs with one of their objects and adjectives with one of their nouns, to be kept out of training.

    Both have enough other partners to be known by, and none of them is a collocation, which nobody can guess.
    """
    with_verb = [
        (v.base, n.english)
        for v in words.DOING
        for n in words.objects_of(v)
        if not japanese.is_collocation(v, n) and v.base != n.english
    ]
    with_adjective = [(a.english, n.english) for a in words.ADJECTIVES for n in words.described_by(a)]
    possible = []
    for pairs in (with_verb, with_adjective):
        left, right = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
        possible += [(a, b) for a, b in pairs if left[a] > PARTNERS and right[b] > PARTNERS]
    return [pair for pair in dict.fromkeys(possible) if d.chance(share)]


def holds(content: frozenset[str], kept_out: set[Combination]) -> bool:
    """Whether any two of the words are a combination that is kept out, in whatever part of the sentence they are."""
    return any((a, b) in kept_out for a in content for b in content)


def sentences(d: Draw, number: int) -> list[Translated]:
    """Distinct sentences of all patterns.

    Raises AssertionError if the grammar translates one source in two ways.
    """
    found: dict[str, Translated] = {}
    while len(found) < number:
        meaning = draw(d)
        source = english.realise(meaning)
        if source.count(" ") >= LONGEST:
            continue
        new = Translated(source, french.realise(meaning), japanese.realise(meaning))
        old = found.setdefault(source, new)
        if (old.french, old.japanese) != (new.french, new.japanese):
            raise AssertionError(f"'{source}' is {old.french} {old.japanese} and {new.french} {new.japanese}")
    return list(found.values())


def counted(sentences: list[Translated]) -> Counter[str]:
    return Counter(word for sentence in sentences for word in sentence.vocabulary)


def without_rare_words(sentences: list[Translated]) -> list[Translated]:
    """Sentences all of whose words are in at least `COMMON` of those that are left."""
    while True:
        counts = counted(sentences)
        rare = {word for word, count in counts.items() if count < COMMON}
        if not rare:
            return sentences
        sentences = [sentence for sentence in sentences if rare.isdisjoint(sentence.vocabulary)]


def generate(rng: random.Random) -> tuple[dict[str, list[Translated]], list[Combination]]:
    """The four splits, each of its size and with no sentence in two of them, and what only the last one combines."""
    d = Draw(rng)
    combined = combinations(d, HELD_OUT)
    kept_out = set(combined)
    lemma = lemmas()
    common: list[Translated] = []
    novel: list[Translated] = []
    for sentence in sentences(d, POOL):
        (novel if holds(content(sentence.english, lemma), kept_out) else common).append(sentence)
    common = without_rare_words(common)
    train, rest = common[: SIZES["train"]], common[SIZES["train"] :]
    counts = counted(train)
    known = {word for word, count in counts.items() if count >= KNOWN}
    learnable = {word for word, count in counts.items() if count >= LEARNABLE}
    rest = [sentence for sentence in rest if sentence.vocabulary <= known]
    splits = {
        "train": train,
        "valid": rest[: SIZES["valid"]],
        "random": rest[SIZES["valid"] :][: SIZES["random"]],
        "compositional": [s for s in novel if s.vocabulary <= learnable][: SIZES["compositional"]],
    }
    for split, size in SIZES.items():
        assert len(splits[split]) == size, f"{split} has {len(splits[split])} sentences of {size}: draw more"
    return splits, combined
