"""Our side of the benchmark of language models; `language_workload.py` says what is measured.

It goes the way of scripts/train_language_model.py and scripts/generate_text.py, with the text given as ids.
"""

import platform
import string
from importlib.metadata import version
from typing import Any

import language_workload as workload
import machine
import numpy as np
from language_workload import TEMPERATURE, Model, main, text, weights

from seqrl import __version__, kernels
from seqrl.kernels.blas import one_thread
from seqrl.models.language_model import LanguageModel
from seqrl.optimizers import OPTIMIZERS
from seqrl.text.specials import EOS
from seqrl.text.tokenizers import Tokenizer
from seqrl.training.language.corpus import Tokens
from seqrl.training.language.generator import TextGenerator
from seqrl.training.language.settings import LanguageSettings
from seqrl.training.language.task import LanguageTask
from seqrl.training.memory import keep_freed_memory
from seqrl.training.parallel import Replicas


def settings(model: Model) -> LanguageSettings:
    return LanguageSettings(
        layers=model.layers,
        hidden=model.hidden,
        embedding=model.embedding,
        optimizer=model.optimizer,
        learning_rate=model.learning_rate,
        clip=model.clip,
        batch_size=model.batch,
        bptt=model.length,
    )


def language_model(model: Model) -> LanguageModel:
    rng = np.random.default_rng(0)
    net = LanguageModel(settings(model).model(model.vocabulary), rng=rng, dropout_rng=rng)
    for (_, parameter), value in zip(net.parameters(), weights(model).values(), strict=True):
        parameter.value[...] = value
    return net


def train(model: Model) -> dict[str, Any]:
    keep_freed_memory()
    options, net, symbols = settings(model), language_model(model), text(model)
    optimizer = OPTIMIZERS[options.optimizer](net.parameters(), options.learning_rate, clip=options.clip)
    assert symbols[0] == EOS  # it stands before every text
    tokens = Tokens(symbols[1:].astype(np.int32), np.array([0, len(symbols) - 1]), len(symbols) - 1)
    task = LanguageTask(
        tokens,
        tokens,
        replicas=Replicas(net, optimizer.packed, options.threads),
        batch_size=options.batch_size,
        bptt=options.bptt,
    )
    chunks = task.plan(np.random.default_rng(0))

    @one_thread()  # as the training loop has it
    def step(k: int) -> float:
        loss, _ = task.learn(chunks[k])
        optimizer.step()
        return loss

    return workload.train(model, step)


def generate(model: Model) -> dict[str, Any]:
    net = language_model(model)
    net.output.bias.value[EOS] = -100  # no text ends early
    characters = (string.ascii_letters + string.digits + string.punctuation + "éü")[: model.vocabulary - EOS - 1]
    generator = TextGenerator(net, Tokenizer.train("char", [characters]))
    assert len(generator.tokenizer) == model.vocabulary
    return workload.generate(lambda count: generator.generate(length=count, temperature=TEMPERATURE))


if __name__ == "__main__":
    machine.two_cores()
    versions = {"Python": platform.python_version(), "seqrl": __version__, "NumPy": np.__version__}
    if kernels.implementation == "compiled":
        versions["Numba"] = version("numba")
    main({"train": train, "generate": generate}, versions)
