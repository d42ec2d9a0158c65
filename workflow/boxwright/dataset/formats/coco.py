"""COCO's JSON: one file with images, annotations (boxes as left, top, width and height in pixels) and categories.

Sources: cocodataset.org, "Data format"; pycocotools for the compressed form of masks. Tools differ: numbers and ids
may be text, ids may have gaps, a box may be missing where there is an outline, `iscrowd` may be any way of saying yes
or no.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset.formats import NOTHING, Beside
from boxwright.dataset.samples import CROWD, DEPICTION, GROUP, IGNORE, INSIDE, MASK, OCCLUDED, POLYGON, ROTATED, Box
from boxwright.dataset.stated import (
    UNKNOWN,
    Corners,
    around,
    flag,
    flags,
    name,
    number,
    numbers,
    pairs,
    parse_json,
    plain,
)
from boxwright.dataset.stated import rotated as turned
from boxwright.dataset.stated import size as whole
from boxwright.dataset.statements import Reading, Remark, Statement

_IMAGES = re.compile(rb'"images"\s*:\s*\[')
_OTHERS = re.compile(rb'"(?:annotations|categories|info|licenses)"\s*:')
_FILE = re.compile(rb'"file_name"\s*:')
# No image has a side as long as this, in pixels.
_LONGEST_SIDE = 2**31
# Pixels by which a box and its outline may differ.
_APART = 2.0


def sniff(head: bytes, name: str = "") -> bool:
    """Whether a JSON object has COCO's lists."""
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not start.startswith(b"{"):
        return False
    if _IMAGES.search(start):
        return _OTHERS.search(start) is not None or _FILE.search(start) is not None
    first = re.match(rb'\{\s*"(?:info|licenses|categories)"\s*:', start) is not None
    return (first or b'"annotations"' in start) and b'"image_id"' in start + b'"image_id"' * (len(head) >= 1 << 16)


def resembles(head: bytes, name: str = "") -> bool:
    """Whether it is a list of results, each with the id of an image and a place in it."""
    start = plain(head).lstrip()
    places = (b'"bbox"', b'"segmentation"', b'"keypoints"')
    return start.startswith(b"[") and b'"image_id"' in start and any(place in start for place in places)


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """The statement about each image, in the order of the file.

    Raises UserError if it is not JSON, or not COCO's annotations of objects.
    """
    said = parse_json(data)
    images, annotations, categories = _lists(said)
    names = _names(categories)
    shared = _shared(images)
    by_image: dict[str, list[tuple[int, Mapping]]] = defaultdict(list)
    for place, one in enumerate(annotations):
        by_image[_id(one.get("image_id"))].append((place, one))
    statements: dict[tuple, Statement] = {}
    remarks = list(_lost_by_ids(annotations, shared, by_image))
    crowds = masks = apart = 0
    for one in images:
        if _id(one.get("id")) in shared:
            continue
        boxes, places = [], []
        for place, each in by_image.pop(_id(one.get("id")), ()):
            box, differs = _box(each, names)
            boxes.append(box)
            places.append(_place(place, each, names))
            is_mask = isinstance(each.get("segmentation"), dict)
            masks += is_mask
            crowds += is_mask and CROWD in box.flags
            apart += differs
        image, other = _image(one)
        key = (image or f"\0{len(statements)}", whole(one.get("width")), whole(one.get("height")))
        if (same := statements.get(key)) is not None:
            boxes, places = [*same.boxes, *boxes], [*same.places, *places]
        statements[key] = Statement(image, *key[1:], tuple(boxes), other_image=other, places=tuple(places))
    lost = sum(map(len, by_image.values()))
    if lost:
        ids = few([f"{key or 'none'}" for key in by_image], limit=4)
        remarks.append(Remark("object_without_image", f"{lost} of its annotations are of image {ids}", objects=lost))
    if masks > 1 and crowds == masks:
        remarks.append(
            Remark(
                "annotation_odd",
                f"all {masks} masks are marked as crowds, as CVAT marks those of single objects; if they are single "
                "objects, `dataset.policies.box_ignored: keep` takes them so",
            )
        )
    if apart:
        which = plural(apart, "box differs from its outline", "boxes differ from their outlines")
        remarks.append(Remark("annotation_odd", f"{which} by over {_APART:g} pixels"))
    return Reading(list(statements.values()), remarks)


def _lists(said: Any) -> tuple[list[Mapping], list[Mapping], list[Mapping]]:
    """The images, annotations and categories."""
    if isinstance(said, list):
        if said and all(isinstance(one, dict) and "score" in one for one in said):
            raise UserError("it holds detections (COCO's results), not annotations")
        raise UserError("it is a list, but COCO's annotations are an object with images, annotations and categories")
    if not isinstance(said, dict):
        raise UserError("it is no object with images, annotations and categories")
    given = said.get("annotations")
    if isinstance(given, list) and given and all(isinstance(one, dict) and _is_caption(one) for one in given):
        raise UserError("it has captions of images, and no objects")
    lists = []
    for key in ("images", "annotations", "categories"):
        if not isinstance(said.get(key), list):
            raise UserError(f"its list `{key}` is missing")
        odd = [place for place, one in enumerate(said[key]) if not isinstance(one, dict)]
        if odd:
            raise UserError(f"entry {odd[0]} of its `{key}` is no object")
        lists.append(said[key])
    _, annotations, _ = lists
    if annotations and all("segments_info" in one for one in annotations):
        raise UserError("it is COCO's panoptic segmentation, which has no boxes of its own")
    return tuple(lists)


def _is_caption(one: Mapping) -> bool:
    return "category_id" not in one and "caption" in one


def _shared(images: Sequence[Mapping]) -> list[str]:
    """The ids that images of several names have. Raises UserError if all images have such an id."""
    files: dict[str, set[str]] = defaultdict(set)
    for one in images:
        files[_id(one.get("id"))].add(_image(one)[0])
    shared = [key for key, of in files.items() if len(of) > 1]
    if shared and len(shared) == len(files):
        raise UserError(
            f"several of its images have the id {few(shared, limit=4)}, so their annotations cannot be told apart"
        )
    return shared


def _lost_by_ids(
    annotations: Sequence[Mapping], shared: Sequence[str], by_image: dict[str, list[tuple[int, Mapping]]]
) -> Iterator[Remark]:
    """What ids that are there several times do: those of images lose objects, which are taken out of `by_image`."""
    lost = sum(len(by_image.pop(key, ())) for key in shared)
    if shared:
        ids = few([f"{key or 'none'}" for key in shared], limit=4)
        yield Remark(
            "object_without_image",
            f"{lost} of its annotations are of image {ids}, and several images have that id, as in exports of CVAT "
            "where names differ only in their ending; these images are left out",
            objects=lost,
        )
    ids = [str(one["id"]) for one in annotations if "id" in one]
    if again := len(ids) - len(set(ids)):
        yield Remark(
            "annotation_odd",
            f"{again} of its {len(annotations)} annotations have the id of an earlier one, as in old exports of CVAT; "
            "each is read here, but tools that go by the ids, such as pycocotools, lose them",
        )


def _id(value: Any) -> str:
    """An id in one form: some tools write it as text in one place and as a number in another."""
    if type(value) is int:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip() if isinstance(value, (int, str)) and not isinstance(value, bool) else ""


def _names(categories: Sequence[Mapping]) -> dict[str, str]:
    """The names of classes by id. Raises UserError where one id has two names."""
    names: dict[str, str] = {}
    for one in categories:
        key, given = _id(one.get("id")), one.get("name")
        # odd spaces stay, so that they are told
        found = given.encode("utf-8", "replace").decode() if isinstance(given, str) else name(given)
        if names.setdefault(key, found) != found:
            raise UserError(f"category {key} has two names, '{names[key]}' and '{found}'")
    return names


def _image(one: Mapping) -> tuple[str, str]:
    """The stated file of an image, and a second one if there is another."""
    file = name(one.get("file_name"))
    others = [name(one.get(key)) for key in ("coco_url", "flickr_url", "path", "url")]
    others = [other for other in others if other]
    return (file, "") if file or not others else (others[0], "")


def _place(number: int, one: Mapping, names: Mapping[str, str]) -> str:
    """Where an annotation is, and what is odd about its category."""
    place, category = f"annotations[{number}]", _id(one.get("category_id"))
    if category in names:
        return place
    return f"{place} of category {category}, which the file does not have" if category else f"{place}, of no category"


def _box(one: Mapping, names: Mapping[str, str]) -> tuple[Box, bool]:
    """The box of an annotation, and whether it differs from its outline."""
    given = one.get("bbox")
    outline, shape = _outline(one.get("segmentation"))
    if given is None or given == []:
        corners = outline
    else:
        left, top, width, height = numbers(given, 4)
        corners, shape = (left, top, left + width, top + height), ""
    differs = not shape and any(abs(a - b) > _APART for a, b in zip(corners, outline, strict=True))
    label = names.get(_id(one.get("category_id")), "")
    crowd, ignore, extra = one.get("iscrowd"), one.get("ignore"), one.get("attributes")
    if not (crowd or ignore or extra):  # as nearly all are
        return Box(label, *corners, shape=shape), differs
    extra = extra if isinstance(extra, dict) else {}
    angle = number(extra.get("rotation"))
    if not shape and angle % 360 and not math.isnan(angle):
        corners = outline if all(map(math.isfinite, outline)) else turned(corners, angle)
        shape, differs = ROTATED, False
    told = flags(
        CROWD if flag(crowd) else "",
        IGNORE if flag(ignore) else "",
        *(word for word in (GROUP, OCCLUDED, DEPICTION, INSIDE) if flag(extra.get(word))),
    )
    difficult, truncated = flag(extra.get("difficult")), flag(extra.get("truncated"))
    pose = name(extra.get("pose")) or "Unspecified"
    return Box(label, *corners, difficult, truncated, pose, shape, told), differs


def _outline(given: Any) -> tuple[Corners, str]:
    """The rectangle around a segmentation, and its shape; unknown if there is none."""
    if isinstance(given, dict):
        return _of_mask(given), MASK
    if not isinstance(given, list) or not given:
        return UNKNOWN, ""
    parts = given if isinstance(given[0], list) else [given]
    points = []
    for part in parts:
        if isinstance(part, list) and len(part) >= 6:
            points += pairs([number(value) for value in part])
    return (around(points), POLYGON) if points else (UNKNOWN, "")


def _of_mask(given: Mapping) -> Corners:
    """The rectangle around a mask in run lengths: runs of zeros and ones in turn, down the columns."""
    height, width = numbers(given.get("size"), 2)
    counts = given.get("counts")
    runs = _decoded(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not (1 <= height < _LONGEST_SIDE and 1 <= width < _LONGEST_SIDE):
        return UNKNOWN
    height, start = int(height), 0
    left = top = math.inf
    right = bottom = -math.inf
    for place, run in enumerate(runs):
        if not isinstance(run, int) or run < 0:
            return UNKNOWN
        if place % 2 and run:
            first, last = start // height, (start + run - 1) // height
            left, right = min(left, first), max(right, last + 1)
            if first == last:
                top, bottom = min(top, start % height), max(bottom, (start + run - 1) % height + 1)
            else:
                top, bottom = 0, height
        start += run
    if right < 0 or start > height * width:
        return UNKNOWN
    return float(left), float(top), float(right), float(bottom)


def _decoded(counts: str) -> list[int] | None:
    """The run lengths in the compressed form: six bits a letter from "0" on, five of the number and one that goes on.

    From the third on each is the difference to the one two before.
    """
    runs: list[int] = []
    place = 0
    while place < len(counts):
        value = shift = 0
        more = True
        while more:
            if place >= len(counts):
                return None
            bits = ord(counts[place]) - 48
            if not 0 <= bits < 64:
                return None
            value |= (bits & 31) << shift
            more, shift, place = bool(bits & 32), shift + 5, place + 1
            if not more and bits & 16:
                value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return runs
