"""The exported files as TF1-style and TF2-style programs use them."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from small_detector import LABEL_MAP
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from boxwright.catalog import forms
from boxwright.checkpoints import checkpoint_files, object_graph_file
from boxwright.checkpoints.checkpoint_files import AVERAGE
from boxwright.core.errors import UserError
from boxwright.core.signature import OUTPUTS
from boxwright.dataset import label_map
from boxwright.detector import inference
from boxwright.detector.build import build
from boxwright.export import form, program
from boxwright.export.forms import checkpoint
from boxwright.export.summary import summary
from boxwright.pipeline import text
from boxwright.runtimes import frozen_graph, saved_model

from .conftest import USUAL

FROZEN_GRAPH = "frozen_inference_graph.pb"

# What programs written for the OD API do, in TensorFlow's 1.x ways alone.
TF1_PROGRAM = """
import sys, numpy as np, tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
folder, image, out = sys.argv[1:]
names = ["num_detections", "detection_boxes", "detection_scores", "detection_classes", "raw_detection_boxes",
         "raw_detection_scores", "detection_multiclass_scores"]
image = np.load(image)
with tf.Graph().as_default(), tf.Session() as session:
    graph_def = tf.GraphDef()
    with tf.gfile.GFile(folder + "/frozen_inference_graph.pb", "rb") as file:
        graph_def.ParseFromString(file.read())
    tf.import_graph_def(graph_def, name="")
    graph = tf.get_default_graph()
    fetches = {name: graph.get_tensor_by_name(name + ":0") for name in names}
    frozen = session.run(fetches, feed_dict={graph.get_tensor_by_name("image_tensor:0"): image[None]})
with tf.Graph().as_default(), tf.Session() as session:
    meta = tf.saved_model.loader.load(session, ["serve"], folder + "/saved_model")
    signature = meta.signature_def["serving_default"]
    assert signature.method_name == "tensorflow/serving/predict", signature.method_name
    assert list(signature.inputs) == ["inputs"] and signature.inputs["inputs"].name == "image_tensor:0"
    assert signature.outputs["detection_boxes"].name == "detection_boxes:0"
    saved = session.run({name: name + ":0" for name in names}, feed_dict={"image_tensor:0": image[None]})
np.savez(out, **frozen, **{"saved_" + name: value for name, value in saved.items()})
"""


def by_checkpoint(config, prefix, image):
    detector = inference.load(config, prefix)
    pixels, shape = detector.preprocess(tf.constant(image))
    found = inference.detections(detector, pixels[tf.newaxis], shape[tf.newaxis])
    return {name: value.numpy() for name, value in found.items()}


def test_a_tf1_program_gets_the_checkpoints_detections(exported, config, prefix, images, tmp_path):
    np.save(tmp_path / "image.npy", images[0])
    arguments = [str(exported), str(tmp_path / "image.npy"), str(tmp_path / "out.npz")]
    subprocess.run([sys.executable, "-c", TF1_PROGRAM, *arguments], check=True)
    answer = dict(np.load(tmp_path / "out.npz"))
    wanted = by_checkpoint(config, prefix, images[0])
    assert set(wanted) == set(OUTPUTS)
    for name, value in wanted.items():
        assert answer[name].dtype == np.float32 and answer[name].shape == value.shape, name
        np.testing.assert_allclose(answer[name], value, atol=2e-5, err_msg=name)
        np.testing.assert_array_equal(answer[name], answer[f"saved_{name}"])
    assert wanted["num_detections"].tolist() == [20]
    assert set(np.unique(answer["detection_classes"])) <= {1, 2, 3} and answer["detection_scores"][0, 0] > 0.3
    assert answer["raw_detection_boxes"].shape[1] == answer["raw_detection_scores"].shape[1]
    assert answer["detection_multiclass_scores"].shape == (1, 20, 4)


def test_tf2_programs_load_the_saved_model(exported, images):
    found = saved_model.load(exported / "saved_model")(images[1][np.newaxis])
    ours = frozen_graph.load(exported / FROZEN_GRAPH)(images[1][np.newaxis])
    assert set(found) == set(OUTPUTS)
    np.testing.assert_allclose(found["detection_boxes"], ours["detection_boxes"], atol=1e-6)


def test_a_saved_model_is_called_by_every_name_that_programs_know(exported, images):
    image = images[1][np.newaxis]
    wanted = frozen_graph.load(exported / FROZEN_GRAPH)(image)
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    assert set(loaded.signatures) == {"serving_default", "image_tensor", "encoded_image_string_tensor"}
    png = tf.io.encode_png(images[1])
    answers = {
        "called": loaded(image),
        "called by name": loaded(input_tensor=image),
        "TF1's name": loaded.signatures["serving_default"](inputs=tf.constant(image)),
        "without a name": loaded.signatures["serving_default"](tf.constant(image)),
        "TF2's name": loaded.signatures["image_tensor"](input_tensor=tf.constant(image)),
        "two files": loaded.signatures["encoded_image_string_tensor"](inputs=tf.stack([png, png])),
    }
    for how, found in answers.items():
        assert set(found) == set(OUTPUTS)
        for name, value in wanted.items():
            np.testing.assert_allclose(found[name][0], value[0], atol=1e-6, err_msg=f"{how}: {name}")
    np.testing.assert_array_equal(*answers["two files"]["detection_boxes"])


def test_servers_find_the_signatures_of_a_saved_model(exported):
    (meta,) = SavedModel.FromString((exported / "saved_model/saved_model.pb").read_bytes()).meta_graphs
    signatures = {name: one for name, one in meta.signature_def.items() if not name.startswith("__")}
    takes = {
        name: {key: (tf.as_dtype(given.dtype).name, len(given.tensor_shape.dim)) for key, given in one.inputs.items()}
        for name, one in signatures.items()
    }
    assert takes == {
        "serving_default": {"inputs": ("uint8", 4)},
        "image_tensor": {"input_tensor": ("uint8", 4)},
        "encoded_image_string_tensor": {"inputs": ("string", 1)},
    }
    assert all(one.outputs.keys() == set(OUTPUTS) for one in signatures.values())


def test_a_batch_of_any_size_equals_its_images(exported, images):
    network = frozen_graph.load(exported / FROZEN_GRAPH)
    for image in images:
        batch = np.stack([image, image[::-1], image[:, ::-1], 255 - image])
        together = network(batch)
        for row, one in enumerate(batch):
            alone = network(one[np.newaxis])
            for name, value in alone.items():
                np.testing.assert_allclose(together[name][row], value[0], atol=2e-5, err_msg=name)


def test_images_that_keep_their_aspect_ratio_are_padded_alike_in_a_batch(tmp_path, config, prefix, export, images):
    padded = type(config)()
    padded.CopyFrom(config)
    resizer = padded.model.ssd.image_resizer.keep_aspect_ratio_resizer
    resizer.min_dimension, resizer.max_dimension, resizer.pad_to_max_dimension = 80, 120, True
    export(padded, prefix, tmp_path / "model")
    network = frozen_graph.load(tmp_path / "model" / FROZEN_GRAPH)
    for image in images[:2]:
        together = network(np.stack([image, 255 - image]))
        for row, one in enumerate((image, 255 - image)):
            for name, value in by_checkpoint(padded, prefix, one).items():
                np.testing.assert_allclose(together[name][row], value[0], atol=2e-5, err_msg=name)


def test_the_frozen_graph_is_flat_and_batch_norm_is_in_the_kernels(exported):
    definition = tf.compat.v1.GraphDef.FromString((exported / FROZEN_GRAPH).read_bytes())
    operations = [node.op for node in definition.node]
    assert not definition.library.function
    assert not {"StatefulPartitionedCall", "PartitionedCall", "FusedBatchNormV3", "Rsqrt"} & set(operations)
    assert sum(op in ("Conv2D", "DepthwiseConv2dNative") for op in operations) == operations.count("BiasAdd")
    # Images of one size are resized together: no loop before the network.
    convolution = operations.index("Conv2D")
    assert "Enter" not in operations[:convolution]


def test_what_lies_beside_the_graph(exported, config, prefix):
    assert {path.name for path in exported.iterdir()} == {
        "frozen_inference_graph.pb", "saved_model", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "checkpoint",
        "pipeline.config", "label_map.pbtxt", "labels.txt", "detect_frozen_graph.py", "detect_saved_model.py",
    }  # fmt: skip
    listed = {name.rstrip("/") for one in USUAL for name in one.files}
    listed |= {program.name(one) for one in USUAL if program.runs(one)}
    beside = {forms.PIPELINE, forms.LABEL_MAP, forms.LABELS, forms.STATE}
    assert {path.name for path in exported.iterdir()} == listed | beside
    assert label_map.read(exported / "label_map.pbtxt") == LABEL_MAP
    names = (exported / "labels.txt").read_text().splitlines()
    assert {name: number for number, name in enumerate(names, start=1)} == LABEL_MAP
    assert text.read(exported / "pipeline.config").model == config.model
    assert tf.train.latest_checkpoint(str(exported)) == str(exported / "model.ckpt")
    ours, theirs = tf.train.load_checkpoint(str(exported / "model.ckpt")), tf.train.load_checkpoint(prefix)
    names = set(ours.get_variable_to_shape_map())
    assert names == {name for name in theirs.get_variable_to_shape_map() if not name.endswith(AVERAGE)}
    assert ours.get_tensor("global_step") == 30
    name = "BoxPredictor_0/ClassPredictor/weights"
    np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name))


def test_moving_averages_take_the_weights_place(tmp_path, config, prefix, export):
    averaged = type(config)()
    averaged.CopyFrom(config)
    averaged.eval_config.use_moving_averages = True
    checks = export(averaged, prefix, tmp_path / "model")
    name = "BoxPredictor_0/ClassPredictor/weights"
    ours, theirs = tf.train.load_checkpoint(str(tmp_path / "model/model.ckpt")), tf.train.load_checkpoint(prefix)
    np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name + AVERAGE))
    assert not text.read(tmp_path / "model/pipeline.config").eval_config.use_moving_averages
    assert [one["same_detections"]["share"] for one in checks.values()] == [1, 1, 1]


def test_the_checks_of_all_forms_and_their_summary(exported, checks, images):
    report = summary(checks)
    assert list(report["forms"]) == [one.name for one in USUAL] and report["main"] == "frozen_graph"
    assert report["images"] == len(images)
    for one in report["same_detections"].values():
        assert one["share"] == 1 and one["detections"] >= 20
        assert one["max_box"] < 1e-4 and one["max_score"] < 1e-4
    assert report["bytes"]["frozen_graph"] == (exported / FROZEN_GRAPH).stat().st_size
    assert report["bytes"]["checkpoint"] == sum(path.stat().st_size for path in exported.glob("model.ckpt.*"))
    assert 0.9 < report["bytes"]["saved_model"] / report["bytes"]["frozen_graph"] < 1.2
    assert report["weights"] > 100_000
    for one in report["forms"].values():
        low, high = one["ms_quartiles"]
        assert 0 < low <= one["ms_per_image"] <= high
    assert report["ms_per_image"] == checks["frozen_graph"]["ms_per_image"]
    assert "CPU" in report["device"] or "GPU" in report["device"] or "NVIDIA" in report["device"]


def test_a_form_of_other_weights_fails_its_check_and_leaves_the_old_one(tmp_path, exported, config, images):
    from boxwright.checkpoints import checkpoint_files
    from boxwright.detector.build import build

    folder = tmp_path / "model"
    shutil.copytree(exported, folder)
    other = {name: value.numpy() for name, value in build(config.model, seed=99).variables.items()}
    checkpoint_files.write(folder / "model.ckpt", other)
    kept = exported.with_name(f"{exported.name}.npz")
    with pytest.raises(RuntimeError, match=r"frozen graph does not give the detections of the checkpoint"):
        form.export(forms.named("frozen_graph"), folder / "model.ckpt", images, folder, kept)
    assert (folder / FROZEN_GRAPH).read_bytes() == (exported / FROZEN_GRAPH).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_equal_exports_have_equal_files(tmp_path, exported, config, prefix, export):
    export(config, prefix, tmp_path / "again")
    for name in (FROZEN_GRAPH, "label_map.pbtxt", "pipeline.config", "model.ckpt.data-00000-of-00001"):
        assert (tmp_path / "again" / name).read_bytes() == (exported / name).read_bytes(), name
    kept = exported.with_name(f"{exported.name}.npz")
    assert (tmp_path / "again.npz").read_bytes() == kept.read_bytes()


def test_a_checkpoint_of_another_model_is_an_error(tmp_path, config, prefix):
    other = type(config)()
    other.CopyFrom(config)
    other.model.ssd.num_classes = 7
    with pytest.raises(UserError, match=r"BoxPredictor_0/ClassPredictor/(weights|biases) has shape"):
        inference.load(other, prefix)
    with pytest.raises(UserError, match=r"no checkpoint .*model\.ckpt-1"):
        inference.load(config, str(tmp_path / "model.ckpt-1"))


def test_the_checkpoint_of_a_tf2_model_has_tf2_keys(tmp_path, config, images):
    """And the engine reads it back: the exported checkpoint gives the detections of the one that was trained."""
    tf2 = text.parse(text.to_text(config))
    tf2.model.ssd.feature_extractor.type = "ssd_mobilenet_v1_keras"
    detector = build(tf2.model, seed=3)
    values = {name: variable.numpy() for name, variable in detector.variables.items()}
    checkpoint_files.write(tmp_path / "model.ckpt-7", values | {"global_step": np.int64(7)})
    trained = checkpoint.Engine(tf2, tmp_path / "model.ckpt-7")
    checkpoint.write(trained, tmp_path / "shipped/model.ckpt")
    written = checkpoint_files.read(tmp_path / "shipped/model.ckpt")
    assert written.object_graph
    assert set(written.shapes) == {
        *detector.object_graph_keys().values(),
        object_graph_file.SAVE_COUNTER,
        checkpoint_files.OBJECT_GRAPH,
    }
    assert checkpoint.weights(tmp_path / "shipped/model.ckpt") == sum(value.size for value in values.values())
    shipped = checkpoint.load(tmp_path / "shipped/model.ckpt")
    for name, answer in trained(images[0][None]).items():
        np.testing.assert_array_equal(shipped(images[0][None])[name], answer)
