"""Losses of single anchors: classification and localisation.

Every function takes predictions and targets `[B, A, ...]` and weights, and returns unreduced values, so that a hard
example miner can choose and the caller normalises. Class weights are `[B, A, K]`, `[B, A, 1]` or `[B, A]`, box weights
`[B, A]`.
"""

import functools

import tensorflow as tf

from boxwright.boxes import geometry
from boxwright.core.errors import UserError

# ------------------------------------------------------------------------------------------------ classification


def sigmoid(logits, targets, weights):
    """Sigmoid cross entropy `[B, A, K]`: each class column is its own yes-or-no question."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits) * _columns(weights)


def softmax(logits, targets, weights, logit_scale=1.0):
    """Softmax cross entropy `[B, A]` of `logits / logit_scale`; the weight is the mean over the columns."""
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits / logit_scale)
    return loss * tf.reduce_mean(_columns(weights), axis=-1)


def softmax_against_logits(logits, targets, weights, logit_scale=1.0):
    """Softmax cross entropy `[B, A]` against targets that are logits themselves (distillation, Hinton et al. 2015)."""
    return softmax(logits, tf.nn.softmax(targets / logit_scale), weights, logit_scale)


def sigmoid_focal(logits, targets, weights, gamma=2.0, alpha=None):
    """Focal loss `[B, A, K]`: cross entropy times `(1 - p_t)^gamma` (Lin et al., "Focal Loss", 2017, equation 5).

    `alpha` weighs positive entries and `1 - alpha` negative ones; None: all alike.
    """
    probabilities = tf.sigmoid(logits)
    p_t = targets * probabilities + (1 - targets) * (1 - probabilities)
    loss = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    if gamma:
        loss *= tf.pow(1 - p_t, gamma)
    if alpha is not None:
        loss *= targets * alpha + (1 - targets) * (1 - alpha)
    return loss * _columns(weights)


def bootstrapped_sigmoid(logits, targets, weights, alpha, hard=False):
    """Sigmoid cross entropy `[B, A, K]` against targets mixed with the model's own belief (Reed et al., 2015).

    The target is `alpha * target + (1 - alpha) * belief`; belief is the probability, or 0 or 1 if `hard`.
    """
    belief = tf.sigmoid(logits)
    if hard:
        belief = tf.cast(belief > 0.5, logits.dtype)
    return sigmoid(logits, alpha * targets + (1 - alpha) * belief, weights)


def _columns(weights):
    return weights[..., None] if weights.shape.rank == 2 else weights


def classification(config, default=None):
    """The function `(logits, targets, weights) -> loss` of a `ClassificationLoss` message.

    Args:
        config: the message.
        default: name of the loss where the message names none (the second stage of Faster R-CNN: "weighted_softmax").

    Raises:
        UserError: no loss, or one that is not supported.
    """
    kind = config.WhichOneof("classification_loss") or default
    if kind == "weighted_sigmoid":
        return sigmoid
    if kind == "weighted_softmax":
        return functools.partial(softmax, logit_scale=config.weighted_softmax.logit_scale)
    if kind == "weighted_logits_softmax":
        return functools.partial(softmax_against_logits, logit_scale=config.weighted_logits_softmax.logit_scale)
    if kind == "weighted_sigmoid_focal":
        focal = config.weighted_sigmoid_focal
        alpha = focal.alpha if focal.HasField("alpha") else None
        return functools.partial(sigmoid_focal, gamma=focal.gamma, alpha=alpha)
    if kind == "bootstrapped_sigmoid":
        bootstrapped = config.bootstrapped_sigmoid
        return functools.partial(bootstrapped_sigmoid, alpha=bootstrapped.alpha, hard=bootstrapped.hard_bootstrap)
    raise UserError(
        f"classification_loss: {kind or 'nothing'} is not supported; use one of weighted_sigmoid, weighted_softmax, "
        "weighted_logits_softmax, weighted_sigmoid_focal, bootstrapped_sigmoid."
    )


# ------------------------------------------------------------------------------------------------ localisation


def smooth_l1(predictions, targets, weights, delta=1.0):
    """Huber loss `[B, A]`, summed over the code: quadratic up to `delta`, then linear (Girshick, "Fast R-CNN", eq. 3).

    Per number: `x^2 / 2` where `|x| <= delta`, else `delta |x| - delta^2 / 2`.
    """
    error = tf.abs(predictions - targets)
    quadratic = tf.minimum(error, delta)
    loss = 0.5 * quadratic * quadratic + delta * (error - quadratic)
    return tf.reduce_sum(loss * weights[..., None], axis=-1)


def l2(predictions, targets, weights):
    """Half the squared norm `[B, A]` of the weighted difference (so the weight counts squared)."""
    return 0.5 * tf.reduce_sum(tf.square((predictions - targets) * weights[..., None]), axis=-1)


def l1(predictions, targets, weights):
    """Weighted absolute difference `[B, A]`, summed over the code."""
    return tf.reduce_sum(tf.abs(predictions - targets) * weights[..., None], axis=-1)


def iou(predictions, targets, weights):
    """Weighted `1 - IoU` `[B, A]` of decoded boxes (Yu et al., "UnitBox", 2016, in its linear form)."""
    return (1 - geometry.matched_iou(predictions, targets)) * weights


def giou(predictions, targets, weights):
    """Weighted `1 - GIoU` `[B, A]` of decoded boxes (Rezatofighi et al., 2019)."""
    return (1 - geometry.matched_giou(predictions, targets)) * weights


# These compare boxes, the others codes: the caller decodes predictions and targets first.
ON_BOXES = (iou, giou)


def localization(config):
    """The function `(predictions, targets, weights) -> loss [B, A]` of a `LocalizationLoss` message.

    Where the result is in `ON_BOXES`, it wants decoded boxes instead of codes.

    Raises:
        UserError: the message names no loss.
    """
    kind = config.WhichOneof("localization_loss")
    if kind == "weighted_smooth_l1":
        return functools.partial(smooth_l1, delta=config.weighted_smooth_l1.delta)
    functions = {"weighted_l2": l2, "l1_localization_loss": l1, "weighted_iou": iou, "weighted_giou": giou}
    if kind not in functions:
        raise UserError(
            f"localization_loss: {kind or 'nothing'} is not supported; use one of weighted_smooth_l1, "
            f"{', '.join(functions)}."
        )
    return functions[kind]
