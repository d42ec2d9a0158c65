"""How fast the forms of a detector are on this machine, beside the frozen graph: `benchmarks/forms.py CHECKPOINT`.

CHECKPOINT is the prefix of a checkpoint with its pipeline.config and label_map.pbtxt (or the folder's own *.pbtxt)
beside it. Each form is written by a process of its own; then all run in one process, one image after the other in
turns, so that whatever else the machine does falls on all of them. Times are for one image, suppression included.
"""

import argparse
import importlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from boxwright.catalog import forms
from boxwright.export import timing

# Images of a turn.
_TURN = 3
_WRITE = """
import importlib, sys
from pathlib import Path
import numpy as np
from PIL import Image
form, source, target, *images = sys.argv[1:]
from boxwright.catalog import forms
from boxwright.export import timing
one = forms.named(form)
given = ([np.asarray(Image.open(path).convert("RGB")) for path in images],) if one.calibrated else ()
importlib.import_module(one.module).write(Path(source), Path(target), *given)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("images", type=Path, help="a folder with some images")
    parser.add_argument(
        "--forms", default="frozen_graph,tflite,tflite_int8", help="the first is what others are compared to"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=40)
    given = parser.parse_args()

    names = given.forms.split(",")
    paths = sorted(path for path in given.images.rglob("*") if path.suffix.lower() in (".jpg", ".png"))[:50]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = _beside(given.checkpoint, folder)
        for form in forms.chosen(names):
            if form.made_from:
                made_from = forms.named(form.made_from).path if form.made_from != "checkpoint" else source.name
                command = [sys.executable, "-c", _WRITE, form.name, str(folder / made_from), str(folder / form.path)]
                subprocess.run([*command, *map(str, paths)], check=True, stderr=subprocess.DEVNULL)
        loaded = {
            name: importlib.import_module(forms.named(name).runtime).load(
                folder / forms.named(name).path, given.threads
            )
            for name in names
        }
        times = _times(loaded, paths, given.rounds)
        print(f"{'form':<16}{'MB':>8}{'ms':>8}{'quartiles':>16}{'of the first':>14}")
        first = statistics.median(times[names[0]])
        for name in names:
            low, median, high = (1e3 * value for value in statistics.quantiles(times[name], n=4))
            size = timing.size(folder / one for one in forms.named(name).files)
            print(f"{name:<16}{size / 1e6:>8.1f}{median:>8.1f}{low:>8.1f}{high:>8.1f}{median / 1e3 / first:>14.2f}")


def _beside(checkpoint: Path, folder: Path) -> Path:
    """A copy of the checkpoint with what forms are written from; returns its prefix."""
    for path in checkpoint.parent.glob(f"{checkpoint.name}.*"):
        shutil.copy(path, folder / f"model.ckpt{path.name.removeprefix(checkpoint.name)}")
    shutil.copy(checkpoint.with_name(forms.PIPELINE), folder / forms.PIPELINE)
    label_map = next(iter(checkpoint.parent.glob("*label_map.pbtxt")))
    shutil.copy(label_map, folder / forms.LABEL_MAP)
    from boxwright.dataset.label_map import labels

    (folder / forms.LABELS).write_text(labels(label_map), encoding="utf-8")
    return folder / "model.ckpt"


def _times(loaded: dict, paths: list[Path], rounds: int) -> dict[str, list[float]]:
    """Seconds per image by form, all forms in turns, after a warm-up."""
    from PIL import Image

    images = [np.asarray(Image.open(path).convert("RGB"))[np.newaxis] for path in paths[:8]]
    times: dict[str, list[float]] = {name: [] for name in loaded}
    for count in range(-len(images), rounds):
        for name, detect in loaded.items():
            for place in range(_TURN):
                start = time.perf_counter()
                detect(images[(count + place) % len(images)])
                if count >= 0 and place > 0:
                    times[name].append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
