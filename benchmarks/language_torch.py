"""The peer of the benchmark of language models, PyTorch; `language_workload.py` says what is measured."""

import platform
from collections.abc import Callable
from typing import Any

import language_workload as workload
import numpy as np
import torch
from language_workload import TEMPERATURE, Integers, Model, batches, main, weights
from machine import THREADS
from torch import Tensor, nn


class LanguageModel(nn.Module):
    def __init__(self, model: Model) -> None:
        super().__init__()
        V, E, H, layers = model[:4]
        self.embedding = nn.Embedding(V, E)
        self.lstm = nn.LSTM(E, H, layers)
        self.output = nn.Linear(H, V)
        values = {name: torch.from_numpy(value) for name, value in weights(model).items()}
        with torch.no_grad():
            self.embedding.weight.copy_(values["embedding"])
            self.output.weight.copy_(values["output"].T)
            self.output.bias.copy_(values["output_bias"])
            for k in range(layers):
                for name in "weight_ih", "weight_hh":
                    getattr(self.lstm, f"{name}_l{k}").copy_(values[f"{name}_{k}"].T)
                getattr(self.lstm, f"bias_ih_l{k}").copy_(values[f"bias_{k}"])
                second = getattr(self.lstm, f"bias_hh_l{k}").zero_()
                second.requires_grad = False  # or the sum of the two biases would move twice as fast

    def forward(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Logits (T N, V) of ids (T, N), and the final state."""
        y, state = self.lstm(self.embedding(ids), state)
        return self.output(y.flatten(0, 1)), state


def train(model: Model) -> dict[str, Any]:
    net = LanguageModel(model)
    learned = [parameter for parameter in net.parameters() if parameter.requires_grad]
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[model.optimizer]
    optimizer = rule(learned, model.learning_rate, fused=True)
    inputs, targets = map(torch.from_numpy, batches(model))
    state = None

    def step(k: int) -> float:
        nonlocal state
        logits, final = net(inputs[k], state)
        state = tuple(part.detach() for part in final)
        loss = nn.functional.cross_entropy(logits, targets[k].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, model.clip)
        optimizer.step()
        return loss.item()

    return workload.train(model, step)


@torch.inference_mode()
def generate(model: Model) -> dict[str, Any]:
    """The fastest of nn.LSTM and nn.LSTMCell, each with either way of drawing from a distribution."""
    net = LanguageModel(model)
    cell = nn.LSTMCell(model.embedding, model.hidden)
    for name, parameter in cell.named_parameters():
        parameter.copy_(getattr(net.lstm, f"{name}_l0"))
    torch.manual_seed(0)

    def by_layer(symbol: Tensor, state: Any) -> tuple[Tensor, Any]:
        return net(symbol[None], state)

    def by_cell(symbol: Tensor, state: Any) -> tuple[Tensor, Any]:
        h, c = cell(net.embedding(symbol), state)
        return net.output(h), (h, c)

    def by_multinomial(shares: Tensor) -> Tensor:
        return torch.multinomial(shares, 1)[0]

    def by_exponentials(shares: Tensor) -> Tensor:
        """The first of independent events with these rates."""
        return (torch.empty_like(shares).exponential_() / shares).argmin(dim=-1)

    def drawing(advance: Callable[..., tuple[Tensor, Any]], choose: Callable[[Tensor], Tensor]) -> dict[str, Any]:
        symbol, state = torch.zeros(1, dtype=torch.int64), None

        def draw(count: int) -> Integers:
            nonlocal symbol, state
            symbols = []
            for _ in range(count):
                logits, state = advance(symbol, state)
                symbol = choose((logits / TEMPERATURE).softmax(dim=-1))
                symbols.append(symbol)
            return torch.cat(symbols).numpy()

        return workload.generate(draw)

    results = [
        drawing(advance, choose) for advance in (by_layer, by_cell) for choose in (by_multinomial, by_exponentials)
    ]
    return max(results, key=lambda result: result["symbols_per_second"])


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    versions = {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__}
    main({"train": train, "generate": generate}, versions)
