"""The graph that ends before suppression: its values are the engine's, and other runtimes can read it."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog import forms
from boxwright.core.signature import INPUT, RAW_OUTPUTS
from boxwright.detector import inference
from boxwright.detector.build import build
from boxwright.export import form, loops
from boxwright.export.forms import raw_graph
from boxwright.pipeline import text
from boxwright.runtimes import frozen_graph

RAW = forms.named("raw_graph")
LOOPS = {"Enter", "Exit", "NextIteration", "Switch", "Merge", "While", "If", "TensorListStack", "TensorListReserve"}


@pytest.fixture(scope="module")
def raw(exported, images):
    """The path of the raw graph of the small detector, and its check."""
    kept = exported.with_name(f"{exported.name}.npz")
    checked = form.export(RAW, exported / forms.CHECKPOINT.path, images, exported, kept)
    yield exported / RAW.path, checked
    (exported / RAW.path).unlink()  # the folder is shared


def test_its_rows_are_the_frozen_graphs(raw, exported, images):
    path, checked = raw
    ours, whole = frozen_graph.load(path), frozen_graph.load(exported / "frozen_inference_graph.pb")
    for image in images:
        batch = np.stack([image, 255 - image])
        found, wanted = ours(batch), whole(batch)
        assert set(found) == {"raw_detection_boxes", "raw_detection_scores"}
        for name, value in found.items():
            np.testing.assert_array_equal(value, wanted[name], err_msg=name)
    same = checked["same_detections"]
    assert same["share"] == 1 and same["detections"] == len(images) * found["raw_detection_boxes"].shape[1]
    assert max(same["max_box"], same["max_score"]) < 1e-5 and checked["complaints"] == []


def test_nothing_of_it_stops_a_converter(raw):
    operations = {node.op: node for node in frozen_graph.read(raw[0]).node}
    assert not LOOPS & set(operations) and "CombinedNonMaxSuppression" not in operations
    # Other runtimes resize no bytes.
    assert operations["ResizeBilinear"].attr["T"].type == tf.float32.as_datatype_enum


def by_tf2onnx(path):
    """The rows of an image by the ONNX model that tf2onnx makes of the file, as its command line does."""
    onnxruntime, tf2onnx = pytest.importorskip("onnxruntime"), pytest.importorskip("tf2onnx")
    names = [f"{name}:0" for name in RAW_OUTPUTS]
    model, _ = tf2onnx.convert.from_graph_def(frozen_graph.read(path), input_names=[f"{INPUT}:0"], output_names=names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda images: dict(zip(RAW_OUTPUTS, session.run(names, {f"{INPUT}:0": images}), strict=True))


def by_openvino(path):
    """The rows of an image by the model that OpenVINO reads from the file."""
    pytest.importorskip("openvino")
    from boxwright.core.openvino import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: {name: compiled([images])[f"{name}:0"] for name in RAW_OUTPUTS}


@pytest.mark.parametrize("converter", [by_tf2onnx, by_openvino])
def test_converters_read_it(raw, images, converter):
    ours, theirs = frozen_graph.load(raw[0]), converter(raw[0])
    for image in images:
        batch = np.stack([image, 255 - image])
        wanted, found = ours(batch), theirs(batch)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


def test_equal_checkpoints_give_equal_bytes(raw, exported, tmp_path):
    raw_graph.write(exported / forms.CHECKPOINT.path, tmp_path / "again.pb")
    assert (tmp_path / "again.pb").read_bytes() == raw[0].read_bytes()


def padded(config):
    """The small detector with images that keep their aspect ratio: they cannot be resized together."""
    changed = type(config)()
    changed.CopyFrom(config)
    resizer = changed.model.ssd.image_resizer.keep_aspect_ratio_resizer
    resizer.min_dimension, resizer.max_dimension, resizer.pad_to_max_dimension = 80, 120, True
    return changed


def test_images_that_keep_their_aspect_ratio_come_one_at_a_time(config, prefix, export, images, tmp_path):
    folder = tmp_path / "model"
    export(padded(config), prefix, folder)
    checked = form.export(RAW, folder / forms.CHECKPOINT.path, images, folder, tmp_path / "model.npz")
    # Equal to the bit in a process of its own; an earlier test of this one may have switched off the optimizer that
    # merges the factors of the padding, which rounds in another place.
    assert checked["same_detections"]["share"] == 1 and checked["same_detections"]["max_box"] <= 2 * np.finfo("f4").eps
    definition = frozen_graph.read(folder / RAW.path)
    assert not LOOPS & {node.op for node in definition.node}
    (given,) = (node for node in definition.node if node.op == "Placeholder")
    assert [one.size for one in given.attr["shape"].shape.dim] == [1, -1, -1, 3]


def test_a_graph_of_other_weights_is_refused(exported, config, images, tmp_path, monkeypatch):
    other = build(config.model, seed=99)
    engine = forms.CHECKPOINT.module
    monkeypatch.setattr(raw_graph.inference, "load", lambda *_: other)
    whole = frozen_graph.load(exported / "frozen_inference_graph.pb")
    monkeypatch.setattr(f"{engine}.load", lambda _: whole)
    with pytest.raises(RuntimeError, match="raw frozen graph does not give the detections"):
        form.export(RAW, exported / forms.CHECKPOINT.path, images, tmp_path, tmp_path / "none.npz")
    assert not (tmp_path / RAW.path).exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["faster_rcnn_resnet50", "efficientdet_d0", "ssd_mobilenet_v2_fpnlite_320"])
def test_the_rows_of_other_models_are_the_engines(name, tmp_path):
    """With the weights that a training starts with: of two stages too, whose proposals are suppressed in the graph."""
    detector = build(text.read(f"config/pipelines/{name}.config").model, seed=0)
    definition = raw_graph.frozen(detector)
    assert not loops.are_in(definition)
    image = np.random.default_rng(0).integers(0, 255, (1, 90, 140, 3), np.uint8)
    found = frozen_graph.FrozenGraph(definition)(image)
    wanted = inference.on_images(detector, tf.constant(image))
    for key, value in found.items():
        np.testing.assert_allclose(value, wanted[key], atol=1e-5, err_msg=key)
