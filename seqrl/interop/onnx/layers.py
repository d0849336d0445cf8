"""Layers of one input as ONNX operators: a line a layer in RULES."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from seqrl.activations import Identity, LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Step, Tanh
from seqrl.errors import InputError
from seqrl.interop.onnx.graph import Graph, dotted_name
from seqrl.interop.onnx.recurrent import SCANS, scan
from seqrl.layer import Chain, Concatenate, Layer, Residual
from seqrl.layers.augmentation import RandomShift
from seqrl.layers.convolution import Conv2D
from seqrl.layers.dense import Dense, TiedDense
from seqrl.layers.dropout import Dropout, VariationalDropout
from seqrl.layers.embedding import Embedding
from seqrl.layers.maxout import Maxout
from seqrl.layers.normalization import BatchNorm, LayerNorm
from seqrl.layers.pooling import AvgPool2D, Flatten, GlobalAvgPool2D, GlobalMaxPool2D, MaxPool2D
from seqrl.training.sequential import Sequential
