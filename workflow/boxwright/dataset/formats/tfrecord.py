"""TFRecord files of the OD API: an image with its boxes in each record, as `tf.train.Example`.

Edges are shares of the image, in four lists. A class has a text, an id of the label map beside the file, or both; where
they disagree the text is right (VoTT counts ids from 0 and its label map from 1). The image's bytes say what format it
has, whatever `image/format` says. Where a record holds no image it is about the one that it names.

Sources: the OD API's `dataset_tools` and "Preparing inputs", the tutorials' `generate_tfrecord.py`.
"""

import math
import os
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from boxwright import protos, tfrecord
from boxwright.core.errors import UserError
from boxwright.core.wording import plural
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import CROWD, GROUP, Box
from boxwright.dataset.stated import flags
from boxwright.dataset.statements import NORMALISED, Reading, Remark, Statement

_HEADER = struct.Struct("<QI")
_CRC = struct.Struct("<I")
_LENGTH = 8
_GZIP = b"\x1f\x8b"
_OBJECT = "image/object/"
_CORNERS = tuple(f"{_OBJECT}bbox/{edge}" for edge in ("xmin", "ymin", "xmax", "ymax"))
_TEXT, _LABEL = f"{_OBJECT}class/text", f"{_OBJECT}class/label"
_FLAGS = {"is_crowd": CROWD, "group_of": GROUP}
# No label map is larger, in bytes.
_LARGEST_MAP = 16_000_000


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the file begins with the frame of a record."""
    if head.startswith(_GZIP):
        return True
    return len(head) >= _HEADER.size and _HEADER.unpack(head[: _HEADER.size])[1] == tfrecord.masked_crc(head[:_LENGTH])


def read(file: BinaryIO, beside: Beside = NOTHING) -> Reading:
    """The statement about the image of each record.

    Raises UserError with the record that is damaged, or if no record has objects.
    """
    names = _label_map(beside)
    statements: list[Statement] = []
    unnamed: dict[str, None] = {}
    disagree: Counter[tuple[str, int]] = Counter()
    with_boxes = with_others = 0
    for number, (offset, payload) in enumerate(payloads(file), start=1):
        found = features(payload, number)
        with_boxes += any(key in found for key in _CORNERS)
        with_others += not any(key.startswith(_OBJECT) for key in found)
        statements.append(statement(found, number, offset, payload, names, unnamed, disagree))
    if not statements:
        raise UserError("it holds no record")
    if not with_boxes and with_others:
        raise UserError("its records have no boxes (image/object/bbox/xmin and so on)")
    remarks = [Remark("class_number", f"class {one} has no name", one) for one in unnamed]
    if disagree:
        (text, label), _ = disagree.most_common(1)[0]
        remarks.append(
            Remark(
                "annotation_odd",
                f"{plural(disagree.total(), 'object has', 'objects have')} another class as text than by number in the "
                f"label map, as '{text}' has {label}, which is {names.get(label, 'no class')}; the text counts",
            )
        )
    return Reading(statements, remarks)


def ids(beside: Beside) -> dict[str, int]:
    """The ids in the nearest label map."""
    return {name: number for number, name in _label_map(beside).items() if name}


def payloads(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The payload of each record and where it begins; every checksum is verified."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    offset = number = 0
    while offset < size:
        number += 1
        header = file.read(_HEADER.size)
        if number == 1 and header.startswith(_GZIP):
            raise UserError("it is compressed with gzip; unpack it with `gunzip`")
        where = f"record {number}, at byte {offset},"
        if len(header) < _HEADER.size:
            raise UserError(f"{where} is cut short")
        length, crc = _HEADER.unpack(header)
        if crc != tfrecord.masked_crc(header[:_LENGTH]):
            raise UserError(f"{where} is damaged: the checksum of its length is wrong")
        if offset + _HEADER.size + length + _CRC.size > size:
            raise UserError(f"{where} is cut short")
        payload, crc = file.read(length), file.read(_CRC.size)
        if len(payload) != length or len(crc) != _CRC.size:
            raise UserError(f"{where} is cut short")
        if _CRC.unpack(crc)[0] != tfrecord.masked_crc(payload):
            raise UserError(f"{where} is damaged: the checksum of its data is wrong")
        yield offset + _HEADER.size, payload
        offset += _HEADER.size + length + _CRC.size


def features(payload: bytes, number: int) -> dict[str, Sequence]:
    """The lists of a record by their keys."""
    example = protos.Example()
    try:
        example.ParseFromString(payload)
    except DecodeError:
        raise UserError(f"record {number} is no tf.train.Example") from None
    return {key: _values(feature) for key, feature in example.features.feature.items()}


def _values(feature: Any) -> Sequence:
    kind = feature.WhichOneof("kind")
    return getattr(feature, kind).value if kind else ()


def statement(
    features: Mapping[str, Sequence],
    number: int,
    offset: int,
    payload: bytes,
    names: Mapping[int, str],
    unnamed: dict[str, None],
    disagree: Counter,
) -> Statement:
    lists = {key: values for key, values in features.items() if key.startswith(_OBJECT)}
    corners = [_floats(lists.get(key, ())) for key in _CORNERS]
    texts = [_text(value) for value in lists.get(_TEXT, ())]
    labels = [value if isinstance(value, int) else None for value in lists.get(_LABEL, ())]
    count = max(map(len, (*corners, texts, labels)))
    wrong = [key for key in (*_CORNERS, _TEXT, _LABEL) if len(lists.get(key, ())) not in (0, count)]
    wrong += [key for key in _CORNERS if count and not len(lists.get(key, ()))]
    where = f"record {number}"
    if wrong:  # which value belongs to which object is then unknown
        where += f", whose lists differ in length ({wrong[0]} has {len(lists.get(wrong[0], ()))} of {count})"
        corners = [[math.nan] * count] * 4
    boxes = []
    for place in range(count):
        name = _class(_at(texts, place, ""), _at(labels, place, None), names, unnamed, disagree)
        told = flags(*[word for key, word in _FLAGS.items() if _at(lists.get(_OBJECT + key, ()), place, 0)])
        boxes.append(
            Box(
                name,
                *[edge[place] for edge in corners],
                bool(_at(lists.get(f"{_OBJECT}difficult", ()), place, 0)),
                bool(_at(lists.get(f"{_OBJECT}truncated", ()), place, 0)),
                _text(_at(lists.get(f"{_OBJECT}view", ()), place, b"")) or "Unspecified",
                flags=told,
            )
        )
    encoded = next(iter(features.get("image/encoded", ())), b"")
    embedded = ()
    if isinstance(encoded, bytes) and encoded:
        embedded = (offset + payload.index(encoded), len(encoded))
    width, height = (_size(features.get(f"image/{side}", ())) for side in ("width", "height"))
    stated = [_text(next(iter(features.get(f"image/{key}", ())), b"")) for key in ("filename", "source_id")]
    image = next(filter(None, stated), "" if not embedded else f"image {number}")
    return Statement(image, width, height, tuple(boxes), NORMALISED, places=(where,) * count, embedded=embedded)


def _class(text: str, label: int | None, names: Mapping[int, str], unnamed: dict[str, None], disagree: Counter) -> str:
    """The class of an object: its text, else the name of its number."""
    if text:
        if names and label is not None and names.get(label) != text:
            disagree[text, label] += 1
        return text
    if label is None:
        return ""
    if label in names:
        return names[label]
    unnamed[str(label)] = None
    return str(label)


def _label_map(beside: Beside) -> dict[int, str]:
    """The names of classes by id in the nearest label map."""
    for path, data in beside.items():
        message = protos.StringIntLabelMap()
        if not path.lower().endswith(".pbtxt") or len(data) > _LARGEST_MAP:
            continue
        try:
            text_format.Parse(data.decode("utf-8-sig"), message)
        except (text_format.ParseError, UnicodeDecodeError, RecursionError):
            continue
        if message.item:
            return {item.id: (item.name or item.display_name).strip() for item in message.item}
    return {}


def _floats(values: Sequence) -> list[float]:
    return [value if isinstance(value, float) and math.isfinite(value) else math.nan for value in values]


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace").strip() if isinstance(value, bytes) else ""


def _at(values: Sequence, place: int, default: Any) -> Any:
    return values[place] if place < len(values) else default


def _size(values: Sequence) -> int:
    value = next(iter(values), 0)
    return value if isinstance(value, int) and 0 < value < 2**31 else 0
