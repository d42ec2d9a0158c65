"""Export one form: write it, run it with its own runtime, and keep it if it gives the checkpoint's detections."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.catalog.forms import Form
from boxwright.console import progress
from boxwright.core import files
from boxwright.export import reference
from boxwright.export.check import check, refuse_others


def export(
    form: Form, source: str | Path, images: Sequence[np.ndarray], folder: str | Path, kept: str | Path
) -> dict[str, Any]:
    """Write `form` into `folder`, made from the form at `source`; its files appear together or not at all.

    images: uint8 [H, W, 3]; `kept`: the file with the checkpoint's detections on them, which `detector.export` wrote.
    Returns the check (`check.check`). Raises RuntimeError if the form gives other detections.
    """
    writer, runtime = importlib.import_module(form.module), importlib.import_module(form.runtime)
    with files.whole_entries(folder, form.files) as temporary:
        writer.write(Path(source), temporary / form.path)
        detect = runtime.load(temporary / form.path)
        written = [temporary / name for name in form.files]
        checked = check(detect, images, reference.read(kept), written)
        refuse_others(checked, form.title)
    same = checked["same_detections"]
    progress.say(
        f"The {form.title} gives the detections of the checkpoint on {checked['images']} images "
        f"(largest difference: box {same['max_box']:.1e}, score {same['max_score']:.1e})."
    )
    progress.conclude(f"{checked['bytes'] / 1e6:.1f} MB, {checked['ms_per_image']:.0f} ms per image here")
    return checked
