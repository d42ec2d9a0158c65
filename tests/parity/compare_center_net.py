"""What is compared of a CenterNet case.

Everything runs eagerly: making a graph takes several times longer than running it once.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from bars import Bars, bars_of
from golden_case import (
    Case,
    Check,
    Note,
    Run,
    absolute,
    average_checks,
    by_inference,
    counted,
    equal,
    every_check,
    gradient_checks,
    large,
    loss_checks,
    mean_square,
    preprocessed,
    recorded_order,
    relative,
    trains,
)

from boxwright.boxes import centers

# Values of bells, and of sizes and offsets in cells, which are recorded from float32 sums in another order.
TARGETS = 1e-5
# As for SSD: batch norm is folded in training, and a small gradient is then measured against this share of the whole.
SMALL_GRADIENT = 0.01
SEED = (1, 2)

DETECTED = ("detection_boxes", "detection_scores", "detection_multiclass_scores")


def checks(case: Case) -> Iterator[Check | Note]:
    """Every check of the case."""
    bars = bars_of(case)
    return every_check(case, partial(_inference, bars), partial(_training, bars))


def _inference(bars: Bars, detector: Any, run: Run) -> Iterator[Check]:
    recorded = run.outputs
    images, shapes = preprocessed(detector, run.images)
    predictions = detector.predict(images, shapes)
    yield large(run.entry, "preprocessed", images, recorded, bars.raw)
    yield equal("true_image_shapes", shapes, recorded["true_image_shapes"])
    yield from _raw(predictions, run.entry, recorded, bars.raw, relative)
    yield from detection_checks(bars, detector.postprocess(predictions, shapes), recorded)


def detection_checks(bars: Bars, detections: Any, recorded: Any) -> Iterator[Check]:
    """Detections, row by row."""
    counts = recorded["det_num_detections"].astype(int)
    yield equal("num_detections", detections["num_detections"], counts)
    classes = "detection_classes"
    yield equal(classes, counted(detections[classes], counts), counted(recorded[f"det_{classes}"], counts))
    for key in DETECTED:
        rows = [counted(values, counts) for values in (detections[key], recorded[f"det_{key}"])]
        yield absolute(key, *rows, bars.detections)


def _raw(predictions: Any, entry: dict, recorded: Any, bar: float, compared: Any) -> Iterator[Check]:
    """Every map of every head."""
    ours = {f"pred_{name}": value for name, value in predictions.items() if name != "true_image_shapes"}
    yield Check("heads", len(set(ours) ^ {key for key in recorded if key.startswith("pred_")}), 0, "names that differ")
    for key, value in ours.items():
        yield large(entry, key, value, recorded, bar, compared)


def _training(bars: Bars, case: Case, entry: dict, recorded: Any) -> Iterator[Check]:
    """One training step: predictions, targets, losses, and gradient norms or moving averages."""
    detector, _ = case.detector(case.model_of_losses(entry))
    images, truth, predictions, losses, norms = _step(case, detector, entry)
    inference = by_inference(entry)
    yield large(entry, "preprocessed", images, recorded, bars.raw)
    bar, compared = (bars.raw, relative) if inference else (bars.trained, mean_square)
    yield from _raw(predictions, entry, recorded, bar, compared)
    of_losses = bars.losses_of_inference if inference else bars.losses
    yield from loss_checks(losses, detector.regularization_loss(), entry, of_losses, bars.penalty)
    yield from target_checks(detector.targets(predictions, truth), truth.num_boxes.numpy(), recorded)
    yield Check("trained variables", len(set(norms) ^ set(entry["grad_norms"])), 0, "names that differ")
    yield from average_checks(case, detector, entry, bars.averages, bars.chaotic)
    if inference:
        small = SMALL_GRADIENT * entry["global_grad_norm"]
        yield from gradient_checks("folded ", norms, entry, bars.gradients, small)
        with recorded_order():
            norms = _step(case, detector, entry)[-1]
        yield from gradient_checks("", norms, entry, bars.gradients, least=1e-12)


def _step(case: Case, detector: Any, entry: dict) -> tuple:
    """Images, ground truth, predictions, losses by tag, and the norm of each gradient by its recorded name."""
    images, shapes = case.batch(detector, entry)
    truth, names = case.groundtruth(entry, images, shapes), case.recorded_names(detector)
    with tf.GradientTape() as tape:
        predictions = detector.predict(images, shapes, training=trains(entry), seed=tf.constant(SEED))
        losses = detector.losses(predictions, truth, tf.constant(SEED))
        total = tf.add_n([*losses.values(), detector.regularization_loss()])
    gradients = tape.gradient(total, {names[name]: detector.variables[name] for name in detector.trainable})
    norms = {name: float(tf.norm(gradient)) for name, gradient in gradients.items()}
    return images, truth, predictions, losses, norms


def target_checks(wanted: centers.CenterTargets, counts: np.ndarray, recorded: Any) -> Iterator[Check]:
    """The heat map, and what each box asks for at the cell of its centre; boxes are recorded in one list."""
    yield absolute("tgt_center_heatmap", wanted.heatmap, recorded["tgt_center_heatmap"], TARGETS)
    peaks = [np.asarray(heatmap) == 1 for heatmap in (wanted.heatmap, recorded["tgt_center_heatmap"])]
    yield equal("tgt_center_heatmap, centres", *peaks)
    image = np.repeat(np.arange(len(counts)), counts)[:, np.newaxis]
    cells = np.concatenate([image, counted(wanted.cells, counts)], axis=1)
    yield equal("tgt_box_indices", cells, recorded["tgt_box_indices"])
    for key, ours in (("size", wanted.sizes), ("offset", wanted.offsets)):
        yield absolute(f"tgt_box_{key}", counted(ours, counts), recorded[f"tgt_box_{key}"], TARGETS)
    yield equal("tgt_box_weights", counted(wanted.weights, counts), recorded["tgt_box_weights"])
