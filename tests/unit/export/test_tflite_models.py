"""The TFLite forms of larger models keep their gates, each in its own runtime."""

import hashlib
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from golden_case import Case, picture

pytest.importorskip("ai_edge_litert")

from boxwright.catalog import forms
from boxwright.checkpoints import checkpoint_files
from boxwright.dataset.formats import voc
from boxwright.dataset.label_map import labels
from boxwright.dataset.samples import Sample
from boxwright.evaluation import exported, names
from boxwright.export import check, gate
from boxwright.export.forms import checkpoint, tflite, tflite_float16, tflite_int8
from boxwright.images import loader
from boxwright.pipeline import text
from boxwright.records.example import Record, from_example, to_example
from boxwright.runtimes import Detect
from boxwright.runtimes import tflite as runtime

from . import flatbuffer

pytestmark = pytest.mark.slow

COCO = "ssd_mobilenet_v1_0.75_depth_coco"
# Recorded cases, whose weights give many sure detections, by the number of these on an image.
FPNLITE, EFFICIENTDET = "tf2_ssd_mobilenet_v2_fpnlite", "tf2_efficientdet_d0"
MOST = {FPNLITE: 100, EFFICIENTDET: 40}
SIZES = ((300, 200), (400, 300), (320, 320), (480, 300), (256, 256))
# How many of the photographs the published model is calibrated with.
CALIBRATED = 12
FORMS = {"tflite": tflite, "tflite_float16": tflite_float16, "tflite_int8": tflite_int8}


class Written(NamedTuple):
    """A folder with the three files of a model, images, and the checkpoint's detections on them."""

    source: str
    folder: Path
    images: list[np.ndarray]
    engine: checkpoint.Engine
    wanted: list[dict[str, np.ndarray]]

    def found(self, form: str, threads: int = 2) -> list[dict[str, np.ndarray]]:
        detect = runtime.load(self.path(form), threads)
        return [detect(image[np.newaxis]) for image in self.images]

    def path(self, form: str) -> Path:
        return self.folder / forms.named(form).path


def config_of(case: Case) -> Any:
    """The configuration of a recorded case, with a suppression that TFLite can hold; one has its template's resizer."""
    config, name = case.config, case.folder.name
    suppression = config.model.ssd.post_processing.batch_non_max_suppression
    suppression.max_detections_per_class = suppression.max_total_detections = MOST[name]
    suppression.iou_threshold = 0.6
    if name == EFFICIENTDET:
        resizer = config.model.ssd.image_resizer.keep_aspect_ratio_resizer
        resizer.min_dimension = resizer.max_dimension = 256
        resizer.pad_to_max_dimension = True
    return config


@pytest.fixture(scope="module", params=[COCO, FPNLITE, EFFICIENTDET])
def written(request, shared, tmp_path_factory) -> Written:
    source, folder = request.param, tmp_path_factory.mktemp("models")
    if source == COCO:
        for path in (shared / "models" / COCO).glob("model.ckpt.*"):
            shutil.copy(path, folder)
        shutil.copy(shared / "models" / COCO / forms.PIPELINE, folder)
        (folder / forms.LABELS).write_text(labels(shared / "models" / COCO / "mscoco_label_map.pbtxt"))
        images = [loader.load_rgb(path) for path in sorted((shared / "data/raccoon/images").glob("*.jpg"))[:CALIBRATED]]
    else:
        case = Case(shared / "parity" / source)
        (folder / forms.PIPELINE).write_text(text.to_text(config_of(case)))
        detector, _ = case.detector()
        checkpoint_files.write(folder / "model.ckpt", {name: one.numpy() for name, one in detector.variables.items()})
        (folder / forms.LABELS).write_text("".join(f"thing {number}\n" for number in range(detector.num_classes)))
        images = [picture(number, *size) for number, size in enumerate(SIZES, start=7)]
    for name, writer in FORMS.items():
        form = forms.named(name)
        assert not form.refuses(text.read(folder / forms.PIPELINE).model.ssd, "ssd")
        writer.write(folder / "model.ckpt", folder / form.path, *([images] if form.calibrated else []))
    engine = checkpoint.load(folder / "model.ckpt")
    return Written(source, folder, images, engine, [engine(image[np.newaxis]) for image in images])


@pytest.mark.parametrize("name", ["tflite", "tflite_float16"])
def test_the_forms_keep_their_gates(written, name):
    limits = gate.GATES[forms.named(name).precision]
    # Weights of noise give many boxes that overlap, with nearly equal scores: which of two stays is decided either way.
    least = limits.least if written.source == COCO else check.LEAST_SAME
    for threads in (1, 2):
        found = written.found(name, threads)
        same = check.compare(zip(written.wanted, found, strict=True), limits.tolerance)
        assert same["share"] >= least and same["detections"] >= 190, (threads, same)
    # What MediaPipe takes: one mean and deviation for all channels.
    given = runtime.read_input(written.path(name).read_bytes())
    normalizes = written.source == EFFICIENTDET
    assert (set(given.mean), set(given.std)) == (({0.0}, {1.0}) if normalizes else ({127.5}, {127.5}))


@pytest.mark.parametrize("written", [EFFICIENTDET], indirect=True)
@pytest.mark.parametrize("size", [(200, 400), (400, 80)])
def test_boxes_in_the_padding_take_no_places(written, size):
    """Weights of noise find many there."""
    image = picture(3, *size)[np.newaxis]
    wanted, found = written.engine(image), runtime.load(written.path("tflite"))(image)
    assert found["num_detections"] == wanted["num_detections"]
    assert check.compare([(wanted, found)], gate.GATES["float32"].tolerance)["share"] >= check.LEAST_SAME


def test_int8_is_int8_before_the_suppression(written):
    flatbuffer.is_int8_of_fixed_shape(written.path("tflite_int8").read_bytes())


def test_int8_finds_the_same_objects(written):
    found = written.found("tflite_int8")
    assert all(np.isfinite(one["detection_boxes"]).all() for one in found)
    if written.source == COCO:
        assert written.path("tflite_int8").stat().st_size <= 5_000_000
        assert sure_found(written.wanted, found) >= 0.95
    else:
        same = check.compare(zip(written.wanted, found, strict=True), gate.GATES["int8"].tolerance)
        assert same["share"] >= 0.9 and same["detections"] >= 190, same


# The ids of COCO's animals, bird to giraffe.
ANIMALS = (16, 25)


@pytest.mark.parametrize("written", [COCO], indirect=True)
def test_int8_finds_the_animals_on_photographs_as_well(written, shared):
    """COCO has no raccoons, and takes them for other animals, which are no others on these photographs."""
    folder = shared / "data/raccoon"
    others = sorted((folder / "images").glob("*.jpg"))[CALIBRATED:]
    records = [record_of(path, folder / "annotations" / f"{path.stem}.xml") for path in others]
    animals = {
        name: exported.evaluate(one_class(runtime.load(written.path(name))), records, {"raccoon": 1}).measured.metrics
        for name in ("tflite", "tflite_int8")
    }
    whole, int8 = (animals[name][names.PRECISION + "mAP@.50IOU"] for name in ("tflite", "tflite_int8"))
    assert whole > 0.7 and int8 >= whole - gate.GATES["int8"].most_lost, (whole, int8)


def record_of(image: Path, annotation: Path) -> Record:
    """The record of a photograph and its annotation."""
    data = image.read_bytes()
    (said,) = voc.read(annotation.read_bytes()).statements
    height, width = loader.load_rgb(image).shape[:2]
    sample = Sample(image.name, str(image), hashlib.sha256(data).hexdigest(), width, height, "jpeg", (), said.boxes)
    return from_example(to_example(sample, data, {"raccoon": 1}))


def one_class(detect: Detect) -> Detect:
    """A detector of animals of one class, from one of COCO's classes."""

    def animals(images: np.ndarray) -> dict[str, np.ndarray]:
        found = detect(images)
        classes = found["detection_classes"]
        chosen = (classes >= ANIMALS[0]) & (classes <= ANIMALS[1])
        rows = {name: found[f"detection_{name}"][chosen][np.newaxis] for name in ("boxes", "scores", "classes")}
        rows["classes"] = np.ones_like(rows["classes"])
        return {f"detection_{name}": values for name, values in rows.items()}

    return animals


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
