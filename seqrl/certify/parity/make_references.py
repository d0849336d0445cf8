"""Record what PyTorch computes, for comparisons.py to compare with.

PyTorch is no dependency, so its numbers are kept beside this script, in references.safetensors, whose metadata names
the versions that made them. To make them anew, in an environment with torch, numpy and safetensors:

    python seqrl/certify/parity/make_references.py

Every case is float64 and holds the inputs, all parameters (drawn at random: a wrong bias hides while it is zero), the
outputs, a random gradient of the outputs and the gradients of inputs and parameters that follow from it. Each is seeded
by its own name: a new case leaves the numbers of the others as they are.
"""

import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

T, N, D, H = 4, 3, 3, 4
LENGTHS = torch.tensor([2, 4, 1])
Case = dict[str, Tensor]


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def randomise(module: nn.Module) -> nn.Module:
    module.double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def parameters_of(module: nn.Module) -> Case:
    values = {f"value/{name}": p.detach() for name, p in module.named_parameters()}
    return values | {f"grad/{name}": p.grad for name, p in module.named_parameters()}


def layer(make: Callable[[], nn.Module], *shape: int) -> Case:
    """A module on an input x of this shape; of one with buffers also these afterwards and its output at inference."""
    module, x = randomise(make()), normal(*shape).requires_grad_()
    y = module(x)
    dy = normal(*y.shape)
    y.backward(dy)
    case = {"x": x, "y": y, "dy": dy, "dx": x.grad, **parameters_of(module)}
    buffers = {f"buffer/{name}": b.clone() for name, b in module.named_buffers() if b.is_floating_point()}
    return case | buffers | ({"inference": module.eval()(x)} if buffers else {})


class Maxout(nn.Module):  # type: ignore[misc]  # mypy does not read torch
    def __init__(self, n_in: int, n_out: int, pieces: int) -> None:
        super().__init__()
        self.dense = nn.Linear(n_in, pieces * n_out)
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x).unflatten(-1, (self.pieces, -1)).amax(-2)


class Step(nn.Module):  # type: ignore[misc]
    """1 where x > 0, else 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sign().relu()


def gaussian_kl() -> Case:
    """The divergence of normal distributions as PyTorch has it; q and p are [mean, log variance]."""
    q, p = normal(T, N, 6).requires_grad_(), normal(T, N, 6).requires_grad_()
    (q_mean, q_log_variance), (p_mean, p_log_variance) = q.chunk(2, -1), p.chunk(2, -1)
    q_normal = torch.distributions.Normal(q_mean, (q_log_variance / 2).exp())
    p_normal = torch.distributions.Normal(p_mean, (p_log_variance / 2).exp())
    kl = torch.distributions.kl_divergence(q_normal, p_normal)
    dkl = normal(*kl.shape)
    kl.backward(dkl)
    return {"q": q, "p": p, "kl": kl, "dkl": dkl, "dq": q.grad, "dp": p.grad}


def embedding() -> Case:
    layer, ids, dy = randomise(nn.Embedding(6, H)), torch.tensor([[1, 5, 1], [0, 1, 3]]), normal(2, 3, H)
    y = layer(ids)
    y.backward(dy)
    return {"x": ids, "y": y, "dy": dy, **parameters_of(layer)}


def recurrent(kind: type[nn.RNNBase], deep: bool, **options: str) -> Case:
    """With initial and final states; deep: two bidirectional layers on sequences of several lengths."""
    module = randomise(kind(D, H, 2 if deep else 1, bidirectional=deep, **options))
    x = normal(T, N, D).requires_grad_()
    names = ("h", "c") if kind is nn.LSTM else ("h",)
    initial = {name: normal(4 if deep else 1, N, H).requires_grad_() for name in names}
    state = tuple(initial.values()) if len(names) > 1 else initial["h"]
    if not deep:
        y, final = module(x, state)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
        packed, final = module(packed, state)
        y, _ = nn.utils.rnn.pad_packed_sequence(packed, total_length=T)
    finals = dict(zip(names, final if len(names) > 1 else (final,), strict=True))
    dy, dfinals = normal(*y.shape), {name: normal(*final.shape) for name, final in finals.items()}
    torch.autograd.backward([y, *finals.values()], [dy, *dfinals.values()])
    case = {"x": x, "y": y, "dy": dy, "dx": x.grad, **parameters_of(module)}
    for name in names:
        case[f"initial/{name}"] = initial[name]
        case[f"dinitial/{name}"] = initial[name].grad
        case[f"final/{name}"] = finals[name]
        case[f"dfinal/{name}"] = dfinals[name]
    return case | ({"lengths": LENGTHS} if deep else {})


def loss(of: Callable[[Tensor, Tensor], Tensor], prediction: Tensor, target: Tensor) -> Case:
    """`of(prediction, target)` is the mean loss."""
    prediction = prediction.requires_grad_()
    value = of(prediction, target)
    value.backward()
    return {"prediction": prediction, "target": target, "loss": value, "dprediction": prediction.grad}


def cross_entropy(smoothing: float, masked: bool) -> Case:
    target = torch.tensor([3, 0, 6, 3, 1])
    mask = torch.tensor([True, False, True, True, False]) if masked else torch.ones(5, dtype=torch.bool)
    ignoring = torch.where(mask, target, -100)
    of = partial(F.cross_entropy, ignore_index=-100, label_smoothing=smoothing)
    return loss(of, 3 * normal(5, 7), ignoring) | {"target": target} | ({"mask": mask} if masked else {})


class Dot(nn.Module):  # type: ignore[misc]
    """Attention with key = value = memory, as in seqrl; torch is batch first here."""

    def __init__(self, scale: float | None) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, memory, memory, attn_mask=real, scale=self.scale)


class General(nn.Linear):  # type: ignore[misc]
    """score = q . W m."""

    def forward(self, query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        keys = super().forward(memory)
        return F.scaled_dot_product_attention(query, keys, memory, attn_mask=real, scale=1.0)


class Additive(nn.Module):  # type: ignore[misc]
    """score = v . tanh(Q q + M m)."""

    def __init__(self, query_size: int, memory_size: int, A: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, A, bias=False)
        self.memory = nn.Linear(memory_size, A, bias=False)
        self.v = nn.Parameter(torch.empty(A))

    def forward(self, query: Tensor, memory: Tensor, real: Tensor) -> Tensor:
        scores = torch.tanh(self.query(query)[:, :, None] + self.memory(memory)[:, None]) @ self.v
        return scores.masked_fill(~real, -torch.inf).softmax(-1) @ memory


def attention(make: Callable[[], nn.Module], memory_size: int = H) -> Case:
    module = randomise(make())
    query, memory = normal(N, T, H).requires_grad_(), normal(N, 5, memory_size).requires_grad_()
    lengths, dcontext = torch.tensor([5, 1, 3]), normal(N, T, memory_size)
    real = (torch.arange(5) < lengths[:, None])[:, None, :].expand(N, T, 5)
    context = module(query, memory, real)
    context.backward(dcontext)
    return {
        "query": query,
        "memory": memory,
        "lengths": lengths,
        "context": context,
        "dcontext": dcontext,
        "dquery": query.grad,
        "dmemory": memory.grad,
        **parameters_of(module),
    }


def optimizer(kind: type[torch.optim.Optimizer], clip: float | None = None, **options: Any) -> Case:
    """50 steps with given gradients on two parameters; `values` are what both hold after each step."""
    parameters = [normal(2, 3).requires_grad_(), normal(4).requires_grad_()]
    start = torch.cat([p.detach().ravel() for p in parameters])
    rule = kind(parameters, **options)
    gradients, values = 0.5 * normal(50, 10), []
    for gradient in gradients:
        # clip_grad_norm_ divides by norm + 1e-6; this is the rule as published.
        norm = float(torch.linalg.vector_norm(gradient))
        scaled = gradient * min(1.0, clip / norm) if clip else gradient
        parameters[0].grad, parameters[1].grad = scaled[:6].reshape(2, 3).clone(), scaled[6:].clone()
        rule.step()
        values.append(torch.cat([p.detach().ravel() for p in parameters]))
    return {"start": start, "gradients": gradients, "values": torch.stack(values)}


def lbfgs() -> Case:
    """50 iterations of fixed steps on logistic regression with weight decay; `values` are the weights after each."""
    x, target, weight = normal(12, 5), torch.randint(2, (12,)).double(), normal(5).requires_grad_()
    start = weight.detach().clone()
    rule = torch.optim.LBFGS([weight], lr=0.1, max_iter=1, history_size=4, tolerance_grad=0.0, tolerance_change=0.0)

    def closure() -> Tensor:
        rule.zero_grad()
        loss = F.binary_cross_entropy_with_logits(x @ weight, target) + 0.05 * weight.square().sum()
        loss.backward()
        return loss

    values = []
    for _ in range(50):
        rule.step(closure)
        values.append(weight.detach().clone())
    return {"x": x, "target": target, "start": start, "values": torch.stack(values)}


CASES: dict[str, Callable[[], Case]] = {
    "linear": lambda: layer(lambda: nn.Linear(D, H), T, N, D),
    "linear back": lambda: layer(lambda: nn.Linear(H, D), T, N, H),
    "maxout": lambda: layer(lambda: Maxout(D, 2, 3), T, N, D),
    "embedding": embedding,
    "conv2d": lambda: layer(lambda: nn.Conv2d(2, 3, 3, padding=1), N, 2, 5, 6),
    "conv2d strided": lambda: layer(lambda: nn.Conv2d(2, 3, (3, 2), stride=2, bias=False), N, 2, 6, 7),
    "max pool": lambda: layer(lambda: nn.MaxPool2d(3, stride=2), N, 2, 6, 7),
    "average pool": lambda: layer(lambda: nn.AvgPool2d(2), N, 2, 5, 6),
    "global max pool": lambda: layer(lambda: nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten()), N, 2, 5, 6),
    "global average pool": lambda: layer(lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), N, 2, 5, 6),
    "flatten": lambda: layer(nn.Flatten, N, 2, 3, 2),
    "layer norm": lambda: layer(lambda: nn.LayerNorm(7), T, N, 7),
    "batch norm": lambda: layer(lambda: nn.BatchNorm1d(D), 5, D),
    "batch norm of images": lambda: layer(lambda: nn.BatchNorm2d(2, momentum=0.3, eps=1e-3), N, 2, 3, 4),
    "tanh": lambda: layer(nn.Tanh, N, D),
    "sigmoid": lambda: layer(nn.Sigmoid, N, D),
    "relu": lambda: layer(nn.ReLU, N, D),
    "leaky relu": lambda: layer(partial(nn.LeakyReLU, 0.2), N, D),
    "identity": lambda: layer(nn.Identity, N, D),
    "step": lambda: layer(Step, N, D),
    "softmax": lambda: layer(partial(nn.Softmax, -1), T, N, D),
    "log-softmax": lambda: layer(partial(nn.LogSoftmax, -1), T, N, D),
    "rnn": lambda: recurrent(nn.RNN, False, nonlinearity="tanh"),
    "rnn deep": lambda: recurrent(nn.RNN, True, nonlinearity="tanh"),
    "rectified rnn": lambda: recurrent(nn.RNN, False, nonlinearity="relu"),
    "rectified rnn deep": lambda: recurrent(nn.RNN, True, nonlinearity="relu"),
    "lstm": lambda: recurrent(nn.LSTM, False),
    "lstm deep": lambda: recurrent(nn.LSTM, True),
    "gru": lambda: recurrent(nn.GRU, False),
    "gru deep": lambda: recurrent(nn.GRU, True),
    "attention scaled": lambda: attention(lambda: Dot(None)),
    "attention plain": lambda: attention(lambda: Dot(1.0)),
    "attention general": lambda: attention(lambda: General(5, H, bias=False), 5),
    "attention additive": lambda: attention(lambda: Additive(H, 5, 6), 5),
    "gaussian kl": gaussian_kl,
    "cross-entropy": lambda: cross_entropy(0.0, False),
    "cross-entropy masked": lambda: cross_entropy(0.0, True),
    "cross-entropy smoothed": lambda: cross_entropy(0.1, False),
    "cross-entropy smoothed masked": lambda: cross_entropy(0.1, True),
    "categorical": lambda: loss(lambda p, t: F.nll_loss(p.log(), t), torch.rand(5, 7).double(), torch.arange(5)),
    "categorical distributions": lambda: loss(
        lambda p, t: -(t * p.log()).sum(-1).mean(), torch.rand(5, 7).double(), normal(5, 7).softmax(-1)
    ),
    "binary": lambda: loss(F.binary_cross_entropy, torch.rand(5, 3).double(), torch.rand(5, 3).double()),
    "binary logits": lambda: loss(F.binary_cross_entropy_with_logits, 3 * normal(5, 3), torch.rand(5, 3).double()),
    "half squared": lambda: loss(lambda y, t: F.mse_loss(y, t, reduction="sum") / 2 / 5, normal(5, 3), normal(5, 3)),
    "mean squared": lambda: loss(F.mse_loss, normal(5, 3), normal(5, 3)),
    "huber": lambda: loss(F.huber_loss, 2 * normal(5, 3), normal(5, 3)),
    "huber wide": lambda: loss(partial(F.huber_loss, delta=2.5), 4 * normal(5, 3), normal(5, 3)),
    "hinge": lambda: loss(lambda y, t: F.relu(1 - t * y).mean(), 2 * normal(5, 3), normal(5, 3).sign()),
    "multi-class hinge": lambda: loss(F.multi_margin_loss, 2 * normal(5, 7), torch.tensor([3, 0, 6, 3, 1])),
    "sgd": lambda: optimizer(torch.optim.SGD, lr=0.1),
    "sgd momentum": lambda: optimizer(torch.optim.SGD, 1.0, lr=0.1, momentum=0.9, weight_decay=0.01),
    "sgd nesterov": lambda: optimizer(torch.optim.SGD, 1.0, lr=0.1, momentum=0.9, nesterov=True),
    "adagrad": lambda: optimizer(torch.optim.Adagrad, lr=0.1),
    "adagrad decay": lambda: optimizer(torch.optim.Adagrad, 1.0, lr=0.2, eps=1e-3, weight_decay=0.1),
    "adadelta": lambda: optimizer(torch.optim.Adadelta),
    "adadelta decay": lambda: optimizer(torch.optim.Adadelta, 1.0, lr=2.0, rho=0.8, eps=1e-4, weight_decay=0.1),
    "rmsprop": lambda: optimizer(torch.optim.RMSprop),
    "rmsprop decay": lambda: optimizer(torch.optim.RMSprop, 1.0, lr=0.02, alpha=0.9, eps=1e-3, weight_decay=0.1),
    "adam": lambda: optimizer(torch.optim.Adam, lr=0.01),
    "adam decay": lambda: optimizer(torch.optim.Adam, 1.0, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    "adamw": lambda: optimizer(torch.optim.AdamW, 1.0, lr=0.02, weight_decay=0.1),
    "lbfgs": lbfgs,
}


def main() -> None:
    torch.set_num_threads(1)
    flat: Case = {}
    for case, make in CASES.items():
        torch.manual_seed(zlib.crc32(case.encode()))
        flat |= {f"{case}/{name}": tensor.detach().contiguous().clone() for name, tensor in make().items()}
    metadata = {"versions": f"torch {torch.__version__}, numpy {np.__version__}"}
    safetensors.torch.save_file(flat, Path(__file__).with_name("references.safetensors"), metadata)


if __name__ == "__main__":
    main()
