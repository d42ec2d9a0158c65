"""What is compared of a Faster R-CNN case, and the bars.

Proposals and detections pass suppression, where a twist of the last bit may swap two rows: proposals are compared with
the nearest one, detections as a set. A proposal that ends on the right or bottom border is a case of its own: in the OD
API a rounding decides whether its last row of samples counts (this engine counts it always), so a few of those differ.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from golden_case import Case, Check, Run, absolute, counted, equal, every_check, ratio, relative, sampled

ANCHORS = 1e-6
RAW = 1e-4
# Of the recorded predictions, so without a difference of the network.
POSTPROCESSED = 1e-5
# A detection is found again if its class is the same, and its score and sides are within this.
SAME_DETECTION = 1e-3
DETECTIONS_LOST = 0.02
# Share of the proposals on the border that may differ, or as many in number.
BORDER_ROWS = 0.05
BORDER_ROWS_LEAST = 2
TARGETS = 1e-4
LOSSES = 1e-2
GRADIENT_NORMS = 1e-2
REGULARIZATION = 1e-5
SEED = (1, 2)

FIRST_STAGE = ("rpn_box_encodings", "rpn_objectness_predictions_with_background")
SECOND_STAGE = ("refined_box_encodings", "class_predictions_with_background")


def checks(case: Case) -> Iterator[Check]:
    """Every check of the case."""
    return every_check(case, _inference, _training)


def _inference(detector: Any, run: Run) -> Iterator[Check]:
    recorded = run.outputs

    @tf.function(autograph=False)
    def infer(images: tf.Tensor, shapes: tf.Tensor) -> tuple:
        predictions = detector.predict(images, shapes)
        return predictions, detector.postprocess(predictions, shapes)

    pictures = run.image if run.image.ndim == 4 else run.image[np.newaxis]
    preprocessed = [detector.preprocess(picture) for picture in pictures]
    images, shapes = (tf.stack(column) for column in zip(*preprocessed, strict=True))
    predictions, detections = infer(images, shapes)
    yield _large("preprocessed", images, recorded, run.entry)
    yield equal("true_image_shapes", shapes, recorded["true_image_shapes"])
    yield _large("sub_feature_map_0", predictions["rpn_features_to_crop"], recorded, run.entry)
    yield from _first_stage(predictions, recorded)
    if detector.stages == 2:
        yield from _proposals(predictions, recorded)
        yield from _second_stage(detector, predictions, recorded, run.entry)
    yield _same_set(detections, recorded)
    yield from _postprocessing(detector, predictions, shapes, recorded)


def _large(key: str, value: Any, recorded: Any, entry: dict) -> Check:
    """A tensor that may be stored by samples."""
    ours, std = sampled(entry, key, value)
    return relative(key, ours, recorded[key], RAW, std)


def _first_stage(predictions: dict, recorded: Any) -> Iterator[Check]:
    yield relative("anchors", predictions["anchors"], recorded["pred_anchors"], ANCHORS)
    for key in FIRST_STAGE:
        yield relative(key, predictions[key], recorded[f"pred_{key}"], RAW)


def _proposals(predictions: dict, recorded: Any) -> Iterator[Check]:
    ours, theirs = predictions["proposal_boxes"].numpy(), recorded["pred_proposal_boxes"]
    yield equal("num_proposals", predictions["num_proposals"], recorded["pred_num_proposals"])
    if ours.shape != theirs.shape:
        yield equal("proposal_boxes", ours, theirs)
        return
    distance = np.abs(ours[:, :, np.newaxis] - theirs[:, np.newaxis]).max(axis=-1)
    nearest = max(distance.min(axis=1).max(), distance.min(axis=2).max())
    yield Check("proposal_boxes, to the nearest", nearest / theirs.std(), RAW)


def _second_stage(
    detector: Any, predictions: dict, recorded: Any, entry: dict, training: bool = False
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
        yield Check(f"{key}, inside", difference[~border].max(initial=0), RAW)
        allowed = max(BORDER_ROWS_LEAST, BORDER_ROWS * border.sum())
        yield Check(
            f"{key}, {border.sum()} at the border", (difference[border] > RAW).sum(), allowed, "rows that differ"
        )
    key = "sub_box_classifier_features"
    if key in recorded:
        features = classified["box_classifier_features"].numpy()
        ours, std = sampled(entry, key, features)
        row = sampled(entry, key, np.broadcast_to(border[:, None, None, None], features.shape))[0].reshape(ours.shape)
        yield relative(f"{key}, inside", ours[~row], recorded[key][~row], RAW, std)


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


def _training(case: Case, entry: dict, recorded: Any) -> Iterator[Check]:
    """One training step whose samplers take everything: targets, losses and gradient norms."""
    detector, _ = case.detector(case.model_of_losses(entry))
    images, shapes = case.batch(detector, entry)
    truth, seed = case.groundtruth(entry, images, shapes), tf.constant(SEED)
    names = detector.trainable

    @tf.function(autograph=False)
    def step(images: tf.Tensor, shapes: tf.Tensor) -> tuple:
        with tf.GradientTape() as tape:
            predictions = detector.predict(images, shapes, training=True, seed=seed)
            losses = detector.losses(predictions, truth, seed)
            penalty = detector.regularization_loss()
            total = tf.add_n([*losses.values(), penalty])
        gradients = tape.gradient(total, [detector.variables[name] for name in names])
        if detector.stages == 2 and detector.second.miner is None:
            predictions = detector.classify_sample(predictions, truth, seed)
        return predictions, losses, penalty, [tf.norm(tf.convert_to_tensor(gradient)) for gradient in gradients]

    predictions, losses, penalty, norms = step(images, shapes)
    yield _large("preprocessed", images, recorded, entry)
    yield from _first_stage(predictions, recorded)
    pixels = truth._replace(boxes=truth.boxes * np.tile(shapes.numpy()[:, :2], 2)[:, np.newaxis].astype(np.float32))
    anchors = tf.constant(recorded["pred_anchors"])
    yield from _targets("anchor", detector.anchor_targets(anchors, pixels), recorded, "tgt0")
    if detector.stages == 2:
        yield from _proposals(predictions, recorded)
        yield from _second_stage(detector, predictions, recorded, entry, training=True)
        proposals = tf.constant(recorded["pred_proposal_boxes"])
        targets = detector.proposal_targets(proposals, pixels)
        yield from _targets("proposal", targets, recorded, "tgt1")
    yield Check("loss terms", len(set(losses) ^ set(entry["losses"])), 0, "names that differ")
    for tag, value in entry["losses"].items():
        yield ratio(tag, losses[tag], value, LOSSES)
    yield absolute("regularization_loss", penalty, entry["regularization_loss"], REGULARIZATION)
    ours = {name: float(norm) for name, norm in zip(names, norms, strict=True)}
    yield Check("trained variables", len(set(ours) ^ set(entry["grad_norms"])), 0, "names that differ")
    yield _gradient_norms(ours, entry)
    moved = sum(
        (value.numpy() != case.weights[name]).any()
        for name, value in detector.variables.items()
        if name in case.weights
    )
    expected = entry["moving_average_after_one_step"]["count_changed"]
    yield Check("moving averages moved", abs(int(moved) - expected), 0, "difference of their number")


def _targets(what: str, ours: Any, recorded: Any, key: str) -> Iterator[Check]:
    """Targets of anchors or proposals; `key` is their prefix in the recording."""
    weights = np.broadcast_to(ours.class_weights.numpy()[..., np.newaxis], recorded[f"{key}_cls_weights"].shape)
    yield equal(f"{what} match", ours.match, recorded[f"{key}_match"])
    yield equal(f"{what} class targets", ours.class_targets, recorded[f"{key}_cls_targets"])
    yield equal(f"{what} class weights", weights, recorded[f"{key}_cls_weights"])
    yield equal(f"{what} box weights", ours.box_weights, recorded[f"{key}_reg_weights"])
    yield absolute(f"{what} box targets", ours.box_targets, recorded[f"{key}_reg_targets"], TARGETS)


def _gradient_norms(ours: dict[str, float], entry: dict) -> Check:
    """The worst of all variables; small norms are measured against a thousandth of the whole gradient's."""
    least = 1e-3 * entry["global_grad_norm"]
    worst = {
        name: abs(ours[name] - norm) / max(norm, least) for name, norm in entry["grad_norms"].items() if name in ours
    }
    name = max(worst, key=worst.get)
    return Check(f"gradient norms, worst {name[-40:]}", worst[name], GRADIENT_NORMS, "of the recorded norm")
