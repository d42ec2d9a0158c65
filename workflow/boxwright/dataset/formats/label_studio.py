"""Label Studio's exports JSON (with all that was annotated) and JSON-MIN (one flat object for each annotation).

Values are percents of the image's width and height. A rectangle is turned clockwise about its top left corner, an
ellipse about its centre, both in pixels. Geometry and label may be in two results with one id (`<Rectangle>` with
`<Labels>`). Of several annotations of a task one is used: not a cancelled one, before all a ground truth, then the one
that was created last. A prediction is no annotation. What was chosen or written about a region repeats its geometry
under its id and is no further object. A task may show a list of images; a region says which one it is on. Of several
images that are no list a region names the tag, which may be called like the image's key among the task's data.
Source: Label Studio's documentation of its export formats and of its tags.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from boxwright.core.errors import UserError
from boxwright.dataset import addresses, stated
from boxwright.dataset.formats import NOTHING, Beside, bitmask, brush
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, POINTS, POLYGON, ROTATED
from boxwright.dataset.statements import NORMALISED, Reading, Remark, Statement
from boxwright.images.loader import EXTENSIONS

# Kinds of remarks.
SUPERSEDED, UNLABELLED, HOMELESS = "object_superseded", "image_unlabelled", "object_without_image"
# What the annotations of a task are called, today and formerly.
_ANNOTATIONS = ("annotations", "completions")
_LABELS = "labels"
# Kinds of geometry, by the words that a result's type begins with.
_RECTANGLE, _POLYGON, _ELLIPSE = "rectangle", "polygon", "ellipse"
# Kinds without a rectangle, and masks.
_BOXLESS = {"keypoint": POINTS, "vector": LINE, "polyline": LINE, "cuboid": CUBOID}
_MASKS = ("brush", "bitmask", "magicwand")
# What is chosen or written about a region, by the key of its value.
_ASIDE = ("choices", "text", "number", "rating", "taxonomy", "datetime")
# What says where a region is.
_PLACE = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "vertices", "rle", "imageDataURL")
_TASK = re.compile(rb'"(?:annotations|completions|predictions)"\s*:\s*\[')
_SIGN = re.compile(rb'"(?:from_name|completed_by|was_cancelled|total_annotations|annotation_id|original_width)"\s*:')
_START = re.compile(rb"\s*[\[{]")


def sniff(head: bytes, name: str) -> bool:
    """Whether it has the words of Label Studio's tasks."""
    head = stated.plain(head)
    if not name.lower().endswith(".json") or not _START.match(head) or b'"categories"' in head:
        return False
    return _SIGN.search(head) is not None or (_TASK.search(head) is not None and b'"data"' in head)


class _Annotation(NamedTuple):
    """One annotation of a task: what was drawn and chosen, and what decides whether it is used."""

    results: list[dict]
    cancelled: bool = False
    truth: bool = False
    created: str = ""


class _Task(NamedTuple):
    """A task: the values that it shows, among them its image, and its annotations. number: counted from 1."""

    number: int
    shown: dict
    annotations: list[_Annotation]
    predictions: int = 0


def read(data: bytes, beside: Beside = NOTHING) -> Reading:
    """A statement for each task that somebody annotated."""
    root = stated.parse_json(data)
    items = root if isinstance(root, list) else [root]
    if not any(isinstance(item, dict) and (_is_task(item) or _is_minimal(item)) for item in items):
        raise UserError('it is not an export of Label Studio: it has no tasks with "data" and "annotations"')
    others: Counter[str] = Counter()
    remarks: list[Remark] = []
    found = [statement for task in _tasks(items) for statement in _statements(task, remarks, others)]
    if others and not any(statement.boxes for statement in found):
        raise UserError(f"it holds no boxes, only results of the kinds {', '.join(others)}")
    return Reading(found, remarks)


def _is_task(value: dict) -> bool:
    return isinstance(value.get("data"), dict) and not value.keys().isdisjoint((*_ANNOTATIONS, "predictions"))


def _is_minimal(value: dict) -> bool:
    return any(map(_regions, value.values())) or {"annotation_id", "annotator"} <= value.keys()


def _regions(value: Any) -> bool:
    """Whether a value of JSON-MIN is a list of regions."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and "original_width" in one for one in value)
    )


def _tasks(root: list) -> Iterator[_Task]:
    together: dict[tuple, _Task] = {}
    for number, item in enumerate(root, start=1):
        stated.expect(item, dict, f"task {number}")
        if _is_task(item):
            key = next((key for key in _ANNOTATIONS if item.get(key)), _ANNOTATIONS[0])
            given = stated.optional(item.get(key), list, f'"{key}" of task {number}')
            made = [_annotation(one, f"an annotation of task {number}") for one in given]
            predictions = item.get("predictions")
            yield _Task(number, item["data"], made, len(predictions) if isinstance(predictions, list) else 0)
        elif item:
            annotation = _Annotation(_minimal(item), created=stated.name(item.get("created_at")))
            shown = {key: value for key, value in item.items() if isinstance(value, str) or _pages(value)}
            task = (stated.name(item.get("id")), *_images(shown))
            together.setdefault(task, _Task(number, shown, [])).annotations.append(annotation)
    yield from together.values()


def _annotation(one: Any, what: str) -> _Annotation:
    stated.expect(one, dict, what)
    results = stated.optional(one.get("result"), list, f'"result" of {what}')
    for result in results:
        stated.expect(result, dict, f"a result of {what}")
    cancelled = stated.flag(one.get("was_cancelled")) or stated.flag(one.get("skipped"))
    created = stated.name(one.get("created_at"))
    return _Annotation(results, cancelled, stated.flag(one.get("ground_truth")), created)


def _minimal(item: dict) -> list[dict]:
    """The regions of an object of JSON-MIN as results of the other export; what was chosen besides as one without.

    There what belongs to one region has no id in common, but the same place.
    """
    results = []
    for key, value in item.items():
        if _regions(value):
            for region in value:
                kind = next((one for one in region if one.endswith(_LABELS)), "")
                kind = kind or next((one for one in _ASIDE if one in region), "") or _kind_of(region)
                place = json.dumps([region.get(one) for one in ("item_index", *_PLACE)])
                results.append({"type": kind, "value": region, "id": place, **region})
        elif isinstance(value, dict) and "choices" in value:
            results.append({"type": "choices", "value": value})
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            results += [{"type": key, "value": one} for one in value]
    return results


def _kind_of(region: dict) -> str:
    """The kind of geometry of a region that has no labels."""
    return _POLYGON if "points" in region else _ELLIPSE if "radiusX" in region else _RECTANGLE


def _statements(task: _Task, remarks: list[Remark], others: Counter[str]) -> list[Statement]:
    """What a task says about its images; nothing if nobody annotated it. `others` counts results without geometry."""
    images = _images(task.shown)
    if not images:
        raise UserError(f"task {task.number} has no image among its data")
    used = sorted((one for one in task.annotations if not one.cancelled), key=lambda one: (one.truth, one.created))
    for one in task.annotations:
        if (not used or one is not used[-1]) and (objects := len(_shapes(one.results))):
            why = "cancelled" if one.cancelled else "older than the one that is used, or no ground truth beside one"
            remarks.append(Remark(SUPERSEDED, f"task {task.number}: an annotation that is {why}", images[0], objects))
    if not used:
        said = "cancelled" if task.annotations else "predictions alone" if task.predictions else "no annotation"
        remarks += [Remark(UNLABELLED, f"task {task.number}: {said}", image) for image in images]
        return []
    results = used[-1].results
    for kind in (stated.name(one.get("type")) for one in results if not (_has_place(one) or _is_label(one))):
        others[kind or "relation"] += 1
    shapes = _shapes(results)
    several = _single_images(task.shown)
    tags = {stated.name(one.get("to_name")) for one in shapes.values()}
    # one tag beside the usual key is a photograph with a thumbnail or the like
    told = len(tags) <= 1 and ("image" in several or any(map(_pages, task.shown.values())))
    if len(several) > 1 and shapes and not told:
        if tags <= several.keys():
            return [_statement(task.number, image, _on(shapes, key), results) for key, image in several.items()]
        keys = ", ".join(several)
        why = f"task {task.number} shows several images ({keys}), and the export does not say which its objects are on"
        remarks.append(Remark(HOMELESS, why, images[0], len(shapes)))
        return []
    if homeless := sum(not 0 <= _page(one) < len(images) for one in shapes.values()):
        why = f"task {task.number} has objects on an image that its list of {len(images)} does not have"
        remarks.append(Remark(HOMELESS, why, images[0], homeless))
    pages = [{number: one for number, one in shapes.items() if _page(one) == page} for page in range(len(images))]
    return [_statement(task.number, image, on, results) for image, on in zip(images, pages, strict=True)]


def _statement(task: int, image: str, shapes: dict[int, dict], results: list[dict]) -> Statement:
    """What the results of a task say about one of its images, which has these shapes."""
    objects, size = Objects(), (0, 0)
    names = {_key(one): _labels(one) for one in results if one.get("type") == _LABELS}
    for number, result in shapes.items():
        kind = stated.name(result.get("type"))
        own = (stated.size(result.get("original_width")), stated.size(result.get("original_height")))
        size = own if all(own) else size
        place = f"task {task}, result {number}"
        for label in _labels(result) or names.get(_key(result)) or [""]:
            if boxless := next((shape for start, shape in _BOXLESS.items() if kind.startswith(start)), ""):
                objects.boxless(place, label, boxless)
                continue
            corners, shape = _corners(result["value"], *own)
            if kind.startswith(_MASKS):
                corners, shape = _mask(result["value"], *own), MASK
            where = place
            if stated.number(result.get("image_rotation") or 0) != 0:
                corners = stated.UNKNOWN  # nobody documents whether values are those of the turned image
                where = f"{place}: the image was turned in the editor (image_rotation), so the box's place is unknown"
            objects.add(where, label, corners, shape)
    values = [one["value"] for one in results if isinstance(one.get("value"), dict) and not _has_place(one)]
    marks = tuple([name for value in values if "choices" in value for name in _names(value["choices"])])
    return objects.statement(image, *size, unit=NORMALISED, marks=marks)


def _shapes(results: list[dict]) -> dict[int, dict]:
    """The results that are each a shape in the image, by their numbers, counted from 1.

    Left out are labels of a shape in another result, and what was chosen or written about one.
    """
    placed = {number: one for number, one in enumerate(results, start=1) if _has_place(one)}
    drawn = {_key(one) for one in placed.values() if one.get("type") in (_RECTANGLE, _POLYGON, _ELLIPSE)}
    own = {_key(one) for one in placed.values() if not _is_aside(one)}
    return {
        number: one
        for number, one in placed.items()
        if not (one.get("type") == _LABELS and _key(one) in drawn) and not (_is_aside(one) and _key(one) in own)
    }


def _on(shapes: dict[int, dict], tag: str) -> dict[int, dict]:
    """Those of some shapes that are on the image of a tag."""
    return {number: one for number, one in shapes.items() if stated.name(one.get("to_name")) == tag}


def _is_aside(result: dict) -> bool:
    """Whether a result is what was chosen or written about a shape, whose place it repeats."""
    return not result["value"].keys().isdisjoint(_ASIDE) and not _labels(result)


def _is_label(result: dict) -> bool:
    """Whether a result has the labels of a shape in another result."""
    return result.get("type") == _LABELS and bool(_key(result))


def _has_place(result: dict) -> bool:
    """Whether a result has the place of a shape in the image, unlike a relation or a choice about the whole image."""
    value = result.get("value")
    kinds = ("points", "x", "rle", "imageDataURL", "vertices", "sequence")
    return isinstance(value, dict) and not value.keys().isdisjoint(kinds)


def _page(result: dict) -> int:
    """Which image of a list a result is on, counted from 0; that of a single image is 0."""
    found = result.get("item_index")
    return found if isinstance(found, int) else 0


def _key(result: dict) -> str:
    """What results about one region have in common; "" if it has nothing."""
    return stated.name(result.get("id"))


def _labels(result: dict) -> list[str]:
    """The labels in a result."""
    value = result.get("value")
    return (
        [name for key in value if key.endswith(_LABELS) for name in _names(value[key])]
        if isinstance(value, dict)
        else []
    )


def _names(value: Any) -> list[str]:
    return [stated.name(one) for one in value] if isinstance(value, list) else [stated.name(value)]


def _corners(value: dict, width: int, height: int) -> tuple[stated.Corners, str]:
    """The edges of a region as fractions of the image, and its shape."""
    if "points" in value:
        points = value["points"] if isinstance(value["points"], list) else []
        pairs = [tuple(map(stated.number, point)) if isinstance(point, list) else () for point in points]
        if not all(len(pair) == 2 for pair in pairs):
            return stated.UNKNOWN, POLYGON
        return _fractions(stated.around(pairs)), POLYGON
    x, y, angle = (stated.number(value.get(key)) for key in ("x", "y", "rotation"))
    angle = 0.0 if value.get("rotation") is None else angle
    # A turn is in pixels; without one the sides of the image do not matter.
    across, down = (width, height) if angle else (1, 1)
    known = width and height
    if "radiusX" in value:
        radii = [stated.number(value.get(key)) for key in ("radiusX", "radiusY")]
        corners = stated.turned_ellipse(x * across, y * down, radii[0] * across, radii[1] * down, angle)
        shape = POLYGON
    else:
        across_box, down_box = stated.number(value.get("width")), stated.number(value.get("height"))
        corners = stated.from_size(x * across, y * down, across_box * across, down_box * down)
        shape = ROTATED if angle else ""
        if angle:
            corners = stated.rotated(corners, angle, (x * across, y * down))
    if angle and not known:
        return stated.UNKNOWN, shape
    xmin, ymin, xmax, ymax = corners
    return _fractions((xmin / across, ymin / down, xmax / across, ymax / down)), shape


def _mask(value: dict, width: int, height: int) -> stated.Corners:
    """The edges of a mask as fractions of the image."""
    if "imageDataURL" in value:
        return bitmask.corners(value["imageDataURL"])
    xmin, ymin, xmax, ymax = brush.corners(value.get("rle"), width, height)
    across, down = width or 1, height or 1
    return xmin / across, ymin / down, xmax / across, ymax / down


def _fractions(corners: stated.Corners) -> stated.Corners:
    xmin, ymin, xmax, ymax = corners
    return xmin / 100, ymin / 100, xmax / 100, ymax / 100


def _images(shown: dict) -> list[str]:
    """The paths of a task's images: those in a list, else the value under "image", else the first that is an image."""
    for value in shown.values():
        if pages := _pages(value):
            return pages
    single = _single_images(shown)
    path = single.get("image") or next(iter(single.values()), "")
    if not path and isinstance(shown.get("image"), str):
        path = addresses.path(shown["image"])
    return [path] if path else []


def _pages(value: Any) -> list[str]:
    """The paths in a list of images; nothing for any other value."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return []
    paths = [addresses.path(one) for one in value]
    return paths if all(map(_is_image, paths)) else []


def _single_images(shown: dict) -> dict[str, str]:
    """The paths of images among the values that are one path each, by their keys."""
    paths = {key: addresses.path(value) for key, value in shown.items() if isinstance(value, str)}
    return {key: path for key, path in paths.items() if _is_image(path)}


def _is_image(path: str) -> bool:
    return path.lower().endswith(tuple(EXTENSIONS))
