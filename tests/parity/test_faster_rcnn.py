"""The recorded Faster R-CNN cases, through compare.py as a person runs it."""

from pathlib import Path

import compare
import pytest


@pytest.mark.parametrize("case", ["faster_rcnn_resnet50", "faster_rcnn_resnet101_atrous"])
def test_case(shared: Path, case: str) -> None:
    failed = [str(check) for check in compare.checks(shared / "parity" / case) if not check.passed]
    assert not failed, "\n".join(failed)
