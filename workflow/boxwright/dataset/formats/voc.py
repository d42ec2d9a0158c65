"""Pascal VOC annotations as labelImg writes them: XML files about one image each.

Source: the VOC 2007 development kit, section 4. `<path>` and `<folder>` name places on somebody's disk, so pairing
asks them last.
An object without a `<bndbox>` may have a `<polygon>` (as LabelMe writes it) or a `<robndbox>` (a rotated box, as
roLabelImg does); it gets the rectangle around that. An object that LabelMe marks as deleted is none. Objects count
wherever they are in the file, also a box outside of any `<object>`, and each further box of an object; boxes of a
`<part>` do not.
Coordinates are used as they are, as edges in pixels: nearly all tools count from 0, though VOC itself counted from 1.
"""

import math
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain, zip_longest

from lxml import etree

from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.core.wording import plural, shortened
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import OCCLUDED, POLYGON, ROTATED, Box
from boxwright.dataset.statements import Reading, Remark, Statement
from boxwright.dataset.xml_files import parse, seems

_YES = ("1", "true", "yes")
_EDGES = ("xmin", "ymin", "xmax", "ymax")
# What an object's place may be written as: an upright box, a rotated one, an outline.
_FRAMES = ("bndbox", "robndbox", "polygon")
# Letters of a coordinate that cannot be read, in a message.
_LONGEST = 40
# The tags of a point's coordinates.
_AXIS = re.compile(r"([xy])\d*")

# Folders at the end of a path that tell images apart; those before them belong to somebody's disk.
_TELLING = 4


def sniff(head: bytes, name: str = "") -> bool:
    """Whether the root of an XML file is `<annotation>`."""
    return seems(head, "annotation")


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The one statement of an annotation, its boxes in pixels; tags that tools leave out have defaults.

    Raises UserError where the bytes are not well-formed XML or their root is not `<annotation>`.
    """
    if statement := _read_as_written(data):
        return Reading([statement])
    root = parse(data)
    if root.tag != "annotation":
        raise UserError(f"it is not a Pascal VOC annotation: its root is <{root.tag}>, not <annotation>")
    texts = _texts(root)
    size = root.find("size")
    width, height = (0, 0) if size is None else map(_size, map(_texts(size).get, ("width", "height")))
    image = texts.get("filename", "")
    folders, other = _places(image, texts.get("path", ""), texts.get("folder", ""))
    boxes: list[Box] = []
    unread: list[str] = []
    several = 0
    for item, frames in _objects(root).items():
        if not len(item):  # quickly told: a file may have very many of them
            boxes.append(_EMPTY)
            unread.append("")
        elif not _is_deleted(item):
            apart = _apart(frames)
            several += len(apart) > 1
            for own in apart:
                boxes.append(box := _box(item, own))
                unread.append(_unread(item, own) if math.isnan(sum(box.corners)) else "")
    places = tuple(unread) if any(unread) else ()
    said = f"{plural(several, 'object has', 'objects have')} several boxes; each counts as an object"
    return Reading(
        [Statement(image, width, height, tuple(boxes), folders=folders, other_image=other, places=places)],
        [Remark("annotation_odd", said)] if several else (),
    )


def _places(image: str, path: str, folder: str) -> tuple[tuple[str, ...], str]:
    """The folders that `<path>` and `<folder>` tell, and the file name in `<path>` if it is not `image`."""
    place, _, name = path.replace("\\", "/").rpartition("/")
    if name == image or not name:
        return _folders(place, folder), ""
    if "." in name:
        return _folders(place, folder), "" if image.replace("\\", "/").rpartition("/")[2] == name else name
    return _folders(f"{place}/{name}", folder), ""  # a path without a file name


@lru_cache(maxsize=1024)
def _folders(place: str, folder: str) -> tuple[str, ...]:
    """The last folders of `<path>`, and `<folder>` if it is another one."""
    path = [part for part in place.split("/") if part][-_TELLING:]
    other = [part for part in folder.replace("\\", "/").split("/") if part][-_TELLING:]
    if path[-len(other) :] == other:
        other = []
    return tuple(["/".join(parts) for parts in (path, other) if parts])


_SPACE = r"[ \t\r\n]*"


def _leaves(*tags: str) -> str:
    """A pattern for elements that hold only text, one after the other; those with a "?" may be left out."""
    text = r"([^<>&\x00-\x08\x0b-\x1f]*)"
    found = [(tag.rstrip("?"), tag.endswith("?")) for tag in tags]
    return "".join(f"(?:<{tag}>{text}</{tag}>{_SPACE})" + ("?" if optional else "") for tag, optional in found)


# These patterns match a file exactly as labelImg writes it, and read it three times as fast as a parser and a walk over
# its tree; a large data set has mostly such files. Files that differ (order, attributes, entities, comments, other
# alphabets, returns within a text, which XML makes newlines) are left to the parser.
_HEAD = re.compile(
    rf'{_SPACE}<annotation(?: verified="\w*")?>{_SPACE}{_leaves("folder?", "filename", "path?")}'
    rf"(?:<source>{_SPACE}{_leaves('database')}</source>{_SPACE})?"
    rf"<size>{_SPACE}{_leaves('width', 'height', 'depth?')}</size>{_SPACE}{_leaves('segmented?')}"
)
_OBJECT = re.compile(
    rf"<object>{_SPACE}{_leaves('name', 'pose', 'truncated', 'difficult')}"
    rf"<bndbox>{_SPACE}{_leaves('xmin', 'ymin', 'xmax', 'ymax')}</bndbox>{_SPACE}</object>{_SPACE}"
)
_TAIL = re.compile(rf"</annotation>{_SPACE}")


def _read_as_written(data: bytes) -> Statement | None:
    """What `read` finds in a file that is just as labelImg writes it; None for every other."""
    text = data.decode("ascii") if data.isascii() else ""
    head = _HEAD.match(text)
    if head is None:
        return None
    folder, filename, path, _, width, height, _, _ = head.groups()
    boxes, end = [], head.end()
    while found := _OBJECT.match(text, end):
        name, pose, truncated, difficult, *corners = found.groups()
        try:
            xmin, ymin, xmax, ymax = map(float, corners)
        except ValueError:  # the parser says where that is
            return None
        is_difficult, is_truncated = difficult.strip().lower() in _YES, truncated.strip().lower() in _YES
        boxes.append(
            Box(name.strip(), xmin, ymin, xmax, ymax, is_difficult, is_truncated, pose.strip() or "Unspecified")
        )
        end = found.end()
    if not _TAIL.fullmatch(text, end):
        return None
    image = filename.strip()
    folders, other = _places(image, (path or "").strip(), (folder or "").strip())
    return Statement(image, _size(width), _size(height), tuple(boxes), folders=folders, other_image=other)


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
        if OCCLUDED in box.flags.split():
            _add(item, "occluded", 1)
        frame = etree.SubElement(item, "bndbox")
        for tag, value in zip(_EDGES, corners, strict=True):
            _add(frame, tag, int(value) if float(value).is_integer() else repr(float(value)))
    etree.indent(root, "\t")
    with writing(path) as file:
        file.write(etree.tostring(root, encoding="utf-8") + b"\n")


def _texts(element: etree._Element) -> dict[str, str]:
    """The text of the first child with each tag."""
    texts: dict[str, str] = {}
    for child in element:
        if child.tag not in texts:
            texts[child.tag] = (child.text or "").strip()
    return texts


def _objects(root: etree._Element) -> dict[etree._Element, list[etree._Element]]:
    """The elements that are objects, each with its boxes, rotated boxes and polygons.

    Where these are in no `<object>`, what holds them is the object.
    """
    found: dict[etree._Element, list[etree._Element]] = {}
    for element in root.iter("object", *_FRAMES):
        if element.tag == "object":
            found[element] = []
        elif (item := _item_of(element)) is not None:
            found.setdefault(item, []).append(element)
    return found


def _item_of(frame: etree._Element) -> etree._Element | None:
    """What a box belongs to; None if that is a part of an object."""
    holds = frame.getparent()
    for above in (holds, *holds.iterancestors()) if holds.tag != "object" else (holds,):
        if above.tag == "object":
            return above
        if above.tag == "part":
            return None
    return holds


def _apart(frames: list[etree._Element]) -> list[list[etree._Element]]:
    """The frames of an element for each object that it is: a rotated box may stand beside a box, polygons are one."""
    if len(frames) < 2:
        return [frames]
    by_tag = [[one for one in frames if one.tag == tag] for tag in _FRAMES]
    boxes, rotated, polygons = by_tag
    found = [[one for one in pair if one is not None] for pair in zip_longest(boxes, rotated)] or [[]]
    found[0] += polygons
    return found


_EMPTY = Box("", math.nan, math.nan, math.nan, math.nan)


def _box(item: etree._Element, frames: list[etree._Element]) -> Box:
    texts, given = _texts(item), _edges(frames)
    corners, shape = tuple([_number(given.get(tag)) for tag in _EDGES]), ""
    if not all(map(math.isfinite, corners)):
        corners, shape = _around_shape(frames) or (corners, "")
    return Box(
        texts.get("name", ""),
        *corners,
        texts.get("difficult", "").lower() in _YES,
        texts.get("truncated", "").lower() in _YES,
        texts.get("pose") or "Unspecified",
        shape,
        OCCLUDED if texts.get("occluded", "").lower() in _YES else "",
    )


def _edges(frames: list[etree._Element]) -> dict[str, str]:
    """The texts in the box of an object, by their tags."""
    return next((_texts(frame) for frame in frames if frame.tag == "bndbox"), {})


def _unread(item: etree._Element, frames: list[etree._Element]) -> str:
    """The coordinates of an object's box that are there and cannot be read, as they are written, and their line."""
    given = _edges(frames)
    wrong = [
        f"{tag} is '{shortened(given[tag], _LONGEST)}'"
        for tag in _EDGES
        if given.get(tag) and not _is_number(given[tag])
    ]
    return f"line {item.sourceline}, {', '.join(wrong)}" if wrong else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_deleted(item: etree._Element) -> bool:
    return (item.findtext("deleted") or "").strip().lower() in _YES


def _around_shape(frames: list[etree._Element]) -> tuple[tuple[float, ...], str] | None:
    """The rectangle around an object's rotated box or polygons, and which it is; None if neither can be read."""
    by_tag = {tag: [frame for frame in frames if frame.tag == tag] for tag in _FRAMES}
    for frame in by_tag["robndbox"]:
        given = _texts(frame)
        x, y, width, height, angle = [_number(given.get(tag)) for tag in ("cx", "cy", "w", "h", "angle")]
        if all(map(math.isfinite, (x, y, width, height, angle))):  # the angle is in radians
            across, along = abs(math.cos(angle)), abs(math.sin(angle))
            half_width, half_height = (width * across + height * along) / 2, (width * along + height * across) / 2
            return (x - half_width, y - half_height, x + half_width, y + half_height), ROTATED
    for tag, shape in (("polygon", POLYGON), ("bndbox", ROTATED)):
        if corners := _around_points(by_tag[tag]):
            return corners, shape
    return None


def _around_points(frames: list[etree._Element]) -> tuple[float, ...] | None:
    """The rectangle around the points in elements, `<pt><x/><y/></pt>` or `<x1/><y1/><x2/><y2/>`.

    None if there are fewer than three, or one of them cannot be read.
    """
    values: dict[str, list[float]] = {"x": [], "y": []}
    for leaf in chain.from_iterable(frame.iter() for frame in frames):
        if isinstance(leaf.tag, str) and (axis := _AXIS.fullmatch(leaf.tag)):
            values[axis[1]].append(_number(leaf.text))
    x, y = values["x"], values["y"]
    if len(x) < 3 or len(x) != len(y) or not all(map(math.isfinite, x + y)):
        return None
    return min(x), min(y), max(x), max(y)


def _number(text: str | None) -> float:
    if text is None:  # told apart because an exception takes ten times as long
        return math.nan
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan


def _size(text: str | None) -> int:
    value = _number(text)
    return int(value) if 0 < value < 2**31 else 0


def _whole(low: float, high: float, length: int) -> tuple[int, int]:
    """The nearest whole pixels, at least one of them, inside an image of that length."""
    low = min(max(round(low), 0), max(length - 1, 0))
    return low, min(max(round(high), low + 1), max(length, 1))


def _add(parent: etree._Element, tag: str, value: object) -> None:
    etree.SubElement(parent, tag).text = str(value)
