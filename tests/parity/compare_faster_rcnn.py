"""What is compared of a Faster R-CNN case, and the bars.

Proposals and detections pass suppression, where a twist of the last bit may swap two rows: proposals are compared with
the nearest one, detections as a set. A proposal that ends on the right or bottom border is a case of its own: in the OD
API a rounding decides whether its last row of samples counts (this engine counts it always), so a few of those differ.
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
    preprocessed,
    recorded_order,
    relative,
    sampled,
    trains,
)

ANCHORS = 1e-6
# Of the recorded predictions, so without a difference of the network.
POSTPROCESSED = 1e-5
# A detection is found again if its class is the same, and its score and sides are within this.
SAME_DETECTION = 1e-3
DETECTIONS_LOST = 0.02
# Share of the proposals on the border that may differ, or as many in number.
BORDER_ROWS = 0.05
BORDER_ROWS_LEAST = 2
TARGETS = 1e-4
# As for SSD: batch norm is folded in training, and a small gradient is then measured against this share of the whole.
SMALL_GRADIENT = 0.01
SEED = (1, 2)

FIRST_STAGE = ("rpn_box_encodings", "rpn_objectness_predictions_with_background")
SECOND_STAGE = ("refined_box_encodings", "class_predictions_with_background")


def checks(case: Case) -> Iterator[Check | Note]:
    """Every check of the case."""
    bars = bars_of(case)
    return every_check(case, partial(_inference, bars), partial(_training, bars))


def _inference(bars: Bars, detector: Any, run: Run) -> Iterator[Check]:
    recorded = run.outputs

    @tf.function(autograph=False)
    def infer(images: tf.Tensor, shapes: tf.Tensor) -> tuple:
        predictions = detector.predict(images, shapes)
        return predictions, detector.postprocess(predictions, shapes)

    images, shapes = preprocessed(detector, run.images)
    predictions, detections = infer(images, shapes)
    yield large(run.entry, "preprocessed", images, recorded, bars.raw)
    yield equal("true_image_shapes", shapes, recorded["true_image_shapes"])
    (key,) = {"sub_feature_map_0", "sub_feature_maps_0"} & set(recorded)
    yield large(run.entry, key, predictions["rpn_features_to_crop"], recorded, bars.raw)
    yield from _first_stage(predictions, recorded, run.entry, bars.raw)
    if detector.stages == 2:
        yield from _proposals(predictions, recorded, bars.raw)
        yield from _second_stage(detector, predictions, recorded, run.entry, bars.raw)
    yield _same_set(detections, recorded)
    yield from _postprocessing(detector, predictions, shapes, recorded)


def _first_stage(predictions: dict, recorded: Any, entry: dict, bar: float) -> Iterator[Check]:
    yield relative("anchors", predictions["anchors"], recorded["pred_anchors"], ANCHORS)
    for key in FIRST_STAGE:
        yield large(entry, f"pred_{key}", predictions[key], recorded, bar)


def _proposals(predictions: dict, recorded: Any, bar: float) -> Iterator[Check]:
    ours, theirs = predictions["proposal_boxes"].numpy(), recorded["pred_proposal_boxes"]
    yield equal("num_proposals", predictions["num_proposals"], recorded["pred_num_proposals"])
    if ours.shape != theirs.shape:
        yield equal("proposal_boxes", ours, theirs)
        return
    distance = np.abs(ours[:, :, np.newaxis] - theirs[:, np.newaxis]).max(axis=-1)
    nearest = np.maximum(distance.min(axis=1).max(), distance.min(axis=2).max())
    yield Check("proposal_boxes, to the nearest", nearest / theirs.std(), bar)


def _second_stage(
    detector: Any, predictions: dict, recorded: Any, entry: dict, bar: float, training: bool = False
) -> Iterator[Check]:
    """The second stage on the recorded proposals."""
    proposals = recorded["pred_proposal_boxes"]
    classified = detector.classify(predictions, tf.constant(proposals), training)
    height, width = predictions["image_shape"].numpy()[1:3]
    border = (proposals.reshape(-1, 4)[:, 2:] >= np.array([height, width]) * (1 - 1e-5)).any(axis=1)
    for key in SECOND_STAGE:
        ours, theirs = classified[key].numpy(), recorded[f"pred_{key}"]
        if ours.shape != theirs.shape:
            yield equal(key, ours, theirs)
            continue
        difference = np.abs(ours - theirs).reshape(len(theirs), -1).max(axis=1) / theirs.std()
        yield Check(f"{key}, inside", difference[~border].max(initial=0), bar)
        allowed = max(BORDER_ROWS_LEAST, BORDER_ROWS * border.sum())
        beyond = ~(difference[border] <= bar)
        differing = np.nan if np.isnan(difference).any() else beyond.sum()
        yield Check(f"{key}, {border.sum()} at the border", differing, allowed, "rows that differ")
    key = "sub_box_classifier_features"
    if key in recorded:
        features = classified["box_classifier_features"].numpy()
        ours, std = sampled(entry, key, features)
        # Those of R-FCN are of the whole map, so no proposal decides them.
        left_out = border if len(features) == len(border) else np.zeros(len(features), bool)
        left_out = np.broadcast_to(left_out[:, None, None, None], features.shape)
        row = sampled(entry, key, left_out)[0].reshape(ours.shape)
        yield relative(f"{key}, inside", ours[~row], recorded[key][~row], bar, std)


def _rows(values: Any, image: int, prefix: str = "") -> np.ndarray:
    """[N, 6]: box, score and class of the detections of one image; a class apart is farther than any box."""
    count = int(np.asarray(values[f"{prefix}num_detections"])[image])
    boxes, scores = (np.asarray(values[f"{prefix}detection_{name}"])[image, :count] for name in ("boxes", "scores"))
    classes = np.zeros_like(scores)
    if f"{prefix}detection_classes" in values:
        classes = np.asarray(values[f"{prefix}detection_classes"])[image, :count]
    return np.concatenate([boxes, scores[:, np.newaxis], 10 * classes[:, np.newaxis]], axis=1)


def _same_set(detections: dict, recorded: Any) -> Check:
    """The share of detections, ours or recorded, that the other has not."""
    lost = 0.0
    for image in range(len(recorded["det_num_detections"])):
        ours, theirs = _rows(detections, image), _rows(recorded, image, "det_")
        if len(ours) == 0 or len(theirs) == 0:
            lost = max(lost, float(len(ours) != len(theirs)))
            continue
        same = np.abs(ours[:, np.newaxis] - theirs[np.newaxis]).max(axis=-1) < SAME_DETECTION
        lost = max(lost, 1 - same.any(axis=0).mean(), 1 - same.any(axis=1).mean())
    return Check("detections as a set", lost, DETECTIONS_LOST, "share that the other has not")


def _postprocessing(detector: Any, predictions: dict, shapes: tf.Tensor, recorded: Any) -> Iterator[Check]:
    """What the recorded predictions become, row by row."""
    given = {key: tf.constant(recorded[f"pred_{key}"]) for key in predictions if f"pred_{key}" in recorded}
    detections = detector.postprocess(predictions | given, shapes)
    counts = recorded["det_num_detections"].astype(int)
    for key, value in detections.items():
        if f"det_{key}" in recorded:
            theirs = recorded[f"det_{key}"]
            if key.startswith("detection_"):
                value, theirs = counted(value, counts), counted(theirs, counts)
            yield absolute(f"{key} of the recorded", value, theirs, POSTPROCESSED)


def _training(bars: Bars, case: Case, entry: dict, recorded: Any) -> Iterator[Check]:
    """One training step whose samplers take everything: targets, losses and gradient norms."""
    detector, _ = case.detector(case.model_of_losses(entry))
    images, shapes = case.batch(detector, entry)
    truth = case.groundtruth(entry, images, shapes)
    predictions, losses, penalty, norms = _step(case, detector, entry, images, shapes, truth)
    inference = by_inference(entry)
    raw = bars.raw if inference else bars.trained
    yield large(entry, "preprocessed", images, recorded, bars.raw)
    yield from _first_stage(predictions, recorded, entry, raw)
    pixels = truth._replace(boxes=truth.boxes * np.tile(shapes.numpy()[:, :2], 2)[:, np.newaxis].astype(np.float32))
    anchors = tf.constant(recorded["pred_anchors"])
    yield from _targets("anchor", detector.anchor_targets(anchors, pixels), recorded, "tgt0")
    yield from average_checks(case, detector, entry, bars.averages)
    if detector.stages == 2:
        if detector.second.miner is None:
            predictions = detector.classify_sample(predictions, truth, tf.constant(SEED))
        yield from _proposals(predictions, recorded, raw)
        yield from _second_stage(detector, predictions, recorded, entry, raw, training=trains(entry))
        proposals = tf.constant(recorded["pred_proposal_boxes"])
        targets = detector.proposal_targets(proposals, pixels)
        yield from _targets("proposal", targets, recorded, "tgt1")
    yield from loss_checks(losses, penalty, entry, bars.losses_of_inference if inference else bars.losses, bars.penalty)
    yield Check("trained variables", len(set(norms) ^ set(entry["grad_norms"])), 0, "names that differ")
    if inference:
        small = SMALL_GRADIENT * entry["global_grad_norm"]
        yield from gradient_checks("folded ", norms, entry, bars.gradients, small)
        with recorded_order():
            norms = _step(case, detector, entry, images, shapes, truth)[-1]
        yield from gradient_checks("", norms, entry, bars.gradients, least=1e-12)


def _step(case: Case, detector: Any, entry: dict, images: tf.Tensor, shapes: tf.Tensor, truth: Any) -> tuple:
    """Predictions, losses by tag, the penalty, and the norm of each gradient by its recorded name."""
    seed, names = tf.constant(SEED), case.recorded_names(detector)

    @tf.function(autograph=False)
    def step(images: tf.Tensor, shapes: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            predictions = detector.predict(images, shapes, training=trains(entry), seed=seed)
            losses = detector.losses(predictions, truth, seed)
            penalty = detector.regularization_loss()
            total = tf.add_n([*losses.values(), penalty])
        gradients = tape.gradient(total, [detector.variables[name] for name in detector.trainable])
        norms = [tf.norm(tf.convert_to_tensor(gradient)) for gradient in gradients]
        return predictions, losses, penalty, norms

    predictions, losses, penalty, norms = step(images, shapes)
    by_name = {names[name]: float(norm) for name, norm in zip(detector.trainable, norms, strict=True)}
    return predictions, losses, penalty, by_name


def _targets(what: str, ours: Any, recorded: Any, key: str) -> Iterator[Check]:
    """Targets of anchors or proposals; `key` is their prefix in the recording."""
    weights = np.broadcast_to(ours.class_weights.numpy()[..., np.newaxis], recorded[f"{key}_cls_weights"].shape)
    yield equal(f"{what} match", ours.match, recorded[f"{key}_match"])
    yield equal(f"{what} class targets", ours.class_targets, recorded[f"{key}_cls_targets"])
    yield equal(f"{what} class weights", weights, recorded[f"{key}_cls_weights"])
    yield equal(f"{what} box weights", ours.box_weights, recorded[f"{key}_reg_weights"])
    yield absolute(f"{what} box targets", ours.box_targets, recorded[f"{key}_reg_targets"], TARGETS)
