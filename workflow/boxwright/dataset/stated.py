"""What annotation formats share: text, JSON and numbers as tools write them, and the rectangles around shapes.

Nothing here raises anything but UserError, with a clause about the file that says the line where there is one.
"""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural, shortened
from boxwright.dataset.samples import LINE, POLYGON
from boxwright.dataset.statements import Remark, Statement

Corners = tuple[float, float, float, float]
UNKNOWN: Corners = (math.nan,) * 4

_BOMS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_UTF_8 = b"\xef\xbb\xbf"
# How far the ends of a line that is an outline may be apart, as a share of the diagonal of its rectangle.
_CLOSED = 0.15
# Mistakes of one file that a message shows.
_MOST_MISTAKES = 5
_YES, _NO = ("1", "true", "yes", "t", "y"), ("", "0", "false", "no", "f", "n", "none", "null")


def text(data: bytes) -> str:
    """The text of a file: UTF-8, or what its byte order mark says, else Windows' western European letters."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").removeprefix("\ufeff")
    try:
        return data.removeprefix(_UTF_8).decode()  # in a fifth of the time of "utf-8-sig"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def plain(head: bytes) -> bytes:
    """The first part of a file as letters of ASCII whatever its encoding, without a mark at its start."""
    return head.replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")


def lines(data: bytes) -> list[tuple[int, str]]:
    """The lines that are not blank, without white space at their ends, each with its number counted from 1."""
    found = text(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [(place, stripped) for place, line in enumerate(found, start=1) if (stripped := line.strip())]


def refuse(mistakes: Sequence[str]) -> None:
    """Raise UserError if there are mistakes in a file, clauses such as "line 3 has 4 values, not 15"."""
    if mistakes:
        raise UserError(few(mistakes, limit=_MOST_MISTAKES))


def parse_json(data: bytes | str) -> Any:
    """The value of a JSON document.

    Raises UserError with the line and the reason; also where an object has a key twice, because all but the last value
    would be lost in silence.
    """
    given = text(data) if isinstance(data, bytes) else data
    try:
        return json.loads(given, parse_constant=_no_constant, object_pairs_hook=_unique)
    except UserError:
        raise
    except json.JSONDecodeError as error:
        raise UserError(
            f"it is not valid JSON: line {error.lineno}, column {error.colno}: {_lower(error.msg)}"
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UserError(f"it is not valid JSON: {reason}") from error


def expect(value: Any, kind: type[list] | type[dict], what: str) -> Any:
    """A list or an object of JSON; raises UserError if it is something else. `what`: the words for it."""
    if not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise UserError(f"{what} is not {wanted} but {shortened(json.dumps(value), 60)}")
    return value


def optional(value: Any, kind: type[list] | type[dict], what: str) -> Any:
    """A list or an object as `expect` gives it; an empty one for null and for what is not there."""
    return kind() if value is None else expect(value, kind, what)


def number(value: Any) -> float:
    """A number that may be written as text; NaN for everything else, and for what is not finite."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def numbers(values: Any, count: int) -> tuple[float, ...]:
    """That many numbers of a list; NaN for all if it is no such list."""
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
        return (math.nan,) * count
    return tuple(map(number, values))


def size(value: Any) -> int:
    """A width or height in whole pixels; 0 if it is not stated or no such thing."""
    found = number(value)
    return int(found) if 1 <= found < 2**31 else 0


def flag(value: Any) -> bool:
    """Whether a flag is set that may be written as a truth value, a number or a text ("false" is not set)."""
    if isinstance(value, str):
        word = value.strip().lower()
        return word in _YES or (word not in _NO and number(word) > 0)
    return bool(value) if isinstance(value, (bool, int, float)) else False


def name(value: Any) -> str:
    """A name that may be written as a number; "" for everything else. Half of a surrogate pair becomes "?"."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().strip()
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def unnamed(statements: Iterable[Statement], known: Collection[str] = ()) -> list[Remark]:
    """Findings about classes that are numbers and no names of `known`."""
    found = dict.fromkeys(box.class_name for one in statements for box in one.boxes)
    return [
        Remark("class_number", f"class {name} has no name", name)
        for name in found
        if name not in known and name.lstrip("-").isdecimal()
    ]


def flags(*words: str) -> str:
    """Flags as `Box` has them; empty words are left out."""
    return " ".join(sorted(set(filter(None, words))))


def around(points: Iterable[tuple[float, float]], least: int = 3) -> Corners:
    """The rectangle around some points; unknown if there are fewer than `least` or one is not finite."""
    places = list(points)
    if len(places) < least or not all(map(math.isfinite, (value for point in places for value in point))):
        return UNKNOWN
    across, down = zip(*places, strict=True)
    return min(across), min(down), max(across), max(down)


def along(points: Sequence[tuple[float, float]]) -> tuple[Corners, str]:
    """The rectangle around a line, and what it is in place of a box.

    People also draw outlines with the tool for lines: one that comes back to where it began is a polygon. Any other has
    no rectangle of its own.
    """
    corners = around(points, least=4)
    xmin, ymin, xmax, ymax = corners
    gap = math.dist(points[0], points[-1]) if points else math.nan
    return (corners, POLYGON) if gap <= _CLOSED * math.hypot(xmax - xmin, ymax - ymin) else (UNKNOWN, LINE)


def is_upright(points: Sequence[tuple[float, float]]) -> bool:
    """Whether four points, in their order around it, are the corners of an upright rectangle."""
    if len(points) == 5 and points[0] == points[4]:
        points = points[:4]
    if len(points) != 4:
        return False
    xmin, ymin, xmax, ymax = around(points)
    corners = [(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)]
    start = corners.index(points[0]) if points[0] in corners else 0
    turned = [corners[(start + place) % 4] for place in range(4)]
    return list(points) in (turned, [turned[0], *turned[:0:-1]])


def pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    """The points in x1, y1, x2, y2, ..."""
    return list(zip(values[::2], values[1::2], strict=False))


def rotated(corners: Corners, degrees: float, about: tuple[float, float] | None = None) -> Corners:
    """The rectangle around a box that is turned clockwise about a point, its centre unless another one is given."""
    if not math.isfinite(degrees):
        return UNKNOWN
    xmin, ymin, xmax, ymax = corners
    x, y = about or ((xmin + xmax) / 2, (ymin + ymax) / 2)
    across, down = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return around(
        (x + (one - x) * across - (other - y) * down, y + (one - x) * down + (other - y) * across)
        for one, other in ((xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax))
    )


def turned_ellipse(x: float, y: float, across: float, down: float, degrees: float = 0.0) -> Corners:
    """The rectangle around an ellipse with a centre and two radii, turned clockwise about its centre."""
    if not math.isfinite(degrees):
        return UNKNOWN
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    width, height = math.hypot(across * cos, down * sin), math.hypot(across * sin, down * cos)
    return x - width, y - height, x + width, y + height


def around_runs(runs: Iterable[tuple[int, int]], width: int) -> Corners:
    """The rectangle around runs of pixels (first pixel, length), row by row in an image of this width."""
    left = top = math.inf
    right = bottom = -math.inf
    for start, length in runs:
        last = start + length - 1
        top, bottom = min(top, start // width), max(bottom, last // width + 1)
        one_row = start // width == last // width
        left, right = min(left, start % width if one_row else 0), max(right, last % width + 1 if one_row else width)
    return UNKNOWN if right < 0 else (float(left), float(top), float(right), float(bottom))


def from_size(left: float, top: float, width: float, height: float) -> Corners:
    """The edges of a box that is stated by its top left corner and its size; a negative size stays inverted."""
    return left, top, left + width, top + height


def from_centre(x: float, y: float, width: float, height: float) -> Corners:
    """The edges of a box that is stated by its centre and its size; a negative size stays inverted."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def refuse_pixels(values: Iterable[float]) -> None:
    """Raise UserError if numbers that should be shares of the image are all over 1."""
    known = [value for value in values if not math.isnan(value)]
    if known and all(value > 1 for value in known):
        raise UserError("its numbers are over 1, but they should be shares of the image (are these pixels?)")


def ordered(corners: Corners) -> Corners:
    """Two opposite corners of a box as its edges, whichever corners they are; unchanged where one is unknown."""
    xmin, ymin, xmax, ymax = corners
    if not all(map(math.isfinite, corners)):
        return corners
    return min(xmin, xmax), min(ymin, ymax), max(xmin, xmax), max(ymin, ymax)


def unordered(count: int) -> list[Remark]:
    """A remark about boxes whose corners were in another order, and were put in order."""
    said = f"{plural(count, 'box has', 'boxes have')} their corners in another order than left, top, right, bottom"
    return [Remark("annotation_odd", f"{said}; they were put in order")] if count else []


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise UserError(f"an object of its JSON has the key {json.dumps(shortened(twice, 60))} twice")
    return found


def _no_constant(found: str) -> None:
    raise ValueError(f"{found} is no number of JSON")


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
