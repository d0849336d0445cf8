import math

import numpy as np
import pytest

from seqrl.errors import InputError
from seqrl.models.language_model import LanguageModel
from seqrl.text.specials import BOS, EOS, PAD, UNKNOWN
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.settings import LanguageSettings


def test_the_prompt_stands_before_what_is_written(generator: TextGenerator) -> None:
    text = generator.generate("ab c", 30)
    assert text.startswith("ab c") and 4 < len(text) <= 34
    assert generator.generate("", 30) != text[4:]


def test_the_seed_decides_the_text(generator: TextGenerator) -> None:
    texts = [generator.generate("ab", 40, seed=seed) for seed in (0, 0, 1)]
    assert texts[0] == texts[1] != texts[2]


def test_greedy_is_what_the_model_finds_most_probable(generator: TextGenerator) -> None:
    read = [EOS, *generator.tokenizer.encode("ab c")]
    for _ in range(12):
        logits, _ = generator.model(np.array(read)[:, None])
        logits = logits[-1, 0]
        logits[[PAD, UNKNOWN, BOS]] = -np.inf
        if (best := int(logits.argmax())) == EOS:
            break
        read.append(best)
    assert len(read) > 6
    assert generator.generate("ab c", 12, temperature=0) == generator.tokenizer.decode(read)
    assert generator.generate("ab c", 12, top_k=1, seed=5) == generator.tokenizer.decode(read)


def test_texts_side_by_side_differ_and_all_begin_with_the_prompt(generator: TextGenerator) -> None:
    texts = generator.generate_many("ab", 6, 30)
    assert len(set(texts)) == 6
    assert all(text.startswith("ab") for text in texts)


def biased(generator: TextGenerator, id: int, bias: float) -> TextGenerator:
    generator.model.output.bias.value[id] = bias
    return generator


def test_the_end_of_the_document_ends_the_text(generator: TextGenerator) -> None:
    assert biased(generator, EOS, 1e4).generate("ab", 30) == "ab"
    assert generator.generate_many("ab", 3, 30) == ["ab"] * 3


def test_what_is_no_text_is_never_written(generator: TextGenerator) -> None:
    for id in PAD, UNKNOWN, BOS:
        biased(generator, id, 1e4)
    biased(generator, EOS, -1e4)
    text = generator.generate("", 30)
    assert len(text) == 30 and "⁇" not in text


def test_a_prompt_of_which_nothing_is_known_is_refused_and_named(generator: TextGenerator) -> None:
    with pytest.raises(InputError, match="the prompt 'XY': nothing in it is known to the model: 'X', 'Y'"):
        generator.generate("XY")
    assert generator.generate("aXb", 10).startswith("aXb")
    assert generator.generate("aXb", 10)[3:] == generator.generate("ab", 10)[2:]  # X is left out
    assert generator.unknown("aXbXé") == ["X", "é"]


@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_words_go_on_from_a_prompt_as_it_was_given(kind: str) -> None:
    text = "l'ami de la\nmaison (bleue) va bien\n    et toi"
    tokenizer = Tokenizer.train(kind, [text], 400)
    model = generator_of(tokenizer)
    for prompt in "l'ami", "la", "  la maison\n", "la Zoé maison":
        continued = model.generate(prompt, 8)
        assert continued.startswith(prompt.strip())
    assert model.unknown("la Zoé (bleue) Zoé") == (["Zoé"] if kind == "word" else ["Z", "é"])
    with pytest.raises(InputError, match="nothing in it is known to the model: 'Z"):
        model.generate("Zoé" if kind == "word" else "ZZ")


def generator_of(tokenizer: Tokenizer) -> TextGenerator:
    rng = np.random.default_rng(0)
    config = LanguageSettings(hidden=8, embedding=8).model(len(tokenizer))
    return TextGenerator(LanguageModel(config, rng=rng, dropout_rng=rng), tokenizer)


def test_perplexity_of_a_text_is_that_of_its_tokens_and_its_end(generator: TextGenerator) -> None:
    ids = [EOS, *generator.tokenizer.encode("abc"), EOS]
    logits, _ = generator.model.astype(np.float64)(np.array(ids[:-1])[:, None])
    p = np.exp(logits[:, 0]) / np.exp(logits[:, 0]).sum(axis=1, keepdims=True)
    expected = math.exp(-np.log(p[np.arange(4), ids[1:]]).mean())
    assert generator.perplexity("abc") == pytest.approx(expected, rel=1e-5)
    with pytest.raises(InputError, match="the text is empty"):
        generator.perplexity("  \n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"length": 0}, "the length is 0; expected 1 or more"),
        ({"seed": -1}, "the seed is -1"),
        ({"temperature": -0.5}, "the temperature is -0.5"),
        ({"top_k": 0}, "top-k is 0"),
        ({"top_p": 1.5}, "top-p is 1.5"),
    ],
)
def test_options_out_of_range_are_refused(generator: TextGenerator, options: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        generator.generate("ab", **options)  # type: ignore[arg-type]


def test_a_count_of_none_is_refused(generator: TextGenerator) -> None:
    with pytest.raises(InputError, match="the count is 0"):
        generator.generate_many("ab", 0)
