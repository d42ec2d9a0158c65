"""CVAT's XML of version 1.1: shapes of images, or tracks of shapes through the frames of a video.

Corners are in pixels with two decimals. A rotated box states the corners that it has before it is turned, in degrees,
clockwise, about its centre. In a video each shape names its frame; where it is marked as outside it is not there. The
names of the frames are not stated: they are those of CVAT's export, frame_000000 and so on.

Source: docs.cvat.ai, "XML annotation format".
"""

import re
from collections.abc import Iterator

from lxml import etree

from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import CUBOID, LINE, MASK, OCCLUDED, POINTS, POLYGON, ROTATED, Box
from boxwright.dataset.stated import UNKNOWN, Corners, along, around, flag, flags, number, rotated, size, turned_ellipse
from boxwright.dataset.statements import Reading, Remark, Statement
from boxwright.dataset.xml_files import parse, seems

_NOT_BOXES = {"polyline": LINE, "points": POINTS, "cuboid": CUBOID, "skeleton": POINTS}
_MOST_FRAMES = 1_000_000
_SHAPES = ("box", "polygon", "ellipse", "mask", *_NOT_BOXES)


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the root of an XML file is `<annotations>`, with images or tracks in it."""
    return seems(head, "annotations", "image", "track", "version", "meta")


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about each image or frame.

    Raises UserError where the bytes are not well-formed XML, their root is not `<annotations>`, or there are shapes and
    none of them is a box.
    """
    root = parse(data)
    if root.tag != "annotations":
        raise UserError(f"it is not CVAT's: its root is <{root.tag}>, not <annotations>")
    statements = [*map(_image, root.iterchildren("image")), *_frames(root)]
    if not statements:
        raise UserError("it has neither images nor tracks")
    tags = sum(1 for _ in root.iter("tag"))
    boxes = sum(len(one.boxes) for one in statements)
    if tags and not boxes:
        raise UserError(f"it has {plural(tags, 'tag')} of whole images and no object")
    remarks = []
    if not boxes:
        why = "none of its images has a shape: was it exported before it was annotated?"
        remarks.append(Remark("annotation_odd", why))
    return Reading(statements, remarks)


def _image(element: etree._Element) -> Statement:
    shapes = [child for child in element if child.tag in _SHAPES]
    boxes = tuple([_box(child, child.get("label", "")) for child in shapes])
    return Statement(
        element.get("name", "").strip(),
        size(element.get("width")),
        size(element.get("height")),
        boxes,
        split=element.get("subset", "").strip(),
        places=tuple([f"line {child.sourceline}" for child in shapes]),
    )


def _frames(root: etree._Element) -> Iterator[Statement]:
    """The statements about the frames of a video, all of them where it says how many there are."""
    tracks = list(root.iterchildren("track"))
    if not tracks:
        return
    frames: dict[int, list[tuple[Box, str]]] = {}
    odd = []
    for track in tracks:
        for shape in track:
            if shape.tag not in _SHAPES:
                continue
            frame = shape.get("frame", "")
            if not frame.isdecimal():
                odd.append(f"line {shape.sourceline}")
                continue
            here = frames.setdefault(int(frame), [])
            if not flag(shape.get("outside")):
                here.append((_box(shape, track.get("label", "")), f"line {shape.sourceline}"))
    if odd:
        raise UserError(f"shapes of a track name no frame: {few(odd)}")
    first, step, last = _range(root, max(frames, default=-1))
    width, height = size(root.findtext("meta//original_size/width")), size(root.findtext("meta//original_size/height"))
    for number_ in sorted({*frames, *range(first, last + 1, step)}):
        boxes, places = zip(*frames[number_], strict=True) if frames.get(number_) else ((), ())
        yield Statement(f"frame_{number_:06d}", width, height, boxes, places=places)


def _range(root: etree._Element, last: int) -> tuple[int, int, int]:
    """The first frame, the step and the last frame of a video's task; `last` is the last frame with a shape."""
    task = root.find("meta/task")
    task = root.find("meta/job") if task is None else task
    if task is None:
        return 0, 1, -1
    count, first, stop = (task.findtext(tag) or "" for tag in ("size", "start_frame", "stop_frame"))
    step = re.fullmatch(r"step\s*=\s*(\d{1,6})", (task.findtext("frame_filter") or "").strip())
    start = int(first) if first.isdecimal() else 0
    ends = [int(stop)] if stop.isdecimal() else [start + int(count) - 1] if count.isdecimal() else []
    end = next(iter(ends), -1)
    # more frames than a video has are a mistake
    return start, max(int(step[1]), 1) if step else 1, end if end < _MOST_FRAMES else last


def _box(shape: etree._Element, label: str) -> Box:
    corners, kind = _corners(shape)
    attributes = shape.iterchildren("attribute")
    told = {child.get("name", "").strip().lower(): (child.text or "").strip() for child in attributes}
    return Box(
        label.strip(),
        *corners,
        flag(told.get("difficult", "")),
        flag(told.get("truncated", "")),
        shape=kind,
        flags=flags(OCCLUDED if flag(shape.get("occluded")) else ""),
    )


def _corners(shape: etree._Element) -> tuple[Corners, str]:
    def value(name: str) -> float:
        return number(shape.get(name))

    kind = shape.tag
    if kind in _NOT_BOXES:
        return along(_points(shape)) if kind == "polyline" else (UNKNOWN, _NOT_BOXES[kind])
    degrees = number(shape.get("rotation", "0"))
    if kind == "box":
        corners = value("xtl"), value("ytl"), value("xbr"), value("ybr")
        return (rotated(corners, degrees), ROTATED) if degrees % 360 else (corners, "")
    if kind == "mask":
        left, top, width, height = map(value, ("left", "top", "width", "height"))
        return (left, top, left + width, top + height), MASK
    if kind == "ellipse":
        return turned_ellipse(value("cx"), value("cy"), value("rx"), value("ry"), degrees), MASK
    return around(_points(shape)), POLYGON


def _points(shape: etree._Element) -> list[tuple[float, float]]:
    """The points of a shape; none if one of them is not two numbers with a comma between them."""
    points = [tuple(map(number, point.split(","))) for point in shape.get("points", "").split(";") if point.strip()]
    return points if all(len(point) == 2 for point in points) else []
