"""Boxes and labels on images: where they are, in which colour, and that they never leave the image."""

import itertools

import numpy as np
import pytest

from boxwright.images import drawing


def luminance(rgb) -> float:
    linear = np.where(
        np.array(rgb) / 255 <= 0.04045, np.array(rgb) / 255 / 12.92, ((np.array(rgb) / 255 + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ (0.2126, 0.7152, 0.0722))


def watch(monkeypatch) -> list:
    """The areas of all labels that are drawn from now on."""
    areas = []
    own = drawing._placed

    def watched(*arguments):
        label = own(*arguments)
        areas.append(label.area)
        return label

    monkeypatch.setattr(drawing, "_placed", watched)
    return areas


def test_a_box_is_drawn_where_it_is_in_its_class_colour():
    image = np.full((200, 300, 3), 127, np.uint8)
    drawn = drawing.boxes(image, [[0.25, 0.2, 0.75, 0.6]], [1], [""], thickness=4)
    line = np.all(drawn == drawing.colour(1), axis=2)
    rows, columns = np.nonzero(line)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 149, 60, 179)
    assert line[50:54, 60:180].all() and not line[54:146, 64:176].any()
    assert (image == 127).all(), "the image given is not drawn on"
    assert (drawn[:40] == 127).all() and (drawn[160:] == 127).all()


def test_the_better_detection_lies_on_top():
    image = np.zeros((100, 100, 3), np.uint8)
    boxes = [[0.2, 0.2, 0.8, 0.8], [0.2, 0.2, 0.8, 0.5]]
    drawn = drawing.boxes(image, boxes, [1, 2], ["", ""], thickness=3)
    assert tuple(drawn[20, 30]) == drawing.colour(1)


def test_the_last_boxes_are_dashed():
    drawn = drawing.boxes(
        np.full((120, 120, 3), 127, np.uint8), [[0.1] * 2 + [0.9] * 2] * 2, [1, 1], [""] * 2, dashed=1
    )
    assert (drawn[13, 20:100] == drawing.colour(1)).all()  # the whole one lies on top
    dashed = drawing.boxes(np.full((120, 120, 3), 127, np.uint8), [[0.1] * 2 + [0.9] * 2], [1], [""], dashed=1)
    for line in (dashed[13, 20:100], dashed[106, 20:100], dashed[20:100, 13], dashed[20:100, 106]):
        assert 0.3 < (line == drawing.colour(1)).all(-1).mean() < 0.7
    assert (dashed[30:90, 30:90] == 127).all() and (dashed[:8] == 127).all()


def test_colours_are_stable_and_differ():
    first = [drawing.colour(number) for number in range(1, 91)]
    assert first == [drawing.colour(number) for number in range(1, 91)]
    assert len(set(first)) == 90
    near = [np.abs(np.subtract(a, b)).sum() for a, b in itertools.combinations(first[:20], 2)]
    assert min(near) >= 20
    assert all(0 <= channel <= 255 for rgb in first for channel in rgb)


@pytest.mark.parametrize("class_id", range(1, 40))
def test_text_is_readable_on_its_label(class_id):
    fill = drawing.colour(class_id)
    lighter, darker = sorted([luminance(fill), luminance(drawing._contrast(fill))], reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


@pytest.mark.parametrize(
    "box",
    [
        [0, 0, 1, 1],
        [-0.2, -0.1, 1.3, 1.2],
        [0.95, 0.95, 1, 1],
        [0, 0.9, 0.05, 1.0],
        [0.5, 0.5, 0.5, 0.5],
        [0.98, 0, 1, 1],
    ],
)
@pytest.mark.parametrize("size", [(200, 300), (31, 23), (8, 6), (1000, 60)])
def test_labels_stay_inside_the_image(monkeypatch, box, size):
    height, width = size
    places = watch(monkeypatch)
    image = np.full((height, width, 3), 90, np.uint8)
    drawn = drawing.boxes(image, [box], [2], ["a class with quite a long name 0.97"])
    assert drawn.shape == image.shape
    ((left, top, right, bottom),) = places
    assert 0 <= left < right <= width and 0 <= top < bottom <= height


def test_labels_avoid_each_other(monkeypatch):
    places = watch(monkeypatch)
    boxes = [[0.3, 0.3, 0.7, 0.7], [0.31, 0.3, 0.7, 0.7], [0.3, 0.31, 0.7, 0.7]]
    drawing.boxes(np.zeros((400, 600, 3), np.uint8), boxes, [1, 2, 3], ["raccoon 0.90", "dog 0.80", "cat 0.70"])
    assert len(places) == 3
    assert not any(drawing._shared(first, second) for first, second in itertools.combinations(places, 2))


def test_where_labels_must_overlap_the_better_one_is_on_top(monkeypatch):
    areas = watch(monkeypatch)
    image = np.zeros((30, 60, 3), np.uint8)
    drawn = drawing.boxes(image, [[0, 0, 1, 1]] * 6, [1, 2, 3, 4, 5, 6], ["raccoon 0.90"] * 6)
    left, top, right, bottom = areas[0]
    whole = np.zeros((30, 60), bool)
    whole[top:bottom, left:right] = True
    alone = drawing.boxes(image, [[0, 0, 1, 1]], [1], ["raccoon 0.90"])
    assert (drawn[whole] == alone[whole]).all()


def test_a_long_label_is_cut_with_a_mark():
    text, font, width = drawing._fitted("a very long name of a class that no image can hold 0.99", 20, 100)
    assert text.endswith("…") and width <= 100 and font.size == drawing._SMALLEST_TEXT
    assert drawing._fitted("dog 0.9", 20, 400)[0] == "dog 0.9"


def test_side_by_side_holds_both_pictures_under_their_titles():
    left, right = np.full((50, 80, 3), 10, np.uint8), np.full((50, 80, 3), 200, np.uint8)
    sheet = drawing.side_by_side(left, right, ("detections", "ground truth"))
    assert sheet.shape[0] > 50 and sheet.shape[1] >= 160
    assert (sheet[-50:, :80] == 10).all() and (sheet[-50:, -80:] == 200).all()
    assert sheet[:-50].max() > 200, "a title is written"


def test_shrunk_keeps_small_images_and_the_aspect_ratio():
    assert drawing.shrunk(np.zeros((100, 400, 3), np.uint8), 200).shape == (50, 200, 3)
    assert drawing.shrunk(np.zeros((100, 120, 3), np.uint8), 200).shape == (100, 120, 3)


@pytest.mark.parametrize(
    "label", ["traffic\nlight 0.93", "a\u2028b", "c\x01at\ud800", "\n", "\u0915\u094d\u200d\u0937", "\u4e2d"]
)
def test_a_label_of_any_characters_is_drawn_on_one_line(label):
    image = np.full((100, 200, 3), 127, np.uint8)
    drawn = drawing.boxes(image, [[0.4, 0.2, 0.9, 0.8]], [1], [label])
    assert drawn.shape == image.shape and (drawn != image).any()


def test_detections_are_drawn_from_a_score_on_with_class_and_score(monkeypatch):
    told = {}
    own = drawing.boxes
    monkeypatch.setattr(drawing, "boxes", lambda *given, **named: told.update(given=given) or own(*given, **named))
    image = np.zeros((200, 300, 3), np.uint8)
    boxes = np.array([[0.1, 0.1, 0.5, 0.5], [0.2, 0.4, 0.9, 0.9], [0, 0, 0, 0]], np.float32)
    drawn = drawing.detections(image, boxes, np.array([2.0, 7.0, 1.0]), [0.91, 0.5, 0.0], {"cat": 1, "dog": 2})
    _, corners, ids, labels = told["given"]
    assert ids == [2, 7] and labels == ["dog 0.91", "class 7 0.50"]
    np.testing.assert_array_equal(corners, boxes[:2])
    assert drawn.any() and not image.any()
