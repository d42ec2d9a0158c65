"""Pascal VOC annotations as labelImg writes them, one XML file per image.

Source: the VOC 2007 development kit, section 4. `<path>` and `<folder>` name places on somebody's disk: never read.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from boxwright.annotations.model import Box
from boxwright.errors import UserError
from boxwright.files import writing


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one XML file says.

    filename: of the image as stated, "" where it is not.
    width, height: of the image as stated, 0 where they are not.
    boxes: as stated, unchecked; NaN for a coordinate that is missing or no number.
    """

    filename: str = ""
    width: int = 0
    height: int = 0
    boxes: tuple[Box, ...] = ()


def read(source: str | os.PathLike | bytes) -> Annotation:
    """Read an annotation from a file or from its bytes; tags that tools leave out have defaults.

    Raises UserError where the file is not well-formed XML or its root is not `<annotation>`.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    name = "the annotation" if isinstance(source, bytes) else str(source)
    try:
        # A parser keeps the names that it met, so one that lives on would grow; making one is cheap.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UserError(f"{name} is not well-formed XML: {getattr(error, 'msg', error)}.") from error
    if root is None or root.tag != "annotation":
        found = "nothing" if root is None else f"<{root.tag}>"
        raise UserError(f"{name} is no Pascal VOC annotation: its root is {found}, not <annotation>.")
    size = root.find("size")
    return Annotation(
        filename=_text(root, "filename"),
        width=_size(size, "width"),
        height=_size(size, "height"),
        boxes=tuple(map(_box, root.iterchildren("object"))),
    )


def write(
    path: str | os.PathLike,
    *,
    filename: str,
    width: int,
    height: int,
    boxes: Iterable[Box],
    folder: str = "",
    whole_pixels: bool = True,
) -> None:
    """Write an annotation that labelImg opens and `read` reads.

    labelImg reads whole numbers only, so coordinates are rounded to them and a box keeps at least one pixel inside the
    image; with `whole_pixels` false they are written as they are.
    """
    root = etree.Element("annotation")
    _add(root, "folder", folder)
    _add(root, "filename", filename)
    _add(root, "path", filename)
    _add(etree.SubElement(root, "source"), "database", "Unknown")
    size = etree.SubElement(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, value)
    _add(root, "segmented", 0)
    for box in boxes:
        corners = box.corners
        if whole_pixels:
            xmin, xmax = _whole(box.xmin, box.xmax, width)
            ymin, ymax = _whole(box.ymin, box.ymax, height)
            corners = (xmin, ymin, xmax, ymax)
        item = etree.SubElement(root, "object")
        _add(item, "name", box.class_name)
        _add(item, "pose", box.pose)
        _add(item, "truncated", int(box.truncated))
        _add(item, "difficult", int(box.difficult))
        frame = etree.SubElement(item, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True):
            _add(frame, tag, int(value) if value == int(value) else repr(float(value)))
    etree.indent(root, "\t")
    with writing(path) as file:
        file.write(etree.tostring(root, encoding="utf-8") + b"\n")


def _box(item: etree._Element) -> Box:
    frame = item.find("bndbox")
    return Box(
        _text(item, "name"),
        _number(frame, "xmin"),
        _number(frame, "ymin"),
        _number(frame, "xmax"),
        _number(frame, "ymax"),
        _flag(item, "difficult"),
        _flag(item, "truncated"),
        _text(item, "pose") or "Unspecified",
    )


def _text(element: etree._Element, tag: str) -> str:
    text = element.findtext(tag)
    return text.strip() if text else ""


def _number(element: etree._Element | None, tag: str) -> float:
    try:
        return float(element.findtext(tag))
    except (AttributeError, TypeError, ValueError):
        return float("nan")


def _size(element: etree._Element | None, tag: str) -> int:
    value = _number(element, tag)
    return int(value) if 0 < value < 2**31 else 0


def _flag(element: etree._Element, tag: str) -> bool:
    return _text(element, tag).lower() in ("1", "true", "yes")


def _whole(low: float, high: float, length: int) -> tuple[int, int]:
    """The nearest whole pixels, at least one of them, inside an image of that length."""
    low = min(max(round(low), 0), max(length - 1, 0))
    return low, min(max(round(high), low + 1), max(length, 1))


def _add(parent: etree._Element, tag: str, value: object) -> None:
    etree.SubElement(parent, tag).text = str(value)
