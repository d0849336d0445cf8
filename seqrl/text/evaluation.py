"""Scores of generated text: BLEU, exact match, perplexity."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from seqrl.errors import InputError, choose, require
from seqrl.text.unspaced import UNSPACED

References = Sequence[str] | Sequence[Sequence[str]]
"""One reference for each hypothesis, or a list of them for each."""


class Bleu(NamedTuple):
    score: float
    """0 to 100"""
    signature: str
    """What sacrebleu computed: scores are comparable where the signatures are the same."""


def bleu(hypotheses: Sequence[str], references: References, tokenize: str = "13a") -> Bleu:
    """BLEU of a corpus (Papineni et al. 2002) as sacrebleu computes it (Post 2018).

    tokenize: sacrebleu's name; see `bleu_tokenizer` for the one that suits the references.
    Raises InputError for no hypotheses, another number of references, an unknown tokenizer; MissingExtra without
    sacrebleu.
    """
    sacrebleu = require("sacrebleu", "translation")
    choose("BLEU tokenizer", tokenize, {name: name for name in sacrebleu.BLEU.TOKENIZERS})
    alternatives = _alternatives(hypotheses, references)
    # sacrebleu wants the first references of all, the second of all, ...; None where a hypothesis has no more.
    most = max(map(len, alternatives))
    streams = [[refs[i] if i < len(refs) else None for refs in alternatives] for i in range(most)]
    metric = sacrebleu.BLEU(tokenize=tokenize)
    score = metric.corpus_score(list(hypotheses), streams).score
    return Bleu(float(score), str(metric.get_signature()))


def bleu_tokenizer(references: References) -> str:
    """The tokenizer for `bleu`: "char" where most letters are of scripts without spaces between words, else "13a"."""
    text = "".join(r if isinstance(r, str) else "".join(r) for r in references)
    letters = "".join(c for c in text if c.isalpha())
    return "char" if len(re.findall(f"[{UNSPACED}]", letters)) > len(letters) / 2 else "13a"


def exact_match(hypotheses: Sequence[str], references: References) -> float:
    """The fraction of hypotheses that equal their reference, or one of their references, character for character."""
    alternatives = _alternatives(hypotheses, references)
    return sum(h in refs for h, refs in zip(hypotheses, alternatives, strict=True)) / len(hypotheses)


def perplexity(total_negative_log_likelihood: float, tokens: int) -> float:
    """exp(total / tokens): summed over all tokens of a corpus and in nats, never a mean of batch means."""
    if tokens < 1:
        raise InputError(f"perplexity over {tokens} tokens; expected 1 or more")
    try:
        return math.exp(total_negative_log_likelihood / tokens)
    except OverflowError:
        return math.inf


def _alternatives(hypotheses: Sequence[str], references: References) -> list[Sequence[str]]:
    """The references of each hypothesis as a list, after checking that there are as many."""
    if not hypotheses or len(hypotheses) != len(references):
        raise InputError(f"{len(hypotheses)} hypotheses, {len(references)} references; expected as many, and 1 or more")
    return [[refs] if isinstance(refs, str) else refs for refs in references]
