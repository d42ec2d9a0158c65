"""A job that an error ends while records are being read ahead: python reader_process.py FOLDER RECORDS..."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from google.protobuf import text_format
from training_data import LABEL_MAP, TINY_SSD, resize

from boxwright import protos, tfrecord
from boxwright.console.job import job
from boxwright.core.errors import UserError
from boxwright.training import inputs

folder, *records = sys.argv[1:]
whole = tfrecord.Index.__getitem__
calls: list[int] = []


def slowly(index: tfrecord.Index, number: int) -> bytes:
    """A record; the fifth is damaged, and the next takes so long that it is being read when the job ends."""
    calls.append(number)
    if len(calls) == 5:
        raise UserError("That is enough.")
    if len(calls) > 5:
        time.sleep(0.5)
    return whole(index, number)


tfrecord.Index.__getitem__ = slowly


def work() -> None:
    config = text_format.Parse(TINY_SSD, protos.TrainEvalPipelineConfig())
    data = inputs.build(config, [Path(record) for record in records], LABEL_MAP, resize, seed=0)
    for _ in data.batches(0, 1000):
        pass


rule = SimpleNamespace(log=[f"{folder}/log"], config={"results": folder}, input=[], output=[])
with job(rule):
    work()
