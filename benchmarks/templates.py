"""Train a template of config/pipelines on the drawn demonstration set from scratch, through the whole workflow.

    python benchmarks/templates.py ssd_mobilenet_v2 --work /tmp/templates

The templates are made for fine-tuning. The table below holds the changes for training from scratch, mostly a higher
learning rate. Prints the time and the mAP of every checkpoint; exit status 1 if the best one is below the limit.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
METRIC = "DetectionBoxes_Precision/mAP@.50IOU"
ADAM = "train_config.optimizer.adam_optimizer.learning_rate.cosine_decay_learning_rate"
MOMENTUM = "train_config.optimizer.momentum_optimizer.learning_rate.cosine_decay_learning_rate"


@dataclass(frozen=True)
class Trial:
    """Settings of a model trained from scratch, and the mAP@.50IOU (`bar`) that it must reach."""

    num_steps: int
    batch_size: int
    bar: float
    overrides: dict = field(default_factory=dict)


SSD = Trial(800, 8, 0.80, {f"{ADAM}.learning_rate_base": 0.002, f"{ADAM}.warmup_learning_rate": 0.0002})
PYRAMID = Trial(800, 8, 0.60, SSD.overrides)


# The drawn images are small, so a quarter of the pixels are enough. They are scaled moderately and not cropped, since
# small crops are enlarged, and batch norm then learns other statistics than those of whole images.
def _scaled(side: int) -> dict:
    options = [
        {"random_horizontal_flip": {}},
        {"random_scale_crop_and_pad_to_square": {"output_size": side, "scale_min": 0.7, "scale_max": 1.4}},
    ]
    return {"train_config.data_augmentation_options": options}


RETINANET = Trial(
    800,
    4,
    0.60,
    {
        f"{ADAM}.learning_rate_base": 0.001,
        f"{ADAM}.warmup_learning_rate": 0.0001,
        **_scaled(192),
        **{f"model.ssd.image_resizer.fixed_shape_resizer.{side}": 192 for side in ("height", "width")},
    },
)
EFFICIENTDET = Trial(
    800,
    8,
    0.60,
    {
        **SSD.overrides,
        **_scaled(256),
        **{f"model.ssd.image_resizer.keep_aspect_ratio_resizer.{one}_dimension": 256 for one in ("min", "max")},
    },
)
RESIZER = "model.faster_rcnn.image_resizer.keep_aspect_ratio_resizer"
# A quarter of the pixels and small crops, since the second stage takes most of the time.
FASTER_RCNN = Trial(
    2500,
    2,
    0.60,
    {
        f"{RESIZER}.min_dimension": 192,
        f"{RESIZER}.max_dimension": 256,
        f"{RESIZER}.pad_to_max_dimension": True,
        "model.faster_rcnn.first_stage_anchor_generator.grid_anchor_generator.scales": [0.0625, 0.125, 0.25, 0.5],
        "model.faster_rcnn.initial_crop_size": 8,
        "model.faster_rcnn.second_stage_batch_size": 16,
        f"{MOMENTUM}.learning_rate_base": 0.01,
        f"{MOMENTUM}.warmup_learning_rate": 0.001,
    },
)
# Its batch norm averages over thousands of steps, so a run as short as this one leaves batch norm as it begins, which
# learns more slowly.
INCEPTION = replace(FASTER_RCNN, num_steps=5000)
TRIALS = {
    "ssd_mobilenet_v1": SSD,
    "ssd_mobilenet_v2": SSD,
    "ssdlite_mobilenet_v2": SSD,
    "ssd_mobilenet_v2_fpnlite_320": PYRAMID,
    "ssd_resnet50_v1_fpn_320": RETINANET,
    "efficientdet_d0": EFFICIENTDET,
    "faster_rcnn_inception_v2": INCEPTION,
    "faster_rcnn_resnet50": FASTER_RCNN,
    "faster_rcnn_resnet101": FASTER_RCNN,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("template", choices=TRIALS)
    parser.add_argument("--work", type=Path, required=True, help="folder for the configuration and the results")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    trial, work = TRIALS[arguments.template], arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    model = {
        "pipeline": str(ROOT / "config" / "pipelines" / f"{arguments.template}.config"),
        "num_steps": trial.num_steps,
        "checkpoint_every": trial.num_steps // 2,
        "batch_size": trial.batch_size,
        "rescale_learning_rate": False,
        "overrides": trial.overrides,
    }
    results = work / "results"
    configuration = {"results": str(results), "dataset": {"demo": True}, "models": {arguments.template: model}}
    path = work / f"{arguments.template}.json"
    path.write_text(json.dumps(configuration, indent=1))
    start = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--cores", str(arguments.cores), "--configfile", str(path)]
    subprocess.run(command, cwd=ROOT, check=True)
    seconds = time.perf_counter() - start
    found = {}
    for measured in (results / "models" / arguments.template / "eval").glob("*/metrics.json"):
        metrics = json.loads(measured.read_text())
        found[metrics["step"]] = metrics["metrics"][METRIC] or 0.0
    told = ", ".join(f"{value:.3f} at step {step}" for step, value in sorted(found.items()))
    print(f"{arguments.template}: {METRIC} {told}; the whole workflow took {seconds / 60:.1f} min")
    return int(max(found.values()) < trial.bar)


if __name__ == "__main__":
    sys.exit(main())
