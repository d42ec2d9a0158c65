"""The forms in which a detector is exported: their names, sources, files, and what they cannot hold.

Rules, checks, the report and the comparison of models loop over the forms that a run asks for (`chosen`). A form is one
entry in `FORMS` and two modules:

- `boxwright.export.forms.<name>` writes the form: `write(source, target)`. `source` is the path of the form that it is
  made from (`made_from`); the detector's pipeline.config, label_map.pbtxt and labels.txt lie beside it. `target` is the
  form's own path, in an existing folder that is empty but for what this call writes; all of `files` must be there when
  it returns. Equal sources give equal bytes. A module that needs training images to calibrate has
  `write(source, target, images)` instead, and its entry says so (`calibrated`): a sequence of uint8 [H, W, 3]. Such a
  module also has `lossiest(source, images, shown)`, the layers that lose most by fewer bits on some images, as text.
- `boxwright.runtimes.<runtime>` runs it: `load(path, threads=None)` returns a function from images to detections
  (`runtimes.Detect`). It needs numpy and the form's own runtime alone: images of any size come as they are, uint8
  [B, H, W, 3]; it resizes and normalises them as the model was trained if the form itself does not, maps the boxes back
  to the image (normalised, without padding) and numbers the classes from 1. `threads`: of one image, None for the
  runtime's own choice.

A form's job loads what it wrote, through its runtime, and compares the detections with the checkpoint's
(`export.form`); another job measures it on all evaluation images. `export.gate` says how much a form may lose.
"""

import importlib.util
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog import form_limits

# The folder of a model's exported files, and the other names in it.
FOLDER = "fine_tuned_model"
PIPELINE = "pipeline.config"
LABEL_MAP = "label_map.pbtxt"
LABELS = "labels.txt"
STATE = "checkpoint"
SUMMARY = "export.json"
MEASURED = "forms.json"


@dataclass(frozen=True)
class Form:
    """A form of exported detectors.

    name: the name of its modules, and in `export.forms`. title: its name in texts, as in "the frozen graph of
    raccoons". path: what its runtime opens, relative to `FOLDER`. files: all its files, relative to `FOLDER`; a folder
    ends in "/". made_from: the form whose files it is written from; None for the checkpoint, which is written from a
    training checkpoint. precision: the numbers that it computes with, float32, float16 or int8, which decides how much
    it may lose. detects: whether it gives detections; without, it gives raw boxes and scores, before suppression.
    run_by: the module in `boxwright.runtimes`, if it has not the form's name. packages: the distributions of the extra
    `forms` that its modules import, {distribution: module}. refuses: from the `DetectionModel` message's own part (the
    family's message) and the family's name to why it cannot hold such a model, with the nearest form; "" if it can.
    calibrated: whether it is written with training images. other_ways: what is measured beside: a name, and an argument
    of its runtime's `load` with its value.
    """

    name: str
    title: str
    path: str
    files: tuple[str, ...]
    made_from: str | None = "checkpoint"
    precision: str = "float32"
    detects: bool = True
    run_by: str = ""
    packages: tuple[tuple[str, str], ...] = ()
    refuses: Callable[[Message, str], str] = lambda model, family: ""
    calibrated: bool = False
    other_ways: tuple[tuple[str, str, Any], ...] = ()

    @property
    def module(self) -> str:
        """The module that writes the form."""
        return f"boxwright.export.forms.{self.name}"

    @property
    def runtime(self) -> str:
        """The module that loads and runs it. A checkpoint has no runtime: the engine itself runs it."""
        return f"boxwright.runtimes.{self.run_by or self.name}" if self.made_from else self.module

    @property
    def on_gpus(self) -> bool:
        """Whether its runtime takes a GPU where there is one: TensorFlow does; those of the extra use processors."""
        return not self.packages

    @property
    def missing(self) -> list[str]:
        """The distributions that it needs and that are not installed here."""
        return [name for name, module in self.packages if importlib.util.find_spec(module) is None]

    def deciding(self) -> dict[str, Any]:
        """The parts of this entry that affect the form's files and its check."""
        names = ("name", "path", "files", "made_from", "other_ways")
        return {name: getattr(self, name) for name in names}


_LITERT = (("ai-edge-litert", "ai_edge_litert"),)


def _not_in_tflite(model: Message, family: str) -> str:
    """Why TFLite cannot hold a model: its suppression is fixed, and its images have one size."""
    if family != "ssd":
        return (
            "the suppression of TFLite takes boxes that are made from anchors in one step, as those of SSD are; the "
            "nearest form is onnx"
        )
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    resizer = getattr(model.image_resizer, kind)
    nearest = "the nearest form is onnx"
    if kind == "keep_aspect_ratio_resizer" and not resizer.pad_to_max_dimension:
        return (
            "its images differ in size, and those of TFLite have one; set "
            f"model.ssd.image_resizer.{kind}.pad_to_max_dimension: true, or take onnx"
        )
    if kind not in ("fixed_shape_resizer", "keep_aspect_ratio_resizer"):
        return f"its images differ in size ({kind}), and those of TFLite have one; {nearest}"
    if resizer.convert_to_grayscale or resizer.resize_method:
        return (
            f"it resizes images in another way than in colour and bilinear (model.ssd.image_resizer.{kind}); {nearest}"
        )
    if (coder := model.box_coder.WhichOneof("box_coder_oneof")) != "faster_rcnn_box_coder":
        return f"TFLite decodes boxes as faster_rcnn_box_coder does, not as {coder}; {nearest}"
    suppression = model.post_processing.batch_non_max_suppression
    if model.num_classes > 1 and suppression.use_class_agnostic_nms:
        return f"TFLite suppresses boxes class by class, not all together (use_class_agnostic_nms); {nearest}"
    if model.num_classes > 1 and suppression.max_detections_per_class < suppression.max_total_detections:
        return (
            "TFLite keeps no limit for one of several classes; set model.ssd.post_processing.batch_non_max_suppression."
            "max_detections_per_class to max_total_detections, or take onnx"
        )
    if suppression.soft_nms_sigma > 0:
        return f"TFLite knows no soft suppression (soft_nms_sigma); {nearest}"
    return ""


def _no_raw_outputs(model: Message, family: str) -> str:
    """Why a model has no boxes and scores before suppression."""
    if family == "center_net":
        return "it finds the peaks of a map, so it has no boxes before suppression; the nearest form is onnx"
    return ""


# Of those that a run asks for, the first one that detects is the main form.
FORMS = (
    Form("frozen_graph", "frozen graph", "frozen_inference_graph.pb", ("frozen_inference_graph.pb",)),
    Form("saved_model", "SavedModel", "saved_model", ("saved_model/",), made_from="frozen_graph"),
    Form(
        "raw_graph",
        "raw frozen graph",
        "frozen_inference_graph_raw.pb",
        ("frozen_inference_graph_raw.pb",),
        detects=False,
        run_by="frozen_graph",
        refuses=_no_raw_outputs,
    ),
    Form(
        "tflite",
        "TFLite file",
        "detector.tflite",
        ("detector.tflite",),
        packages=_LITERT,
        refuses=_not_in_tflite,
    ),
    Form(
        "tflite_float16",
        "TFLite file in float16",
        "detector_float16.tflite",
        ("detector_float16.tflite",),
        precision="float16",
        run_by="tflite",
        packages=_LITERT,
        refuses=_not_in_tflite,
    ),
    Form(
        "tflite_int8",
        "TFLite file in int8",
        "detector_int8.tflite",
        ("detector_int8.tflite",),
        precision="int8",
        run_by="tflite",
        packages=_LITERT,
        refuses=_not_in_tflite,
        calibrated=True,
    ),
    Form(
        "onnx",
        "ONNX model",
        "detector.onnx",
        ("detector.onnx",),
        packages=(("onnx", "onnx"), ("tf2onnx", "tf2onnx"), ("onnxruntime", "onnxruntime")),
        refuses=form_limits.standard_operations,
    ),
    Form(
        "openvino",
        "OpenVINO model",
        "openvino/detector.xml",
        ("openvino/detector.xml", "openvino/detector.bin"),
        made_from="onnx",
        packages=(("openvino", "openvino"),),
        other_ways=(("default_precision", "precision", None),),
        refuses=form_limits.standard_operations,
    ),
    Form(
        "openvino_float16",
        "OpenVINO model in float16",
        "openvino/detector_float16.xml",
        ("openvino/detector_float16.xml", "openvino/detector_float16.bin"),
        made_from="onnx",
        precision="float16",
        run_by="openvino",
        packages=(("openvino", "openvino"),),
        other_ways=(("default_precision", "precision", None),),
        refuses=form_limits.standard_operations,
    ),
    Form(
        "checkpoint",
        "checkpoint",
        "model.ckpt",
        ("model.ckpt.index", "model.ckpt.data-00000-of-00001"),
        made_from=None,
    ),
)


def named(name: str) -> Form:
    """The form `name`. Raises KeyError if there is none."""
    return {form.name: form for form in FORMS}[name]


CHECKPOINT = named("checkpoint")


def chosen(names: Iterable[str]) -> tuple[Form, ...]:
    """The forms `names`, those that they are made from, and the checkpoint, in the order of `FORMS`."""
    wanted: set[str | None] = {CHECKPOINT.name}
    for name in names:
        while name not in wanted:
            wanted.add(name)
            name = named(name).made_from
    return tuple(form for form in FORMS if form.name in wanted)


def main(some: Sequence[Form]) -> Form:
    """Of the forms of a run, the one that makes predictions; its size, speed and test are reported as the detector's.

    It is the first that detects; of a run without such a form, the checkpoint.
    """
    return next((form for form in some if form.detects), CHECKPOINT)
