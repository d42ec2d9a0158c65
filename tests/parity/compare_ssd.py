"""What is compared of an SSD case, and the bars.

Everything runs eagerly: making a graph takes several times longer than running it once.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from golden_case import (
    Case,
    Check,
    Run,
    absolute,
    counted,
    equal,
    every_check,
    ratio,
    recorded_order,
    relative,
    sampled,
)

ANCHORS = 1e-6
RAW = 1e-4
DETECTIONS = 1e-4
DETECTED = (
    "detection_boxes",
    "detection_scores",
    "detection_multiclass_scores",
    "raw_detection_boxes",
    "raw_detection_scores",
)
# Losses, where batch norm uses the batch (ill-conditioned on maps of 1x1) and where it does not.
LOSSES, LOSSES_OF_INFERENCE = 1e-4, 1e-5
# Codes of far-off boxes reach 100 and are recorded to 3e-6.
TARGETS = 1e-5
# Of the whole gradient and of each variable's. With batch norm folded, as it is trained, what lies at rounding distance
# from another choice (an end of ReLU6, the next anchor to mine) may take it, which decides a small one: there, an error
# in less than this share of the whole is measured against that. In the recorded order each is held to its own norm.
GRADIENT_NORMS = 1e-3
SMALL_GRADIENT = 0.01
AVERAGES = 1e-3


def checks(case: Case) -> Iterator[Check]:
    """Every check of the case."""
    return every_check(case, _inference, _training)


def _inference(detector: Any, run: Run) -> Iterator[Check]:
    recorded = run.outputs
    pictures = run.image if run.image.ndim == 4 else run.image[np.newaxis]
    images, shapes = (tf.stack(column) for column in zip(*map(detector.preprocess, pictures), strict=True))
    predictions, maps = detector.predict(images, shapes), detector.feature_maps(images)
    detections = detector.postprocess(predictions, shapes)
    yield _large(run.entry, "preprocessed", images, recorded)
    yield equal("true_image_shapes", shapes, recorded["true_image_shapes"])
    for index, features in enumerate(maps.values()):
        for key in (f"sub_feature_map_{index}", f"sub_feature_maps_{index}"):
            if key in recorded:
                yield _large(run.entry, key, features, recorded)
    yield absolute("anchors", predictions["anchors"], recorded["pred_anchors"], ANCHORS)
    for key in ("box_encodings", "class_predictions_with_background"):
        yield _large(run.entry, f"pred_{key}", predictions[key], recorded)
    counts = recorded["det_num_detections"].astype(int)
    yield equal("num_detections", detections["num_detections"], counts)
    classes = "detection_classes"
    yield equal(classes, counted(detections[classes], counts), counted(recorded[f"det_{classes}"], counts))
    for key in DETECTED:
        if f"det_{key}" in recorded:
            ours, _ = sampled(run.entry, f"det_{key}", detections[key])
            rows = [
                counted(values, counts) if key.startswith("detection_") else values
                for values in (ours, recorded[f"det_{key}"])
            ]
            yield absolute(key, *rows, DETECTIONS)


def _large(entry: dict, key: str, value: Any, recorded: Any) -> Check:
    """A tensor that may be stored by samples."""
    ours, std = sampled(entry, key, value)
    return relative(key, ours, recorded[key], RAW, std)


def _training(case: Case, entry: dict, recorded: Any) -> Iterator[Check]:
    """One training step: losses, targets, and gradient norms or moving averages."""
    detector, _ = case.detector(case.model_of_losses(entry))
    names = case.recorded_names(detector)
    images, truth, predictions, losses, norms = _step(case, detector, entry)
    inference = entry["batch_norm_mode"].startswith("inference")
    bar = LOSSES_OF_INFERENCE if inference else LOSSES
    yield _large(entry, "preprocessed", images, recorded)
    for tag, value in entry["losses"].items():
        yield ratio(tag, losses[tag], value, bar)
    yield ratio("regularization_loss", detector.regularization_loss(), entry["regularization_loss"], bar)
    yield from _targets(detector.targets(predictions, truth), entry, recorded)
    yield Check("trained variables", len(set(norms) ^ set(entry["grad_norms"])), 0, "names that differ")
    yield from _moved_averages(case, detector, names, entry)
    if inference:
        yield from _gradient_norms("folded ", norms, entry, SMALL_GRADIENT * entry["global_grad_norm"])
        with recorded_order():
            norms = _step(case, detector, entry)[-1]
        yield from _gradient_norms("", norms, entry, least=1e-12)


def _step(case: Case, detector: Any, entry: dict) -> tuple:
    """Images, ground truth, predictions, losses by tag, and the norm of each gradient by its recorded name."""
    images, shapes = case.batch(detector, entry)
    truth, names = case.groundtruth(entry, images, shapes), case.recorded_names(detector)
    with tf.GradientTape() as tape:
        predictions = detector.predict(images, shapes, training=True)
        losses = detector.losses(predictions, truth)
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


def _gradient_norms(kind: str, ours: dict[str, float], entry: dict, least: float) -> Iterator[Check]:
    """The norm of the whole gradient, and the worst of all variables, whose norm counts as `least` where it is less."""
    recorded = entry["grad_norms"]
    whole = np.linalg.norm(list(ours.values()))
    yield ratio(f"{kind}global gradient norm", whole, entry["global_grad_norm"], GRADIENT_NORMS)
    errors = {name: abs(ours.get(name, np.inf) - norm) / max(norm, least) for name, norm in recorded.items()}
    name = max(errors, key=errors.get)
    yield Check(f"{kind}gradient norms, worst {name[-36:]}", errors[name], GRADIENT_NORMS, "of the recorded norm")


def _moved_averages(case: Case, detector: Any, names: dict[str, str], entry: dict) -> Iterator[Check]:
    """Which moving averages one step has moved, and where to."""
    moved = entry["moving_average_after_one_step"]
    ours = {names[name]: variable.numpy() for name, variable in detector.variables.items()}
    changed = [name for name, value in ours.items() if name in case.weights and (value != case.weights[name]).any()]
    counted = [name for name in changed if "moving_variance" not in name] if "bn_layers" in moved else changed
    yield Check("moving averages moved", abs(len(counted) - moved["count_changed"]), 0, "difference of their number")
    worst = 0.0
    for name, sample in moved["sample"].items():
        if name not in ours:
            worst = np.inf
            continue
        after = ours[name].ravel()[:4]
        worst = max(worst, np.abs(after - sample["first4_after"]).max() / sample["max_change"])
        if "var_first4_after" in sample:
            variance = ours[name.replace("moving_mean", "moving_variance")].ravel()[:4]
            worst = max(worst, np.abs(variance - sample["var_first4_after"]).max() / sample["max_change"])
    yield Check("moving averages after one step", worst, AVERAGES, "of the largest change")
