"""The page beside a form: on which device it runs, what to install there and what to run, and what was measured."""

from collections.abc import Mapping
from typing import Any

from boxwright.catalog.forms import LABELS, Form
from boxwright.core.counts import plural
from boxwright.runtimes.resizing import Input

_PYTHON = "python3 -m venv venv\nvenv/bin/pip install {packages} numpy pillow"
_RUN = "venv/bin/python detect.py my_images"
_WINDOWS = "On Windows write `py` instead of `python3`, and `venv\\Scripts\\` instead of `venv/bin/`."

_MEDIAPIPE = (
    "The ObjectDetector of MediaPipe Tasks reads labels, sizes and normalisation from the file. Not measured here."
)
_STRETCHED = (
    "The ObjectDetector of MediaPipe Tasks stretches images, and this detector was trained on images that keep their "
    "aspect ratio, so it finds less there. Run the file with LiteRT, and prepare images as `detect.py` does."
)

# By runtime: the devices, what to install, and what to know.
_DEVICES: dict[str, list[tuple[str, str, str]]] = {
    "onnx": [
        (
            "Linux, macOS on Apple silicon, Windows; Raspberry Pi with a 64-bit system",
            _PYTHON.format(packages="onnxruntime"),
            "",
        ),
        (
            "a PC or Jetson with an NVIDIA GPU",
            _PYTHON.format(packages="onnxruntime-gpu"),
            "`detect.py` takes the GPU if CUDA and cuDNN are there. On a Jetson, install NVIDIA's own package.",
        ),
        (
            "TensorRT",
            "trtexec --onnx=detector.onnx --minShapes=image_tensor:1x64x64x3 --optShapes=image_tensor:1x480x640x3 "
            "--maxShapes=image_tensor:1x1080x1920x3",
            "Not measured here. The model has standard operations alone, with `NonMaxSuppression` for the suppression.",
        ),
        (
            "C++, C#, Java, JavaScript, Android, iOS",
            "the package of ONNX Runtime for the language: https://onnxruntime.ai",
            "Input and outputs are those of the table below.",
        ),
    ],
    "openvino": [
        ("a PC with an Intel processor; Linux, Windows", _PYTHON.format(packages="openvino"), ""),
        (
            "Intel's GPU",
            _PYTHON.format(packages="openvino"),
            "Write `GPU` in place of `CPU` in `detect.py`. Not measured here. An NPU takes images of one size alone, "
            "and this model takes all sizes.",
        ),
        ("Raspberry Pi with a 64-bit system", _PYTHON.format(packages="openvino"), ""),
    ],
    "frozen_graph": [
        (
            "Linux, macOS on Apple silicon; Windows up to TensorFlow's last build for it",
            _PYTHON.format(packages="tensorflow"),
            "",
        ),
        (
            "a PC with an NVIDIA GPU (Linux)",
            _PYTHON.format(packages="'tensorflow[and-cuda]'"),
            "TensorFlow takes the GPU by itself.",
        ),
    ],
}
_DEVICES["tflite"] = [
    (
        "Raspberry Pi with a 64-bit system; Linux, macOS on Apple silicon, Windows",
        _PYTHON.format(packages="ai-edge-litert"),
        "",
    ),
    ("Android (build.gradle.kts)", 'implementation("com.google.mediapipe:tasks-vision:latest.release")', _MEDIAPIPE),
    ("iOS (Podfile)", "pod 'MediaPipeTasksVision'", _MEDIAPIPE),
]
_CORAL = (
    "Coral Edge TPU",
    "edgetpu_compiler -s -m 13 detector_int8.tflite",
    "The compiler writes `detector_int8_edgetpu.tflite` and says what stays on the processor: the suppression does. "
    "Write this name into `detect.py`, import `load_delegate` beside `Interpreter`, and give `Interpreter` "
    '`experimental_delegates=[load_delegate("libedgetpu.so.1")]`, the library of Google\'s package `libedgetpu1-std`. '
    "Not tried here; `detect.py` needs the metadata and the signature of `detector_int8.tflite` in the new file.",
)
_DEVICES["saved_model"] = [
    *_DEVICES["frozen_graph"],
    (
        "a server",
        'docker run -p 8501:8501 -v "$PWD/saved_model":/models/detector/1 -e MODEL_NAME=detector tensorflow/serving',
        "Ask it at `http://localhost:8501/v1/models/detector:predict`.",
    ),
]

# By runtime: what to know about its numbers.
_NUMBERS = {
    "openvino": "By itself OpenVINO computes in bfloat16 where the processor can: faster, but with other boxes.\n"
    '`detect.py` asks for float32 with `{{"INFERENCE_PRECISION_HINT": "f32"}}`{measured}. '
    "Without it, it is faster there.",
}


def page(form: Form, about: Mapping[str, Any]) -> str:
    """The page, as Markdown. about: as for `bundle.write`; of a TFLite form also its `input`."""
    runtime, check = form.runtime.rpartition(".")[2], about["check"]
    lines = [
        f"# {about['model']}: {form.title}",
        "",
        f"An object detector, from the checkpoint of step {about['step']}. `{form.path}` is the detector, `{LABELS}` "
        "names its classes, one a line (the last section says from which number they count), and `detect.py` runs it:",
        "",
        "```",
        _DEVICES[runtime][0][1],
        _RUN,
        "```",
        "",
        *([_WINDOWS, ""] if "Windows" in _DEVICES[runtime][0][0] else []),
        "It takes images and folders, prints a line of JSON for each image and draws the boxes into `detected/`.",
        "",
        "## Device by device",
        "",
    ]
    for device, install, note in _devices(form, runtime, about.get("input")):
        lines += [f"**{device}**", "", "```", install, "```", ""] + ([note, ""] if note else [])
    lines += ["## Measured", "", *_measured(about["measured"])]
    if runtime in _NUMBERS:
        coarse = check.get("default_precision")
        measured = (
            f" (where it was exported, its own choice moved boxes by up to {coarse['max_box']:.1e}, scores by up to "
            f"{coarse['max_score']:.1e}, and took {coarse['ms_per_image']:.0f} ms)"
            if coarse
            else ""
        )
        lines += ["", _NUMBERS[runtime].format(measured=measured)]
    lines += ["", *_signature(runtime)]
    return "\n".join(lines) + "\n"


def _measured(found: Mapping[str, Any]) -> list[str]:
    """What the form reaches (`measured.content`): quality, what it finds again, size and time, a line each."""
    quality = "undefined" if found["mAP50"] is None else f"{found['mAP50']:.3f}"
    before = "" if found["lost"] is None else f", where the checkpoint has {found['mAP50'] + found['lost']:.3f}"
    again = found["found_again"]
    times = [f"{one['median']:.1f} ms with {plural(int(threads), 'thread')}" for threads, one in found["ms"].items()]
    return [
        f"- mAP@.50IOU {quality} on {plural(found['images'], 'evaluation image')}{before}.",
        f"- It finds {again['share']:.1%} of the checkpoint's detections again, that is, of their class and with sides "
        f"and scores that differ by at most {again['tolerance']:g} (sides of the image are 1).",
        f"- {found['bytes'] / 1e6:.1f} MB; per image {', '.join(times)} ({found['device']}).",
    ]


def _devices(form: Form, runtime: str, given: Input | None) -> list[tuple[str, str, str]]:
    """The devices of a form, with what is true for this detector alone."""
    devices = _DEVICES[runtime] + ([_CORAL] if form.precision == "int8" else [])
    if given is None:
        return devices
    mediapipe = _STRETCHED if given.min_dimension else _MEDIAPIPE
    return [(device, install, mediapipe if note == _MEDIAPIPE else note) for device, install, note in devices]


def _signature(runtime: str) -> list[str]:
    """What the detector takes and gives."""
    if runtime == "tflite":
        return [
            "## Input and outputs",
            "",
            "The input is one image of the detector's own size; `detect.py` resizes, pads and normalises as for the "
            "training, with the numbers in the file's metadata. The outputs are those of TFLite_Detection_PostProcess: "
            "boxes (ymin, xmin, ymax, xmax from 0 to 1), classes, scores, and how many rows are detections. Classes "
            f"count from 0 there, so class 0 is line 1 of `{LABELS}`.",
        ]
    return [
        "## Input and outputs",
        "",
        "| tensor | what |",
        "|---|---|",
        "| `image_tensor` | uint8 `[batch, height, width, 3]`, red, green, blue; any size |",
        "| `detection_boxes` | float32 `[batch, N, 4]`: ymin, xmin, ymax, xmax from 0 to 1 |",
        "| `detection_scores` | float32 `[batch, N]`, the best first |",
        f"| `detection_classes` | float32 `[batch, N]`, from 1: the line of `{LABELS}` |",
        "| `num_detections` | float32 `[batch]`: how many of the N rows are detections |",
    ]
