"""Runs of models of text, of each kind: what is written, what is read again, and embeddings that they begin with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import seqrl
from seqrl.errors import InputError
from seqrl.parameter import Array
from seqrl.text.embeddings import Embeddings
from seqrl.training import checkpoint, runs
from seqrl.training.dialogue import run as dialogue_run
from seqrl.training.dialogue.settings import DialogueSettings
from seqrl.training.language import run as language_run
from seqrl.training.language.settings import LanguageSettings
from seqrl.training.translation import run as translation_run
from seqrl.training.translation.settings import TranslationSettings

E = 6
NAMES = ["one", "two", "three", "four", "five"]
SMALL: dict[str, Any] = {"tokenizer": "word", "hidden": 8, "embedding": E, "batch_size": 8, "epochs": 2, "threads": 1}


class Kind(NamedTuple):
    """A kind of run: its module, its settings on the files in a folder, and the layers that begin with embeddings."""

    run: Any
    settings: Callable[[Path, str | None], Any]
    layers: list[str]


def language(data: Path, embeddings: str | None) -> LanguageSettings:
    return LanguageSettings((str(data / "text.txt"),), bptt=10, embeddings=embeddings, **SMALL)


def translation(data: Path, embeddings: str | None) -> TranslationSettings:
    pairs = str(data / "pairs.tsv")
    return TranslationSettings(pairs, source_embeddings=embeddings, target_embeddings=embeddings, **SMALL)


def hred(data: Path, embeddings: str | None) -> DialogueSettings:
    return DialogueSettings((str(data / "talk.txt"),), context=8, embeddings=embeddings, **SMALL)


def last_utterance(data: Path, embeddings: str | None) -> DialogueSettings:
    return DialogueSettings((str(data / "talk.txt"),), model="seq2seq", embeddings=embeddings, **SMALL)


KINDS = {
    "language": Kind(language_run, language, ["embedding"]),
    "translation": Kind(translation_run, translation, ["source_embedding", "target_embedding"]),
    "hred": Kind(dialogue_run, hred, ["embedding"]),
    "seq2seq": Kind(dialogue_run, last_utterance, ["seq2seq.source_embedding", "seq2seq.target_embedding"]),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Small texts, and embeddings of some of their words."""
    lines = [(a, b, c) for a in NAMES for b in NAMES for c in NAMES]
    (tmp_path / "text.txt").write_text("".join(f"{a} and {b} are {c}.\n" for a, b, c in lines))
    (tmp_path / "pairs.tsv").write_text("".join(f"{a} {b} {c}.\t{c} {b} {a}.\n" for a, b, c in lines))
    (tmp_path / "talk.txt").write_text("\n".join(f"{a} {b}.\n{b} {c}?\n{c}.\n" for a, b, c in lines))
    Embeddings(NAMES, np.random.default_rng(0).normal(size=(len(NAMES), E))).save(tmp_path / "words")
    return tmp_path


def weights(folder: Path, name: str = runs.LAST) -> dict[str, Array]:
    return checkpoint.read(folder / name).part("model")


def trained(kind: Kind, preparation: Any, folder: Path) -> None:
    loop = kind.run.training(preparation, folder)
    loop.verbose = False
    assert loop.run() in ("finished", "out of time")


def begun(kind: Kind, data: Path, name: str, embeddings: str | None) -> Path:
    """A run that is stopped after its first checkpoint, before any step."""
    folder = data / name
    folder.mkdir()
    kind.run.training(kind.run.begin(kind.settings(data, embeddings), folder), folder)
    return folder


def test_the_vectors_are_in_the_model_before_the_first_step_and_nothing_else_changes(kind: Kind, data: Path) -> None:
    path = str(data / "words")
    random, given = (weights(begun(kind, data, name, e)) for name, e in (("random", None), ("given", path)))
    preparation = kind.run.prepare(kind.settings(data, path))
    tokenizer = list(preparation.tokenizers.values())[-1]
    places = [tokenizer.words().index(name) for name in NAMES]
    others = sorted(set(range(len(tokenizer))) - set(places))
    vectors = Embeddings.load(path).vectors
    centred = vectors - vectors.mean(axis=0)
    changed = {name for name in random if not np.array_equal(random[name], given[name])}
    assert changed == {f"{layer}.weight" for layer in kind.layers}
    for name in changed:
        np.testing.assert_array_equal(given[name][others], random[name][others])
        scale = random[name].std() / centred.std()
        np.testing.assert_allclose(given[name][places], centred * scale, rtol=1e-5, atol=1e-6)


def test_what_was_found_is_noted_and_said(kind: Kind, data: Path) -> None:
    folder = data / "run"
    folder.mkdir()
    summary = kind.run.begin(kind.settings(data, str(data / "words")), folder).summary()
    noted = json.loads((folder / "config.json").read_text())["data"]["initial_vectors"]
    assert all(found["found"] == len(NAMES) < found["words"] for found in noted.values())
    for setting, found in noted.items():
        assert f"; 5 of {found['words']} words begin with the vectors of --{setting.replace('_', '-')}" in summary


def test_a_run_without_embeddings_notes_nothing_of_them(kind: Kind, data: Path) -> None:
    """Else runs that were begun before there were any could not be resumed."""
    assert "initial_vectors" not in kind.run.prepare(kind.settings(data, None)).data


def test_a_run_is_resumed_and_loaded_when_the_embeddings_are_gone(kind: Kind, data: Path) -> None:
    whole = begun(kind, data, "whole", str(data / "words"))
    trained(kind, kind.run.resume(whole), whole)
    folder = begun(kind, data, "run", str(data / "words"))
    (data / "words").unlink()
    resumed = kind.run.resume(folder)
    assert "5 of" in resumed.summary()
    trained(kind, resumed, folder)
    for name in runs.LAST, runs.BEST:
        one, other = weights(whole, name), weights(folder, name)
        assert all(np.array_equal(one[key], other[key]) for key in one)
    assert seqrl.load(folder).model.parameter_count == resumed.model.parameter_count


def test_a_run_that_was_killed_before_its_first_checkpoint_reads_the_embeddings_again(kind: Kind, data: Path) -> None:
    whole = begun(kind, data, "whole", str(data / "words"))
    folder = data / "run"
    folder.mkdir()
    kind.run.begin(kind.settings(data, str(data / "words")), folder)
    kind.run.training(kind.run.resume(folder), folder)
    one, other = weights(whole), weights(folder)
    assert all(np.array_equal(one[key], other[key]) for key in one)
    (folder / runs.LAST).unlink()
    (data / "words").unlink()
    with pytest.raises(InputError, match="words: no such file"):
        kind.run.resume(folder)


def test_tokenizers_that_a_kill_left_out_are_made_again(kind: Kind, data: Path) -> None:
    folder = data / "run"
    folder.mkdir()
    saved = kind.run.begin(kind.settings(data, None), folder).tokenizers
    first, *_ = (folder / name for name in saved)
    content = first.read_bytes()
    first.unlink()
    kind.run.resume(folder)
    assert first.read_bytes() == content


def test_a_run_of_another_kind_is_refused(data: Path) -> None:
    folder = begun(KINDS["hred"], data, "run", None)
    with pytest.raises(InputError, match="a run of the kind 'dialogue'; expected 'language'"):
        language_run.resume(folder)
