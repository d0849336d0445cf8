"""What a trained translator reaches on its test data."""

from __future__ import annotations

from typing import Any, NamedTuple

from seqrl.errors import MissingExtra
from seqrl.text.corpora import Pair
from seqrl.text.evaluation import bleu, bleu_tokenizer, exact_match
from seqrl.training.translation.task import translate_any, with_references
from seqrl.training.translation.translator import Translator


class Example(NamedTuple):
    """A test sentence, its reference and what the model made of it."""

    source: str
    reference: str
    translation: str


class Results(NamedTuple):
    """By name of the test: its scores, and its sentences with their translations."""

    scores: dict[str, dict[str, Any]]
    examples: dict[str, list[Example]]


def test(translator: Translator, tests: dict[str, list[Pair]]) -> Results:
    """Exact match (a fraction) and BLEU of greedy translations.

    A source that stands there with several translations counts once, with all of them as references.
    BLEU is None where sacrebleu is not installed.
    """
    results = Results({}, {})
    for name, pairs in tests.items():
        sources, references = with_references(pairs)
        translations = translate_any(translator, sources, translator.max_length)
        scores: dict[str, Any] = {
            "exact_match": exact_match(translations, references),
            "bleu": None,
            "sentences": len(sources),
        }
        try:
            scored = bleu(translations, references, bleu_tokenizer([r for refs in references for r in refs]))
            scores |= {"bleu": scored.score, "bleu_signature": scored.signature}
        except MissingExtra:
            pass
        results.scores[name] = scores
        firsts = [refs[0] for refs in references]
        results.examples[name] = [Example(*line) for line in zip(sources, firsts, translations, strict=True)]
    return results
