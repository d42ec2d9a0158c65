"""The metadata that Android's and MediaPipe's tasks read from a TFLite file: labels, normalisation, input size.

They are a flatbuffer of the public schema `metadata_schema.fbs`, of which only the tables and fields that a detector
needs are here, by their numbers in the schema. The labels themselves are appended to the file as a zip archive, which
does not disturb interpreters.
"""

import io
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import flatbuffers

from boxwright.runtimes.resizing import Input

# The name of this entry among the metadata of a model.
NAME = "TFLITE_METADATA"
_IDENTIFIER = b"M001"
# The parser that knows groups of tensors.
_PARSER = "1.2.0"

# Numbers of the schema's unions and enumerations.
_FEATURE, _IMAGE, _BOUNDING_BOX = 1, 2, 3
_NORMALIZATION = 1
_RGB, _BOUNDARIES, _RATIO = 1, 1, 0
_VALUE_LABELS = 3


class _Table(NamedTuple):
    """A table, by the numbers of its fields: (kind, value)."""

    size: int
    fields: dict[int, tuple[str, Any]]


def content(given: Input, *, title: str, labels: str) -> bytes:
    """The metadata of a detector whose four outputs are those of TFLite_Detection_PostProcess.

    given: how it takes an image. title: its name. labels: the name of the file with the labels, one class a line.
    """
    normalization = _Table(2, {0: ("floats", given.mean), 1: ("floats", given.std)})
    size = _Table(2, {0: ("uint", given.width), 1: ("uint", given.height)})
    image = _tensor(
        "image",
        "The image to look at, red, green and blue.",
        _Table(3, {0: ("byte", _IMAGE), 1: ("table", _Table(2, {0: ("byte", _RGB), 1: ("table", size)}))}),
        units=[_Table(2, {0: ("byte", _NORMALIZATION), 1: ("table", normalization)})],
    )
    # The schema's order is left, top, right, bottom; the operation gives top, left, bottom, right.
    corners = _Table(3, {0: ("uints", (1, 0, 3, 2)), 1: ("byte", _BOUNDARIES), 2: ("byte", _RATIO)})
    file = _Table(5, {0: ("text", labels), 1: ("text", "The classes."), 2: ("byte", _VALUE_LABELS)})
    outputs = [
        _tensor("location", "The boxes.", _each(_BOUNDING_BOX, corners)),
        _tensor("category", "The classes of the boxes, from 0.", _each(_FEATURE, _Table(0, {})), files=[file]),
        _tensor("score", "The scores of the boxes.", _each(_FEATURE, _Table(0, {}))),
        _tensor(
            "number of detections",
            "The number of boxes.",
            _Table(3, {0: ("byte", _FEATURE), 1: ("table", _Table(0, {}))}),
        ),
    ]
    group = _Table(2, {0: ("text", "detection_result"), 1: ("texts", ("location", "category", "score"))})
    graph = _Table(10, {2: ("tables", [image]), 3: ("tables", outputs), 8: ("tables", [group])})
    model = _Table(
        8,
        {
            0: ("text", title),
            1: ("text", "Finds objects in an image: boxes, classes and scores, best first."),
            3: ("tables", [graph]),
            7: ("text", _PARSER),
        },
    )
    builder = flatbuffers.Builder(1024)
    builder.Finish(_build(builder, model), _IDENTIFIER)
    return bytes(builder.Output())


def with_labels(model: bytes, name: str, labels: str) -> bytes:
    """A model's file with the file of its labels appended; equal ones give equal bytes."""
    file = io.BytesIO()
    file.write(model)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(name), labels)
    return file.getvalue()


def _each(kind: int, properties: _Table) -> _Table:
    """The content of a tensor that holds several of a kind, one for each detection."""
    return _Table(
        3, {0: ("byte", kind), 1: ("table", properties), 2: ("table", _Table(2, {0: ("int", 2), 1: ("int", 2)}))}
    )


def _tensor(
    name: str, description: str, content: _Table, units: Sequence[_Table] = (), files: Sequence[_Table] = ()
) -> _Table:
    fields: dict[int, tuple[str, Any]] = {0: ("text", name), 1: ("text", description), 3: ("table", content)}
    if units:
        fields[4] = ("tables", units)
    if files:
        fields[6] = ("tables", files)
    return _Table(7, fields)


def _build(builder: flatbuffers.Builder, table: _Table) -> int:
    """Write a table after everything that it refers to; returns its place."""
    placed = {number: _refer(builder, kind, value) for number, (kind, value) in table.fields.items()}
    builder.StartObject(table.size)
    for number, (kind, value) in table.fields.items():
        if kind == "byte":
            builder.PrependUint8Slot(number, value, 0)
        elif kind == "int":
            builder.PrependInt32Slot(number, value, 0)
        elif kind == "uint":
            builder.PrependUint32Slot(number, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(number, placed[number], 0)
    return builder.EndObject()


def _refer(builder: flatbuffers.Builder, kind: str, value: Any) -> int | None:
    """Write what a field refers to; None for a number, which the table holds itself."""
    if kind == "text":
        return builder.CreateString(value)
    if kind == "table":
        return _build(builder, value)
    if kind in ("tables", "texts"):
        places = [builder.CreateString(one) if kind == "texts" else _build(builder, one) for one in value]
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return builder.EndVector()
    if kind in ("floats", "uints"):
        builder.StartVector(4, len(value), 4)
        for one in reversed(value):
            (builder.PrependFloat32 if kind == "floats" else builder.PrependUint32)(one)
        return builder.EndVector()
    return None
