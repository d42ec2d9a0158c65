"""`boxwright benchmark`: the size and the speed of each form of a detector on the machine at hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from boxwright.catalog import forms
from boxwright.catalog.forms import Form
from boxwright.console import progress
from boxwright.core import decimals
from boxwright.core.files import parse_json
from boxwright.core.wording import plural
from boxwright.export import timing
from boxwright.runtimes.find import ExportedDetector, whole

# Height and width of the drawn image, as of a usual camera.
_SIZE = (480, 640)


class FormTimes(NamedTuple):
    """A form, the bytes of its files, and its times by the number of threads (`timing.times`).

    problem: why it has no times. accuracy: mAP@.50IOU on the evaluation images of its training, as forms.json beside it
    says; None where none does.
    """

    form: Form
    bytes: int
    times: Mapping[int, Mapping[str, Any]]
    problem: str = ""
    accuracy: float | None = None


def run(detector: ExportedDetector, alone: bool, images: Sequence[np.ndarray] = ()) -> list[FormTimes]:
    """Measure each form that lies beside `detector`, or it `alone`.

    images: uint8 [H, W, 3]; without any, a drawn one. Forms whose packages are not installed are left out, and said.
    """
    images = images or [drawn_image()]
    folder = detector.label_map.parent
    some = [detector.form] if alone else [form for form in forms.FORMS if form.detects and whole(form, folder)]
    known = _measured(folder)
    found = []
    for form in progress.track(some, label="Measuring", unit="forms"):
        path = detector.path if alone else folder / form.path
        if form.made_from is None:
            continue  # the engine is no runtime that people use
        if form.missing:
            progress.warn(f"Left out: the {form.title} needs {' and '.join(form.missing)}.")
            continue
        files = [path] if len(form.files) == 1 else [path.with_suffix(Path(name).suffix) for name in form.files]
        times, problem = {}, ""
        try:
            times = timing.by_threads(form, path, images)
        except RuntimeError as error:  # the others are measured all the same
            problem = str(error)
        found.append(FormTimes(form, timing.size(files), times, problem, known.get(form.name)))
    return found


def table(measured: Sequence[FormTimes]) -> str:
    """The lines to print: a form each, with its mAP where one is known, megabytes, and milliseconds as median (and
    quartiles) by threads.
    """
    threads = sorted({number for one in measured for number in one.times})
    known = any(one.accuracy is not None for one in measured)
    times = [f"ms, {plural(number, 'thread')}" for number in threads]
    head = ["form", *["mAP@.50IOU"] * known, "MB", *times]
    rows = [
        [
            one.form.name,
            *[decimals.number(one.accuracy)] * known,
            f"{one.bytes / 1e6:.1f}",
            *(_shown(one.times[number]) for number in threads),
        ]
        for one in measured
        if not one.problem
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [head, *rows]
    )


def drawn_image() -> np.ndarray:
    """A smooth coloured image, always the same."""
    seed = np.random.default_rng(0).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(seed).resize(_SIZE[::-1], Image.Resampling.BICUBIC))


def _measured(folder: Path) -> dict[str, float]:
    """mAP@.50IOU by form, as the run that trained the detector measured it; nothing where its file is not there."""
    try:
        said = parse_json((folder / forms.MEASURED).read_bytes())["forms"]
        return {name: one["mAP50"] for name, one in said.items() if isinstance(one.get("mAP50"), float)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _shown(times: Mapping[str, Any]) -> str:
    low, high = times["ms_quartiles"]
    return f"{times['ms_per_image']:.1f} ({low:.1f} to {high:.1f})"
