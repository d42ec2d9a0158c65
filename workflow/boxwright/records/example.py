"""One annotated image as a tf.Example record, under the keys and types that the OD API reads and writes.

Boxes are normalised [ymin, xmin, ymax, xmax] of the upright decoded image, float32; class ids count from 1, as in the
label map. Text is UTF-8.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from boxwright import protos
from boxwright.annotations.model import Sample
from boxwright.errors import UserError

_CORNERS = ("ymin", "xmin", "ymax", "xmax")
_BYTES, _INTS, _FLOATS = "bytes_list", "int64_list", "float_list"


@dataclass(frozen=True, eq=False)
class Record:
    """What a tf.Example says about one image with N objects.

    `encoded` is the image file's bytes and `sha256` the hexadecimal hash of them; `format` is "jpeg" or "png";
    `source_id` is unique in the data set. `width` and `height` are the upright image's, in pixels.
    """

    encoded: bytes
    format: str
    filename: str
    source_id: str
    sha256: str
    width: int
    height: int
    boxes: np.ndarray  # float32 [N, 4], normalised ymin, xmin, ymax, xmax
    classes: np.ndarray  # int32 [N], from 1
    class_text: tuple[str, ...]  # [N]
    difficult: np.ndarray  # bool [N]
    truncated: np.ndarray  # bool [N]
    pose: tuple[str, ...]  # [N]
    area: np.ndarray  # float32 [N], square pixels
    is_crowd: np.ndarray  # bool [N], False where the record does not say


def to_example(
    sample: Sample,
    encoded: bytes,
    label_map: Mapping[str, int],
    *,
    image_format: str | None = None,
    sha256: str | None = None,
) -> bytes:
    """The serialized tf.Example of one sample; equal arguments give equal bytes.

    `encoded` are the bytes that go into the record. Where they are not those of the sample's file, `image_format` says
    what they are. `sha256` is their hash where the caller knows it; else it is computed here.
    Raises UserError where a box's class is not in `label_map`.
    """
    boxes = sample.boxes
    unknown = sorted({box.class_name for box in boxes} - label_map.keys())
    if unknown:
        raise UserError(
            f"{sample.name}: the label map does not know {', '.join(unknown)} (it has: {', '.join(label_map)})."
        )
    example = protos.Example()
    feature = example.features.feature

    def put(key: str, kind: str, *values: Any) -> None:
        # SetInParent gives an image without objects lists of the right type that are empty.
        part = getattr(feature[key], kind)
        part.SetInParent()
        part.value.extend(values)

    put("image/height", _INTS, sample.height)
    put("image/width", _INTS, sample.width)
    put("image/filename", _BYTES, sample.name.encode())
    put("image/source_id", _BYTES, sample.name.encode())
    put("image/key/sha256", _BYTES, (sha256 or hashlib.sha256(encoded).hexdigest()).encode())
    put("image/encoded", _BYTES, encoded)
    put("image/format", _BYTES, (image_format or sample.format).encode())
    for corner in _CORNERS:
        side = sample.width if corner.startswith("x") else sample.height
        put(f"image/object/bbox/{corner}", _FLOATS, *(getattr(box, corner) / side for box in boxes))
    put("image/object/area", _FLOATS, *((box.xmax - box.xmin) * (box.ymax - box.ymin) for box in boxes))
    put("image/object/class/text", _BYTES, *(box.class_name.encode() for box in boxes))
    put("image/object/class/label", _INTS, *(label_map[box.class_name] for box in boxes))
    put("image/object/difficult", _INTS, *(int(box.difficult) for box in boxes))
    put("image/object/truncated", _INTS, *(int(box.truncated) for box in boxes))
    put("image/object/view", _BYTES, *(box.pose.encode() for box in boxes))
    return example.SerializeToString(deterministic=True)


def from_example(data: bytes) -> Record:
    """What a serialized tf.Example says.

    Raises UserError where it is no tf.Example, has no image, or its lists about objects are not equally long.
    """
    example = protos.Example()
    try:
        example.ParseFromString(data)
    except DecodeError:
        raise UserError("A record is not a tf.Example: was this file made for object detection?") from None
    feature = example.features.feature

    def values(key: str) -> Any:
        if key not in feature:
            return ()
        kind = feature[key].WhichOneof("kind")
        return getattr(feature[key], kind).value if kind else ()

    def text(key: str) -> str:
        return next(iter(values(key)), b"").decode()

    def per_object(key: str, default: Any = None) -> Any:
        found = values(f"image/object/{key}")
        if not found and default is not None:
            return [default] * count
        if len(found) != count:
            raise UserError(
                f"The record of {text('image/source_id') or 'an image without image/source_id'} is not sound: it has "
                f"{count} boxes (image/object/bbox/ymin) and {len(found)} values of image/object/{key}."
            )
        return found

    encoded = next(iter(values("image/encoded")), b"")
    if not encoded:
        raise UserError(f"The record of {text('image/source_id') or 'an image'} has no image (image/encoded).")
    count = len(values("image/object/bbox/ymin"))
    width, height = (next(iter(values(f"image/{side}")), 0) for side in ("width", "height"))
    boxes = np.array([per_object(f"bbox/{corner}") for corner in _CORNERS], np.float32).T.reshape(count, 4)
    box_area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * (width * height)
    return Record(
        encoded=encoded,
        format=text("image/format") or "jpeg",
        filename=text("image/filename"),
        source_id=text("image/source_id"),
        sha256=text("image/key/sha256"),
        width=width,
        height=height,
        boxes=boxes,
        classes=np.array(per_object("class/label"), np.int32),
        class_text=tuple(name.decode() for name in per_object("class/text", b"")),
        difficult=np.array(per_object("difficult", 0), bool),
        truncated=np.array(per_object("truncated", 0), bool),
        pose=tuple(pose.decode() for pose in per_object("view", b"Unspecified")),
        area=np.array(per_object("area") if values("image/object/area") else box_area, np.float32),
        is_crowd=np.array(per_object("is_crowd", 0), bool),
    )
