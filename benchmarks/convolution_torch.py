"""The peer of the convolution benchmark: the same net in PyTorch; `convolution_workload.py` says what is measured."""

import platform
import time
from functools import partial
from typing import Any

import numpy as np
import torch
from convolution_workload import BATCH, CLASSES, LEARNING_RATE, Size, images, main, measured, weights
from machine import THREADS
from torch import nn


def train(layout: torch.memory_format, size: Size) -> dict[str, Any]:
    torch.set_num_threads(THREADS)
    first, second = size.filters
    model = nn.Sequential(
        nn.Conv2d(size.channels, first, 3, padding=size.padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3, padding=size.padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(size.features, CLASSES),
    )
    initial = [torch.from_numpy(array) for array in weights(size).values()]
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), initial, strict=True):
            parameter.copy_(value)
    model = model.to(memory_format=layout)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    loss_of = nn.CrossEntropyLoss()
    x, labels = (torch.from_numpy(array) for array in images(size))
    x = x.to(memory_format=layout)

    def epoch() -> tuple[float, float]:
        start, total = time.perf_counter(), 0.0
        for at in range(0, len(x), BATCH):
            optimizer.zero_grad()
            loss = loss_of(model(x[at : at + BATCH]), labels[at : at + BATCH])
            loss.backward()
            optimizer.step()
            total += loss.item()
        return time.perf_counter() - start, total * BATCH / len(x)

    versions = {"Python": platform.python_version(), "PyTorch": torch.__version__, "NumPy": np.__version__}
    return measured(epoch, versions)


if __name__ == "__main__":
    main(
        {
            "contiguous": partial(train, torch.contiguous_format),
            "channels-last": partial(train, torch.channels_last),
        }
    )
