"""What is compared of an SSD case.

Everything runs eagerly: making a graph takes several times longer than running it once.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from bars import ANY, Bars, bars_of
from golden_case import (
    Case,
    Check,
    Note,
    Run,
    absolute,
    as_recorded,
    average_checks,
    by_entry,
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
    sampled,
    trains,
)

ANCHORS = 1e-6
# Codes of far-off boxes reach 100 and are recorded to 3e-6.
TARGETS = 1e-5
# With batch norm folded, as it is trained, what lies at rounding distance from another choice (an end of ReLU6, the
# next anchor to mine) may take it, which decides a small gradient: there, an error in less than this share of the whole
# is measured against that. In the recorded order each is held to its own norm.
SMALL_GRADIENT = 0.01
SEED = (1, 2)

RAW = ("box_encodings", "class_predictions_with_background")
DETECTED = ("detection_boxes", "detection_scores")
BEFORE_SUPPRESSION = ("detection_multiclass_scores", "raw_detection_boxes", "raw_detection_scores")


def checks(case: Case) -> Iterator[Check | Note]:
    """Every check of the case."""
    bars = bars_of(case)
    with as_recorded(case):
        yield from every_check(case, partial(_inference, bars), partial(_training, bars))


def _inference(bars: Bars, detector: Any, run: Run) -> Iterator[Check]:
    recorded = run.outputs
    images, shapes = preprocessed(detector, run.images)
    predictions, maps = detector.predict(images, shapes), detector.feature_maps(images)
    detections = detector.postprocess(predictions, shapes)
    yield large(run.entry, "preprocessed", images, recorded, bars.inputs)
    yield equal("true_image_shapes", shapes, recorded["true_image_shapes"])
    for index, features in enumerate(maps.values()):
        for key in (f"sub_feature_map_{index}", f"sub_feature_maps_{index}"):
            if key in recorded:
                yield large(run.entry, key, features, recorded, bars.raw)
    yield absolute("anchors", predictions["anchors"], recorded["pred_anchors"], ANCHORS)
    for key in RAW:
        yield large(run.entry, f"pred_{key}", predictions[key], recorded, bars.raw)
    counts = recorded["det_num_detections"].astype(int)
    yield equal("num_detections", detections["num_detections"], counts)
    classes = "detection_classes"
    if bars.detections < ANY:
        yield equal(classes, counted(detections[classes], counts), counted(recorded[f"det_{classes}"], counts))
    for key in (*DETECTED, *BEFORE_SUPPRESSION):
        if f"det_{key}" in recorded:
            ours, _ = sampled(run.entry, f"det_{key}", detections[key])
            rows = [
                counted(values, counts) if key.startswith("detection_") else values
                for values in (ours, recorded[f"det_{key}"])
            ]
            yield absolute(key, *rows, bars.detections if key in DETECTED else bars.before_suppression)


def _training(bars: Bars, case: Case, entry: dict, recorded: Any) -> Iterator[Check]:
    """One training step: predictions, targets, losses, and gradient norms or moving averages."""
    detector, _ = case.detector(case.model_of_losses(entry))
    images, truth, predictions, losses, norms = _step(case, detector, entry)
    inference = by_inference(entry)
    wanted = detector.targets(predictions, truth)
    yield large(entry, "preprocessed", images, recorded, bars.inputs)
    yield absolute("anchors", predictions["anchors"], recorded["pred_anchors"], ANCHORS)
    localization, _ = detector.anchor_losses(predictions, wanted)
    logits = predictions["class_predictions_with_background"]
    classification = by_entry(detector.classification_loss)(logits, wanted.class_targets, wanted.class_weights)
    ours = {f"pred_{key}": predictions[key] for key in RAW} | {
        "per_anchor_localization_loss": localization,
        "per_anchor_classification_loss": classification,
    }
    for key, value in ours.items():
        if key in recorded:
            bar, compared = (bars.raw, relative) if inference else (bars.trained, mean_square)
            yield large(entry, key, value, recorded, bar, compared)
    of_losses = bars.losses_of_inference if inference else bars.losses
    yield from loss_checks(losses, detector.regularization_loss(), entry, of_losses, bars.penalty)
    yield from _targets(wanted, entry, recorded)
    yield Check("trained variables", len(set(norms) ^ set(entry["grad_norms"])), 0, "names that differ")
    yield from average_checks(case, detector, entry, bars.averages)
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
    seed = tf.constant(SEED)
    with tf.GradientTape() as tape:
        predictions = detector.predict(images, shapes, training=trains(entry), seed=seed)
        losses = detector.losses(predictions, truth, seed)
        total = tf.add_n([*losses.values(), detector.regularization_loss()])
    gradients = tape.gradient(total, {names[name]: detector.variables[name] for name in detector.trainable})
    norms = {name: float(tf.norm(gradient)) for name, gradient in gradients.items()}
    return images, truth, predictions, losses, norms


def _targets(targets: Any, entry: dict, recorded: Any) -> Iterator[Check]:
    """What the anchors should predict; class weights are recorded for each class, and the same for all."""
    slots = targets.class_targets.shape[-1]
    weights = np.repeat(targets.class_weights.numpy()[..., np.newaxis], slots, axis=-1)
    for key, ours in (
        ("match", targets.match),
        ("cls_targets", targets.class_targets),
        ("cls_weights", weights),
        ("reg_weights", targets.box_weights),
    ):
        yield equal(f"tgt_{key}", sampled(entry, f"tgt_{key}", ours)[0], recorded[f"tgt_{key}"])
    codes, _ = sampled(entry, "tgt_reg_targets", targets.box_targets)
    yield absolute("tgt_reg_targets", codes, recorded["tgt_reg_targets"], TARGETS)
