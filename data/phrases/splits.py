"""Training, validation and two held-out sets: random sentences, and combinations of words never seen together."""

import re
from collections import Counter
from collections.abc import Sequence

from phrases import words
from phrases.english import forms
from phrases.patterns import Draw

LEARNABLE = 12  # a word of a compositional sentence is this often in the training sentences
KNOWN = 4  # and a word of any other held-out sentence
Lemmas = frozenset[str]


def lemmas() -> dict[str, str]:
    """Every English form of every noun, adjective and verb, with the word it belongs to."""
    found = {}
    for noun in words.NOUNS:
        found |= {noun.english: noun.english, noun.english_plural: noun.english}
    for adjective in words.ADJECTIVES:
        found.setdefault(adjective.english, adjective.english)
    for verb in words.DOING:
        for form in forms(verb):
            found.setdefault(form, verb.base)
    return found


def content(source: str, lemma: dict[str, str]) -> Lemmas:
    """The nouns, adjectives and verbs in an English sentence."""
    return frozenset(lemma[token] for token in tokens(source.lower()) if token in lemma)


def tokens(text: str) -> list[str]:
    """Words and punctuation marks."""
    return re.findall(r"[\w-]+|[^\w\s]", text)


def combinations(d: Draw, share: float) -> list[tuple[str, str]]:
    """Verbs with one of their objects and adjectives with one of their nouns, to be kept out of training."""
    possible = [(v.base, n.english) for v in words.DOING for n in words.objects_of(v)]
    possible += [(a.english, n.english) for a in words.ADJECTIVES for n in words.described_by(a)]
    return [pair for pair in possible if pair[0] != pair[1] and d.chance(share)]


def holds(content: Lemmas, pairs: set[tuple[str, str]]) -> bool:
    """Whether any two of the words are one of the pairs."""
    return any((a, b) in pairs for a in content for b in content)


def known(tokens: Sequence[str], counts: Counter[str], least: int) -> bool:
    return all(counts[token] >= least for token in tokens)
