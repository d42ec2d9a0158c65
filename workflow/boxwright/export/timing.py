"""The time that a form of a detector takes for an image, with its own runtime and a number of threads.

With fewer threads than a process has processors, a measurement runs in a process of its own: runtimes fix their threads
when they start, and some compute parts of a graph at once, beside the threads that they are given.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boxwright import devices
from boxwright.catalog import forms
from boxwright.catalog.forms import Form
from boxwright.core import processes
from boxwright.runtimes import Detect

THREADS = (1, 2)
_LEAST, _MOST, _MOST_SECONDS = 3, 30, 5.0


def times(detect: Detect, images: Sequence[np.ndarray], warm: bool = False) -> dict[str, Any]:
    """{ms_per_image, ms_quartiles}: median and quartiles of the milliseconds for an image, one at a time.

    images: uint8 [H, W, 3]. warm: whether `detect` has seen images of all their sizes; if not, it does so first.
    """
    if not warm:
        _warm_up(detect, images)
    taken: list[float] = []
    while len(taken) < _LEAST or (len(taken) < _MOST and sum(taken) < _MOST_SECONDS):
        taken.append(_seconds(detect, images[len(taken) % len(images)]))
    return _told(taken)


def in_turns(detectors: Mapping[str, Detect], images: Sequence[np.ndarray]) -> dict[str, dict[str, Any]]:
    """`times` of several detectors, by their names, measured together: whatever slows the machine slows all alike.

    They take turns, an image each, in an order drawn anew for each round. In its turn a detector sees the image twice,
    since the others have filled the processor's caches, and the second time counts. All are timed equally often.
    """
    for detect in detectors.values():
        _warm_up(detect, images)
    taken: dict[str, list[float]] = {name: [] for name in detectors}
    order, rounds = np.random.default_rng(0), 0
    while rounds < _LEAST or (rounds < _MOST and sum(map(sum, taken.values())) < _MOST_SECONDS * len(taken)):
        image = images[rounds % len(images)]
        for name in order.permutation(list(detectors)).tolist():
            detectors[name](image[np.newaxis])
            taken[name].append(_seconds(detectors[name], image))
        rounds += 1
    return {name: _told(seconds) for name, seconds in taken.items()}


def by_threads(
    form: Form, path: str | Path, images: Sequence[np.ndarray], threads: Sequence[int] = THREADS
) -> dict[int, dict[str, Any]]:
    """`times` of the form at `path` with each number of threads that this machine has, on the CPU."""
    here = devices.processors()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "images.npz")
        np.savez(given, *images)
        for number in threads:
            if number <= here:
                command = processes.command(__name__, form.name, str(path), str(given), str(number))
                environment = processes.environment(CUDA_VISIBLE_DEVICES="", TF_CPP_MIN_LOG_LEVEL="3")
                done = subprocess.run(command, env=environment, capture_output=True)
                if done.returncode:
                    said = done.stderr.decode(errors="replace").strip().splitlines()
                    raise RuntimeError(f"{path} does not run with {number} threads: {said[-1] if said else ''}")
                found[number] = json.loads(done.stdout.splitlines()[-1])
    return found


def size(files: Iterable[str | Path]) -> int:
    """The bytes of files, and of folders with everything in them."""
    found = [one for path in map(Path, files) for one in ([path] if path.is_file() else path.rglob("*"))]
    return sum(one.stat().st_size for one in found if one.is_file())


def _warm_up(detect: Detect, images: Sequence[np.ndarray]) -> None:
    """Show a detector an image of each size, since the first one of a size takes longer."""
    for image in {image.shape: image for image in images}.values():
        detect(image[np.newaxis])


def _seconds(detect: Detect, image: np.ndarray) -> float:
    start = time.perf_counter()
    detect(image[np.newaxis])
    return time.perf_counter() - start


def _told(taken: Sequence[float]) -> dict[str, Any]:
    """Median and quartiles of some seconds, in milliseconds."""
    low, median, high = (round(1e3 * value, 2) for value in np.quantile(taken, (0.25, 0.5, 0.75)).tolist())
    return {"ms_per_image": median, "ms_quartiles": [low, high]}


def _measure(name: str, path: str, images: str, threads: str) -> None:
    """What a process of its own does: print `times` as JSON."""
    import importlib

    if hasattr(os, "sched_setaffinity"):
        # Some runtimes compute parts of a graph at once, beside the threads that they are given.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(threads)])
    with np.load(images) as given:
        shown = [given[key] for key in given]
    detect = importlib.import_module(forms.named(name).runtime).load(Path(path), threads=int(threads))
    print(json.dumps(times(detect, shown)))


if __name__ == "__main__":
    _measure(*sys.argv[1:])
