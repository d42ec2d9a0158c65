"""What is measured of a form of a detector: quality, what it finds again of the checkpoint, time and size."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from boxwright import devices
from boxwright.catalog.forms import Form
from boxwright.core.wording import plural
from boxwright.export import gate, timing
from boxwright.export.summary import MAP50, figures
from boxwright.runtimes import Detect

# How far detections may differ from those of a checkpoint that was measured in bfloat16.
ROUNDED = 1e-2


def tolerance(form: Form, checkpoint: Mapping[str, Any] = MappingProxyType({})) -> float:
    """By how much a detection that is found again may differ.

    checkpoint: its metrics.json. Where it was measured with rounded products, which forms do not have, all of its
    detections differ.
    """
    own = gate.GATES[form.precision].tolerance
    return own if _is_float32(checkpoint) else max(own, ROUNDED)


def _is_float32(checkpoint: Mapping[str, Any]) -> bool:
    return checkpoint.get("inference_precision", "float32") == "float32"


def times(form: Form, path: Path, images: Sequence[np.ndarray], detect: Detect, on_gpu: bool) -> dict[str, Any]:
    """Milliseconds per image by the number of threads that this machine has, on the CPU,
    {ms: {"1": {median, quartiles}, ...}, device}.

    detect: the form, loaded with a thread for each processor, or `on_gpu`. On the CPU it is timed itself, since another
    process takes longer to start than the measurement.
    """
    here = devices.processors()
    own = {here: timing.times(detect, images)} if here in timing.THREADS and not on_gpu else {}
    others = timing.by_threads(form, path, images, [number for number in timing.THREADS if number not in own])
    found = {
        str(threads): {"median": one["ms_per_image"], "quartiles": one["ms_quartiles"]}
        for threads, one in sorted({**own, **others}.items())
    }
    return {"ms": found, "device": devices.cpu()}


def content(
    form: Form,
    result: Mapping[str, Any],
    checkpoint: Mapping[str, Any],
    agreement: Mapping[str, Any],
    timed: Mapping[str, Any],
    size: int,
) -> dict[str, Any]:
    """What forms.json says of a form, without the test side.

    result, checkpoint: metrics.json of the form and of the checkpoint. agreement: `exported.agreement`. timed: `times`.
    size: in bytes. `lost` is the mAP at IoU 0.5 of the checkpoint, minus the form's; None if one is undefined.
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
        "found_again": agreement,
        **timed,
        "bytes": size,
        "complaints": list(gate.complaints(form.precision, agreement if _is_float32(checkpoint) else None, lost)),
    }


def figure(found: Mapping[str, Any]) -> str:
    """The key figures of a form's measurement, on one line."""
    quality = "n/a" if found["mAP50"] is None else f"{found['mAP50']:.3f}"
    again = found["found_again"]
    most = max(found["ms"], key=int)
    return (
        f"mAP@.50IOU {quality}, {again['share']:.1%} found again, {found['ms'][most]['median']:.0f} ms with "
        f"{plural(int(most), 'thread')}, {found['bytes'] / 1e6:.1f} MB"
    )
