"""Every check of the certificate on every layer of the library; each layer must have a case."""

import pytest

from seqrl.certify import discovery
from seqrl.certify.cases import LAYERS, LayerCase
from seqrl.certify.check import Check
from seqrl.certify.differences import exceeding
from seqrl.certify.layer_checks import LAYER_CHECKS


def test_every_layer_of_the_library_has_a_case() -> None:
    assert discovery.uncovered_layers() == []


@pytest.mark.parametrize("case", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.measure.__name__)
def test_layer(check: Check[LayerCase], case: LayerCase) -> None:
    assert [str(d) for d in exceeding(check.measure(case), check.tolerance)] == []
