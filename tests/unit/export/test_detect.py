"""`boxwright detect`: any form on images, folders, patterns and videos."""

import csv
import errno
import json
import os
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from lxml import etree
from PIL import Image
from pycocotools.coco import COCO

from boxwright import cli, devices
from boxwright.core.errors import UserError
from boxwright.export import predict, sources, video
from boxwright.runtimes import find
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


@pytest.mark.parametrize(("packages", "does"), [((), ["take", "load"]), (("onnxruntime",), ["load"])])
def test_what_tensorflow_runs_is_computed_as_in_a_run(place, monkeypatch, packages, does):
    """Without TF32, which has to be said before anything is computed."""
    did = []

    def load():
        did.append("load")
        raise UserError("This is enough.")

    detector = SimpleNamespace(form=SimpleNamespace(packages=packages), load=load)
    monkeypatch.setattr(find, "find", lambda path: detector)
    monkeypatch.setattr(devices, "take_for_detection", lambda: did.append("take"))
    assert cli.main(["detect", "fine_tuned_model", "first"]) == 1
    assert did == does


@pytest.mark.parametrize("out", [[], ["--out", "found"]])
@pytest.mark.parametrize(("threshold", "told"), [("0.42", False), ("0.5", True)])
def test_where_nothing_is_found_the_highest_score_is_told(place, monkeypatch, capsys, out, threshold, told):
    def detect(images):
        scores = np.array([[0.42, 0.1]], np.float32)
        return {
            "detection_scores": scores,
            "detection_classes": np.ones_like(scores),
            "detection_boxes": np.tile(np.float32([0, 0, 1, 1]), (1, 2, 1)),
        }

    detector = SimpleNamespace(
        form=SimpleNamespace(packages=("onnxruntime",)),
        load=lambda: detect,
        names=lambda: {1: "cat"},
        has_foreign_label_map=False,
    )
    monkeypatch.setattr(find, "find", lambda path: detector)
    assert cli.main(["detect", "fine_tuned_model", "first", "--score-threshold", threshold, *out]) == 0
    said = "No score reaches `--score-threshold`, 0.5: the highest is 0.420. Set a lower one to see what has it."
    assert (said in capsys.readouterr().err) == told


@pytest.mark.parametrize(
    ("scores", "told"),
    [
        ([], "Nothing was found, with any score."),
        ([0.0, 0.0], "Nothing was found, with any score."),
        ([0.0004, 0.0], "all are below 0.001. "),
        ([0.2, 0.4999], "the highest is 0.499. "),
    ],
)
def test_a_score_below_the_threshold_is_never_rounded_up_to_it(scores, told):
    watched = predict.Watched(lambda _: {"detection_scores": np.array([scores], np.float32)})
    watched(np.zeros((1, 4, 4, 3), np.uint8))
    assert told in watched.nothing_found(0.5)


def test_a_folder_holds_them_in_every_format(place, standard, capsys):
    detector = str(standard[0] / "openvino/detector.xml")
    assert cli.main(["detect", detector, "first", "second", "--out", "found", "--score-threshold", "0.2"]) == 0
    images = ("first/a", "second/a", "second/b")
    assert {str(path.relative_to(place / "found")) for path in (place / "found").rglob("*") if path.is_file()} == {
        *(f"{name}{ending}" for name in images for ending in (".jpg", ".json", ".xml")),
        "detections.csv",
        "detections_coco.json",
        "images_coco.json",
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
    assert capsys.readouterr().err == "There is no file or folder nowhere.\nNothing fits the pattern second/*.gif.\n"
    for wrong in ([], ["first", "--camera", "0"], ["--video", "a.mp4"]):
        assert cli.main(["detect", str(standard[0]), *wrong]) == 1
        assert "--video FILE" in (said := capsys.readouterr().err) or "--out DIR" in said
    (place / "my.yaml").write_text("dataset: {}")
    assert cli.main(["detect", str(standard[0]), "first", "my.yaml"]) == 1
    assert capsys.readouterr().err.startswith("my.yaml is no image; image files end in .jpg, ")
    (place / "plain").write_bytes((place / "second/b.jpg").read_bytes())
    assert [one.name for one in sources.images(["plain"])] == ["plain"]
    (place / "empty").mkdir()
    with pytest.raises(UserError, match="There is no image in empty"):
        sources.images(["empty"])


def test_a_folder_with_something_in_it_stays(place, standard, capsys):
    assert cli.main(["detect", str(standard[0]), "first", "--out", "second"]) == 1
    assert "second exists and is no empty folder" in capsys.readouterr().err
    assert sorted(path.name for path in (place / "second").iterdir()) == ["a.png", "b.jpg"]


def film(path, frames: list[np.ndarray], times: list[float] | None = None, **options) -> None:
    """A video of five frames a second, or of frames at some times."""
    with av.open(str(path), "w", options=options) as file:
        stream = file.add_stream("mpeg4", rate=Fraction(5))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, frame in enumerate(frames):
            made = av.VideoFrame.from_ndarray(frame, format="rgb24")
            made.pts, made.time_base = round(1000 * (times[number] if times else number / 5)), Fraction(1, 1000)
            file.mux(stream.encode(made))
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
    assert len(drawn) == 3 and drawn[0].image.shape == (90, 140, 3)
    rows = list(csv.DictReader((place / "found/detections.csv").open()))
    assert len(rows) == sum(len(one["detections"]) for one in lines) and rows[0]["image"] == "cats.mp4#1"


def nothing_found(images):
    return {
        "detection_boxes": np.zeros((1, 0, 4), np.float32),
        "detection_scores": np.zeros((1, 0), np.float32),
        "detection_classes": np.zeros((1, 0), np.float32),
    }


def seconds_in(folder) -> list[float]:
    return [json.loads(line)["seconds"] for line in (folder / "frames.jsonl").read_text().splitlines()]


def test_frames_have_their_own_times(place, images):
    times = [2.0, 2.1, 2.5, 4.0]
    film("now_and_then.mkv", [images[0]] * 4, times)
    video.run(nothing_found, {}, sources.Video("now_and_then.mkv"), "found")
    assert seconds_in(place / "found") == [0.0, 0.1, 0.5, 2.0]
    assert [frame.seconds for frame in sources.Video("found/drawn.mp4")] == [0.0, 0.1, 0.5, 2.0]


@pytest.mark.parametrize("kind", ["damaged", "cut"])
def test_what_was_found_before_a_damaged_frame_is_kept(place, images, kind, capsys):
    film("cats.mp4", [np.roll(images[0], number, 1) for number in range(20)], movflags="faststart")
    data = bytearray((place / "cats.mp4").read_bytes())
    if kind == "cut":
        del data[len(data) * 6 // 10 :]
    else:
        data[len(data) // 2 : len(data) * 6 // 10] = bytes(len(data) // 10)
    (place / "cats.mp4").write_bytes(data)
    counts = video.run(nothing_found, {}, sources.Video("cats.mp4"), "found")
    assert 5 <= counts["frames"] == len(seconds_in(place / "found")) < 20
    said = capsys.readouterr().err
    assert f"{counts['frames']} of the 20 frames" in said and "What was found before is kept." in said


def test_what_was_found_before_the_detector_failed_is_kept(place, images, capsys):
    film("cats.mp4", [images[0]] * 3)

    def fails_later(given, seen=[]):  # noqa: B006
        seen.append(1)
        return {}["no number"] if len(seen) == 3 else nothing_found(given)

    assert video.run(fails_later, {}, sources.Video("cats.mp4"), "found")["frames"] == 2
    assert "cats.mp4, frame 3: the detector fails on this image of 140x90 pixels" in capsys.readouterr().err


def test_a_video_of_one_row_is_drawn(place, images):
    row = sources.Frame(images[0][:1], 0.0)
    one = type("OneRow", (list,), {"name": "row", "total": None, "problem": "", "frames_per_second": 5.0})([row])
    assert video.run(nothing_found, {}, one, "found")["frames"] == 1
    assert next(iter(sources.Video("found/drawn.mp4"))).image.shape == (2, 140, 3)


def test_what_boxwright_drew_is_passed_over(place, standard, capsys):
    for number in (1, 2):
        assert cli.main(["detect", str(standard[0]), "first", "--out", f"first/found{number}"]) == 0
    said = capsys.readouterr()
    assert said.out.count("on 1 image: ") == 2
    assert "Passed over: 1 image with boxes that boxwright drew." in said.err
    with pytest.raises(UserError, match="On every image in first/found1 boxwright drew boxes"):
        sources.images(["first/found1"])
    assert [one.name for one in sources.images(["first/found1/a.jpg"])] == ["a.jpg"]


@pytest.mark.parametrize("threshold", ["50", "nan", "-0.1", "inf"])
def test_a_threshold_is_from_0_to_1(place, threshold, capsys):
    assert cli.main(["detect", "nowhere", "first", f"--score-threshold={threshold}"]) == 1
    assert "--score-threshold takes a number from 0 to 1, not" in capsys.readouterr().err


def test_a_place_for_results_is_checked_first(place, monkeypatch, capsys):
    assert cli.main(["detect", "nowhere", "first", "--out", "second/a.png/found"]) == 1
    assert f"second/a.png/found cannot be a folder: {place}/second/a.png is a file." in capsys.readouterr().err

    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert cli.main(["detect", "nowhere", "first", "--out", "found"]) == 1
    assert f"found cannot be written: {place} allows no new file." in capsys.readouterr().err


def test_nothing_that_can_be_read_is_an_error_without_a_folder_too(place, standard, capsys):
    (place / "zero.jpg").write_bytes(b"")
    assert cli.main(["detect", str(standard[0]), "zero.jpg"]) == 1
    assert "The only image cannot be read: zero.jpg." in capsys.readouterr().err


def test_a_large_image_gets_no_advice_for_a_run(place, standard, monkeypatch, capsys):
    monkeypatch.setattr(sources.loader, "MAX_PIXELS", 64 * 64)
    assert cli.main(["detect", str(standard[0]), "first/a.png", "second/b.jpg"]) == 0
    said = capsys.readouterr().err
    assert "first/a.png is too large" in said and "Scale it down." in said and "max_pixels" not in said


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

    tables = Tables({7: "big, cat", 9: "owl"})
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
    about = COCO(str(tmp_path / "images_coco.json"))
    assert about.imgs[2] == {"id": 2, "file_name": "cat.png", "width": 200, "height": 100}
    assert about.cats[9] == {"id": 9, "name": "owl"}
    assert about.loadRes(str(tmp_path / "detections_coco.json")).getImgIds() == [1, 2]


def test_an_image_that_shares_a_name_with_a_table(place, standard):
    (place / "first/a.png").rename(place / "first/detections_coco.png")
    assert cli.main(["detect", str(standard[0]), "first", "--out", "found"]) == 0
    assert isinstance(json.loads((place / "found/detections_coco.json").read_text()), list)
    assert json.loads((place / "found/detections_coco.png.json").read_text())["image"] == "detections_coco.png"
