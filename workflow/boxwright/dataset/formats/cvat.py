"""CVAT's XML of version 1.1: shapes of images, or tracks of shapes through the frames of a video.

Corners are in pixels with two decimals. A rotated box states the corners that it has before it is turned, in degrees,
clockwise, about its centre. In a video each shape names its frame; where it is marked as outside it is not there. The
names of the frames are not stated: they are those of CVAT's export, frame_000000 and so on.

Source: docs.cvat.ai, "XML annotation format".
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from lxml import etree

from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import CUBOID, IGNORE, LINE, MASK, OCCLUDED, POINTS, POLYGON, ROTATED, Box
from boxwright.dataset.stated import UNKNOWN, Corners, along, around, flag, flags, number, rotated, size, turned_ellipse
from boxwright.dataset.statements import Reading, Remark, Statement
from boxwright.dataset.xml_files import parse, seems

_NOT_BOXES = {"polyline": LINE, "points": POINTS, "cuboid": CUBOID, "skeleton": POINTS}
_MOST_FRAMES = 1_000_000
_SHAPES = ("box", "polygon", "ellipse", "mask", *_NOT_BOXES)
# How many of them there are in a document.
_ALL_SHAPES = etree.XPath(f"count(//*[{' or '.join(f'self::{tag}' for tag in _SHAPES)}][not(ancestor::skeleton)])")


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
    remarks = list(_ids(root))
    statements = [*map(_image, root.iterchildren("image")), *_frames(root, remarks)]
    if not statements:
        raise UserError("it has neither images nor tracks")
    if astray := _astray(root):
        said = f"{plural(astray, 'shape is', 'shapes are')} outside of the images and tracks of <annotations>"
        remarks.append(Remark("object_without_image", said, objects=astray))
    tags = sum(1 for _ in root.iter("tag"))
    boxes = sum(len(one.boxes) for one in statements)
    if tags and not boxes:
        raise UserError(f"it has {plural(tags, 'tag')} of whole images and no object")
    if not boxes:
        why = "none of its images has a shape: was it exported before it was annotated?"
        remarks.append(Remark("annotation_odd", why))
    return Reading(statements, remarks)


def _astray(root: etree._Element) -> int:
    """How many shapes are neither of an image nor of a track, nor the parts of a skeleton."""
    held = sum(child.tag in _SHAPES for holder in root.iterchildren("image", "track") for child in holder)
    return int(_ALL_SHAPES(root)) - held


def _image(element: etree._Element) -> Statement:
    shapes = [child for child in element if child.tag in _SHAPES]
    boxes = tuple([_box(child, child.get("label", "")) for child in shapes])
    subset = element.get("subset", "").strip()
    return Statement(
        element.get("name", "").strip(),
        size(element.get("width")),
        size(element.get("height")),
        boxes,
        folders=(subset,) if subset else (),
        split=subset,
        marks=tuple([tag.get("label", "") for tag in element.iterchildren("tag")]),
        places=tuple([f"line {child.sourceline}" for child in shapes]),
    )


def _ids(root: etree._Element) -> Iterator[Remark]:
    """Say it where images of one task have one id, which CVAT gives once."""
    names: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in root.iterchildren("image"):
        names[one.get("task_id", ""), one.get("id", "").strip()][one.get("name", "").strip()] = None
    twice = {id_: list(of) for (_, id_), of in names.items() if id_ and len(of) > 1}
    if twice:
        id_, of = next(iter(twice.items()))
        yield Remark(
            "annotation_odd",
            f"{plural(len(twice), 'id is that', 'ids are those')} of several images, as {id_} of {few(of)}; each is "
            "taken by its name, so no box is lost, but tools that go by the ids mix them up",
        )


class _Task(NamedTuple):
    """The frames of a video's task: the first, the step, the last (-1 if unknown), and the size of its images."""

    first: int = 0
    step: int = 1
    last: int = -1
    width: int = 0
    height: int = 0


def _frames(root: etree._Element, remarks: list[Remark]) -> Iterator[Statement]:
    """The statements about the frames of each video, all of them where it says how many there are.

    In a project's export several tasks have frames of one number: each track says to which task it belongs.
    """
    videos: dict[str, list[etree._Element]] = defaultdict(list)
    for track in root.iterchildren("track"):
        videos[track.get("task_id", "")].append(track)
    odd = [
        f"line {shape.sourceline}"
        for tracks in videos.values()
        for track in tracks
        for shape in track
        if shape.tag in _SHAPES and not shape.get("frame", "").isdecimal()
    ]
    if odd:
        raise UserError(f"shapes of a track name no frame: {few(odd)}")
    for key, tracks in videos.items():
        task = _task(root, key)
        frames: dict[int, list[tuple[Box, str]]] = defaultdict(list)
        ended: list[int] = []
        for track in tracks:
            _add(track, task, frames, ended)
        remarks += _of_frames(frames, task, ended)
        subset = next(filter(None, [track.get("subset", "").strip() for track in tracks]), "")
        # more frames than a video has are a mistake
        last = next(one for one in (task.last, max(frames, default=-1), -1) if one < _MOST_FRAMES)
        for frame in sorted({*frames, *range(task.first, last + 1, task.step)}):
            boxes, places = zip(*frames[frame], strict=True) if frames.get(frame) else ((), ())
            yield Statement(
                f"frame_{frame:06d}",
                task.width,
                task.height,
                boxes,
                folders=(subset,) if subset else (),
                split=subset,
                places=places,
            )


def _add(track: etree._Element, task: _Task, frames: dict[int, list[tuple[Box, str]]], ended: list[int]) -> None:
    """Add a track's shapes to their frames; those behind its end are ignored, and their frames are put into `ended`.

    A key frame that is outside ends a track until the next key frame. What lies between two key frames is computed from
    them, so a box cannot be there again before a key frame says so.
    """
    over = False
    for shape in sorted((one for one in track if one.tag in _SHAPES), key=lambda one: int(one.get("frame"))):
        frame, outside = int(shape.get("frame")), flag(shape.get("outside"))
        if shape.get("keyframe") != "0":
            over = outside
        if outside:
            if task.last < 0 or frame in range(task.first, task.last + 1, task.step):
                frames[frame] += []
            continue
        box = _box(shape, track.get("label", ""))
        if over:
            ended.append(frame)
            box = box._replace(flags=flags(IGNORE, *box.flags.split()))
        frames[frame].append((box, f"line {shape.sourceline}"))


def _of_frames(frames: Mapping[int, Sequence[tuple[Box, str]]], task: _Task, ended: Sequence[int]) -> Iterator[Remark]:
    """What is odd about the frames of a video's boxes; `ended`: those of boxes whose track has ended."""
    if ended:
        yield Remark(
            "annotation_odd",
            f"{_in_frames(ended)}, where the track has ended and no key frame has begun it again; CVAT would not show "
            "them, so they are regions to ignore (`dataset.policies.box_ignored: keep` takes them as objects)",
        )
    beyond = [frame for frame, of in frames.items() for _ in of if frame > task.last >= 0]
    if beyond:
        yield Remark("annotation_odd", f"{_in_frames(beyond)}, but the last frame of the task is {task.last}")


def _in_frames(frames: Sequence[int]) -> str:
    """How many boxes are in which frames; `frames` has one for each box."""
    first, last = min(frames), max(frames)
    where = f"frame {first}" if first == last else f"frames {first} to {last}"
    return f"{plural(len(frames), 'box is', 'boxes are')} in {where}"


def _task(root: etree._Element, key: str) -> _Task:
    """The frames of a task, by its id in a project's export; unknown ones where the file does not say."""
    found = [one for path in ("meta/task", "meta/job", "meta/project/tasks/task") for one in root.iterfind(path)]
    task = next((one for one in found if not key or (one.findtext("id") or "").strip() == key), None)
    if task is None:
        return _Task()
    count, first, stop = ((task.findtext(tag) or "").strip() for tag in ("size", "start_frame", "stop_frame"))
    step = re.fullmatch(r"step\s*=\s*(\d{1,6})", (task.findtext("frame_filter") or "").strip())
    start = int(first) if first.isdecimal() else 0
    ends = [int(stop)] if stop.isdecimal() else [start + int(count) - 1] if count.isdecimal() else []
    sides = [size(place.findtext(f".//original_size/{side}")) for place in (task, root) for side in ("width", "height")]
    width, height = sides[:2] if all(sides[:2]) or key else sides[2:]
    return _Task(start, max(int(step[1]), 1) if step else 1, next(iter(ends), -1), width, height)


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
