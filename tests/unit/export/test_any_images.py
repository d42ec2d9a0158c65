"""`boxwright evaluate`: any exported detector, found by any of its paths, measured as a run measures it."""

import json
import re
import shutil

import numpy as np
import pytest
from onnx import TensorProto, helper, save
from PIL import Image
from small_detector import LABEL_MAP
from tests import factories

from boxwright.catalog import forms
from boxwright.cli import main
from boxwright.core.errors import UserError
from boxwright.dataset import gate, label_map
from boxwright.dataset.samples import Box, Sample, boxes_from_json
from boxwright.evaluation import any_images, names
from boxwright.evaluation import exported as measured
from boxwright.records import shards
from boxwright.runtimes import find


@pytest.fixture(scope="module")
def data(tmp_path_factory, exported, images):
    """Images annotated with the detector's own best detections, one of them under a name that it does not know."""
    detect = find.find(exported).load()
    data = factories.DataSet(tmp_path_factory.mktemp("any") / "data")
    known = {number: name for name, number in LABEL_MAP.items()}
    for number, image in enumerate(images):
        found, (height, width) = detect(image[np.newaxis]), image.shape[:2]
        boxes = []
        for box, kind in zip(found["detection_boxes"][0][:4], found["detection_classes"][0][:4], strict=True):
            ymin, xmin, ymax, xmax = (box.clip(0, 1) * [height, width, height, width]).tolist()
            boxes.append(Box(known[int(kind)], xmin, ymin, xmax, ymax))
        if number == 0:
            boxes[0] = boxes[0]._replace(class_name="Dogs")
        data.sample(f"{number}.png", *boxes, data=factories.encode(Image.fromarray(image), "PNG"), size=(width, height))
    return data


@pytest.fixture
def folders(data):
    return [str(data.images)], [str(data.annotations)]


def copied(exported, folder, *names):
    """Some files of the export in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (shutil.copytree if (exported / name).is_dir() else shutil.copy)(exported / name, folder / name)
    return folder


# Finding a detector


@pytest.mark.parametrize(
    ("path", "form", "opened"),
    [
        ("", "frozen_graph", "frozen_inference_graph.pb"),
        ("frozen_inference_graph.pb", "frozen_graph", "frozen_inference_graph.pb"),
        ("saved_model", "saved_model", "saved_model"),
        ("model.ckpt", "checkpoint", "model.ckpt"),
        ("model.ckpt.index", "checkpoint", "model.ckpt"),
    ],
)
def test_a_detector_is_found_by_its_folder_and_by_each_form(exported, path, form, opened):
    found = find.find(exported / path)
    assert (found.form.name, found.path) == (form, exported / opened)
    assert found.label_map == exported / forms.LABEL_MAP and found.pipeline == exported / forms.PIPELINE


def test_a_file_under_another_name_and_without_pipeline_config(exported, tmp_path):
    folder = copied(exported, tmp_path / "taken", forms.LABEL_MAP, "frozen_inference_graph.pb")
    (folder / "frozen_inference_graph.pb").rename(folder / "cats.pb")
    (folder / forms.LABEL_MAP).rename(folder / "classes.pbtxt")
    found = find.find(folder / "cats.pb")
    assert (found.form.name, found.label_map.name, found.pipeline) == ("frozen_graph", "classes.pbtxt", None)


def test_what_is_no_detector_is_said(exported, tmp_path):
    (tmp_path / "model").mkdir()
    for path, said in {
        tmp_path / "nowhere": "There is no file or folder .*nowhere",
        tmp_path / "model": "holds no exported detector, none of: frozen_inference_graph.pb",
        exported / forms.PIPELINE: "pipeline.config is not a file of an exported detector",
    }.items():
        with pytest.raises(UserError, match=said):
            find.find(path)
    for name in ("a", "b"):
        copied(exported, tmp_path / "results/models" / name / forms.FOLDER, "frozen_inference_graph.pb")
    for above in ("results", "results/models"):
        with pytest.raises(UserError, match=r"Did you mean .*a/fine_tuned_model or .*b/fine_tuned_model\?"):
            find.find(tmp_path / above)
    copied(exported, tmp_path / "model" / forms.FOLDER, "frozen_inference_graph.pb")
    with pytest.raises(UserError, match=r"Did you mean .*model/fine_tuned_model"):
        find.find(tmp_path / "model")
    with pytest.raises(UserError, match="There is no label map beside the detector"):
        find.find(tmp_path / "model" / forms.FOLDER)


def test_a_file_that_does_not_run_or_does_not_detect_is_said(exported, tmp_path):
    import tensorflow as tf

    folder = copied(exported, tmp_path / "broken", forms.LABEL_MAP)
    (folder / "frozen_inference_graph.pb").write_bytes(b"not a graph")
    with pytest.raises(UserError, match="does not run as a frozen graph: "):
        find.find(folder).load()
    with tf.Graph().as_default() as graph:
        pixels = tf.compat.v1.placeholder(tf.uint8, [None, None, None, 3], "image_tensor")
        tf.identity(tf.cast(pixels, tf.float32), "detection_scores")
    (folder / "frozen_inference_graph.pb").write_bytes(graph.as_graph_def().SerializeToString())
    with pytest.raises(UserError, match="lacks the outputs detection_boxes, detection_classes"):
        find.find(folder).load()


def test_a_saved_model_of_the_od_api_for_tensorflow_2_runs(exported, tmp_path):
    import tensorflow as tf

    class Detector(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)])
        def __call__(self, input_tensor):
            count = tf.cast(tf.reduce_max(input_tensor), tf.float32)
            boxes = {"detection_boxes": tf.ones([1, 5, 4]), "detection_scores": tf.ones([1, 5]) * count}
            return boxes | {"detection_classes": tf.ones([1, 5]), "num_detections": tf.ones([1])}

    folder = copied(exported, tmp_path / "tf2", forms.LABEL_MAP)
    tf.saved_model.save(Detector(), str(folder / "saved_model"))
    found = find.find(folder).load()(np.full((1, 8, 8, 3), 7, np.uint8))
    assert found["detection_scores"].tolist() == [[7.0] * 5]


@pytest.mark.parametrize(("last", "refused"), [(1, False), (9, True)])
def test_the_label_map_of_another_detector(exported, tmp_path, capfd, last, refused):
    folder = copied(exported, tmp_path / "moved", "frozen_inference_graph.pb")
    label_map.write(folder / forms.LABEL_MAP, {f"class {number}": number for number in range(1, last + 1)})
    if refused:
        with pytest.raises(
            UserError, match=r"label map of another detector: the last class of .* has the number 9, and"
        ):
            find.find(folder).load()
    else:
        find.find(folder).load()
        assert f"has the number {last}, and" in capfd.readouterr().err


def test_label_maps_that_differ_are_named(exported, tmp_path):
    folder = copied(exported, tmp_path / "two", "frozen_inference_graph.pb")
    for number, name in enumerate(("old_label_map.pbtxt", "new_label_map.pbtxt"), start=1):
        label_map.write(folder / name, {f"owl {number}": 1})
    with pytest.raises(UserError, match=r"lie label maps that differ: .*new_label_map\.pbtxt, .*old_label_map\.pbtxt"):
        find.find(folder)


@pytest.mark.parametrize("name", ["detector", "detector_float16", "cats"])
def test_an_openvino_model_in_a_folder_of_another_name(tmp_path, name):
    label_map.write(tmp_path / forms.LABEL_MAP, LABEL_MAP)
    for ending in (".xml", ".bin"):
        (tmp_path / f"{name}{ending}").write_text("damaged")
    found = find.find(tmp_path / f"{name}.xml")
    assert found.form.name == ("openvino_float16" if name == "detector_float16" else "openvino")
    with pytest.raises(UserError, match=r"does not run as an OpenVINO model") as refused:
        found.load()
    assert "Exception from" not in str(refused.value) and "Check '" not in str(refused.value)
    (tmp_path / f"{name}.bin").unlink()
    with pytest.raises(UserError, match="is not a file of an exported detector"):
        find.find(tmp_path / f"{name}.xml")


def test_a_model_with_two_inputs_is_no_detector(tmp_path):
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("left", "right")]
    output = helper.make_tensor_value_info("both", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["left", "right"], ["both"])], "sum", inputs, [output])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "sum.onnx")
    label_map.write(tmp_path / forms.LABEL_MAP, LABEL_MAP)
    with pytest.raises(UserError, match=r"does not run as an ONNX model: it has 2 inputs \(left, right\)"):
        find.find(tmp_path / "sum.onnx").load()


# Measuring it


def measure(path, folders):
    detector = find.find(path)
    prepared = any_images.prepare(detector, *folders)
    return prepared, prepared.measure(detector)


def test_the_numbers_are_those_of_a_run(exported, folders, config, prefix, tmp_path):
    """The same images through a shard, by the rule's own code, with the checkpoint that was exported."""
    from boxwright.evaluation import run

    _, evaluation = measure(exported / "model.ckpt", folders)
    kept = [
        Sample(*one[:7], boxes_from_json(one.boxes), boxes_from_json(one.regions))
        for one in gate.check(*folders).samples
    ]
    kept = [one._replace(boxes=tuple(box for box in one.boxes if box.class_name in LABEL_MAP)) for one in kept]
    (tmp_path / "eval.jsonl").write_text("".join(f"{one.to_json()}\n" for one in kept))
    shards.write_shard(tmp_path / "eval.jsonl", LABEL_MAP, tmp_path / "eval.tfrecord")
    out = run.Outputs(*(tmp_path / name for name in ("m", "a", "d", "tfevents", "train.tfevents")))
    records = [tmp_path / "eval.tfrecord"]
    of_run = run.run(config, prefix, records, records, LABEL_MAP, out, model="small", step=30, seed=0)
    assert 0.3 < of_run["metrics"][names.PRECISION + "mAP@.50IOU"] < 1
    result = measured.content(evaluation, {})
    assert result["metrics"] == pytest.approx(of_run["metrics"], abs=1e-6)
    assert (result["images"], result["boxes"]) == (of_run["images"], of_run["boxes"]) == (3, 11)
    analysed = json.loads((tmp_path / "a").read_text())
    assert evaluation.measured.analysis["score_threshold"] == analysed["score_threshold"] == 0.3
    assert evaluation.measured.analysis["confusion"] == analysed["confusion"]


def test_every_form_gives_the_same_numbers(exported, folders):
    values = [
        measure(exported / form.path, folders)[1].measured.metrics
        for form in forms.chosen(("frozen_graph", "saved_model"))
    ]
    for other in values[1:]:
        assert other == pytest.approx(values[0], abs=0.02)


def test_unknown_classes_are_said_and_forgive_nothing(exported, data, folders, tmp_path):
    """An unknown box counts as if it were not annotated: what is detected there is wrong."""
    prepared, evaluation = measure(exported, folders)
    assert prepared.notes == [
        "The detector does not know Dogs (1 box; is it dog?). These boxes are left out: what is detected there counts "
        "as wrong."
    ]
    without = tmp_path / "annotations"
    shutil.copytree(data.annotations, without)
    text = (without / "0.xml").read_text()
    unknown = next(part for part in re.findall(r"<object>.*?</object>", text, re.DOTALL) if "Dogs" in part)
    (without / "0.xml").write_text(text.replace(unknown, ""))
    _, other = measure(exported, (folders[0], [str(without)]))
    assert evaluation.measured.metrics == other.measured.metrics
    assert evaluation.measured.metrics[names.PRECISION + "mAP@.50IOU"] < 1


def test_display_names_are_the_names_and_either_is_understood(exported, folders, tmp_path):
    folder = copied(exported, tmp_path / "named", "frozen_inference_graph.pb")
    items = zip(LABEL_MAP.items(), ("cat", "chien", "owl"), strict=True)
    text = "".join(f'item {{ name: "{name}" id: {id} display_name: "{shown}" }}\n' for (name, id), shown in items)
    (folder / forms.LABEL_MAP).write_text(text)
    prepared = any_images.prepare(find.find(folder), *folders)
    assert prepared.classes == {"cat": 1, "chien": 2, "owl": 3}
    said = {name for record in map(prepared.records.__getitem__, range(3)) for name in record.class_text}
    assert said <= prepared.classes.keys() and "is it dog?" in prepared.notes[0]


def test_images_without_any_class_of_the_detector_are_refused(exported, folders, tmp_path):
    folder = copied(exported, tmp_path / "others", "frozen_inference_graph.pb")
    label_map.write(folder / forms.LABEL_MAP, {"emu": 1})
    with pytest.raises(UserError, match="There is nothing to measure: no box on the 3 images") as refused:
        any_images.prepare(find.find(folder), *folders)
    assert "which has" not in str(refused.value) and "has emu." in str(refused.value)


def test_a_label_map_with_more_classes_than_the_detector_is_refused(exported, folders, tmp_path):
    folder = copied(exported, tmp_path / "more", "frozen_inference_graph.pb", forms.PIPELINE)
    label_map.write(folder / forms.LABEL_MAP, LABEL_MAP | {"emu": 4})
    with pytest.raises(UserError, match=r"has 3 classes, so it cannot detect: emu \(4\)"):
        any_images.prepare(find.find(folder), *folders)


# The command


def test_the_command_prints_the_table_and_writes_everything(exported, folders, tmp_path, capsys):
    out = tmp_path / "out"
    (images, *_), (annotations, *_) = folders
    given = ["evaluate", str(exported), "--images", images, "--annotations", annotations]
    assert main([*given, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("3 images, 3 annotations; 3 images are used.")
    assert f"The frozen graph {exported / 'frozen_inference_graph.pb'}: 3 images, 11 boxes" in said
    assert "The detector does not know Dogs" in said and str(out) in said
    result = json.loads((out / "metrics.json").read_text())
    assert result["form"] == "frozen_graph" and result["boxes"] == 11
    assert "at least 20 images" in json.loads((out / "analysis.json").read_text())["interval_reason"]
    truth = json.loads((out / "eval.coco.json").read_text())
    ids = {one["id"] for one in truth["images"]}
    assert {one["image_id"] for one in json.loads((out / "detections.json").read_text())} <= ids
    assert (out / "checks.tsv").read_text().startswith("file\t")
    assert list(out.glob("events.out.tfevents.*"))
    drawn = ("precision_recall.svg", "confusion.svg", "errors.svg", "reliability.svg")
    pages = ("classes.html", "scores.html", "images.html")
    assert {path.name for path in (out / "figures").iterdir()} == {*drawn, *pages, "strip.jpg"}
    assert main(given) == 0
    assert "mAP@.50IOU" in capsys.readouterr().out


@pytest.mark.parametrize("out", ["full", "full/metrics.json", "full/metrics.json/out"])
def test_a_place_for_results_is_checked_before_anything_is_measured(exported, folders, tmp_path, capsys, out):
    (images, *_), (annotations, *_) = folders
    (tmp_path / "full").mkdir()
    (tmp_path / "full/metrics.json").write_text("earlier")
    given = ["evaluate", str(exported), "--images", images, "--annotations", annotations]
    assert main([*given, "--out", str(tmp_path / out)]) == 1
    said = capsys.readouterr()
    assert not said.out and ("no empty folder" in said.err or "metrics.json is a file" in said.err)
    assert [path.read_text() for path in (tmp_path / "full").iterdir()] == ["earlier"]


def test_mistakes_are_one_sentence_and_exit_1(exported, folders, tmp_path, capsys):
    (images, *_), _ = folders
    assert main(["evaluate", str(tmp_path), "--images", images, "--annotations", images]) == 1
    assert main(["evaluate", str(exported), "--images", images, "--annotations", images]) == 1
    said = capsys.readouterr().err
    assert "holds no exported detector" in said and "There is no annotation in" in said
    assert "Traceback" not in said
