"""Proof that frozen graph, SavedModel and checkpoint of an export give the same detections, and its figures."""

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files
from boxwright.core.files import writing
from boxwright.detector import inference
from boxwright.export import freeze
from boxwright.pipeline import text

REPORT = "export.json"

# Two detections are the same when they are of one class and no coordinate (of a box normalised to 0..1) or score
# differs by more. The order of sums differs between the graphs, which moves a score by some 1e-6.
TOLERANCE = 1e-3
# Below this score a detection may come in or go out of the list by such a difference.
CONFIDENT = 0.01
# Suppression decides near-ties either way. The OD API against itself with other CPU kernels: 98.7 % of the detections.
LEAST_SAME = 0.98

_MOST_TIMED, _MOST_SECONDS = 20, 5.0

Run = Callable[[np.ndarray], dict[str, np.ndarray]]


class FrozenGraph:
    """A frozen graph in one session; call it with uint8 [B, H, W, 3] for the tensors of `inference.OUTPUTS`."""

    def __init__(self, path: str | Path, threads: int | None = None):
        definition = tf.compat.v1.GraphDef.FromString(Path(path).read_bytes())
        graph = freeze.imported(definition)
        names = {node.name for node in definition.node}
        self._fetches = {name: f"{name}:0" for name in inference.OUTPUTS if name in names}
        settings = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads or 0)
        settings.gpu_options.allow_growth = True
        # A session asks for itself; it may have the GPUs that this process has.
        gpus = [device.name.rsplit(":", 1)[1] for device in tf.config.get_visible_devices("GPU")]
        settings.device_count["GPU"] = len(gpus)
        settings.gpu_options.visible_device_list = ",".join(gpus)
        self._session = tf.compat.v1.Session(graph=graph, config=settings)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return self._session.run(self._fetches, {f"{freeze.INPUT}:0": images})

    def close(self) -> None:
        """Give the session's memory back."""
        self._session.close()


def verify(folder: str | Path, images: Sequence[np.ndarray]) -> dict[str, Any]:
    """Compare the three forms of the detector in `folder` on `images` (uint8 [H, W, 3]) and write `export.json` there.

    Returns its content: for the SavedModel and the checkpoint against the frozen graph the largest difference of
    boxes (normalised) and scores and the share of detections that are the same; sizes in bytes; number of weights;
    milliseconds per image at batch 1 without the warm-up, as median and quartiles, and the device that needed them.
    Raises RuntimeError where the forms do not agree: such an export must not be used.
    """
    folder = Path(folder)
    frozen = FrozenGraph(folder / freeze.FROZEN_GRAPH)
    others = {"saved_model": _saved_model(folder), "checkpoint": _checkpoint(folder)}
    wanted = [frozen(image[np.newaxis]) for image in images]
    report: dict[str, Any] = {"images": len(images), "same_detections": {}}
    for name, run in others.items():
        pairs = ((one, run(image[np.newaxis])) for one, image in zip(wanted, images, strict=True))
        report["same_detections"][name] = _compare(pairs)
    report |= _sizes(folder)
    report |= _timing(frozen, images)
    frozen.close()
    with writing(folder / REPORT, "w") as file:
        file.write(json.dumps(report, indent=2) + "\n")
    different = {name: one for name, one in report["same_detections"].items() if one["share"] < LEAST_SAME}
    if different:
        raise RuntimeError(
            f"The exported files in {folder} do not give the same detections as the frozen graph: {different}. This is "
            "a fault of boxwright; please report it with the pipeline.config."
        )
    return report


def _saved_model(folder: Path) -> Run:
    function = tf.saved_model.load(str(folder / freeze.SAVED_MODEL)).signatures["serving_default"]
    return lambda images: {name: value.numpy() for name, value in function(inputs=tf.constant(images)).items()}


def _checkpoint(folder: Path) -> Run:
    config = text.read(folder / freeze.CONFIG)
    detector = inference.load(config, folder / freeze.CHECKPOINT)

    def one(image: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels, shape = detector.preprocess(image)
        return inference.detections(detector, pixels[tf.newaxis], shape[tf.newaxis])

    run = tf.function(one, input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)], autograph=False)
    return lambda images: {name: value.numpy() for name, value in run(tf.constant(images[0])).items()}


def _compare(pairs: Iterable[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]) -> dict[str, float]:
    same = total = 0
    box = score = 0.0
    for one, other in pairs:
        for first, second in ((one, other), (other, one)):
            for row in np.flatnonzero(first["detection_scores"][0] >= CONFIDENT):
                total += 1
                boxes = np.abs(second["detection_boxes"][0] - first["detection_boxes"][0, row]).max(axis=1)
                scores = np.abs(second["detection_scores"][0] - first["detection_scores"][0, row])
                fits = second["detection_classes"][0] == first["detection_classes"][0, row]
                fits &= (boxes <= TOLERANCE) & (scores <= TOLERANCE)
                if fits.any():
                    same += 1
                    nearest = np.argmin(np.where(fits, boxes + scores, np.inf))
                    box, score = max(box, float(boxes[nearest])), max(score, float(scores[nearest]))
    return {"share": same / total if total else 1.0, "max_box": box, "max_score": score, "detections": total // 2}


def _sizes(folder: Path) -> dict[str, Any]:
    shapes = checkpoint_files.names(folder / freeze.CHECKPOINT)
    files = {
        "frozen_graph": [folder / freeze.FROZEN_GRAPH],
        "saved_model": [path for path in (folder / freeze.SAVED_MODEL).rglob("*") if path.is_file()],
        "checkpoint": list(folder.glob(f"{freeze.CHECKPOINT}.*")),
    }
    return {
        "bytes": {name: sum(path.stat().st_size for path in paths) for name, paths in files.items()},
        "weights": int(sum(np.prod(shape) for name, shape in shapes.items() if name != "global_step")),
    }


def _timing(run: Run, images: Sequence[np.ndarray]) -> dict[str, Any]:
    """Median time of one image, its quartiles, and where; the comparison before was the warm-up."""
    times: list[float] = []
    while len(times) < _MOST_TIMED and sum(times) < _MOST_SECONDS:
        image = images[len(times) % len(images)][np.newaxis]
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    low, median, high = (round(1e3 * value, 2) for value in np.quantile(times, (0.25, 0.5, 0.75)).tolist())
    return {"ms_per_image": median, "ms_quartiles": [low, high], "device": _device()}


def _device() -> str:
    """The first GPU by its name, else the number of processors that this process may use."""
    for card in tf.config.list_physical_devices("GPU"):
        return tf.config.experimental.get_device_details(card).get("device_name", "GPU")
    return f"CPU, {len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} processors"
