"""Pascal VOC: an XML file for each image, in the same subfolders."""

from collections.abc import Sequence
from pathlib import Path

from boxwright.console.progress import track
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import OCCLUDED, Sample
from boxwright.dataset.writers import NEGATIVES, stated

EXPRESSED = frozenset((NEGATIVES, "difficult", "truncated", "pose", OCCLUDED))


def write(folder: Path, samples: Sequence[Sample]) -> None:
    """Write <name>.xml; of images that differ in the ending alone, the later ones get <name>.<ending>.xml."""
    taken: set[str] = set()
    for one in track(samples, label="Writing annotations", unit="files"):
        stem = one.name.rpartition(".")[0]
        name = one.name if stem.casefold() in taken else stem
        taken.add(stem.casefold())
        path = folder / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        place, _, base = stated(folder, one).rpartition("/")
        voc.write(
            path,
            filename=base,
            width=one.width,
            height=one.height,
            boxes=one.boxes,
            folder=place,
            whole_pixels=False,
        )
