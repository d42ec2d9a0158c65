"""The list of export forms, and what it says of the modules that write and run them."""

import importlib
from pathlib import Path

import pytest
import yaml

from boxwright import devices
from boxwright.catalog import forms
from boxwright.core import code
from boxwright.pipeline import text
from boxwright.run import config_file


@pytest.mark.parametrize("form", forms.FORMS, ids=lambda form: form.name)
def test_every_form_can_be_written_and_run(form):
    assert callable(importlib.import_module(form.module).write)
    assert callable(importlib.import_module(form.runtime).load)
    # What is opened is a file or folder of the form, or the beginning of the names of several.
    assert any(name.rstrip("/").startswith(form.path) for name in form.files)
    if form.made_from:
        assert forms.named(form.made_from) in forms.FORMS


def test_no_file_belongs_to_two_forms():
    names = [name.rstrip("/") for form in forms.FORMS for name in form.files]
    names += [forms.PIPELINE, forms.LABEL_MAP, forms.LABELS, forms.STATE, forms.SUMMARY]
    assert len(names) == len(set(names)) and len({form.name for form in forms.FORMS}) == len(forms.FORMS)


@pytest.mark.parametrize("form", [form for form in forms.FORMS if form.made_from], ids=lambda form: form.name)
def test_runtimes_know_nothing_of_the_engine(form):
    rooms = {path.partition("/")[0] for path in code.reach(form.runtime)}
    assert rooms <= {"__init__.py", "core", "runtimes"}


def test_forms_are_not_reached_from_one_another():
    """But the one that they are made from: each has an identity of its own."""
    assert not [path for path in code.reach("boxwright.export.form") if path.startswith("export/forms/")]
    reached = code.reach("boxwright.export.forms.saved_model", "boxwright.runtimes.saved_model")
    assert "export/forms/frozen_graph.py" not in reached and "runtimes/saved_model.py" in reached
    assert "runtimes/saved_model.py" not in code.reach("boxwright.export.forms.frozen_graph")


def test_the_configuration_can_ask_for_each_but_the_checkpoint_which_is_always_there():
    node = yaml.safe_load(config_file.SCHEMA.read_text())["properties"]["export"]["properties"]["forms"]
    names = [form.name for form in forms.FORMS]
    assert sorted([*node["items"]["enum"], "checkpoint"]) == sorted(names)
    assert [form.name for form in forms.chosen(node["default"])] == ["frozen_graph", "saved_model", "checkpoint"]


def test_a_form_brings_the_one_that_it_is_made_from():
    assert [form.name for form in forms.chosen(["saved_model"])] == ["frozen_graph", "saved_model", "checkpoint"]
    assert [form.name for form in forms.chosen(["raw_graph"])] == ["raw_graph", "checkpoint"]
    assert forms.chosen([]) == (forms.CHECKPOINT,)


def test_only_tensorflow_runs_forms_on_gpus():
    on_gpus = {form.name for form in forms.FORMS if form.on_gpus}
    assert on_gpus == {"frozen_graph", "saved_model", "raw_graph", "checkpoint"}
    machine = {"gpus": 4, "gpu_memory_mb": {"evaluate": None}}
    assert [devices.of_inference(machine, one).gpus for one in (True, False)] == [1, 0]
    assert devices.of_inference(machine | {"gpus": 0}).gpus == 0


def test_the_first_form_that_detects_is_the_main_one():
    assert forms.main(forms.chosen(["saved_model", "raw_graph"])).name == "frozen_graph"
    assert forms.main(forms.chosen(["raw_graph"])) == forms.CHECKPOINT


def changed(config, **fields):
    """A message of the small SSD with some fields set, by dotted path with __ for the points."""
    message = type(config)()
    message.CopyFrom(config)
    for path, value in fields.items():
        *parents, name = path.split("__")
        place = message.model.ssd
        for parent in parents:
            place = getattr(place, parent)
        setattr(place, name, value)
    return message.model.ssd


def ssd():
    return text.read(Path(__file__).parents[3] / "config/pipelines/ssd_mobilenet_v1.config")


@pytest.mark.parametrize("name", ["tflite", "tflite_float16", "tflite_int8"])
def test_tflite_holds_ssd(name):
    assert forms.named(name).refuses(ssd().model.ssd, "ssd") == ""
    for template in ("ssd_mobilenet_v2_fpnlite_320", "efficientdet_d0"):
        config = text.read(Path(__file__).parents[3] / f"config/pipelines/{template}.config")
        assert forms.named(name).refuses(config.model.ssd, "ssd") == "", template


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"image_resizer__keep_aspect_ratio_resizer__max_dimension": 100}, "pad_to_max_dimension: true, or take onnx"),
        ({"image_resizer__pad_to_multiple_resizer__multiple": 32}, "its images differ in size"),
        ({"image_resizer__fixed_shape_resizer__convert_to_grayscale": True}, "in colour and bilinear"),
        ({"image_resizer__fixed_shape_resizer__resize_method": 2}, "in colour and bilinear"),
        ({"box_coder__mean_stddev_box_coder__stddev": 0.1}, "not as mean_stddev_box_coder"),
        ({"post_processing__batch_non_max_suppression__soft_nms_sigma": 0.5}, "no soft suppression"),
        (
            {"post_processing__batch_non_max_suppression__max_detections_per_class": 5, "num_classes": 2},
            "no limit for one",
        ),
        ({"post_processing__batch_non_max_suppression__use_class_agnostic_nms": True}, "class by class"),
    ],
)
def test_what_tflite_cannot_hold_is_refused_with_the_nearest_form(fields, said):
    why = forms.named("tflite").refuses(changed(ssd(), **fields), "ssd")
    assert said in why and "onnx" in why


def test_a_detector_without_anchors_has_nothing_before_suppression():
    config = text.read(Path(__file__).parents[3] / "config/pipelines/centernet_resnet50_v1_fpn.config")
    raw = forms.named("raw_graph")
    assert "the nearest form is onnx" in raw.refuses(config.model.center_net, "center_net")
    assert raw.refuses(ssd().model.ssd, "ssd") == ""


def test_tflite_holds_no_detector_of_two_stages():
    config = text.read(Path(__file__).parents[3] / "config/pipelines/faster_rcnn_resnet50.config")
    why = forms.named("tflite").refuses(config.model.faster_rcnn, "faster_rcnn")
    assert "made from anchors in one step" in why and "onnx" in why
