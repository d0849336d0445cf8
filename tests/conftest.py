"""Fixtures for every test."""

import hypothesis
import numpy as np
import pytest

# A busy machine must not fail a test: the time of one example says nothing.
hypothesis.settings.register_profile("seqrl", deadline=None)
hypothesis.settings.load_profile("seqrl")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
