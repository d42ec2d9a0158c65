"""Converts annotations into another format: what any format that is read says, written as one that is written.

The annotations pass the checks as in a run, with policies that keep every box that can be kept. What the checks
changed, what a run would have done instead, and what the target cannot say is told.
"""

import importlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from boxwright.catalog import formats
from boxwright.core import disk, files, parts
from boxwright.core.wording import plural
from boxwright.dataset import gate, summary
from boxwright.dataset.defects import DROP_BOX, FIX, KEEP
from boxwright.dataset.samples import Box, PlannedSample, Sample, boxes_from_json
from boxwright.dataset.writers import NEGATIVES
from boxwright.images.loader import EXTENSIONS

# Where images go, if they go anywhere.
IMAGES = "images"
# The targets, by the names of their modules, and what they are called.
TARGETS = {"voc": "Pascal VOC", "coco": "COCO", "yolo": "YOLO", "csv": "a table (CSV)"}

# No box is left out because training would rather not have it, or because another one of its image is broken. An image
# none of whose objects is left would be one without objects in the target, so it is left out.
_POLICIES = {
    "boxes_normalised": FIX,
    "box_not_a_number": DROP_BOX,
    "box_inverted": FIX,
    "box_subpixel": KEEP,
    "box_twice": KEEP,
    "box_ignored": KEEP,
    "box_difficult": KEEP,
    "class_number": KEEP,
    "class_background": KEEP,
}

# What the command calls the folders of images, and the format of the source.
_OPTIONS = {"images": "--images", "format": "--format"}


def convert(
    source: str | Path, target: str | Path, to: str, images: Sequence[str] = (), key: str = formats.AUTO
) -> str:
    """Write the annotations in `source`, a file or a folder, to the new folder `target`; return what was done.

    to: one of `TARGETS`. images: the folders of the images, by default `source` or the folder that it is in. key: of
    the source's format.

    Raises UserError if the target is not new or cannot be written, and for what `gate.check` refuses; OSError for a
    file that cannot be written.
    """
    source, target = Path(source), Path(target)
    disk.require_new_folder(target)
    folders = list(images) or [str(source.parent if source.is_file() else source)]
    passed = gate.check(folders, [str(source)], key, _POLICIES, options=_OPTIONS)
    writer = importlib.import_module(f"{__package__}.writers.{to}")
    with files.whole_folder(target) as folder:
        samples, unpacked = _unpacked(map(_sample, passed.samples), folder)
        remark = writer.write(folder, samples)
    boxes = sum(len(one.boxes) for one in samples)
    lines = [*passed.told, passed.text(), *summary.otherwise(passed.cases, _POLICIES)]
    lines += [f"{plural(len(samples), 'image')} with {plural(boxes, 'box', 'boxes')} are in {target} as {TARGETS[to]}."]
    lines += [remark] if remark else []
    if unpacked:
        lines.append(f"{plural(unpacked, 'image')} that were in records are in {target / IMAGES}.")
    if lost := _lost(samples, writer.EXPRESSED):
        lines += [f"What {TARGETS[to]} cannot say is not there:", *(f"  {text}" for text in lost)]
    return "\n".join(lines)


def _sample(planned: PlannedSample) -> Sample:
    return Sample(*planned[:7], boxes_from_json(planned.boxes), boxes_from_json(planned.regions))


def _unpacked(samples: Iterable[Sample], folder: Path) -> tuple[list[Sample], int]:
    """The samples, and the number of images that were in records: they are files in the folder now."""
    found, count = [], 0
    for one in samples:
        if parts.file_of(one.image) != one.image:
            count += 1
            name = one.name if one.name.lower().endswith(tuple(EXTENSIONS)) else f"{one.name}.{one.format}"
            path = folder / IMAGES / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with files.writing(path) as file:
                file.write(parts.read(one.image))
            one = one._replace(name=name, image=str(path))
        found.append(one)
    return found, count


def _lost(samples: Sequence[Sample], expressed: frozenset[str]) -> list[str]:
    """What is in the samples and not in a format that can say `expressed` beside classes and places."""
    negatives = sum(not one.boxes for one in samples)
    regions = sum(len(one.regions) for one in samples)
    flags = Counter(flag for one in samples for box in one.boxes for flag in _flags(box))
    lost = []
    if negatives and NEGATIVES not in expressed:
        lost.append(f"{plural(negatives, 'image')} without objects")
    if regions:
        lost.append(f"{plural(regions, 'region')} to ignore, in which objects neither count nor are background")
    for flag, count in flags.most_common():
        if flag not in expressed:
            lost.append(f"the flag `{flag}` of {plural(count, 'box', 'boxes')}")
    return lost


def _flags(box: Box) -> Iterable[str]:
    yield from box.flags.split()
    yield from (flag for flag in ("difficult", "truncated") if getattr(box, flag))
    if box.pose != "Unspecified":
        yield "pose"
