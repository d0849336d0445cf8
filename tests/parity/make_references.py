"""Record what PyTorch computes, for test_pytorch.py to compare with.

PyTorch is not a dependency of the tests, so its numbers are kept beside this script, in references.safetensors, whose
metadata names the versions that made them. To make them anew, in an environment with torch, numpy and safetensors:

    python tests/parity/make_references.py

Every case is float64 and holds the inputs, all parameters (drawn at random: a wrong bias hides while it is zero), the
outputs, a random gradient of the outputs and the gradients of inputs and parameters that follow from it.
"""

from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

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


def linear() -> Case:
    layer, x, dy = randomise(nn.Linear(D, H)), normal(T, N, D).requires_grad_(), normal(T, N, H)
    y = layer(x)
    y.backward(dy)
    return {"x": x, "y": y, "dy": dy, "dx": x.grad, **parameters_of(layer)}


def embedding() -> Case:
    layer, ids, dy = randomise(nn.Embedding(6, H)), torch.tensor([[1, 5, 1], [0, 1, 3]]), normal(2, 3, H)
    y = layer(ids)
    y.backward(dy)
    return {"ids": ids, "y": y, "dy": dy, **parameters_of(layer)}


def recurrent(kind: type[nn.RNNBase], layers: int, bidirectional: bool, lengths: Tensor | None, **options: str) -> Case:
    module = randomise(kind(D, H, layers, bidirectional=bidirectional, **options))
    directions = 2 if bidirectional else 1
    x = normal(T, N, D).requires_grad_()
    names = ("h", "c") if kind is nn.LSTM else ("h",)
    initial = {name: normal(layers * directions, N, H).requires_grad_() for name in names}
    state = tuple(initial.values()) if len(names) > 1 else initial["h"]
    if lengths is None:
        y, final = module(x, state)
    else:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
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
    if lengths is not None:
        case["lengths"] = lengths
    return case


def cross_entropy(smoothing: float, masked: bool) -> Case:
    logits, target = (3 * normal(5, 7)).requires_grad_(), torch.tensor([3, 0, 6, 3, 1])
    mask = torch.tensor([True, False, True, True, False]) if masked else torch.ones(5, dtype=torch.bool)
    ignoring = torch.where(mask, target, -100)
    loss = nn.functional.cross_entropy(logits, ignoring, ignore_index=-100, label_smoothing=smoothing)
    loss.backward()
    return {"logits": logits, "target": target, "mask": mask, "loss": loss, "dlogits": logits.grad}


def attention(scale: float | None) -> Case:
    """Key = value = memory, as in seqrl; torch is batch first here."""
    query, memory = normal(N, T, H).requires_grad_(), normal(N, 5, H).requires_grad_()
    lengths, dcontext = torch.tensor([5, 1, 3]), normal(N, T, H)
    mask = (torch.arange(5) < lengths[:, None])[:, None, :].expand(N, T, 5)
    context = nn.functional.scaled_dot_product_attention(query, memory, memory, attn_mask=mask, scale=scale)
    context.backward(dcontext)
    return {
        "query": query,
        "memory": memory,
        "lengths": lengths,
        "context": context,
        "dcontext": dcontext,
        "dquery": query.grad,
        "dmemory": memory.grad,
    }


def optimizer(kind: type[torch.optim.Optimizer], clip: float | None, **options: object) -> Case:
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


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    cases: dict[str, Case] = {"linear": linear(), "embedding": embedding()}
    for name, kind, options in (
        ("rnn", nn.RNN, {"nonlinearity": "tanh"}),
        ("relu", nn.RNN, {"nonlinearity": "relu"}),
        ("lstm", nn.LSTM, {}),
        ("gru", nn.GRU, {}),
    ):
        cases[name] = recurrent(kind, 1, False, None, **options)
        cases[f"{name} deep"] = recurrent(kind, 2, True, LENGTHS, **options)
    for smoothing in (0.0, 0.1):
        for masked in (False, True):
            cases[f"cross-entropy {smoothing} {'masked' if masked else 'whole'}"] = cross_entropy(smoothing, masked)
    cases["attention scaled"] = attention(None)
    cases["attention plain"] = attention(1.0)
    cases["sgd"] = optimizer(torch.optim.SGD, None, lr=0.1)
    cases["sgd momentum"] = optimizer(torch.optim.SGD, 1.0, lr=0.1, momentum=0.9, weight_decay=0.01)
    cases["adam"] = optimizer(torch.optim.Adam, None, lr=0.01)
    cases["adam decay"] = optimizer(torch.optim.Adam, 1.0, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)
    cases["adamw"] = optimizer(torch.optim.AdamW, 1.0, lr=0.02, weight_decay=0.1)
    flat = {f"{case}/{name}": t.detach().contiguous().clone() for case, ts in cases.items() for name, t in ts.items()}
    metadata = {"versions": f"torch {torch.__version__}, numpy {np.__version__}"}
    safetensors.torch.save_file(flat, Path(__file__).with_name("references.safetensors"), metadata)


if __name__ == "__main__":
    main()
