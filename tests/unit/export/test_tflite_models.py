"""The TFLite forms of larger models keep their gates, each in its own runtime."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("ai_edge_litert")

from boxwright.catalog import forms
from boxwright.checkpoints import checkpoint_files
from boxwright.dataset.label_map import labels
from boxwright.detector.build import build
from boxwright.export import check, gate
from boxwright.export.forms import checkpoint, tflite, tflite_float16, tflite_int8
from boxwright.pipeline import text
from boxwright.runtimes import tflite as runtime

ROOT = Path(__file__).parents[3]
COCO = ROOT.parent / "shared/models/ssd_mobilenet_v1_0.75_depth_coco"
RACCOON = ROOT.parent / "shared/data/raccoon/images"

pytestmark = pytest.mark.slow


def folder_of(source: str, folder: Path) -> Path:
    """A folder with a checkpoint, its configuration and its labels: of a template, with the weights of a start."""
    if source == "coco":
        if not COCO.is_dir() or not RACCOON.is_dir():
            pytest.skip("../shared is not here")
        for path in COCO.glob("model.ckpt.*"):
            shutil.copy(path, folder)
        shutil.copy(COCO / forms.PIPELINE, folder)
        (folder / forms.LABELS).write_text(labels(COCO / "mscoco_label_map.pbtxt"))
        return folder
    config = text.read(ROOT / f"config/pipelines/{source}.config")
    detector = build(config.model, seed=0)
    checkpoint_files.write(folder / "model.ckpt", {name: one.numpy() for name, one in detector.variables.items()})
    (folder / forms.PIPELINE).write_text(text.to_text(config))
    (folder / forms.LABELS).write_text("".join(f"thing {number}\n" for number in range(detector.num_classes)))
    return folder


def pictures(source: str) -> list[np.ndarray]:
    if source == "coco":
        return [np.asarray(Image.open(path).convert("RGB")) for path in sorted(RACCOON.glob("*.jpg"))[:12]]
    random = np.random.default_rng(0)
    small = [Image.fromarray(random.integers(0, 255, (6, 8, 3), dtype=np.uint8)) for _ in range(3)]
    return [np.asarray(one.resize(size)) for one, size in zip(small, ((300, 200), (200, 400), (320, 320)), strict=True)]


@pytest.mark.parametrize("source", ["coco", "ssd_mobilenet_v2_fpnlite_320", "efficientdet_d0"])
def test_the_forms_keep_their_gates(source, tmp_path):
    folder, images = folder_of(source, tmp_path), pictures(source)
    engine = checkpoint.load(folder / "model.ckpt")
    wanted = [engine(image[np.newaxis]) for image in images]
    for form, writer in (("tflite", tflite), ("tflite_float16", tflite_float16)):
        path = folder / forms.named(form).path
        writer.write(folder / "model.ckpt", path)
        limits = gate.GATES[forms.named(form).precision]
        for threads in (1, 2):
            detect = runtime.load(path, threads)
            found = [detect(image[np.newaxis]) for image in images]
            same = check.compare(zip(wanted, found, strict=True), limits.tolerance)
            assert same["share"] >= limits.least, (form, threads, same)
        # What MediaPipe takes: one mean and deviation for all channels.
        given = runtime.read_input(path.read_bytes())
        normalizes = source == "efficientdet_d0"
        assert (set(given.mean), set(given.std)) == (({0.0}, {1.0}) if normalizes else ({127.5}, {127.5}))
    path = folder / "detector_int8.tflite"
    tflite_int8.write(folder / "model.ckpt", path, images)
    found = [runtime.load(path, 2)(image[np.newaxis]) for image in images]
    if source == "coco":
        assert path.stat().st_size <= 5_000_000
        assert sure_found(wanted, found) >= 0.95
    assert all(np.isfinite(one["detection_boxes"]).all() for one in found)


def sure_found(wanted, found) -> float:
    """The share of the sure detections (from a score of 0.5 on) that have one of the same class at their place."""
    hits = []
    for one, other in zip(wanted, found, strict=True):
        for row in np.flatnonzero(one["detection_scores"][0] >= 0.5):
            fits = other["detection_classes"][0] == one["detection_classes"][0, row]
            fits &= np.abs(other["detection_boxes"][0] - one["detection_boxes"][0, row]).max(axis=1) < 0.1
            hits.append(bool((fits & (other["detection_scores"][0] >= 0.3)).any()))
    assert hits
    return sum(hits) / len(hits)
