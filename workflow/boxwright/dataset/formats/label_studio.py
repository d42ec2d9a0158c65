"""Label Studio's exports JSON (with all that was annotated) and JSON-MIN (one flat object for each annotation).

Values are percents of the image's width and height. A rectangle is turned clockwise about its top left corner, an
ellipse about its centre, both in pixels. Geometry and label may be in two results with one id (`<Rectangle>` with
`<Labels>`). Of several annotations of a task one is used: not a cancelled one, before all a ground truth, then the one
that was created last. A prediction is no annotation.
Source: Label Studio's documentation of its export formats and of its tags.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from boxwright.core.errors import UserError
from boxwright.dataset import addresses, stated
from boxwright.dataset.formats import NOTHING, Beside, brush
from boxwright.dataset.formats.objects import Objects
from boxwright.dataset.samples import CUBOID, LINE, MASK, POINTS, POLYGON, ROTATED
from boxwright.dataset.statements import NORMALISED, Reading, Remark, Statement
from boxwright.images.loader import EXTENSIONS

# Kinds of remarks.
SUPERSEDED, UNLABELLED = "object_superseded", "image_unlabelled"
# What the annotations of a task are called, today and formerly.
_ANNOTATIONS = ("annotations", "completions")
_LABELS = "labels"
# Kinds of geometry, by the words that a result's type begins with.
_RECTANGLE, _POLYGON, _ELLIPSE = "rectangle", "polygon", "ellipse"
# Kinds without a rectangle, and masks.
_BOXLESS = {"keypoint": POINTS, "vector": LINE, "polyline": LINE, "cuboid": CUBOID}
_MASKS = ("brush", "bitmask", "magicwand")
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
    statements = [_statement(task, remarks, others) for task in _tasks(items)]
    found = [statement for statement in statements if statement is not None]
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
            shown = {key: value for key, value in item.items() if isinstance(value, str)}
            task = (stated.name(item.get("id")), _image(shown))
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
    """The regions of an object of JSON-MIN as results of the other export; what was chosen besides as one without."""
    results = []
    for key, value in item.items():
        if _regions(value):
            for region in value:
                kind = next((one for one in region if one.endswith(_LABELS)), "")
                results.append({"type": kind or _kind_of(region), "value": region, **region})
        elif isinstance(value, dict) and "choices" in value:
            results.append({"type": "choices", "value": value})
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            results += [{"type": key, "value": one} for one in value]
    return results


def _kind_of(region: dict) -> str:
    """The kind of geometry of a region that has no labels."""
    return _POLYGON if "points" in region else _ELLIPSE if "radiusX" in region else _RECTANGLE


def _statement(task: _Task, remarks: list[Remark], others: Counter[str]) -> Statement | None:
    """What a task says about its image; None if nobody annotated it. `others` counts results without geometry."""
    image = _image(task.shown)
    if not image:
        raise UserError(f"task {task.number} has no image among its data")
    used = sorted((one for one in task.annotations if not one.cancelled), key=lambda one: (one.truth, one.created))
    for one in task.annotations:
        if (not used or one is not used[-1]) and (objects := sum(map(_has_place, one.results))):
            why = "cancelled" if one.cancelled else "older than the one that is used, or no ground truth beside one"
            remarks.append(Remark(SUPERSEDED, f"task {task.number}: an annotation that is {why}", image, objects))
    if not used:
        said = "cancelled" if task.annotations else "predictions alone" if task.predictions else "no annotation"
        remarks.append(Remark(UNLABELLED, f"task {task.number}: {said}", image))
        return None
    objects, size = Objects(), (0, 0)
    results = used[-1].results
    names = {_key(one): _labels(one) for one in results if one.get("type") == _LABELS}
    drawn = {_key(one) for one in results if one.get("type") in (_RECTANGLE, _POLYGON, _ELLIPSE)}
    for number, result in enumerate(results, start=1):
        kind, key = stated.name(result.get("type")), _key(result)
        if not _has_place(result):
            if kind != _LABELS or not key:
                others[kind or "relation"] += 1
            continue
        if kind == _LABELS and key in drawn:
            continue
        own = (stated.size(result.get("original_width")), stated.size(result.get("original_height")))
        size = own if all(own) else size
        place = f"task {task.number}, result {number}"
        for label in _labels(result) or names.get(key) or [""]:
            if boxless := next((shape for start, shape in _BOXLESS.items() if kind.startswith(start)), ""):
                objects.boxless(place, label, boxless)
                continue
            corners, shape = _corners(result["value"], *own)
            if kind.startswith(_MASKS):
                corners, shape = _mask(result["value"], *own), MASK
            if stated.number(result.get("image_rotation") or 0) != 0:
                corners = stated.UNKNOWN  # nobody documents whether values are those of the turned image
            objects.add(place, label, corners, shape)
    values = [one["value"] for one in results if isinstance(one.get("value"), dict)]
    marks = tuple([name for value in values if "choices" in value for name in _names(value["choices"])])
    return objects.statement(image, *size, unit=NORMALISED, marks=marks)


def _has_place(result: dict) -> bool:
    """Whether a result is a shape in the image, and not a choice, a text or a relation."""
    value = result.get("value")
    return isinstance(value, dict) and not value.keys().isdisjoint(("points", "x", "rle", "vertices", "sequence"))


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
    """The edges of a brush's mask as fractions of the image."""
    xmin, ymin, xmax, ymax = brush.corners(value.get("rle"), width, height)
    across, down = width or 1, height or 1
    return xmin / across, ymin / down, xmax / across, ymax / down


def _fractions(corners: stated.Corners) -> stated.Corners:
    xmin, ymin, xmax, ymax = corners
    return xmin / 100, ymin / 100, xmax / 100, ymax / 100


def _image(shown: dict) -> str:
    """The path of a task's image: the value under "image", else the first one that ends like an image."""
    paths = {key: addresses.path(value) for key, value in shown.items() if isinstance(value, str)}
    named = {key: path for key, path in paths.items() if path.lower().endswith(tuple(EXTENSIONS))}
    return named.get("image") or next(iter(named.values()), paths.get("image", ""))
