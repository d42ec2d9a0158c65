"""The upright rectangle around a shape: what a detector learns of a polygon, an ellipse or a rotated box.

All functions take and give pixels or fractions alike: edges (xmin, ymin, xmax, ymax), y downwards, angles in radians
and clockwise as seen on the screen. A value that is not finite makes every edge NaN, which the checks report.
"""

import math
from collections.abc import Iterable, Sequence

Corners = tuple[float, float, float, float]
Point = tuple[float, float]

UNKNOWN: Corners = (math.nan, math.nan, math.nan, math.nan)
# A polygon needs an area.
_FEWEST = 3


def around(points: Sequence[Point], fewest: int = _FEWEST) -> Corners:
    """The rectangle around points; unknown if there are fewer than `fewest`."""
    x, y = [point[0] for point in points], [point[1] for point in points]
    if len(points) < fewest or not all(map(math.isfinite, [*x, *y])):
        return UNKNOWN
    return min(x), min(y), max(x), max(y)


def from_size(left: float, top: float, width: float, height: float) -> Corners:
    """The edges of a box that is stated by its top left corner and its size; a negative size stays inverted."""
    return left, top, left + width, top + height


def from_centre(x: float, y: float, width: float, height: float) -> Corners:
    """The edges of a box that is stated by its centre and its size; a negative size stays inverted."""
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def around_rotated(x: float, y: float, width: float, height: float, angle: float) -> Corners:
    """The rectangle around a box with a centre and a size that is turned about its centre."""
    if not all(map(math.isfinite, (x, y, width, height, angle))):
        return UNKNOWN
    across, along = abs(math.cos(angle)), abs(math.sin(angle))
    half_width, half_height = (width * across + height * along) / 2, (width * along + height * across) / 2
    return x - half_width, y - half_height, x + half_width, y + half_height


def turned(corners: Corners, angle: float, about: Point) -> Corners:
    """The rectangle around a box that is turned about a point."""
    xmin, ymin, xmax, ymax = corners
    if not all(map(math.isfinite, (*corners, *about, angle))):
        return UNKNOWN
    x, y = (xmin + xmax) / 2 - about[0], (ymin + ymax) / 2 - about[1]
    cos, sin = math.cos(angle), math.sin(angle)
    centre = about[0] + x * cos - y * sin, about[1] + x * sin + y * cos
    return around_rotated(*centre, xmax - xmin, ymax - ymin, angle)


def around_ellipse(x: float, y: float, radius_x: float, radius_y: float, angle: float = 0.0) -> Corners:
    """The rectangle around an ellipse with a centre and two radii that is turned about its centre."""
    if not all(map(math.isfinite, (x, y, radius_x, radius_y, angle))):
        return UNKNOWN
    cos, sin = math.cos(angle), math.sin(angle)
    half_width, half_height = math.hypot(radius_x * cos, radius_y * sin), math.hypot(radius_x * sin, radius_y * cos)
    return x - half_width, y - half_height, x + half_width, y + half_height


def is_upright(points: Iterable[Point]) -> bool:
    """Whether four points in a row are the corners of an upright rectangle, in either direction from any corner."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (ay == by and bx == cx and cy == dy and dx == ax) or (ax == bx and by == cy and cx == dx and dy == ay)


def distance(x: float, y: float) -> float:
    """The length of a step; infinite rather than an error where it is too long for a float."""
    return math.hypot(x, y)
