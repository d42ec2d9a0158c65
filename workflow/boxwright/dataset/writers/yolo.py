"""YOLO as Ultralytics takes it: labels/, data.yaml, and images/ with links to the images.

Where links cannot be made, as on the file systems of cameras and of some network drives, images/ has copies.

Ultralytics finds an image's labels by its path, where it takes the last folder called images for one called labels. So
no folder in images/ has either name: such folders of the source are passed over.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from boxwright.catalog import formats
from boxwright.console.progress import track
from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.core.wording import few, plural
from boxwright.dataset.samples import Box, Sample
from boxwright.dataset.writers import NEGATIVES

EXPRESSED = frozenset((NEGATIVES,))


def write(folder: Path, samples: Sequence[Sample]) -> str:
    """Write the files; return a sentence about images that had to be copied.

    Raises UserError if two images would have one label file, or one of them the name of a list of classes.
    """
    by_stem: dict[str, list[str]] = {}
    for one in samples:
        by_stem.setdefault(_place(one.name).rpartition(".")[0].casefold(), []).append(one.name)
    if clashes := [" and ".join(names) for names in by_stem.values() if len(names) > 1]:
        raise UserError(
            "YOLO has one label file for images that differ in the ending alone, or in folders called images or labels "
            f"alone: {few(clashes)}. Rename one of each."
        )
    about = formats.by_key()["yolo"]
    if lists := [one.name for one in samples if about.explains(f"{_base(one.name)}.txt")]:
        files = few(sorted({f"{_base(name)}.txt" for name in lists}))
        raise UserError(f"Tools for YOLO take {files} for the names of the classes. Rename {few(lists)}.")
    names = sorted({box.class_name for one in samples for box in one.boxes})
    numbers = {name: number for number, name in enumerate(names)}
    copies = 0
    for one in track(samples, label="Writing annotations", unit="files"):
        place, image = _place(one.name), Path(one.image)
        label, link = folder / "labels" / f"{place.rpartition('.')[0]}.txt", folder / "images" / place
        for path in (label, link):
            path.parent.mkdir(parents=True, exist_ok=True)
        if image.is_relative_to(folder):  # it was in a record
            image.rename(link)
        else:
            copies += not _linked(link, image.resolve())
        rows = [f"{numbers[box.class_name]} {_shares(box, one.width, one.height)}\n" for box in one.boxes]
        label.write_text("".join(rows), encoding="utf-8")
    listed = "".join([f"  {number}: {json.dumps(name, ensure_ascii=False)}\n" for name, number in numbers.items()])
    with writing(folder / "data.yaml") as file:
        # without `path` Ultralytics takes the folder of this file, and with "." the one that it is started in
        file.write(f"# the same images: divide them\ntrain: images\nval: images\nnames:\n{listed}".encode())
    return f"images/ has copies of {plural(copies, 'image')}, since no links can be made there." if copies else ""


def _linked(link: Path, image: Path) -> bool:
    """Put an image at another place: a link, symbolic or hard, and true; where neither can be, a copy and false."""
    for make in (link.symlink_to, link.hardlink_to):
        try:
            make(image)
        except (OSError, NotImplementedError):
            continue
        return True
    shutil.copyfile(image, link)
    return False


def _place(name: str) -> str:
    """The path of an image without folders called images or labels."""
    *folders, base = name.split("/")
    return "/".join([*(one for one in folders if one.casefold() not in ("images", "labels")), base])


def _base(name: str) -> str:
    """The file name of an image without its ending."""
    return name.rpartition("/")[2].rpartition(".")[0]


def _shares(box: Box, width: int, height: int) -> str:
    """Centre and size as shares of the image, with twelve digits, so that nothing is rounded visibly."""
    values = (
        (box.xmin + box.xmax) / 2 / width,
        (box.ymin + box.ymax) / 2 / height,
        (box.xmax - box.xmin) / width,
        (box.ymax - box.ymin) / height,
    )
    return " ".join([f"{value:.12g}" for value in values])
