"""The program beside an exported form, detect_<runtime>.py: images in, boxes out, without boxwright.

It needs the form's own runtime, numpy and Pillow alone, so whoever gets the form can run it, and read how. Its text is
put together from the part that all programs share and the part that loads a form with its runtime.
"""

from boxwright.catalog.forms import LABELS, Form

_MAIN = '''\
#!/usr/bin/env python3
"""Detect objects on images with {path} beside this program:  pip install {packages} numpy pillow
Prints a line of JSON for each image (boxes are ymin, xmin, ymax, xmax, from 0 to 1), and draws them into detected/.
"""

import argparse
import json
import sys
from pathlib import Path

sys.excepthook = lambda kind, *more: kind is KeyboardInterrupt or sys.__excepthook__(kind, *more)  # Ctrl-C says nothing
import numpy as np
from PIL import Image, ImageDraw, ImageOps

HERE = Path(__file__).resolve().parent
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".avif")


def opened(path: Path) -> Image.Image:
    """An image as for the training: as its camera was held, the upper 8 of 16 bits, what is transparent on white."""
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture).astype(int) >> 8).clip(0, 255).astype(np.uint8))
    layers = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")


{load}

def main() -> "str | None":
    """Read the command line, detect, print and draw; what was wrong."""
    parser = argparse.ArgumentParser(description="Detect objects on images.")
    parser.add_argument("images", nargs="+", type=Path, help="images, or folders of images")
    parser.add_argument("--out", default="detected", type=lambda one: Path(one).resolve(), help="for drawn images")
    parser.add_argument("--score-threshold", type=float, default=0.5, help="0 to 1 (default: %(default)s)")
    given, names, rows = parser.parse_args(), HERE / "{labels}", None
    missing = " ".join(f"There is no file or folder {{one}}." for one in (names, *given.images) if not one.exists())
    if missing or not 0 <= given.score_threshold <= 1:
        return missing or "The score threshold is no number from 0 to 1."
    labels, detect = names.read_text(encoding="utf-8").splitlines(), load(str(HERE / "{path}"))
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # a file's name may be any bytes
    fits = [(one, path) for one in given.images for path in (sorted(one.rglob("*")) if one.is_dir() else [one])
            if path == one or (path.suffix.lower() in ENDINGS and given.out not in path.resolve().parents)]
    used = {{path.resolve() for _, path in fits}}  # files, and names of images
    for number, (place, path) in enumerate(fits, 1):
        name = path.name if path == place else path.relative_to(place.parent if given.images[1:] else place).as_posix()
        name = f"{{number:05}}/{{name}}" if name in used else name
        try:
            picture = opened(path)
            boxes, scores, ids = (one.astype(str).astype(float).tolist() for one in detect(np.asarray(picture)))
        except Exception as error:  # Pillow and runtimes raise many kinds
            print(f"Left out: {{path}} ({{error}}).", file=sys.stderr)
            continue
        if max(ids, default=0) > len(labels):
            return f"{{names}} has too few classes ({{len(labels)}}): it is that of another detector."
        rows = [{{"class": labels[int(one) - 1], "id": int(one), "score": score, "box": box}}  # decimals of float32
                for box, score, one in zip(boxes, scores, ids) if score >= max(given.score_threshold, 1e-9)]
        told = {{"image": name, "width": picture.width, "height": picture.height, "detections": rows}}
        print(json.dumps(told, ensure_ascii=False), flush=True)
        pen = ImageDraw.Draw(picture)
        for row in rows:
            top, left, bottom, right = (side * length for side, length in zip(row["box"], picture.size[::-1] * 2))
            pen.rectangle((left, top, max(left, right), max(top, bottom)), outline="orange", width=3)
            pen.text((left + 5, top + 4), f"{{row['class']}} {{row['score']:.2f}}", fill="orange")
        file = given.out / Path(name).with_suffix(".jpg")
        (file := given.out / f"{{name}}.jpg" if file in used else file).parent.mkdir(parents=True, exist_ok=True)
        picture.save(file, quality=92, subsampling=0)
        used |= {{name, file}}
    return "No image was read." if rows is None else None


if __name__ == "__main__":
    sys.exit(main())
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
# How the programs of TensorFlow's forms begin; IMPORT stands for the line that imports it.
_WITH_TENSORFLOW = '''\
def load(path: str):
    """The detector as a function of an image."""
    import os

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    kept = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # for what TensorFlow says of itself at any level
    try:
        IMPORT
    finally:
        os.dup2(kept, 2)

'''
_FROZEN_GRAPH = (
    "tensorflow",
    _WITH_TENSORFLOW.replace("IMPORT", "import tensorflow.compat.v1 as tf")
    + """\
    definition = tf.GraphDef.FromString(Path(path).read_bytes())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    session = tf.Session(graph=graph)
    names = ["detection_boxes:0", "detection_scores:0", "detection_classes:0"]
    return lambda image: [values[0] for values in session.run(names, {"image_tensor:0": image[np.newaxis]})]
""",
)
_SAVED_MODEL = (
    "tensorflow",
    _WITH_TENSORFLOW.replace("IMPORT", "import tensorflow as tf")
    + """\
    model = tf.saved_model.load(path)
    names = ["detection_boxes", "detection_scores", "detection_classes"]

    def detect(image: np.ndarray) -> list[np.ndarray]:
        found = model(tf.constant(image[np.newaxis]))
        return [found[name][0].numpy() for name in names]

    return detect
""",
)
_TFLITE = (
    "ai-edge-litert",
    '''\
def load(path: str):
    """The detector as a function of an image."""
    import os
    from ai_edge_litert.interpreter import Interpreter
    content = Path(path).read_bytes()
    run = Interpreter(model_content=content, num_threads=os.cpu_count()).get_signature_runner("serving_default")
    given = run.get_input_details()["image"]
    how, _ = json.JSONDecoder().raw_decode(content.decode("latin-1"), content.index(b'{"height": '))  # its metadata
    mean, std, padding = (np.float32(how[name]) for name in ("mean", "std", "padding"))
    if given["dtype"] == np.uint8:  # whole pixels, which the network itself normalises
        mean, std, padding = np.float32(-0.5), np.float32(1), np.clip(np.round(padding * std + mean), 0, 255)
    def detect(image: np.ndarray) -> list[np.ndarray]:
        sides, size = np.float32(image.shape[:2]), given["shape"][1:3]
        if how["min_dimension"]:
            scale = min(how["min_dimension"] / sides.min(), how["max_dimension"] / sides.max())
            size = np.maximum(np.round(sides * np.float32(scale)), 1).astype(int)
        for axis in (1, 0):  # bilinear, as it was for the training
            first = (at := np.arange(size[axis], dtype=np.float32) * (sides[axis] / np.float32(size[axis]))).astype(int)
            one, other = (image.take(rows, axis, mode="clip").astype(np.float32) for rows in (first, first + 1))
            image = one + (other - one) * np.float32(at - first).reshape((-1, 1) if axis else (-1, 1, 1))
        taken = np.full(given["shape"], padding, given["dtype"])
        taken[0, : size[0], : size[1]] = (image - mean) / std
        found = {name: rows[0] for name, rows in run(image=taken).items()}
        boxes = np.clip(found["detection_boxes"] / np.float32([*size / given["shape"][1:3]] * 2), 0, 1)
        real = (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & (np.arange(len(boxes)) < found["num_detections"])
        return [boxes[real], found["detection_scores"][real], found["detection_classes"][real] + 1]
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
