"""A training process for the tests that kill it: python train_process.py FOLDER STEPS RECORDS..."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from google.protobuf import text_format
from tiny_detector import TinyDetector
from training_data import LABEL_MAP, TINY_SSD

from boxwright import protos
from boxwright.training import segment

segment.build = lambda model, seed, precision: TinyDetector(seed)
folder, steps, *records = sys.argv[1:]
segment.train_segment(
    text_format.Parse(TINY_SSD, protos.TrainEvalPipelineConfig()),
    [Path(record) for record in records],
    LABEL_MAP,
    Path(folder),
    to_step=int(steps),
    log_path=Path(folder) / "log.jsonl",
    events_path=Path(folder) / "events.out.tfevents.x",
    tf_threads=1,
    save_every_s=0.05,
    identity="kill me",
)
