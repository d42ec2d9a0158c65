"""Trains a small SSD on, as one process or as workers: python train_together.py START FOLDER TASKS RECORDS..."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from google.protobuf import text_format

from boxwright import devices, protos
from boxwright.training import segment
from boxwright.training.launch import launch
from tests.unit.training.training_data import LABEL_MAP, TINY_SSD


def small_ssd():
    """Its configuration."""
    config = text_format.Parse(TINY_SSD, protos.TrainEvalPipelineConfig())
    config.train_config.batch_size = 4
    return config


if __name__ == "__main__":
    start, folder, tasks, *records = sys.argv[1:]
    config = small_ssd()
    arguments = {
        "config": config,
        "records": [Path(record) for record in records],
        "label_map": LABEL_MAP,
        "train_dir": Path(folder) / "train",
        "to_step": 3,
        "start": Path(start),
        "log_path": Path(folder) / "log.jsonl",
        "events_path": Path(folder) / "train/events.out.tfevents.x",
        "tf_threads": 1,
        "compute": devices.Compute(),
    }
    arguments["train_dir"].mkdir(parents=True)
    if int(tasks) > 1:
        launch(arguments, tasks=int(tasks), nodes=1, gpus=0)
    else:
        segment.train_segment(**arguments)
