"""The programs of docs/use.md, each run as it stands there, beside an exported detector and an image."""

import base64
import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from boxwright.dataset import label_map
from boxwright.images import drawing, loader

ROOT = Path(__file__).parents[3]
PROGRAMS = {
    re.search(r"^## (.*)$", part, re.MULTILINE)[1]: re.search(r"```python\n(.*?)```", part, re.DOTALL)[1]
    for part in re.split(r"(?=^## )", (ROOT / "docs/use.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    if "```python" in part
}


@pytest.fixture
def folder(tmp_path, exported, images):
    (tmp_path / "fine_tuned_model").symlink_to(exported, target_is_directory=True)
    Image.fromarray(images[1]).save(tmp_path / "image.jpg", quality=95)
    return tmp_path


@pytest.fixture
def found(folder):
    """The detections on the image, of the batch of one."""
    detect = tf.saved_model.load(str(folder / "fine_tuned_model/saved_model"))
    return {
        name: value[0].numpy() for name, value in detect(np.asarray(Image.open(folder / "image.jpg"))[None]).items()
    }


def run(title: str, folder: Path, **replaced: str) -> str:
    """What a program prints, after words of it were replaced."""
    program = PROGRAMS[title]
    for old, new in replaced.items():
        assert old in program
        program = program.replace(old, new)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(ROOT / "workflow")}
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_program_is_tried():
    assert list(PROGRAMS) == [
        "TensorFlow 2, with boxwright", "TensorFlow 2 alone", "TensorFlow 1 programs", "Many images",
        "Images that are no JPEG", "TensorFlow Serving",
    ]  # fmt: skip


def test_with_boxwright(folder, found):
    run("TensorFlow 2, with boxwright", folder)
    image = np.asarray(Image.open(folder / "image.jpg"))
    wanted = drawing.detections(
        image,
        found["detection_boxes"],
        found["detection_classes"],
        found["detection_scores"],
        label_map.read(folder / "fine_tuned_model/label_map.pbtxt"),
    )
    assert (wanted != image).any()
    Image.fromarray(wanted).save(folder / "wanted.jpg")
    np.testing.assert_array_equal(*(np.asarray(Image.open(folder / f"{name}.jpg")) for name in ("drawn", "wanted")))


def test_tensorflow_alone(folder, found):
    run("TensorFlow 2 alone", folder)
    image, drawn = (np.asarray(Image.open(folder / name)).astype(int) for name in ("image.jpg", "drawn.jpg"))
    assert (found["detection_scores"] >= 0.5).any()
    top, left, _, right = np.clip(found["detection_boxes"][0], 0.02, 0.98)
    height, width, _ = image.shape
    row, columns = round(top * height), slice(round(left * width), round(right * width))
    assert np.abs(drawn - image)[row, columns].mean() > 20 > np.abs(drawn - image).min()


def test_a_tf1_program_prints_the_sure_detections(folder, found):
    lines = [line for line in run("TensorFlow 1 programs", folder).splitlines() if re.match(r"\d+ \d", line)]
    assert len(lines) == (found["detection_scores"] >= 0.5).sum() > 0
    number, score = lines[0].split()[:2]
    assert int(number) == found["detection_classes"][0]
    assert float(score) == pytest.approx(found["detection_scores"][0], abs=1e-5)


def test_many_images(folder):
    printed = run("Many images", folder)
    assert printed.count("[[") == 2


@pytest.mark.parametrize("kind", ["gray.png", "clear.png"])
def test_images_that_are_no_jpeg(folder, images, kind):
    if kind == "gray.png":
        picture = Image.fromarray(images[0][..., 0].astype(np.uint16) * 256 + 255)
    else:
        picture = Image.fromarray(images[0])
        picture.putalpha(Image.fromarray(images[0][..., 1]))
    picture.save(folder / kind)
    (folder / "image.jpg").unlink()
    given = {"image.jpg": kind, "print(": "np.save('pixels.npy', np.asarray(opened('" + kind + "'))); print("}
    run("Images that are no JPEG", folder, **given)
    np.testing.assert_array_equal(np.load(folder / "pixels.npy"), loader.load_rgb(folder / kind))


def test_tensorflow_serving_gets_a_request_that_it_can_answer(folder, found):
    asked = []

    class Server(BaseHTTPRequestHandler):
        """Answers as the REST interface of TensorFlow Serving does, from the same SavedModel."""

        detect = tf.saved_model.load(str(folder / "fine_tuned_model/saved_model")).signatures

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, body["signature_name"]))
            contents = [base64.b64decode(one["b64"]) for one in body["instances"]]
            answer = self.detect[body["signature_name"]](tf.constant(contents))
            values = {name: value.numpy().tolist() for name, value in answer.items()}
            rows = [{name: value[row] for name, value in values.items()} for row in range(len(contents))]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"predictions": rows}).encode())

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        printed = run("TensorFlow Serving", folder, **{"localhost:8501": f"127.0.0.1:{server.server_port}"})
        server.shutdown()
    assert asked == [("/v1/models/detector:predict", "encoded_image_string_tensor")]
    assert float(printed.split()[-1]) == pytest.approx(found["detection_scores"][0], abs=2e-2)
