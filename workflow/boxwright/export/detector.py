"""The first part of an export: the files that all forms share, and the checkpoint, the source of the other forms."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.catalog import forms
from boxwright.console import progress
from boxwright.core import files
from boxwright.dataset import label_map as label_maps
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
    """Write the detector of `config` (TrainEvalPipelineConfig) with the weights of the checkpoint `prefix` to `folder`.

    `forms.checkpoint.write` writes model.ckpt.*, checkpoint and pipeline.config; label_map.pbtxt is a copy of
    `label_map`, and labels.txt has its classes, one a line. `kept` gets the detections of `prefix` on `images` (uint8
    [H, W, 3]), with which every form is compared (`reference`). All files appear together or not at all. Returns the
    check of the written checkpoint (`check.check`) and the number of its weights, {..., weights}.
    Raises RuntimeError if it gives other detections.
    """
    form = forms.CHECKPOINT
    progress.say(f"Exporting {prefix}")
    with files.whole_entries(
        folder, [*form.files, forms.STATE, forms.PIPELINE, forms.LABEL_MAP, forms.LABELS]
    ) as temporary:
        engine = checkpoint.Engine(config, prefix)
        checkpoint.write(engine, temporary / form.path)
        shutil.copyfile(label_map, temporary / forms.LABEL_MAP)
        (temporary / forms.LABELS).write_text(label_maps.labels(label_map), encoding="utf-8")
        wanted = reference.answers(engine, images)
        written = checkpoint.load(temporary / form.path)
        checked = check(written, images, wanted, [temporary / name for name in form.files])
        refuse_others(checked, form.title)
        reference.write(kept, wanted)
        checked["weights"] = checkpoint.weights(temporary / form.path)
    progress.conclude(f"{checked['weights']:,} weights")
    return checked
