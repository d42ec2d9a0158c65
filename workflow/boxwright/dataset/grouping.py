"""The groups of `dataset.split.group_by`: images that belong together and never come to different sides."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset.samples import PlannedSample
from boxwright.dataset.scan import File

# What Roboflow puts into the names of the copies that it makes of one image.
_COPIES = re.compile(r"(.+)\.rf\.[0-9a-f]{32}\.\w+")
FOLDER, NAME, EXIF_GAP = "folder", "name", "exif_gap_s"


def check(group_by: str | Mapping[str, Any] | None) -> None:
    """Raise UserError if the regular expression has a mistake."""
    if isinstance(group_by, Mapping) and NAME in group_by:
        try:
            re.compile(group_by[NAME])
        except re.error as error:
            raise UserError(
                f"`dataset.split.group_by.name` is not a regular expression: {error}. "
                "Correct it; in YAML, write it between single quotes."
            ) from error


def groups(
    group_by: str | Mapping[str, Any] | None, images: Sequence[File], names: Sequence[str], captures: Sequence[str]
) -> dict[str, str]:
    """The group of each image by its name; an image without a group is not in it.

    `folder`: the folder of the file. `name`: what the regular expression finds in the name, or in its first pair of
    brackets. `exif_gap_s`: images of one camera, each taken at most so many seconds after the one before. Only for
    this, `captures` has what `images.capture` says of each image.
    """
    if group_by is None:
        return {}
    if group_by == FOLDER:
        return {name: f"{image.folder}/{image.place}" for name, image in zip(names, images, strict=True)}
    if NAME in group_by:
        found = ((name, re.search(group_by[NAME], name)) for name in names)
        return {name: match[1 if match.re.groups else 0] or "" for name, match in found if match}
    return _by_time(names, captures, group_by[EXIF_GAP])


def source_of(name: str) -> str:
    """The name of the image that Roboflow made an image from, by its name; "" for one that Roboflow did not make."""
    found = _COPIES.fullmatch(name.rpartition("/")[2])
    return found[1] if found else ""


def exported_copies(samples: Iterable[PlannedSample]) -> list[tuple[str, str]]:
    """Pairs of images, by sha256, that Roboflow made of one image: turned, distorted or darkened, they show the same.

    The pairs connect all images that were made of one.
    """
    first: dict[str, str] = {}
    sources = [(source, sample.sha256) for sample in samples if (source := source_of(sample.name))]
    pairs = [(first.setdefault(source, sha256), sha256) for source, sha256 in sources]
    return [(one, other) for one, other in pairs if one != other]


def _by_time(names: Sequence[str], captures: Sequence[str], gap_s: float) -> dict[str, str]:
    by_camera: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for name, capture in zip(names, captures, strict=True):
        camera, _, time = capture.partition("\t")
        try:
            by_camera[camera].append((datetime.strptime(time[:19], "%Y:%m:%d %H:%M:%S"), name))
        except ValueError:  # without a time, or with one that is all zeros
            continue
    found = {}
    for camera, taken in by_camera.items():
        before = None
        for time, name in sorted(taken):
            if before is None or (time - before).total_seconds() > gap_s:
                group = f"{camera} from {time}"
            found[name], before = group, time
    return found
