"""COCO's JSON: one file, annotations.json. Flags that COCO has no key for are attributes, as CVAT writes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from boxwright.core import files
from boxwright.dataset.samples import CROWD, DEPICTION, GROUP, IGNORE, INSIDE, OCCLUDED, Box, Sample
from boxwright.dataset.writers import NEGATIVES, stated

_ATTRIBUTES = (GROUP, OCCLUDED, DEPICTION, INSIDE)
EXPRESSED = frozenset((NEGATIVES, "difficult", "truncated", "pose", CROWD, IGNORE, *_ATTRIBUTES))
NAME = "annotations.json"


def write(folder: Path, samples: Sequence[Sample]) -> None:
    """Write the file; classes and images are numbered from 1 in the order of their names."""
    names = sorted({box.class_name for one in samples for box in one.boxes})
    numbers = {name: number for number, name in enumerate(names, start=1)}
    annotations: list[dict[str, Any]] = []
    for image, one in enumerate(samples, start=1):
        for box in one.boxes:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image, "category_id": numbers[box.class_name], **_said(box)}
            )
    content = {
        "images": [
            {"id": image, "file_name": stated(folder, one), "width": one.width, "height": one.height}
            for image, one in enumerate(samples, start=1)
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name, "supercategory": ""} for name, number in numbers.items()],
    }
    files.write_json(folder / NAME, content, indent=None)


def _said(box: Box) -> dict[str, Any]:
    width, height = box.xmax - box.xmin, box.ymax - box.ymin
    flags = set(box.flags.split())
    said: dict[str, Any] = {
        "bbox": [box.xmin, box.ymin, width, height],
        "area": width * height,
        "segmentation": [],
        "iscrowd": int(CROWD in flags),
    }
    if IGNORE in flags:
        said["ignore"] = 1
    attributes: dict[str, Any] = {flag: True for flag in _ATTRIBUTES if flag in flags}
    attributes |= {flag: True for flag in ("difficult", "truncated") if getattr(box, flag)}
    if box.pose != "Unspecified":
        attributes["pose"] = box.pose
    return said | ({"attributes": attributes} if attributes else {})
