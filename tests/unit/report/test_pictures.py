"""The contact sheet, and the images where a detector is worst and best."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from boxwright.dataset.samples import Box, Sample
from boxwright.images import drawing
from boxwright.report import pictures

from .made_up import analysis, plain


def write_image(path, colour=(120, 120, 120), size=(240, 180)) -> bytes:
    Image.new("RGB", size, colour).save(path, "PNG")
    return path.read_bytes()


def samples(folder, count):
    found = []
    for index in range(count):
        path = folder / f"{index:03d}.png"
        write_image(path)
        boxes = (Box("dog", 60.0, 40.0, 180.0, 140.0),) if index % 2 else ()
        found.append(Sample(path.name, str(path), "", 240, 180, "png", (), boxes))
    manifest = folder / "train-00000-of-00001.jsonl"
    manifest.write_text("".join(one.to_json() + "\n" for one in found))
    return manifest


def near(pixels, colour) -> np.ndarray:
    return np.abs(pixels.astype(int) - colour).max(axis=2) < 40


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (6, (1, 6)), (7, (2, 6)), (100, (4, 6))])
def test_a_sheet_has_a_tile_per_photograph_with_its_boxes(tmp_path, count, shape):
    sheet = np.asarray(Image.open(io.BytesIO(pictures.contact_sheet([samples(tmp_path, count)], {"cat": 1, "dog": 2}))))
    rows, columns = shape
    assert sheet.shape[:2] == (rows * 159 + 6, columns * 210 + 6)
    gray = near(sheet, (120, 120, 120)).sum() / (204 * 153)
    assert gray > 0.8 * min(count, 24)
    assert near(sheet, drawing.colour(2)).any() == (count > 1)


def test_the_same_sheet_every_time(tmp_path):
    manifest = samples(tmp_path, 40)
    assert pictures.contact_sheet([manifest], {"dog": 1}) == pictures.contact_sheet([manifest], {"dog": 1})


def test_a_photograph_that_is_gone_leaves_a_gray_tile(tmp_path):
    manifest = samples(tmp_path, 2)
    (tmp_path / "001.png").unlink()
    assert Image.open(io.BytesIO(pictures.contact_sheet([manifest], {"dog": 1}))).size == (2 * 210 + 6, 165)


def judged(name, boxes, correct, wrong, number=1):
    total = boxes + correct + wrong
    return {
        "name": name, "image_id": number, "boxes": boxes, "correct": correct, "wrong": wrong,
        "missed": boxes - correct, "f1": 2 * correct / total if total else None,
        "missed_boxes": [{"bbox": [24.0, 18.0, 72.0, 54.0], "category_id": 1}] * (boxes - correct),
    }  # fmt: skip


def test_worst_and_best_images():
    images = [
        judged("perfect", 2, 2, 0),
        judged("perfect and crowded", 5, 5, 0),
        judged("nothing there", 0, 0, 0),
        judged("false alarm", 0, 0, 1),
        judged("all missed", 4, 0, 0),
        judged("one of two", 2, 1, 0),
    ]
    worst, best = pictures.worst_and_best(images)
    assert [one["name"] for one in worst] == ["all missed", "false alarm", "one of two"]
    assert [one["name"] for one in best] == ["perfect and crowded", "perfect"]
    many = [judged(f"{number:02d}", 1, 0, 0) for number in range(30)]
    assert [one["name"] for one in pictures.worst_and_best(many)[0]] == [f"{n:02d}" for n in range(pictures.WORST)]


def record(encoded):
    return SimpleNamespace(
        encoded=encoded, width=120, height=90, boxes=np.array([[0.2, 0.2, 0.8, 0.8]], np.float32),
        classes=np.array([1]), class_text=("cat",), is_crowd=np.array([False]),
    )  # fmt: skip


def test_a_page_of_images_with_what_was_right_and_wrong(tmp_path, monkeypatch):
    encoded = write_image(tmp_path / "a.png")
    found = analysis(images=[judged("a.png", 1, 0, 1, 1), judged("b.png", 1, 1, 0, 2)])
    detections = [
        {"image_id": 1, "category_id": 2, "bbox": [12.0, 9.0, 60.0, 45.0], "score": 0.9},
        {"image_id": 1, "category_id": 2, "bbox": [0.0, 0.0, 60.0, 45.0], "score": 0.2},
    ]
    drawn, how = [], []
    own = drawing.boxes

    def boxes(*given, **named):
        drawn.append(given[1:])
        how.append(named)
        return own(*given, **named)

    monkeypatch.setattr(drawing, "boxes", boxes)
    page = pictures.judged_page(found, [record(encoded)] * 2, detections, {1: "cat", 2: "dog"}, "Images of m")
    said = plain(page)
    assert "Worst a.png 0 of 1 found, 1 missed, 1 wrong Best: all found, nothing else b.png 1 of 1 found" in said
    assert page.count(b"data:image/jpeg;base64,") == 2
    truth, detected = drawn[0], drawn[1]
    assert truth[2] == ["cat"]
    assert detected[2] == ["dog 0.90", "missed cat"]  # the other detection lies under the threshold
    assert detected[1] == [2, 1] and how[1]["dashed"] == 1 and not how[0].get("dashed")
    np.testing.assert_allclose(detected[0], [[0.1, 0.1, 0.6, 0.6], [0.2, 0.2, 0.8, 0.8]])


def test_no_errors_and_no_success_are_said(tmp_path):
    encoded = write_image(tmp_path / "a.png")
    good = pictures.judged_page(analysis(images=[judged("a", 1, 1, 0)]), [record(encoded)], [], {1: "cat"}, "m")
    assert "No image has an error" in plain(good)
    bad = pictures.judged_page(analysis(images=[judged("a", 1, 0, 0)]), [record(encoded)], [], {1: "cat"}, "m")
    assert "Every image with objects has an error" in plain(bad)


def test_the_strip_shows_typical_and_worst_images():
    judged_images = [judged(f"{number}.png", 2, number % 3, 0, number + 1) for number in range(9)]
    chosen = pictures.typical(judged_images)
    assert [one["correct"] for one in chosen] == [1, 1]
    assert pictures.typical([]) == [] and len(pictures.typical(judged_images[:1])) == 1
