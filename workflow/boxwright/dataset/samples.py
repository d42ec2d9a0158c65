"""The boxes and samples of a data set, as immutable values that records, statistics and reports share."""

import json
from collections.abc import Iterable
from itertools import starmap
from typing import NamedTuple

# What an annotation may have in place of a box: what has a surrounding rectangle (a circle or an ellipse is a mask),
POLYGON, ROTATED, MASK = "polygon", "rotated", "mask"
# and what has none that would be the object's.
POINTS, LINE, CUBOID = "points", "line", "cuboid"
NOT_BOXES = frozenset((POINTS, LINE, CUBOID))

# Flags that formats have beside "difficult" and "truncated". Those of `IGNORED` say that the box is not one object.
CROWD, GROUP, IGNORE = "crowd", "group_of", "ignore"
OCCLUDED, DEPICTION, INSIDE = "occluded", "depiction", "inside"
IGNORED = (CROWD, GROUP, IGNORE)


# Named tuples, because a data set has millions of them: frozen dataclasses take three times as long to make.
class Box(NamedTuple):
    """One annotated object: its class, its place and its flags.

    Coordinates are floats, the origin is the top left corner of the image, `xmax` and `ymax` are edges, so the width is
    `xmax - xmin`. In a sample they are pixels of the upright decoded image. In a statement they are as the annotation
    gives them, in the statement's unit; a coordinate that could not be read is NaN.

    shape: what the annotation has in place of a box, whose surrounding rectangle this is (`POLYGON`, `ROTATED` or
    `MASK`), or one of `NOT_BOXES`. It is "" for a box, and in every sample.
    flags: further flags, words with spaces between them, in alphabetical order.
    """

    class_name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"
    shape: str = ""
    flags: str = ""

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """(xmin, ymin, xmax, ymax)"""
        return self.xmin, self.ymin, self.xmax, self.ymax


_dump = json.JSONEncoder(separators=(",", ":")).encode
_quote = json.encoder.encode_basestring_ascii
_BOOL = ("false", "true")
# No boxes, as JSON.
NO_BOXES = "[]"


def boxes_json(boxes: Iterable[Box]) -> str:
    """A JSON list of boxes with finite coordinates: the same text as the encoder's, in a quarter of the time."""
    written = [
        f"[{_quote(name)},{xmin!r},{ymin!r},{xmax!r},{ymax!r},{_BOOL[difficult]},{_BOOL[truncated]},{_quote(pose)}"
        + (f",{_quote(shape)}" if shape or flags else "")
        + (f",{_quote(flags)}]" if flags else "]")
        for name, xmin, ymin, xmax, ymax, difficult, truncated, pose, shape, flags in boxes
    ]
    return f"[{','.join(written)}]"


def boxes_from_json(text: str) -> tuple[Box, ...]:
    """The boxes in a JSON list."""
    return tuple(starmap(Box, json.loads(text)))


class Sample(NamedTuple):
    """One image with its boxes, checked and ready to become a record.

    name: path of the image below its images folder with "/" between parts, unique in the data set.
    image: path of the image file, absolute or from the working directory.
    sha256: of the image file's bytes, in hexadecimal.
    width, height: pixels of the upright decoded image.
    format: the format of the file's bytes, whatever its name says: "jpeg", "png", "bmp", "gif", "webp" or "tiff".
    fixes: what `images.encode_for_record` has to do to the image; empty if its bytes are copied.
    boxes: empty for a negative.
    regions: ignore regions, where an object may be that is not to be learned: whatever is found there is neither right
    nor wrong. The class is the one that the object has, or "" if it may be any.
    """

    name: str
    image: str
    sha256: str
    width: int
    height: int
    format: str
    fixes: tuple[str, ...]
    boxes: tuple[Box, ...]
    regions: tuple[Box, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """The class of each box."""
        return tuple([box.class_name for box in self.boxes])

    def to_json(self) -> str:
        """One line of JSON without a line end; `from_json` gives the sample back."""
        return PlannedSample(*self[:7], self.classes, boxes_json(self.boxes), boxes_json(self.regions)).to_json()

    @classmethod
    def from_json(cls, line: str | bytes) -> "Sample":
        values = json.loads(line)
        values["fixes"] = tuple(values["fixes"])
        for key in ("boxes", "regions"):
            values[key] = tuple(starmap(Box, values.get(key, ())))
        return cls(**values)


class PlannedSample(NamedTuple):
    """A sample in the plan. boxes, regions: as JSON text, because few are looked at; classes: the class of each box.

    The other fields are those of `Sample`.
    """

    name: str
    image: str
    sha256: str
    width: int
    height: int
    format: str
    fixes: tuple[str, ...]
    classes: tuple[str, ...]
    boxes: str
    regions: str = NO_BOXES

    def content_json(self) -> str:
        """The sample without its image's path, as one line of JSON: all that the bytes of its record depend on."""
        fixes = _dump(self.fixes) if self.fixes else "[]"
        regions = f',"regions":{self.regions}' if self.regions != NO_BOXES else ""
        return (
            f'{{"name":{_quote(self.name)},"sha256":"{self.sha256}","width":{self.width},"height":{self.height},'
            f'"format":"{self.format}","fixes":{fixes},"boxes":{self.boxes}{regions}}}'
        )

    def to_json(self, content: str | None = None) -> str:
        """The sample's line of JSON. `content`, if known, saves computing it again."""
        return f'{(content or self.content_json())[:-1]},"image":{_quote(self.image)}}}'
