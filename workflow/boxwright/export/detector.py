"""The first part of an export: what all forms share, and the checkpoint, from which the others are made."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.catalog import forms
from boxwright.console import progress
from boxwright.core import files
from boxwright.export import reference
from boxwright.export.check import check, refuse_others
from boxwright.export.forms import checkpoint


def export(
    config: Any,
    prefix: str | Path,
    label_map: str | Path,
    images: Sequence[np.ndarray],
    folder: str | Path,
    kept: str | Path,
) -> dict[str, Any]:
    """Write the detector that `config` (TrainEvalPipelineConfig) and the checkpoint `prefix` are into `folder`.

    model.ckpt.*, checkpoint and pipeline.config are those of `forms.checkpoint.write`; label_map.pbtxt is the file
    `label_map`. `kept` gets the detections of `prefix` on `images` (uint8 [H, W, 3]), with which every form is compared
    (`reference`). All appear together or not at all. Returns the check of the written checkpoint (`check.check`) and
    the number of its weights, {..., weights}; raises RuntimeError where it gives other detections.
    """
    form = forms.CHECKPOINT
    progress.say(f"Exporting {prefix}")
    with files.whole_entries(folder, [*form.files, forms.STATE, forms.PIPELINE, forms.LABEL_MAP]) as temporary:
        engine = checkpoint.Engine(config, prefix)
        checkpoint.write(engine, temporary / form.path)
        shutil.copyfile(label_map, temporary / forms.LABEL_MAP)
        wanted = reference.answers(engine, images)
        written = checkpoint.load(temporary / form.path)
        checked = check(written, images, wanted, [temporary / name for name in form.files])
        refuse_others(checked, form.title)
        reference.write(kept, wanted)
        checked["weights"] = checkpoint.weights(temporary / form.path)
    progress.conclude(f"{checked['weights']:,} weights")
    return checked
