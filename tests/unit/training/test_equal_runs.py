"""Two processes that train a template at full size write the same bits, whatever else the machine does.

Small models do not show it: TensorFlow reorders sums where tensors are large.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from boxwright.pipeline import overrides, text

HERE = Path(__file__).parent
TEMPLATES = HERE.parents[2] / "config/pipelines"
SPIN = "import time\nend = time.monotonic() + 600\nwhile time.monotonic() < end: pass"
# Networks without a template: the one that they share most with, and what they change of it.
_EXTRACTOR, _ANCHORS = "model.ssd.feature_extractor", "model.ssd.anchor_generator"
OF_TEMPLATES = {
    "centernet": (
        "centernet_resnet50_v1_fpn",
        {"model.center_net.feature_extractor.type": "mobilenet_v2_fpn"},
    ),
    "rfcn": (
        "faster_rcnn_resnet50",
        {"model.faster_rcnn.second_stage_box_predictor": {"rfcn_box_predictor": {"depth": 64}}},
    ),
    "mnasfpn": (
        "ssd_mobilenet_v2_fpnlite_320",
        {
            f"{_EXTRACTOR}.type": "ssd_mobilenet_v2_mnasfpn",
            f"{_EXTRACTOR}.fpn.max_level": 6,
            f"{_ANCHORS}.multiscale_anchor_generator.max_level": 6,
        },
    ),
    "spaghettinet": (
        "ssdlite_mobilenet_v2",
        {f"{_EXTRACTOR}.type": "ssd_spaghettinet", f"{_ANCHORS}.ssd_anchor_generator.num_layers": 5},
    ),
}


def configuration(name: str, folder: Path) -> Path:
    """The template of this name, or a file in `folder` with what `OF_TEMPLATES` makes of one."""
    template, changes = OF_TEMPLATES.get(name, (name, {}))
    path = TEMPLATES / f"{template}.config"
    if not changes:
        return path
    config = text.read(path)
    overrides.apply(config, changes)
    made = folder / f"{name}.config"
    made.write_text(text.to_text(config))
    return made


def weights_after(folder: Path, config: Path, precision: str, steps: str, records: list[Path]) -> bytes:
    """The weights, slots and averages after a chain of segments that ends at `steps` (as "1,3")."""
    command = [sys.executable, str(HERE / "template_process.py"), str(folder), str(config), precision]
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
    "centernet_resnet50_v1_fpn",
)


@pytest.mark.parametrize(
    ("template", "precision"),
    [
        ("ssd_mobilenet_v1", "float32"),
        *(pytest.param(name, "float32", marks=pytest.mark.slow) for name in (*SLOW, *OF_TEMPLATES)),
        *(pytest.param(name, "bfloat16", marks=pytest.mark.slow) for name in ("ssd_mobilenet_v1", *SLOW)),
    ],
)
def test_equal_runs_give_equal_bits(template, precision, records, tmp_path):
    config = configuration(template, tmp_path)
    quiet = weights_after(tmp_path / "quiet", config, precision, "3", records)
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(2)]
    try:
        busy = weights_after(tmp_path / "busy", config, precision, "1,3", records)
    finally:
        for process in others:
            process.kill()
            process.wait()
    assert busy == quiet
