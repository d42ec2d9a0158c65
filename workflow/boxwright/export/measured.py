"""What is measured of a form of a detector: quality, what it finds again of the checkpoint, time and size."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from boxwright.catalog.forms import Form
from boxwright.export import gate
from boxwright.export.check import timing
from boxwright.export.summary import MAP50, figures
from boxwright.runtimes import Detect

# The numbers of threads that are timed.
THREADS = (1, 2)


def tolerance(form: Form) -> float:
    """By how much a detection that is found again may differ."""
    return gate.GATES[form.precision].tolerance


def times(load: Callable[[int], Detect], images: Sequence[np.ndarray]) -> dict[str, Any]:
    """Milliseconds per image by the number of threads, {ms: {"1": {median, quartiles}, ...}, device}."""
    found, device = {}, ""
    for threads in THREADS:
        detect = load(threads)
        for image in images:  # the warm-up
            detect(image[np.newaxis])
        measured = timing(detect, images)
        found[str(threads)] = {"median": measured["ms_per_image"], "quartiles": measured["ms_quartiles"]}
        device = measured["device"]
    return {"ms": found, "device": device}


def content(
    form: Form,
    result: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    agreement: Mapping[str, Any],
    timed: Mapping[str, Any],
    size: int,
) -> dict[str, Any]:
    """What forms.json says of a form, without the test side.

    result, checkpoint: metrics.json of the form and of the checkpoint. agreement: `agreement.found_again`. timed:
    `times`. size: in bytes. `lost` is the mAP at IoU 0.5 of the checkpoint, minus the form's; None if one is undefined.
    """
    values, before = result["metrics"][MAP50], checkpoint["metrics"][MAP50]
    lost = None if values is None or before is None else before - values
    return {
        "form": form.name,
        "file": form.path,
        "precision": form.precision,
        "images": result["images"],
        **figures(result),
        "lost": lost,
        "found_again": {**agreement, "tolerance": tolerance(form)},
        **timed,
        "bytes": size,
        "complaints": list(gate.complaints(form.precision, agreement, lost)),
    }


def figure(found: Mapping[str, Any]) -> str:
    """The key figures of a form's measurement, on one line."""
    quality = "n/a" if found["mAP50"] is None else f"{found['mAP50']:.3f}"
    again = found["found_again"]
    most = THREADS[-1]
    return (
        f"mAP@.50IOU {quality}, {again['share']:.1%} found again, {found['ms'][str(most)]['median']:.0f} ms with "
        f"{most} threads, {found['bytes'] / 1e6:.1f} MB"
    )
