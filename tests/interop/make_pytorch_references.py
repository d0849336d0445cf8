"""Record state dicts of PyTorch and what its modules compute with them, for test_pytorch.py to compare with.

PyTorch is no dependency, so its numbers are kept beside this script, in pytorch_references.safetensors, whose metadata
names the versions that made them. To make them anew, in an environment with torch, numpy and safetensors:

    python tests/interop/make_pytorch_references.py

Every case is float64 and holds the inputs, a whole state dict (drawn at random, both biases of a recurrent layer too: a
wrong one hides while it is zero) and the outputs at inference. Each is seeded by its own name: a new case leaves the
numbers of the others as they are.
"""

import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

T, N, D, H, V = 4, 3, 3, 4, 7
LENGTHS = torch.tensor([2, 4, 1])
BOS = 2
Arrays = dict[str, Tensor]


class Case(NamedTuple):
    module: Callable[[], nn.Module]
    inputs: Callable[[], Arrays]
    run: Callable[[nn.Module, Arrays], Arrays]


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def randomise(module: nn.Module) -> nn.Module:
    """Every parameter and every running statistic at random."""
    module.double().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    for name, buffer in module.named_buffers():
        if name.endswith("num_batches_tracked"):
            buffer.fill_(17)
        else:
            buffer.copy_(torch.rand(buffer.shape) + 0.5)
    return module


def plain(module: Callable[[], nn.Module], *shape: int) -> Case:
    """y = module(x) for an input of this shape."""
    return Case(module, lambda: {"x": normal(*shape)}, lambda made, inputs: {"y": made(inputs["x"])})


def of_ids(module: Callable[[], nn.Module]) -> Case:
    return Case(module, lambda: {"x": torch.randint(V, (T, N))}, lambda made, inputs: {"y": made(inputs["x"])})


# ---- recurrent layers ----------------------------------------------------------------------------------------


def recurrent(kind: type[nn.RNNBase], layers: int = 1, **options: object) -> Case:
    """With initial and final states, on sequences of several lengths."""
    directions = 2 if options.get("bidirectional") else 1
    names = ("h", "c") if kind is nn.LSTM else ("h",)

    def inputs() -> Arrays:
        states = {f"initial/{name}": normal(layers * directions, N, H) for name in names}
        return {"x": normal(T, N, D), "lengths": LENGTHS, **states}

    def run(module: nn.Module, given: Arrays) -> Arrays:
        initial = [given[f"initial/{name}"] for name in names]
        packed = nn.utils.rnn.pack_padded_sequence(given["x"], given["lengths"], enforce_sorted=False)
        packed, final = module(packed, tuple(initial) if len(names) > 1 else initial[0])
        y, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=T)
        finals = final if len(names) > 1 else (final,)
        return {"y": y, **{f"final/{name}": state for name, state in zip(names, finals, strict=True)}}

    return Case(lambda: kind(D, H, layers, **options), inputs, run)


class UnlikeLayers(nn.ModuleList):
    """A GRU upon a bidirectional LSTM."""

    def __init__(self) -> None:
        super().__init__([nn.LSTM(D, H, bidirectional=True), nn.GRU(2 * H, 5)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x, _ = layer(x)
        return x


# ---- modules of several --------------------------------------------------------------------------------------


class Residual(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer(x)


class Concatenate(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in self.layers], dim=-1)


class LanguageModel(nn.Module):
    """seqrl.models.language_model under the same names; tied, the last layer has the size of the embedding."""

    def __init__(self, tied: bool, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, H)
        last = H if tied else hidden
        unlike = nn.ModuleList([nn.LSTM(H, hidden), nn.LSTM(hidden, last)])
        self.stack = nn.LSTM(H, hidden, 2) if last == hidden else unlike
        self.output = nn.Linear(last, V)
        if tied:
            self.output.weight = self.embedding.weight

    def forward(self, ids: Tensor) -> Tensor:
        y = self.embedding(ids)
        for layer in self.stack if isinstance(self.stack, nn.ModuleList) else [self.stack]:
            y, _ = layer(y)
        return self.output(y)


class GeneralAttention(nn.Linear):
    """score = q . (W m); batch first."""

    def __init__(self) -> None:
        super().__init__(H, H, bias=False)

    def scores(self, query: Tensor, memory: Tensor) -> Tensor:
        return query @ self(memory).transpose(1, 2)


class AdditiveAttention(nn.Module):
    """score = v . tanh(Q q + M m); batch first."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(H, H, bias=False)
        self.memory = nn.Linear(H, H, bias=False)
        self.v = nn.Parameter(torch.empty(H))

    def scores(self, query: Tensor, memory: Tensor) -> Tensor:
        return (self.query(query)[:, :, None] + self.memory(memory)[:, None]).tanh() @ self.v


class Seq2Seq(nn.Module):
    """seqrl.models.seq2seq with attention and a bidirectional encoder, under the same names, time first."""

    def __init__(self, kind: type[nn.RNNBase], layers: int, attention: nn.Module) -> None:
        super().__init__()
        self.source_embedding = nn.Embedding(V, D)
        self.encoder = kind(D, H // 2, layers, bidirectional=True)
        self.target_embedding = nn.Embedding(V + 1, D)
        self.decoder = kind(D, H, layers)
        self.attention = attention
        self.combine = nn.Linear(2 * H, H, bias=False)
        self.output = nn.Linear(H, V + 1)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(self.source_embedding(source), lengths, enforce_sorted=False)
        packed, final = self.encoder(packed)
        memory, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=len(source))
        initial = tuple(self.side_by_side(s) for s in final) if isinstance(final, tuple) else self.side_by_side(final)
        shifted = torch.cat([torch.full((1, target.shape[1]), BOS), target[:-1]])
        y, _ = self.decoder(self.target_embedding(shifted), initial)
        query, memory = y.transpose(0, 1), memory.transpose(0, 1)
        padding = torch.arange(memory.shape[1]) >= lengths[:, None]
        scores = self.attention.scores(query, memory).masked_fill(padding[:, None], -torch.inf)
        context = (scores.softmax(-1) @ memory).transpose(0, 1)
        return self.output(torch.tanh(self.combine(torch.cat([context, y], dim=-1))))

    @staticmethod
    def side_by_side(state: Tensor) -> Tensor:
        """(layers * 2, N, H / 2) as (layers, N, H)."""
        return state.unflatten(0, (-1, 2)).transpose(1, 2).flatten(2)


def seq2seq(kind: type[nn.RNNBase], layers: int, attention: Callable[[], nn.Module]) -> Case:
    def inputs() -> Arrays:
        return {
            "source": torch.randint(V, (5, N)),
            "lengths": torch.tensor([5, 1, 3]),
            "target": torch.randint(V, (T, N)),
        }

    def run(module: nn.Module, given: Arrays) -> Arrays:
        return {"y": module(given["source"], given["lengths"], given["target"])}

    return Case(lambda: Seq2Seq(kind, layers, attention()), inputs, run)


class TiedAutoencoder(nn.Module):
    """The way back has the transposed weight of the way in, as PyTorch users write it: it has no entry of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("0", nn.Linear(D, H))
        self.register_module("2", nn.Module())
        self.get_submodule("2").bias = nn.Parameter(torch.empty(D))

    def forward(self, x: Tensor) -> Tensor:
        encoder, back = self.get_submodule("0"), self.get_submodule("2")
        return F.linear(encoder(x).sigmoid(), encoder.weight.T, back.bias)


def perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Linear(D, H),
        nn.BatchNorm1d(H),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Sequential(nn.Linear(H, H), nn.Tanh()),
        nn.Linear(H, 2),
    )


def convnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3 * 2 * 3, 5),
    )


KINDS: dict[str, Callable[..., Case]] = {
    "rnn": partial(recurrent, nn.RNN, nonlinearity="tanh"),
    "rectified rnn": partial(recurrent, nn.RNN, nonlinearity="relu"),
    "lstm": partial(recurrent, nn.LSTM),
    "gru": partial(recurrent, nn.GRU),
}
CASES: dict[str, Case] = {
    "linear": plain(lambda: nn.Linear(D, H), T, N, D),
    "linear without bias": plain(lambda: nn.Linear(D, H, bias=False), N, D),
    "embedding": of_ids(lambda: nn.Embedding(V, H)),
    "conv2d": plain(lambda: nn.Conv2d(2, 3, (3, 2), stride=2, padding=1), N, 2, 5, 6),
    "conv2d without bias": plain(lambda: nn.Conv2d(2, 3, 3, bias=False), N, 2, 5, 6),
    "layer norm": plain(lambda: nn.LayerNorm(7), T, N, 7),
    "layer norm without bias": plain(lambda: nn.LayerNorm(7, bias=False), T, N, 7),
    "batch norm": plain(lambda: nn.BatchNorm1d(D), 5, D),
    "batch norm of images": plain(lambda: nn.BatchNorm2d(2, eps=1e-3), N, 2, 3, 4),
    "batch norm without affine": plain(lambda: nn.BatchNorm1d(D, affine=False), 5, D),
    **{kind: case() for kind, case in KINDS.items()},
    **{f"{kind} of two layers": case(2) for kind, case in KINDS.items()},
    **{f"{kind} both ways": case(1, bidirectional=True) for kind, case in KINDS.items()},
    **{f"{kind} of two layers both ways": case(2, bidirectional=True) for kind, case in KINDS.items()},
    **{f"{kind} without biases": case(2, bidirectional=True, bias=False) for kind, case in KINDS.items()},
    "unlike layers": plain(UnlikeLayers, T, N, D),
    "perceptron": plain(perceptron, N, D),
    "convnet": plain(convnet, N, 2, 4, 6),
    "residual": plain(lambda: Residual(nn.Sequential(nn.Linear(D, H), nn.Tanh(), nn.Linear(H, D))), N, D),
    "concatenation": plain(lambda: Concatenate(nn.Linear(D, H), nn.Linear(D, 2)), N, D),
    "tied autoencoder": plain(TiedAutoencoder, N, D),
    "language model": of_ids(lambda: LanguageModel(False, 5)),
    "tied language model": of_ids(lambda: LanguageModel(True, H)),
    "tied language model of two sizes": of_ids(lambda: LanguageModel(True, 5)),
    "seq2seq general": seq2seq(nn.LSTM, 2, GeneralAttention),
    "seq2seq additive": seq2seq(nn.GRU, 1, AdditiveAttention),
}


def seed(name: str) -> None:
    torch.manual_seed(zlib.crc32(name.encode()))


def main() -> None:
    torch.set_num_threads(1)
    flat: Arrays = {}
    for name, case in CASES.items():
        seed(name)
        module, inputs = randomise(case.module()), case.inputs()
        with torch.no_grad():
            outputs = case.run(module, inputs)
        parts = {"state": module.state_dict(), "input": inputs, "output": outputs}
        for part, tensors in parts.items():
            flat |= {f"{name}/{part}/{key}": tensor.contiguous().clone() for key, tensor in tensors.items()}
    metadata = {"versions": f"torch {torch.__version__}, numpy {np.__version__}"}
    safetensors.torch.save_file(flat, Path(__file__).with_name("pytorch_references.safetensors"), metadata)


if __name__ == "__main__":
    main()
