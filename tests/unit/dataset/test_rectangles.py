"""Rectangles around the shapes that formats have, against figures worked out by hand or by sampling the shape."""

import math

import pytest

from boxwright.dataset import stated


def test_a_polygon():
    assert stated.around([(40, 80), (90, 30), (140, 70), (60, 120)]) == (40, 30, 140, 120)


@pytest.mark.parametrize(
    "points", [[], [(1, 2), (3, 4)], [(1, 2), (3, math.nan), (5, 6)], [(1, 2), (3, 4), (5, math.inf)]]
)
def test_no_polygon(points):
    assert all(map(math.isnan, stated.around(points)))


def test_a_quarter_turn_about_the_centre_exchanges_the_sides():
    assert stated.rotated((10, 20, 50, 30), 90) == pytest.approx((25, 5, 35, 45))


def test_a_turn_about_the_top_left_corner():
    """Clockwise on the screen, so the box hangs down to the left of the point."""
    assert stated.rotated((10, 20, 50, 30), 90, (10, 20)) == pytest.approx((0, 20, 10, 60))


def test_a_box_turned_by_30_degrees():
    width, height = 60, 40
    half = (width * math.cos(math.pi / 6) + height / 2) / 2, (width / 2 + height * math.cos(math.pi / 6)) / 2
    expected = (100 - half[0], 80 - half[1], 100 + half[0], 80 + half[1])
    assert stated.rotated((70, 60, 130, 100), 30) == pytest.approx(expected)


def test_an_angle_that_is_none():
    for angle in (math.inf, math.nan):
        assert all(map(math.isnan, stated.turned_ellipse(1, 2, 3, 4, angle)))
        assert all(map(math.isnan, stated.rotated((1, 2, 3, 4), angle)))


@pytest.mark.parametrize("angle", [0.0, 0.4, math.pi / 2, -2.0])
def test_an_ellipse(angle):
    steps = [2 * math.pi * step / 3600 for step in range(3600)]
    x = [50 + 30 * math.cos(t) * math.cos(angle) - 10 * math.sin(t) * math.sin(angle) for t in steps]
    y = [40 + 30 * math.cos(t) * math.sin(angle) + 10 * math.sin(t) * math.cos(angle) for t in steps]
    assert stated.turned_ellipse(50, 40, 30, 10, math.degrees(angle)) == pytest.approx(
        (min(x), min(y), max(x), max(y)), abs=1e-3
    )


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0, 0), (4, 0), (4, 3), (0, 3)], True),
        ([(4, 0), (4, 3), (0, 3), (0, 0)], True),
        ([(0, 3), (4, 3), (4, 0), (0, 0)], True),
        ([(0, 0), (4, 1), (4, 3), (0, 3)], False),
        ([(0, 0), (4, 3), (4, 0), (0, 3)], False),
    ],
)
def test_upright(points, expected):
    assert stated.is_upright(points) is expected


def test_centre_and_size():
    assert stated.from_centre(50, 60, 20, 10) == (40, 55, 60, 65)
    assert stated.from_size(50, 60, 20, -10) == (50, 60, 70, 50)
