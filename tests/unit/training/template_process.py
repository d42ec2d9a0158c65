"""A training process at full size: python template_process.py FOLDER TEMPLATE PRECISION STEP,STEP... RECORDS..."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from training_data import LABEL_MAP

from boxwright.devices import Compute
from boxwright.pipeline import overrides, text
from boxwright.training.segment import train_segment

folder, template, precision, steps, *records = sys.argv[1:]
config = text.read(template)
overrides.apply(config, {"train_config.fine_tune_checkpoint": "", "train_config.gradient_clipping_by_norm": 10})
start = None
for step in map(int, steps.split(",")):
    train_segment(
        config,
        [Path(record) for record in records],
        LABEL_MAP,
        Path(folder),
        to_step=step,
        log_path=Path(folder) / f"log/{step}.jsonl",
        events_path=Path(folder) / f"events.out.tfevents.{step}",
        start=start,
        tf_threads=2,
        compute=Compute(precision=precision),
    )
    start = Path(folder) / f"model.ckpt-{step}"
