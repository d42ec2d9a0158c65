"""An exported detector on a folder of images."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from boxwright.core.errors import UserError
from boxwright.dataset.formats import voc
from boxwright.export import predict
from boxwright.images import drawing
from boxwright.runtimes import frozen_graph


@pytest.fixture(scope="module")
def folder(tmp_path_factory, images):
    """Images in nested folders, one turned by EXIF, one broken, two that share a stem, and a text file."""
    root = tmp_path_factory.mktemp("images")
    (root / "nested" / "deep").mkdir(parents=True)
    Image.fromarray(images[0]).save(root / "first.png")
    Image.fromarray(images[1]).save(root / "nested" / "deep" / "Second.PNG")
    Image.fromarray(images[2]).save(root / "nested" / "twin.png")
    Image.fromarray(images[2]).convert("L").save(root / "nested" / "twin.bmp")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: shown rotated by 90 degrees clockwise
    Image.fromarray(np.rot90(images[0])).save(root / "turned.png", exif=exif)
    (root / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    (root / "notes.txt").write_text("not an image")
    return root


@pytest.fixture(scope="module")
def detector(exported):
    """The detector at work, and the names of its classes."""
    return frozen_graph.load(exported / "frozen_inference_graph.pb"), {1: "cat", 2: "dog", 3: "owl"}


@pytest.fixture(scope="module")
def predicted(tmp_path_factory, detector, folder):
    out = tmp_path_factory.mktemp("results") / "predictions"
    counts = predict.run(*detector, predict.find(folder), out, score_threshold=0.2, line_thickness=2)
    return out, counts


def test_every_readable_image_has_its_three_files(predicted, folder):
    out, counts = predicted
    stems = ["first", "nested/deep/Second", "nested/twin.png", "nested/twin.bmp", "turned"]
    wanted = {f"{stem}{suffix}" for stem in stems for suffix in (".jpg", ".json", ".xml")}
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == wanted
    assert (counts["images"], counts["unreadable"]) == (5, 1)
    assert counts["detections"] == sum(len(json.loads(path.read_text())["detections"]) for path in out.rglob("*.json"))


def test_the_json_holds_the_graphs_detections(predicted, exported, images):
    out, _ = predicted
    content = json.loads((out / "first.json").read_text())
    height, width, _ = images[0].shape
    assert (content["image"], content["width"], content["height"]) == ("first.png", width, height)
    answer = frozen_graph.load(exported / "frozen_inference_graph.pb")(images[0][np.newaxis])
    kept = answer["detection_scores"][0] >= 0.2
    assert 0 < kept.sum() == len(content["detections"])
    for one, row in zip(content["detections"], np.flatnonzero(kept), strict=True):
        assert one["class"] == {1: "cat", 2: "dog", 3: "owl"}[one["id"]]
        assert one["id"] == answer["detection_classes"][0, row]
        assert one["score"] == pytest.approx(answer["detection_scores"][0, row], abs=1e-6)
        assert one["box"] == pytest.approx(answer["detection_boxes"][0, row].tolist(), abs=1e-6)
    scores = [one["score"] for one in content["detections"]]
    assert scores == sorted(scores, reverse=True)


def test_the_xml_is_an_annotation_with_whole_pixels(predicted):
    out, _ = predicted
    content = json.loads((out / "nested/deep/Second.json").read_text())
    source = (out / "nested/deep/Second.xml").read_bytes()
    (found,) = voc.read(source).statements
    assert found.image == "Second.PNG" and b"<folder>deep</folder>" in source
    assert (found.width, found.height) == (content["width"], content["height"])
    assert len(found.boxes) == len(content["detections"]) > 0
    for box, one in zip(found.boxes, content["detections"], strict=True):
        ymin, xmin, ymax, xmax = one["box"]
        pixels = (xmin * found.width, ymin * found.height, xmax * found.width, ymax * found.height)
        assert box.class_name == one["class"]
        assert all(side == int(side) for side in box.corners)
        assert np.abs(np.subtract(box.corners, pixels)).max() <= 1


def test_a_turned_image_is_seen_upright(predicted, images):
    out, _ = predicted
    upright, turned = (json.loads((out / name).read_text()) for name in ("first.json", "turned.json"))
    assert turned["detections"] == upright["detections"]
    assert (turned["width"], turned["height"]) == (upright["width"], upright["height"])
    assert Image.open(out / "turned.jpg").size == (turned["width"], turned["height"])


def test_the_boxes_are_drawn(predicted, images):
    out, _ = predicted
    best = json.loads((out / "first.json").read_text())["detections"][0]
    height, width, _ = images[0].shape
    drawn = np.asarray(Image.open(out / "first.jpg")).astype(int)
    plain = np.full((height, width, 3), 255, np.uint8)
    line = np.all(
        drawing.boxes(plain, [best["box"]], [best["id"]], [""], thickness=2) == drawing.colour(best["id"]), axis=2
    )
    near = np.abs(drawn[line] - drawing.colour(best["id"])).max(axis=1) < 60
    assert near.mean() > 0.6, "the line of the best box has its class's colour, where no label covers it"


def test_a_threshold_nothing_reaches_leaves_empty_annotations(tmp_path, detector, folder):
    counts = predict.run(*detector, predict.find(folder)[:2], tmp_path / "out", score_threshold=1.1)
    assert counts["detections"] == 0
    assert json.loads((tmp_path / "out/first.json").read_text())["detections"] == []
    assert voc.read((tmp_path / "out/first.xml").read_bytes()).statements[0].boxes == ()


def test_folders_without_images_are_errors(tmp_path, detector, folder):
    with pytest.raises(UserError, match="no folder"):
        predict.find(tmp_path / "missing")
    (tmp_path / "readme.txt").write_text("")
    with pytest.raises(UserError, match=r"holds no image.*\.png"):
        predict.find(tmp_path)
    broken = [one for one in predict.find(folder) if one.name == "broken.jpg"]
    with pytest.raises(UserError, match=r"The only image cannot be read: broken\.jpg"):
        predict.run(*detector, broken, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def nothing_found(images):
    shape = {"detection_boxes": (1, 0, 4), "detection_scores": (1, 0), "detection_classes": (1, 0)}
    return {name: np.zeros(size, np.float32) for name, size in shape.items()} | {"num_detections": np.zeros(1)}


def folder_of(names, folder):
    (folder / "images").mkdir()
    for name in names:
        Image.new("RGB", (64, 48)).save(folder / "images" / name)
    return predict.find(folder / "images")


@pytest.mark.parametrize(
    "names",
    [
        ["a.jpg", "a.png", "a.png.jpg"],
        ["a.png.jpg", "b.png", "a.png", "a.jpg"],
        ["B.png", "b.jpg", "b.png.png"],
        ["detections_coco.png", "detections_coco.png.png"],
    ],
)
def test_no_image_overwrites_the_results_of_another(tmp_path, names):
    found = folder_of(names, tmp_path)
    predict.run(nothing_found, {}, found, tmp_path / "out", tables=True)
    results = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json")]
    said = [one["image"] for one in results if isinstance(one, dict) and "image" in one]
    assert sorted(said) == sorted(names)
    written = [path.name.lower() for path in (tmp_path / "out").iterdir()]
    assert len(written) == len(set(written)) == 3 * len(names) + 3


def test_an_image_on_which_the_detector_fails_is_left_out(tmp_path, capsys):
    def fails_once(images, seen=[]):  # noqa: B006
        seen.append(1)
        return {}["no number"] if len(seen) == 2 else nothing_found(images)

    found = folder_of(["a.png", "b.png", "c.png"], tmp_path)
    counts = predict.run(fails_once, {}, found, tmp_path / "out")
    assert (counts["images"], counts["unreadable"]) == (2, 1)
    assert "b.png: the detector fails on this image of 64x48 pixels ('no number')." in "".join(capsys.readouterr())
    assert len(list((tmp_path / "out").iterdir())) == 6


@pytest.mark.parametrize("keep", [True, False])
def test_an_interrupt_leaves_what_is_finished_if_asked(tmp_path, monkeypatch, keep):
    """The second image is half written then."""
    written = predict.voc.write

    def interrupted(path, **about):
        if path.name == "b.xml":
            raise KeyboardInterrupt
        written(path, **about)

    monkeypatch.setattr(predict.voc, "write", interrupted)
    found = folder_of(["a.png", "b.png", "c.png"], tmp_path)
    with pytest.raises(KeyboardInterrupt):
        predict.run(nothing_found, {}, found, tmp_path / "out", tables=True, keep=keep)
    names = {"a.jpg", "a.json", "a.xml", "detections.csv", "detections_coco.json", "images_coco.json"}
    assert {path.name for path in (tmp_path / "out").glob("*")} == (names if keep else set())


def test_images_above_the_limit_are_left_out_and_named(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images/fits.png")
    Image.new("RGB", (65, 48)).save(tmp_path / "images/more.png")
    found = predict.find(tmp_path / "images")
    counts = predict.run(nothing_found, {}, found, tmp_path / "out", max_pixels=64 * 48)
    assert (counts["images"], counts["unreadable"]) == (1, 1)
    told = "".join(capsys.readouterr())
    assert "more.png is too large: 65x48 are 3,120 pixels" in told and "`dataset.max_pixels`" in told
    assert (tmp_path / "out/fits.json").is_file() and not (tmp_path / "out/more.json").exists()


@pytest.mark.parametrize("name", [b"bad\xff.png", b"bad\x01.png", b"line\nend.png"])
def test_any_file_name_can_be_predicted_on(tmp_path, name):
    (tmp_path / "images").mkdir()
    Image.new("RGB", (64, 48)).save(tmp_path / "images" / os.fsdecode(name), "PNG")
    found = predict.find(tmp_path / "images")
    predict.run(nothing_found, {}, found, tmp_path / "out")
    (xml,) = (tmp_path / "out").glob("*.xml")
    (said,) = voc.read(xml.read_bytes()).statements
    assert said.image == json.loads(xml.with_suffix(".json").read_text())["image"]
