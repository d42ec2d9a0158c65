"""Two processes that train a template at full size write the same bits, whatever else the machine does.

Small models do not show it: TensorFlow reorders sums where tensors are large.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TEMPLATES = HERE.parents[2] / "config/pipelines"
SPIN = "import time\nend = time.monotonic() + 600\nwhile time.monotonic() < end: pass"


def weights_after(folder: Path, template: str, precision: str, steps: str, records: list[Path]) -> bytes:
    """The weights, slots and averages after a chain of segments that ends at `steps` (as "1,3")."""
    command = [sys.executable, str(HERE / "template_process.py"), str(folder), str(TEMPLATES / f"{template}.config")]
    command.append(precision)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
    subprocess.run([*command, steps, *map(str, records)], env=environment, check=True, timeout=600)
    return (folder / f"model.ckpt-{steps.split(',')[-1]}.data-00000-of-00001").read_bytes()


SLOW = (
    "ssdlite_mobilenet_v2",
    "ssd_mobilenet_v2_fpnlite_320",
    "ssd_resnet50_v1_fpn_320",
    "faster_rcnn_resnet50",
    "efficientdet_d0",
    "faster_rcnn_inception_v2",
)


@pytest.mark.parametrize(
    ("template", "precision"),
    [
        ("ssd_mobilenet_v1", "float32"),
        *(pytest.param(template, "float32", marks=pytest.mark.slow) for template in SLOW),
        *(pytest.param(template, "bfloat16", marks=pytest.mark.slow) for template in ("ssd_mobilenet_v1", *SLOW)),
    ],
)
def test_equal_runs_give_equal_bits(template, precision, records, tmp_path):
    quiet = weights_after(tmp_path / "quiet", template, precision, "3", records)
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2)]
    try:
        busy = weights_after(tmp_path / "busy", template, precision, "1,3", records)
    finally:
        for process in others:
            process.kill()
            process.wait()
    assert busy == quiet
