"""`boxwright detect`: any form on images, folders, patterns and videos."""

import csv
import json
from fractions import Fraction

import av
import numpy as np
import pytest
from lxml import etree
from PIL import Image

from boxwright import cli
from boxwright.core.errors import UserError
from boxwright.export import sources
from boxwright.runtimes import onnx as onnx_runtime


@pytest.fixture
def place(tmp_path, monkeypatch, images):
    """The working folder, with images in two folders."""
    monkeypatch.chdir(tmp_path)
    for name, image in (("first/a.png", images[0]), ("second/a.png", images[1]), ("second/b.jpg", images[2])):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / name)
    return tmp_path


def test_boxes_are_printed_as_lines_of_json(place, standard, images, capsys):
    assert cli.main(["detect", str(standard[0]), "first", "second/*.jpg", "--score-threshold", "0.2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["image"], one["width"], one["height"]) for one in lines] == [
        ("first/a.png", 140, 90),
        ("b.jpg", 64, 64),
    ]
    found = onnx_runtime.load(standard[0] / "detector.onnx")(images[0][None])
    assert len(lines[0]["detections"]) == (found["detection_scores"][0] >= 0.2).sum() > 0
    first = lines[0]["detections"][0]
    assert first["id"] == found["detection_classes"][0, 0] and first["class"] in ("cat", "dog", "owl")
    np.testing.assert_allclose(first["box"], found["detection_boxes"][0, 0], atol=1e-5)


def test_a_folder_holds_them_in_every_format(place, standard, capsys):
    detector = str(standard[0] / "openvino/detector.xml")
    assert cli.main(["detect", detector, "first", "second", "--out", "found", "--score-threshold", "0.2"]) == 0
    images = ("first/a", "second/a", "second/b")
    assert {str(path.relative_to(place / "found")) for path in (place / "found").rglob("*") if path.is_file()} == {
        *(f"{name}{ending}" for name in images for ending in (".jpg", ".json", ".xml")),
        "detections.csv",
        "detections_coco.json",
    }
    written = [json.loads((place / f"found/{name}.json").read_text())["detections"] for name in images]
    objects = [etree.parse(place / f"found/{name}.xml").findall("object") for name in images]
    assert [len(one) for one in written] == [len(one) for one in objects]
    rows = list(csv.DictReader((place / "found/detections.csv").open()))
    results = json.loads((place / "found/detections_coco.json").read_text())
    assert len(rows) == len(results) == sum(map(len, written)) > 0
    assert {one["image_id"] for one in results} <= {1, 2, 3}
    assert "on 3 images: found" in capsys.readouterr().out


def test_what_is_not_there_is_said_at_once(place, standard, capsys):
    assert cli.main(["detect", str(standard[0]), "first", "nowhere", "second/*.gif"]) == 1
    assert capsys.readouterr().err == "There is no nowhere.\nNothing fits the pattern second/*.gif.\n"
    for wrong in ([], ["first", "--camera", "0"], ["--video", "a.mp4"]):
        assert cli.main(["detect", str(standard[0]), *wrong]) == 1
        assert "--video FILE" in (said := capsys.readouterr().err) or "--out DIR" in said
    (place / "empty").mkdir()
    with pytest.raises(UserError, match="There is no image in empty"):
        sources.images(["empty"])


def test_a_folder_with_something_in_it_stays(place, standard, capsys):
    assert cli.main(["detect", str(standard[0]), "first", "--out", "second"]) == 1
    assert "second exists and is no empty folder" in capsys.readouterr().err
    assert sorted(path.name for path in (place / "second").iterdir()) == ["a.png", "b.jpg"]


def film(path, frames: list[np.ndarray]) -> None:
    """A video of five frames a second."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=Fraction(5))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())


def test_a_video_is_drawn_frame_by_frame(place, standard, images, capsys):
    film("cats.mp4", [images[0], images[0][:, ::-1].copy(), 255 - images[0]])
    command = ["detect", str(standard[0]), "--video", "cats.mp4", "--out", "found", "--score-threshold", "0.2"]
    assert cli.main(command) == 0
    assert "on 3 frames: found" in capsys.readouterr().out
    lines = [json.loads(line) for line in (place / "found/frames.jsonl").read_text().splitlines()]
    assert [(one["frame"], one["seconds"], one["width"]) for one in lines] == [
        (1, 0.0, 140),
        (2, 0.2, 140),
        (3, 0.4, 140),
    ]
    assert all(one["detections"] for one in lines)
    drawn = list(sources.Video("found/drawn.mp4"))
    assert len(drawn) == 3 and drawn[0].shape == (90, 140, 3)
    rows = list(csv.DictReader((place / "found/detections.csv").open()))
    assert len(rows) == sum(len(one["detections"]) for one in lines) and rows[0]["image"] == "cats.mp4#1"


def test_what_is_no_video_is_said(place, standard, capsys, monkeypatch):
    (place / "bad.mp4").write_bytes(b"no video" * 100)
    for given, said in (
        (["--video", "bad.mp4"], "bad.mp4 cannot be opened as a video"),
        (["--video", "none.mp4"], "There is no video none.mp4"),
        (["--camera", "77"], "There is no camera 77"),
    ):
        monkeypatch.setattr(sources.sys, "platform", "linux")
        assert cli.main(["detect", str(standard[0]), *given, "--out", "found"]) == 1
        assert said in capsys.readouterr().err
    assert not (place / "found").exists()


def test_the_tables(tmp_path):
    from boxwright.export.tables import Tables

    tables = Tables()
    tables.add("nothing.png", 10, 10, [])
    tables.add("cat.png", 200, 100, [{"class": "big, cat", "id": 7, "score": 0.9, "box": [0.1, 0.2, 0.5, 1.0]}])
    tables.write(tmp_path)
    head, row = csv.reader((tmp_path / "detections.csv").open())
    assert head == ["image", "width", "height", "class", "id", "score", "xmin", "ymin", "xmax", "ymax"]
    assert row == ["cat.png", "200", "100", "big, cat", "7", "0.9", "40.0", "10.0", "200.0", "50.0"]
    (result,) = json.loads((tmp_path / "detections_coco.json").read_text())
    assert result == {
        "image_id": 2,
        "file_name": "cat.png",
        "category_id": 7,
        "bbox": [40.0, 10.0, 160.0, 40.0],
        "score": 0.9,
    }


def test_an_image_that_shares_a_name_with_a_table(place, standard):
    (place / "first/a.png").rename(place / "first/detections_coco.png")
    assert cli.main(["detect", str(standard[0]), "first", "--out", "found"]) == 0
    assert isinstance(json.loads((place / "found/detections_coco.json").read_text()), list)
    assert json.loads((place / "found/detections_coco.png.json").read_text())["image"] == "detections_coco.png"
