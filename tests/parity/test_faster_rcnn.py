"""The recorded Faster R-CNN cases, through compare.py as a person runs it."""

from pathlib import Path

import compare
import pytest
from marks import LARGE


@pytest.mark.parametrize(
    "case",
    [
        "faster_rcnn_resnet50",
        pytest.param("faster_rcnn_resnet101_atrous", marks=LARGE),
        pytest.param("faster_rcnn_inception_v2", marks=LARGE),
        pytest.param("faster_rcnn_inception_resnet_v2", marks=LARGE),
        pytest.param("tf2_faster_rcnn_resnet50_v1", marks=LARGE),
        pytest.param("rfcn_resnet101", marks=LARGE),
    ],
)
def test_case(shared: Path, case: str) -> None:
    failed = [str(check) for check in compare.checks(shared / "parity" / case) if not check.passed]
    assert not failed, "\n".join(failed)
