"""Writes what both sides of the translation benchmark read: batches, initial weights, trained weights.

    python benchmarks/prepare_translation.py WORKLOAD [--data FOLDER]
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from translation import Translator
from workload import Arrays, Workload

from seqrl.models.seq2seq import Seq2Seq, Seq2SeqConfig
from seqrl.text.batching import batches_by_length, pad
from seqrl.text.corpora import read_pairs
from seqrl.text.tokenizers import EOS, Tokenizer

PHRASES = Path(__file__).parents[1] / "data/phrases/eng-fra"
SEED = 2
EPOCHS = 6  # enough for nearly every translation to be right


def prepare(data: Path, seed: int) -> Workload:
    init_rng, order_rng = np.random.default_rng(seed).spawn(2)
    pairs = {split: read_pairs(data / f"{split}.tsv") for split in ("train", "random")}
    tokenizers = [Tokenizer.train("word", side) for side in zip(*pairs["train"], strict=True)]
    ids = {
        split: [t.encode_batch(side) for t, side in zip(tokenizers, zip(*rows, strict=True), strict=True)]
        for split, rows in pairs.items()
    }

    def batches(split: str) -> list[Arrays]:
        sources, targets = ids[split]
        lengths = [(len(source), len(target) + 1) for source, target in zip(sources, targets, strict=True)]
        return [
            Arrays(*pad([sources[i] for i in rows]), *pad([[*targets[i], EOS] for i in rows]))
            for rows in batches_by_length(lengths, settings["batch_size"], order_rng)
        ]

    config = Seq2SeqConfig(*map(len, tokenizers), embedding=128, hidden=256)
    settings = {
        "model": asdict(config),
        "dropout": 0.2,
        "learning_rate": 2e-3,
        "clip": 5.0,
        "batch_size": 64,
        "limit": 50,
        "seed": seed,
    }
    initial = Seq2Seq(config, rng=init_rng, dropout_rng=init_rng).state_dict()
    translator = Translator(settings, initial)
    for _ in range(EPOCHS):
        for batch in batches("train"):
            translator.step(translator.batch(batch))
    trained = translator.model.state_dict()
    return Workload(settings, initial, trained, batches("train"), batches("random"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload", type=Path)
    parser.add_argument("--data", type=Path, default=PHRASES, help="folder with train.tsv and random.tsv")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    prepare(options.data, options.seed).save(options.workload)


if __name__ == "__main__":
    main()
