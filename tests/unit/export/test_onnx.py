"""The ONNX model and OpenVINO's: the checkpoint's detections, from standard operations, with nothing sent anywhere."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
from golden_case import Case, picture
from PIL import Image

from boxwright import protos
from boxwright.catalog import forms
from boxwright.core.openvino import openvino as core_openvino
from boxwright.core.signature import INPUT, OUTPUTS
from boxwright.detector import inference
from boxwright.detector.build import build
from boxwright.export import batches, check, graph, onnx_graph, openvino_model
from boxwright.export.forms import checkpoint, openvino, openvino_float16
from boxwright.export.forms import onnx as onnx_form
from boxwright.images import loader
from boxwright.pipeline import text
from boxwright.runtimes import find
from boxwright.runtimes import onnx as onnx_runtime
from boxwright.runtimes import openvino as openvino_runtime

ONNX, OPENVINO, HALF = (forms.named(name) for name in ("onnx", "openvino", "openvino_float16"))


@pytest.fixture(scope="module")
def folder(standard):
    return standard


def agrees(found, wanted, tolerance: float = 2e-5) -> None:
    """Whether two answers to a batch are the same; of nearly equal scores either may come first."""
    for key in ("raw_detection_boxes", "raw_detection_scores", "detection_scores", "num_detections"):
        np.testing.assert_allclose(found[key], wanted[key], atol=tolerance, err_msg=key)
    rows = [
        [{key: value[[row]] for key, value in one.items()} for one in (wanted, found)]
        for row in range(len(wanted["num_detections"]))
    ]
    same = check.compare(rows, tolerance)
    assert same["share"] == 1 and same["detections"] > 10, same


def test_every_output_is_the_checkpoints(folder, images):
    engine = checkpoint.load(folder[0] / "model.ckpt")
    ours = onnx_runtime.load(folder[0] / ONNX.path, threads=1)
    intels = openvino_runtime.load(folder[0] / OPENVINO.path, threads=1)
    for image in images:
        batch = np.stack([image, 255 - image, image[::-1]])
        wanted = engine(batch)
        for name, found in (("onnx", ours(batch)), ("openvino", intels(batch))):
            assert set(found) == set(wanted) == set(OUTPUTS)
            assert {(found[key].dtype, found[key].shape == value.shape) for key, value in wanted.items()} == {
                (np.dtype(np.float32), True)
            }, name
            agrees(found, wanted)


def test_the_checks_of_the_three(folder):
    for name, checked in folder[1].items():
        same = checked["same_detections"]
        assert same["share"] >= (0.99 if name == HALF.name else 1), (name, same)
        if name != HALF.name:
            assert max(same["max_box"], same["max_score"]) < 1e-5, (name, same)
        assert checked["complaints"] == []
    assert 0.45 < folder[1]["openvino_float16"]["bytes"] / folder[1]["openvino"]["bytes"] < 0.8


def test_only_standard_operations_that_current_runtimes_read(folder):
    model = onnx.load(folder[0] / ONNX.path)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", onnx_graph.OPSET)]
    assert onnx_graph.OPSET <= 19
    operations = [node.op_type for node in model.graph.node]
    assert all(node.domain == "" for node in model.graph.node)
    assert "NonMaxSuppression" in operations and not {"Loop", "If", "Scan"} & set(operations)
    (given,) = model.graph.input
    assert given.name == INPUT and given.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert [one.dim_value for one in given.type.tensor_type.shape.dim] == [0, 0, 0, 3]
    assert [one.name for one in model.graph.output] == list(OUTPUTS)


def test_opencv_finds_the_same(folder, images):
    network = cv2.dnn.readNetFromONNX(str(folder[0] / ONNX.path))
    wanted = onnx_runtime.load(folder[0] / ONNX.path)(images[0][None])
    network.setInput(images[0][None], INPUT)
    agrees(dict(zip(OUTPUTS, network.forward(list(OUTPUTS)), strict=True)), wanted)


def test_the_lines_for_opencv_run_as_they_stand(folder, images, tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "docs/forms.md").read_text(encoding="utf-8")
    (lines,) = (part for part in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "cv2" in part)
    (tmp_path / "fine_tuned_model").symlink_to(folder[0], target_is_directory=True)
    Image.fromarray(images[0]).save(tmp_path / "image.jpg")
    monkeypatch.chdir(tmp_path)
    found: dict = {}
    exec(lines, found)
    wanted = onnx_runtime.load(folder[0] / ONNX.path)(np.ascontiguousarray(cv2.imread("image.jpg")[None, ..., ::-1]))
    np.testing.assert_allclose(found["scores"], wanted["detection_scores"], atol=1e-4)
    # Of nearly equal scores either box may come first.
    far = np.abs(found["boxes"][0][:, None] - wanted["detection_boxes"][0][None]).max(axis=-1)
    assert far.min(axis=0).max() < 1e-3 and found["classes"].shape == found["scores"].shape


def test_equal_checkpoints_give_equal_bytes(folder, tmp_path):
    onnx_form.write(folder[0] / "model.ckpt", tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == (folder[0] / ONNX.path).read_bytes()
    for one, module in ((OPENVINO, openvino), (HALF, openvino_float16)):
        module.write(tmp_path / "again.onnx", tmp_path / one.path)
        for name in one.files:
            assert (tmp_path / name).read_bytes() == (folder[0] / name).read_bytes(), name


@pytest.mark.parametrize(
    "named, form_name",
    [
        ("", "onnx"),
        ("detector.onnx", "onnx"),
        ("openvino", "openvino"),
        ("openvino/detector.xml", "openvino"),
        ("openvino/detector.bin", "openvino"),
        ("openvino/detector_float16.xml", "openvino_float16"),
    ],
)
def test_a_path_names_a_form(folder, named, form_name):
    found = find.find(folder[0] / named)
    assert found.form.name == form_name and found.path == folder[0] / found.form.path
    assert found.pipeline == folder[0] / forms.PIPELINE


def test_nothing_is_sent_when_openvino_is_imported(folder, images):
    """In a process whose network is gone, and whose telemetry would say so."""
    program = f"""
import socket, sys
def refuse(*arguments, **more):
    raise SystemExit("a connection was opened")
socket.socket = refuse
from boxwright.runtimes import openvino
import numpy
openvino.load({str(folder[0] / OPENVINO.path)!r})(numpy.zeros((1, 8, 8, 3), "uint8"))
from openvino.tools.ovc import telemetry_utils
assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub", telemetry_utils.tm
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
print("nothing was sent")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "nothing was sent", done.stderr


def test_float32_is_what_openvino_computes_in(folder, images):
    """Where a processor has bfloat16, OpenVINO's own choice is another detector; ours is the checkpoint."""
    engine = checkpoint.load(folder[0] / "model.ckpt")(images[0][None])
    raw = "raw_detection_scores"
    ours = openvino_runtime.load(folder[0] / OPENVINO.path)(images[0][None])[raw]
    assert np.abs(ours - engine[raw]).max() < 1e-5
    coarse = openvino_runtime.load(folder[0] / OPENVINO.path, precision="bf16")(images[0][None])[raw]
    assert np.abs(coarse - engine[raw]).max() > 1e-5


@pytest.mark.parametrize(
    "resizer",
    [
        "keep_aspect_ratio_resizer { min_dimension: 80 max_dimension: 120 pad_to_max_dimension: true "
        "per_channel_pad_value: [10, 20, 30] }",
        "keep_aspect_ratio_resizer { min_dimension: 70 max_dimension: 100 }",
        "pad_to_multiple_resizer { multiple: 32 }",
        "conditional_shape_resizer { condition: GREATER size_threshold: 100 }",
        "conditional_shape_resizer { condition: SMALLER size_threshold: 100 resize_method: NEAREST_NEIGHBOR }",
        "fixed_shape_resizer { height: 64 width: 80 resize_method: NEAREST_NEIGHBOR convert_to_grayscale: true }",
    ],
    ids=lambda resizer: resizer.split("_resizer")[0],
)
def test_images_are_resized_together_as_one_by_one(config, images, resizer):
    changed = type(config)()
    changed.CopyFrom(config)
    given = text.parse(f"ssd {{ image_resizer {{ {resizer} }} }}", kind="DetectionModel")
    changed.model.ssd.image_resizer.CopyFrom(given.ssd.image_resizer)
    detector = build(changed.model, seed=0)

    def preprocess(given: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, shapes = batches.preprocess(detector, tf.cast(given, tf.float32))
        return {"pixels": pixels, "shapes": tf.cast(shapes, tf.float32)}

    flat = graph.frozen(preprocess, INPUT, tf.TensorSpec([None, None, None, 3], tf.uint8))
    assert not {"Enter", "While", "TensorListReserve"} & {node.op for node in flat.node}
    model = onnx_graph.converted(flat, "resizer", [INPUT], ["pixels", "shapes"])
    data = model.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    intels = core_openvino.Core().compile_model(
        openvino_model.converted(data), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for image in (*images, images[0][:40], images[0][:, :40], np.tile(images[2], [4, 6, 1])):
        batch = np.stack([image, 255 - image])
        in_openvino = intels([batch])
        for name, (pixels, shapes) in {
            "onnx": session.run(["pixels", "shapes"], {INPUT: batch}),
            "openvino": (in_openvino["pixels"], in_openvino["shapes"]),
        }.items():
            for row, one in enumerate(batch):
                wanted, shape = detector.preprocess(tf.constant(one))
                np.testing.assert_array_equal(shapes[row], shape, name)
                np.testing.assert_allclose(pixels[row], wanted, atol=1e-4, err_msg=name)


def test_regions_are_cut_out_as_tensorflow_does():
    random = np.random.default_rng(3)
    corners = np.sort(random.random((6, 2, 2)), axis=1).reshape(6, 4).astype(np.float32)
    boxes = np.concatenate([corners, [[0, 0, 0, 0], [0, 0, 1 - 2**-22, 1 - 2**-22]]]).astype(np.float32)

    def cut(features: tf.Tensor) -> dict[str, tf.Tensor]:
        images = tf.range(8) % tf.shape(features)[0]
        return {"regions": tf.image.crop_and_resize(features, tf.constant(boxes), images, [5, 7])}

    flat = graph.frozen(cut, "features", tf.TensorSpec([None, None, None, 4], tf.float32))
    model = onnx_graph.converted(flat, "regions", ["features"], ["regions"])
    features = random.normal(0, 1, (2, 9, 13, 4)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"features": features})
    np.testing.assert_allclose(found, cut(tf.constant(features))["regions"], atol=1e-5)
    assert "Loop" not in {node.op_type for node in model.graph.node}


def test_what_cannot_be_held_is_said_with_the_nearest_form(config):
    model, family = protos.model_of(config)
    for one in (ONNX, OPENVINO, HALF):
        assert one.refuses(model, family) == ""
    changed = type(config)()
    changed.CopyFrom(config)
    changed.model.ssd.post_processing.batch_non_max_suppression.soft_nms_sigma = 0.5
    changed.model.ssd.image_resizer.fixed_shape_resizer.resize_method = 2
    why = ONNX.refuses(*protos.model_of(changed))
    assert "no `soft_nms_sigma` (post_processing)" in why and "resize_method: BICUBIC" in why
    assert why.endswith("the nearest form is saved_model")


@pytest.mark.slow
def test_the_published_ssd_of_90_classes(shared, tmp_path):
    source = shared / "models/ssd_mobilenet_v1_0.75_depth_coco/model.ckpt"
    engine = checkpoint.load(source)
    onnx_form.write(source, tmp_path / "detector.onnx")
    openvino.write(tmp_path / "detector.onnx", tmp_path / "detector.xml")
    openvino_float16.write(tmp_path / "detector.onnx", tmp_path / "half.xml")
    images = [loader.load_rgb(path) for path in sorted((shared / "data/raccoon/images").iterdir())[:4]]
    wanted = [engine(image[None]) for image in images]
    for detect, tolerance, least in (
        (onnx_runtime.load(tmp_path / "detector.onnx"), 1e-4, 1),
        (openvino_runtime.load(tmp_path / "detector.xml"), 1e-4, 1),
        (openvino_runtime.load(tmp_path / "half.xml"), 1e-2, 0.99),
    ):
        same = check.compare(zip(wanted, [detect(image[None]) for image in images], strict=True), tolerance)
        assert same["share"] >= least and same["detections"] > 50, same


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    "name", ["faster_rcnn_resnet50", "rfcn_resnet101", "tf2_efficientdet_d0", "tf2_ssd_mobilenet_v2_fpnlite"]
)
def test_other_families_give_the_engines_rows(name, shared, tmp_path):
    """With recorded weights; of two stages too, whose proposals are suppressed in the graph."""
    detector, _ = Case(shared / "parity" / name).detector()
    (tmp_path / "detector.onnx").write_bytes(onnx_form.converted(detector).SerializeToString())
    openvino.write(tmp_path / "detector.onnx", tmp_path / "detector.xml")
    batch = np.stack([picture(7, 300, 400), picture(8, 300, 400)])
    wanted = {key: value.numpy() for key, value in inference.on_images(detector, tf.constant(batch)).items()}
    for runtime, path in ((onnx_runtime, "detector.onnx"), (openvino_runtime, "detector.xml")):
        agrees(runtime.load(tmp_path / path)(batch), wanted, 1e-4)


@pytest.mark.slow
@pytest.mark.alone
def test_centers_are_the_engines(shared, tmp_path):
    """The peaks of CenterNet, with recorded weights; one of two nearly equal neighbours may be the other's."""
    detector, _ = Case(shared / "parity/tf2_centernet_mobilenet_v2_fpn").detector()
    (tmp_path / "detector.onnx").write_bytes(onnx_form.converted(detector).SerializeToString())
    openvino.write(tmp_path / "detector.onnx", tmp_path / "detector.xml")
    batch = np.stack([picture(7, 180, 230), picture(8, 180, 230)])
    wanted = {key: value.numpy() for key, value in inference.on_images(detector, tf.constant(batch)).items()}
    for runtime, path in ((onnx_runtime, "detector.onnx"), (openvino_runtime, "detector.xml")):
        found = runtime.load(tmp_path / path)(batch)
        assert set(found) == set(wanted)
        rows = [[{key: one[[row]] for key, one in both.items()} for both in (wanted, found)] for row in range(2)]
        same = check.compare(rows, 1e-4)
        assert same["share"] >= check.LEAST_SAME and same["detections"] >= 100, (path, same)
