"""Export one form: write it, run it with its own runtime, and keep it if it gives the checkpoint's detections."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright.catalog import forms
from boxwright.catalog.forms import Form
from boxwright.console import progress
from boxwright.core import files
from boxwright.core.signature import RAW_OUTPUTS
from boxwright.core.wording import plural
from boxwright.export import gate, program, reference
from boxwright.export.check import TOLERANCE, check, refuse_others
from boxwright.export.reference import Detections

# Detections of another way to run a form that differ by less are told how much they differ.
_FAR = 0.1


def export(
    form: Form,
    source: str | Path,
    images: Sequence[np.ndarray],
    folder: str | Path,
    kept: str | Path,
    calibration: Sequence[np.ndarray] = (),
) -> dict[str, Any]:
    """Write `form` and the program that runs it into `folder`; they appear together or not at all.

    source: the path of the form that it is made from.
    images: uint8 [H, W, 3]; `kept`: the file with the checkpoint's detections on them, which `detector.export` wrote.
    calibration: images of the training side, for a form that needs them.
    Returns the check (`check.check`) with what the form does not keep of its gate, {..., complaints}: of a form that
    detects nothing before it is measured. Raises RuntimeError if a form in float32 gives other detections.
    """
    writer, runtime = importlib.import_module(form.module), importlib.import_module(form.runtime)
    programs = [program.name(form)] if program.runs(form) else []
    given = (calibration,) if form.calibrated else ()
    with files.whole_entries(folder, [*form.files, *programs]) as temporary:
        writer.write(Path(source), temporary / form.path, *given)
        for name in programs:
            (temporary / name).write_text(program.text(form), encoding="utf-8")
        detect = runtime.load(temporary / form.path)
        written = [temporary / name for name in form.files]
        wanted = reference.read(kept) if form.detects else _raw(Path(source), images)
        tolerance = TOLERANCE if form.detects and form.precision == "float32" else gate.GATES[form.precision].tolerance
        checked = check(detect, images, wanted, written, raw=not form.detects, tolerance=tolerance)
        if form.precision == "float32":
            refuse_others(checked, form.title)
        for way, argument, value in form.other_ways:
            other = runtime.load(temporary / form.path, **{argument: value})
            found = check(other, images, wanted, (), tolerance=_FAR)
            checked[way] = {**found["same_detections"], **{key: found[key] for key in ("ms_per_image", "ms_quartiles")}}
    same, what = checked["same_detections"], "detections" if form.detects else "boxes and scores before suppression"
    checked["complaints"] = [] if form.detects else list(gate.complaints(form.precision, same))
    number = plural(checked["images"], "image")
    progress.say(
        f"The {form.title} gives {same['share']:.1%} of the checkpoint's {what} on {number} "
        f"(largest difference: box {same['max_box']:.1e}, score {same['max_score']:.1e})."
    )
    progress.conclude(f"{checked['bytes'] / 1e6:.1f} MB, {checked['ms_per_image']:.0f} ms per image here")
    return checked


def _raw(checkpoint: Path, images: Sequence[np.ndarray]) -> list[Detections]:
    """What the engine gives before suppression. It is too much to be kept with the checkpoint's detections."""
    engine = importlib.import_module(forms.CHECKPOINT.module).load(checkpoint)
    return reference.answers(engine, images, RAW_OUTPUTS)
