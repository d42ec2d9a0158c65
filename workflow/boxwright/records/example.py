"""One annotated image as a tf.Example record, under the keys and types that the OD API reads and writes.

Boxes are normalised [ymin, xmin, ymax, xmax] of the upright decoded image, float32; class ids count from 1, as in the
label map. Text is UTF-8.

Ignore regions come after the objects and are marked by `image/object/is_crowd`, which the OD API's evaluation reads as
COCO's iscrowd. A region where an object of any class may be has the class text "" and the label 0.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset.samples import Sample

_CORNERS = ("ymin", "xmin", "ymax", "xmax")
_BYTES, _INTS, _FLOATS = "bytes_list", "int64_list", "float_list"
_KINDS = {
    "image/height": _INTS,
    "image/width": _INTS,
    "image/filename": _BYTES,
    "image/source_id": _BYTES,
    "image/key/sha256": _BYTES,
    "image/encoded": _BYTES,
    "image/format": _BYTES,
    **{f"image/object/bbox/{corner}": _FLOATS for corner in _CORNERS},
    "image/object/area": _FLOATS,
    "image/object/class/text": _BYTES,
    "image/object/class/label": _INTS,
    "image/object/difficult": _INTS,
    "image/object/truncated": _INTS,
    "image/object/view": _BYTES,
}

_CROWD = "image/object/is_crowd"
# The label of an ignore region for every class.
ANY_CLASS = 0

# Bytes of examples after which the reused message is replaced.
_MOST_HELD = 1 << 20


@dataclass(frozen=True, eq=False)
class Record:
    """What a tf.Example says about one image with N objects.

    `encoded` is the image file's bytes and `sha256` their hexadecimal hash; `format` is "jpeg" or "png";
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
    is_crowd: np.ndarray  # bool [N], whether it is an ignore region, False where the record does not say


class Encoder:
    """Makes the tf.Examples of samples whose classes have the ids of `label_map`, one sample at a time.

    It refills the lists of one message for each sample, which takes a third of the time of a new message. The message
    never frees the memory of what it held, so it is replaced now and then.
    """

    def __init__(self, label_map: Mapping[str, int]) -> None:
        self._label_map = label_map
        self._begin()

    def _begin(self) -> None:
        self._example = protos.Example()
        self._held = 0
        feature = self._example.features.feature
        self._lists = {}
        for key, kind in _KINDS.items():
            part = getattr(feature[key], kind)
            part.SetInParent()  # so that an image without objects has lists of the right type that are empty
            self._lists[key] = part.value

    def __call__(
        self, sample: Sample, encoded: bytes, *, image_format: str | None = None, sha256: str | None = None
    ) -> bytes:
        """The serialized tf.Example of one sample; equal arguments give equal bytes.

        `encoded` are the bytes that go into the record. If they are not those of the sample's file, `image_format`
        says what they are. `sha256` is their hash, if the caller knows it; else it is computed here.
        Raises UserError if a box's class is not in the label map.
        """
        boxes, ids, width, height = sample.boxes, self._label_map, sample.width, sample.height
        unknown = sorted({box.class_name for box in boxes} - ids.keys())
        regions = [box if box.class_name in ids else box._replace(class_name="") for box in sample.regions]
        if unknown:
            raise UserError(
                f"{sample.name}: the label map does not know {', '.join(unknown)} (it has: {', '.join(ids)})."
            )
        boxes = [*boxes, *regions]
        values = {
            "image/height": [height],
            "image/width": [width],
            "image/filename": [sample.name.encode()],
            "image/source_id": [sample.name.encode()],
            "image/key/sha256": [(sha256 or hashlib.sha256(encoded).hexdigest()).encode()],
            "image/encoded": [encoded],
            "image/format": [(image_format or sample.format).encode()],
            "image/object/bbox/ymin": [box.ymin / height for box in boxes],
            "image/object/bbox/xmin": [box.xmin / width for box in boxes],
            "image/object/bbox/ymax": [box.ymax / height for box in boxes],
            "image/object/bbox/xmax": [box.xmax / width for box in boxes],
            "image/object/area": [(box.xmax - box.xmin) * (box.ymax - box.ymin) for box in boxes],
            "image/object/class/text": [box.class_name.encode() for box in boxes],
            "image/object/class/label": [ids.get(box.class_name, ANY_CLASS) for box in boxes],
            "image/object/difficult": [int(box.difficult) for box in boxes],
            "image/object/truncated": [int(box.truncated) for box in boxes],
            "image/object/view": [box.pose.encode() for box in boxes],
        }
        if self._held > _MOST_HELD:
            self._begin()
        for key, held in self._lists.items():
            held[:] = values[key]
        features = self._example.features.feature
        if regions:
            features[_CROWD].int64_list.value[:] = [0] * len(sample.boxes) + [1] * len(regions)
        data = self._example.SerializeToString(deterministic=True)
        if regions:
            del features[_CROWD]
        self._held += len(data)
        return data


def to_example(sample: Sample, encoded: bytes, label_map: Mapping[str, int], **stated: str) -> bytes:
    """The tf.Example of a single sample, as `Encoder` makes it."""
    return Encoder(label_map)(sample, encoded, **stated)


def from_example(data: bytes) -> Record:
    """The content of a serialized tf.Example.

    Raises UserError if it is not a tf.Example, has no image, or its lists about objects differ in length.
    """
    example = protos.Example()
    try:
        example.ParseFromString(data)
    except DecodeError:
        raise UserError("A record is not a tf.Example: was this file made for object detection?") from None
    lists = {key: _values(feature) for key, feature in example.features.feature.items()}

    def values(key: str) -> Any:
        return lists.get(key, ())

    def text(key: str) -> str:
        return next(iter(values(key)), b"").decode()

    def per_object(key: str, default: Any = None) -> Any:
        found = values(f"image/object/{key}")
        if not found and default is not None:
            return [default] * count
        if len(found) != count:
            raise UserError(
                f"The record of {text('image/source_id') or 'an image without image/source_id'} is inconsistent: it "
                f"has {plural(count, 'box', 'boxes')} (image/object/bbox/ymin) and {plural(len(found), 'value')} of "
                f"image/object/{key}."
            )
        return found

    encoded = next(iter(values("image/encoded")), b"")
    if not encoded:
        raise UserError(f"The record of {text('image/source_id') or 'an image'} has no image (image/encoded).")
    count = len(values("image/object/bbox/ymin"))
    width, height = (next(iter(values(f"image/{side}")), 0) for side in ("width", "height"))
    corners = zip(*[per_object(f"bbox/{corner}") for corner in _CORNERS], strict=True)
    boxes = np.array(list(corners), np.float32).reshape(count, 4)
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
        classes=np.fromiter(per_object("class/label"), np.int32),
        class_text=tuple(name.decode() for name in per_object("class/text", b"")),
        difficult=np.fromiter(per_object("difficult", 0), bool),
        truncated=np.fromiter(per_object("truncated", 0), bool),
        pose=tuple(pose.decode() for pose in per_object("view", b"Unspecified")),
        area=np.fromiter(per_object("area") if values("image/object/area") else box_area, np.float32),
        is_crowd=np.fromiter(per_object("is_crowd", 0), bool),
    )


def _values(feature: Any) -> Sequence:
    kind = feature.WhichOneof("kind")
    return getattr(feature, kind).value if kind else ()
