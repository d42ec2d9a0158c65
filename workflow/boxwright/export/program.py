"""The program beside an exported form, detect_<runtime>.py: images in, boxes out, without boxwright.

It needs the form's own runtime, numpy and Pillow alone, so whoever gets the form can run it, and read how. Its text is
put together from the part that all programs share and the part that loads a form with its runtime.
"""

from boxwright.catalog.forms import LABELS, Form

_MAIN = '''\
#!/usr/bin/env python3
"""Detect objects on images with {path}, the file beside this program.

It needs {packages}, numpy and Pillow:  pip install {packages} numpy pillow
Prints a line of JSON for each image (boxes are ymin, xmin, ymax, xmax, from 0 to 1), and draws the boxes.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

HERE = Path(__file__).resolve().parent
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")


{load}

def main() -> None:
    """Read the command line, detect, print and draw."""
    parser = argparse.ArgumentParser(description="Detect objects on images.")
    parser.add_argument("images", nargs="+", type=Path, help="images, or folders of images")
    parser.add_argument("--out", default="detected", type=Path, help="the folder for the drawn images")
    parser.add_argument("--score-threshold", type=float, default=0.5, help="leave out boxes below this score")
    given = parser.parse_args()
    labels = (HERE / "{labels}").read_text(encoding="utf-8").splitlines()
    detect = load(str(HERE / "{path}"))
    given.out.mkdir(parents=True, exist_ok=True)
    inside = [sorted(path.rglob("*")) if path.is_dir() else [path] for path in given.images]
    for number, path in enumerate(one for some in inside for one in some if one.suffix.lower() in ENDINGS):
        try:
            picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")  # as the camera was held
        except OSError as error:
            print(f"Left out: {{path}} cannot be read ({{error}}).", file=sys.stderr)
            continue
        rows = [
            {{"class": labels[int(one) - 1], "id": int(one), "score": float(score), "box": box.tolist()}}
            for box, score, one in zip(*detect(np.asarray(picture)))
            if score >= given.score_threshold
        ]
        found = {{"image": str(path), "width": picture.width, "height": picture.height, "detections": rows}}
        print(json.dumps(found, ensure_ascii=False), flush=True)
        pen = ImageDraw.Draw(picture)
        for row in rows:
            top, left, bottom, right = (side * length for side, length in zip(row["box"], picture.size[::-1] * 2))
            pen.rectangle((left, top, max(left, right), max(top, bottom)), outline="orange", width=3)
            pen.text((left + 5, top + 4), f"{{row['class']}} {{row['score']:.2f}}", fill="orange")
        picture.save(given.out / f"{{number:05}}_{{path.stem}}.png")


if __name__ == "__main__":
    main()
'''

# By runtime: what to install, and the function `load`. The function that it returns takes an image, uint8 [H, W, 3],
# and returns boxes [N, 4], scores [N] and classes [N], which count from 1.
_ONNX = (
    "onnxruntime",
    '''\
def load(path: str):
    """The detector as a function of an image; ONNX Runtime computes on a GPU if its package for GPUs is installed."""
    import onnxruntime

    here = onnxruntime.get_available_providers()
    usable = [one for one in ("CUDAExecutionProvider", "CPUExecutionProvider") if one in here]
    session = onnxruntime.InferenceSession(path, providers=usable)
    names = ["detection_boxes", "detection_scores", "detection_classes"]
    return lambda image: [values[0] for values in session.run(names, {"image_tensor": image[np.newaxis]})]
''',
)
_OPENVINO = (
    "openvino",
    '''\
def load(path: str):
    """The detector as a function of an image, in float32, on the CPU (`GPU` below: on Intel's GPU)."""
    sys.modules["openvino_telemetry"] = None  # with it, the next line would tell Google that OpenVINO is used
    import openvino

    # OpenVINO's own choice is bfloat16 where the processor can: faster, but other boxes and scores.
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    core = openvino.Core()
    read = core.read_model(path)
    read.reshape([1, -1, -1, 3])  # one image at a time, of any size: a fifth faster than for any number
    model = core.compile_model(read, "CPU", hints)
    names = ["detection_boxes", "detection_scores", "detection_classes"]

    def detect(image: np.ndarray) -> list[np.ndarray]:
        found = model([image[np.newaxis]])
        return [found[name][0] for name in names]

    return detect
''',
)
_FROZEN_GRAPH = (
    "tensorflow",
    '''\
def load(path: str):
    """The detector as a function of an image."""
    import tensorflow.compat.v1 as tf

    definition = tf.GraphDef.FromString(Path(path).read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    session = tf.Session(graph=graph)
    names = ["detection_boxes:0", "detection_scores:0", "detection_classes:0"]
    return lambda image: [values[0] for values in session.run(names, {"image_tensor:0": image[np.newaxis]})]
''',
)
_SAVED_MODEL = (
    "tensorflow",
    '''\
def load(path: str):
    """The detector as a function of an image."""
    import tensorflow as tf

    model = tf.saved_model.load(path)
    names = ["detection_boxes", "detection_scores", "detection_classes"]

    def detect(image: np.ndarray) -> list[np.ndarray]:
        found = model(tf.constant(image[np.newaxis]))
        return [found[name][0].numpy() for name in names]

    return detect
''',
)
_TFLITE = (
    "ai-edge-litert",
    '''\
def resized(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The image in another size, bilinear, as it was for the training."""
    sides = zip((height, width), image.shape)
    rows, columns = (np.arange(new, dtype=np.float32) * np.float32(old / new) for new, old in sides)
    top, left = rows.astype(int), columns.astype(int)
    bottom, right = np.minimum(top + 1, image.shape[0] - 1), np.minimum(left + 1, image.shape[1] - 1)
    down, across = np.float32(rows - top)[:, np.newaxis, np.newaxis], np.float32(columns - left)[:, np.newaxis]
    upper, lower = (image[row][:, left] * (1 - across) + image[row][:, right] * across for row in (top, bottom))
    return upper * (1 - down) + lower * down


def load(path: str):
    """The detector as a function of an image."""
    import os
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    content = Path(path).read_bytes()
    model = schema.Model.GetRootAsModel(content, 0)
    entries = [model.Metadata(number) for number in range(model.MetadataLength())]
    place = next(one.Buffer() for one in entries if one.Name() == b"boxwright_input")
    how = json.loads(model.Buffers(place).DataAsNumpy().tobytes())  # sizes, mean and std of the pixels
    interpreter = Interpreter(model_content=content, num_threads=os.cpu_count())
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    outputs = [one["index"] for one in interpreter.get_output_details()]

    def detect(image: np.ndarray) -> list[np.ndarray]:
        sides, whole = np.float32(image.shape[:2]), np.float32([how["height"], how["width"]])
        size = whole
        if how["min_dimension"]:
            large = np.round(sides * np.float32(how["min_dimension"] / sides.min()))
            small = np.round(sides * np.float32(how["max_dimension"] / sides.max()))
            size = small if large.max() > how["max_dimension"] else large
        rows, columns = size.astype(int)
        pixels = np.broadcast_to(np.float32(how["padding"]), (how["height"], how["width"], 3)).copy()
        pixels[:rows, :columns] = (resized(image, rows, columns) - how["mean"]) / how["std"]
        if given["dtype"] == np.uint8:
            pixels = np.clip(np.round(pixels * how["std"] + how["mean"]), 0, 255)
        interpreter.set_tensor(given["index"], pixels.astype(given["dtype"])[np.newaxis])
        interpreter.invoke()
        boxes, classes, scores, count = (interpreter.get_tensor(index)[0] for index in outputs)
        return [rows[: int(count)] for rows in (np.clip(boxes * np.tile(whole / size, 2), 0, 1), scores, classes + 1)]

    return detect
''',
)
_LOADS = {
    "frozen_graph": _FROZEN_GRAPH,
    "saved_model": _SAVED_MODEL,
    "onnx": _ONNX,
    "openvino": _OPENVINO,
    "tflite": _TFLITE,
}


def runs(form: Form) -> bool:
    """Whether there is a program for a form: it detects, and its runtime is known here."""
    return form.detects and _runtime(form) in _LOADS


def name(form: Form) -> str:
    """The file name of the program that runs a form."""
    return f"detect_{form.name}.py"


def text(form: Form) -> str:
    """The program that runs a form."""
    packages, load = _LOADS[_runtime(form)]
    return _MAIN.format(path=form.path, packages=packages, load=load, labels=LABELS)


def _runtime(form: Form) -> str:
    return form.runtime.rpartition(".")[2]
