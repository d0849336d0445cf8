"""The peer of the translation benchmark: the same model in PyTorch; `workload.py` says what is measured."""

import platform
from typing import NamedTuple

import numpy as np
import torch
from machine import THREADS
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from workload import Pairs, Weights, Workload, main

PAD, BOS, EOS = 0, 2, 3


class Batch(NamedTuple):
    """Time-major, as nn.LSTM runs fastest."""

    source: Tensor  # (S, N)
    source_lengths: Tensor  # (N,)
    ragged: bool  # whether sources differ in length
    source_mask: Tensor  # (N, 1, S), true where the source is real
    inputs: Tensor  # (T, N), BOS and the target without its last token
    real: Tensor  # indices of the real target tokens among the T * N
    labels: Tensor  # the real target tokens


class Seq2Seq(nn.Module):
    def __init__(self, weights: Weights, dropout: float) -> None:
        super().__init__()
        V_source, E = weights["source_embedding.weight"].shape
        H, V_target = weights["output.weight"].shape
        self.source_embedding = nn.Embedding(V_source, E)
        self.target_embedding = nn.Embedding(V_target, E)
        self.encoder = nn.LSTM(E, H // 2, bidirectional=True)
        self.decoder = nn.LSTM(E, H)
        self.combine = nn.Linear(2 * H, H, bias=False)
        self.output = nn.Linear(H, V_target)
        self.dropout = nn.Dropout(dropout)

    def encode(self, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Memory (N, S, H) and the decoder's initial state."""
        x = self.dropout(self.source_embedding(batch.source))
        if batch.ragged:  # packing makes nn.LSTM several times slower, so it is used only where it is needed
            packed = pack_padded_sequence(x, batch.source_lengths, enforce_sorted=False)
            packed, (h, c) = self.encoder(packed)
            memory, _ = pad_packed_sequence(packed)
        else:
            memory, (h, c) = self.encoder(x)
        state = torch.cat([*h], dim=-1)[None], torch.cat([*c], dim=-1)[None]  # the two directions side by side
        return memory.transpose(0, 1), state

    def attend(self, y: Tensor, memory: Tensor, batch: Batch) -> Tensor:
        """Contexts (N, T, H) of the decoder's outputs (N, T, H)."""
        scores = y @ memory.transpose(1, 2)
        if batch.ragged:
            scores = scores.masked_fill(~batch.source_mask, -torch.inf)
        return scores.softmax(dim=-1) @ memory

    def forward(self, batch: Batch) -> Tensor:
        """Logits (R, V) of the real target tokens."""
        memory, state = self.encode(batch)
        y, _ = self.decoder(self.dropout(self.target_embedding(batch.inputs)), state)
        context = self.attend(y.transpose(0, 1), memory, batch).transpose(0, 1)
        both = torch.cat([context, y], dim=-1).flatten(0, 1).index_select(0, batch.real)  # faster than [batch.real]
        return self.output(self.dropout(torch.tanh(self.combine(both))))

    def greedy(self, batch: Batch, limit: int) -> Tensor:
        memory, state = self.encode(batch)
        h, c = (part[0] for part in state)
        N = len(h)
        tokens = torch.full((N,), BOS)
        ended = torch.zeros(N, dtype=torch.bool)
        steps = []
        for _ in range(limit):
            # Twice as fast as nn.LSTM for a single step.
            h, c = torch.lstm_cell(self.target_embedding(tokens), (h, c), *self.decoder.all_weights[0])
            y = h[:, None]
            both = torch.cat([self.attend(y, memory, batch), y], dim=-1)[:, 0]
            logits = self.output(torch.tanh(self.combine(both)))
            logits[:, PAD] = logits[:, BOS] = -torch.inf
            tokens = logits.argmax(dim=-1)
            steps.append(tokens)
            ended |= tokens == EOS
            if ended.all():
                break
        return torch.stack(steps, dim=1)


class Translation:
    def __init__(self, workload: Workload, weights: Weights, dropout: float) -> None:
        settings = workload.settings
        torch.manual_seed(settings["seed"])
        self.model = Seq2Seq(weights, dropout)
        load(self.model, weights)
        learned = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(learned, fused=True)
        self.learning_rates = iter(workload.learning_rates)
        self.clip, self.limit = settings["clip"], workload.limit

    def batch(self, pairs: Pairs) -> Batch:
        source, lengths, target, target_lengths = map(torch.from_numpy, pairs[1:])
        S, T = source.shape[1], target.shape[1]
        real = (torch.arange(T)[:, None] < target_lengths).flatten().nonzero()[:, 0]
        return Batch(
            source=source.T.contiguous(),
            source_lengths=lengths,
            ragged=bool((lengths != S).any()),
            source_mask=(torch.arange(S) < lengths[:, None])[:, None],
            inputs=F.pad(target[:, :-1], (1, 0), value=BOS).T.contiguous(),
            real=real,
            labels=target.T.flatten()[real],
        )

    def step(self, batch: Batch) -> float:
        loss = F.cross_entropy(self.model(batch), batch.labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.param_groups[0]["lr"] = next(self.learning_rates)
        self.optimizer.step()
        return loss.item()

    @torch.inference_mode()
    def greedy(self, batch: Batch) -> list[list[int]]:
        if self.model.training:
            self.model.eval()
        rows = self.model.greedy(batch, self.limit).tolist()
        return [row[: row.index(EOS)] if EOS in row else row for row in rows]


def load(model: Seq2Seq, weights: Weights) -> None:
    """Write seqrl's weights into the modules: its matrices are transposed, and its LSTM has one bias for two here."""
    lstms = {
        (model.encoder, "l0"): "encoder.layers.0.ahead",
        (model.encoder, "l0_reverse"): "encoder.layers.0.back",
        (model.decoder, "l0"): "decoder.layers.0",
    }
    with torch.no_grad():
        for name in ("source_embedding", "target_embedding"):
            model.get_submodule(name).weight.copy_(torch.from_numpy(weights[f"{name}.weight"]))
        for name in ("combine", "output"):
            model.get_submodule(name).weight.copy_(torch.from_numpy(weights[f"{name}.weight"]).T)
        model.output.bias.copy_(torch.from_numpy(weights["output.bias"]))
        for (lstm, suffix), name in lstms.items():
            for kind in ("ih", "hh"):
                getattr(lstm, f"weight_{kind}_{suffix}").copy_(torch.from_numpy(weights[f"{name}.weight_{kind}"]).T)
            getattr(lstm, f"bias_ih_{suffix}").copy_(torch.from_numpy(weights[f"{name}.bias"]))
            second = getattr(lstm, f"bias_hh_{suffix}").zero_()
            second.requires_grad = False  # or Adam would move the sum of the two biases twice as fast


if __name__ == "__main__":
    torch.set_num_threads(THREADS)
    main(Translation, {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__})
