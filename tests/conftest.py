"""Fixtures for every test."""

import os

# Tests run side by side, one to a core: products shared between busy cores take many times longer.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

# A busy machine must not fail a test: the time of one example says nothing.
hypothesis.settings.register_profile("seqrl", deadline=None)
hypothesis.settings.load_profile("seqrl")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
