"""Writing a model's graphs to files, beside the tokenizers that its ids are of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import seqrl
from seqrl import files
from seqrl.errors import InputError
from seqrl.interop.onnx.check import largest_difference
from seqrl.interop.onnx.graph import Axes
from seqrl.interop.onnx.models import graphs
from seqrl.layer import Layer
from seqrl.text.tokenizers import Tokenizer
from seqrl.training import runs
from seqrl.training.dialogue.responder import TOKENIZER as DIALOGUE_TOKENIZER
from seqrl.training.dialogue.responder import Responder
from seqrl.training.language.generator import TOKENIZER as TEXT_TOKENIZER
from seqrl.training.language.generator import TextGenerator
from seqrl.training.sequential import Sequential
from seqrl.training.translation.translator import SOURCE_TOKENIZER, TARGET_TOKENIZER, Translator


class Exported(NamedTuple):
    paths: list[Path]
    difference: float  # the largest between ONNX Runtime's numbers and seqrl's on an example


def export(
    model: Layer,
    folder: str | Path,
    axes: Axes | None = None,
    *,
    tokenizers: Mapping[str, Tokenizer] = MappingProxyType({}),
) -> Exported:
    """Write each graph of a model to `folder`/NAME.onnx, once ONNX Runtime was seen to compute the same with it.

    axes: see `seqrl.interop.onnx.graphs`. tokenizers: by the names of their files in `folder`.
    Raises InputError that says which part of the model ONNX can't express, or what can't be written.
    """
    built = graphs(model, axes)
    difference = largest_difference(model, built, axes)
    folder = Path(folder)
    contents = {f"{name}.onnx": graph.SerializeToString() for name, graph in built.items()}
    contents |= {name: tokenizer.to_json().encode() for name, tokenizer in tokenizers.items()}
    with files.write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        files.write(folder / name, content)
    return Exported([folder / name for name in contents], difference)


def export_run(run: str | Path, folder: str | Path) -> Exported:
    """Write the best model of a run folder, or the model of a file that `Sequential.save` wrote.

    Raises InputError for what is neither, for a `folder` that is a run itself, and as `export` does.
    """
    if (Path(folder) / runs.CONFIG).exists():
        raise InputError(f"{folder}: a run, whose tokenizers would be replaced; expected another folder to write to")
    loaded = Sequential.load(run) if Path(run).is_file() else seqrl.load(run)
    if isinstance(loaded, Translator):
        named = {SOURCE_TOKENIZER: loaded.source, TARGET_TOKENIZER: loaded.target}
        return export(loaded.model, folder, tokenizers=named)
    if isinstance(loaded, TextGenerator):
        return export(loaded.model, folder, tokenizers={TEXT_TOKENIZER: loaded.tokenizer})
    if isinstance(loaded, Responder):
        return export(loaded.model, folder, tokenizers={DIALOGUE_TOKENIZER: loaded.tokenizer})
    if isinstance(loaded, Layer):
        return export(loaded, folder)
    raise InputError(f"{run}: holds a {type(loaded).__name__}, which has no export to ONNX")
