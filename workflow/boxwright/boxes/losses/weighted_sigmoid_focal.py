"""Focal loss: sigmoid cross entropy that fades for easy examples (Lin et al., "Focal Loss", 2017, equation 5)."""

import functools
from collections.abc import Callable

import tensorflow as tf

from boxwright.boxes.losses.cross_entropy import columns
from boxwright.boxes.losses.loss import ClassificationLoss

# Up to this logit, 1 - sigmoid(logit) is exact to 4e-6 of its value, and its logarithm to 1e-6.
_STEEP = 4.0
# Above this share of rows that are computed twice, computing all of them once by the general formula is faster.
_FEW = 1 / 4


def make(*, gamma: float, alpha: float | None = None) -> ClassificationLoss:
    """The loss [B, A]; see `sigmoid_focal_of_anchors`."""
    return functools.partial(sigmoid_focal_of_anchors, gamma=gamma, alpha=alpha)


def sigmoid_focal(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, gamma: float = 2.0, alpha: float | None = None
) -> tf.Tensor:
    """Sigmoid cross entropy [B, A, K] times `(1 - p_t)^gamma`.

    Targets are 0 or 1. `alpha` weighs positive entries and `1 - alpha` negative ones; None: all alike.
    """
    weights = columns(weights)

    @tf.custom_gradient
    def focal(logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        loss, slope = _entries(logits, targets, gamma, alpha)
        return weights * loss, lambda upstream: upstream * weights * slope

    return focal(logits)


def sigmoid_focal_of_anchors(
    logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, gamma: float = 2.0, alpha: float | None = None
) -> tf.Tensor:
    """The sum of `sigmoid_focal` over the columns, [B, A].

    A pyramid has millions of entries and few objects, so the loss and its gradient take as few passes over them as
    possible. All entries are computed as if their target were 0; then the few rows with another target, or with a logit
    that the shorter formula is not exact for, are computed again. Weights that differ within a row need the longer way.
    """
    weights = columns(weights)
    if weights.shape[-1] != 1:
        return tf.reduce_sum(sigmoid_focal(logits, targets, weights, gamma, alpha), axis=-1)
    weights = weights[..., 0]

    @tf.custom_gradient
    def focal(logits: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        loss, slope, factor = _rows(_list(logits), _list(targets), gamma, alpha)
        loss, factor = (weights * tf.reshape(each, tf.shape(logits)[:2]) for each in (loss, factor))

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return (upstream * factor)[..., None] * tf.reshape(slope, tf.shape(logits))

        return loss, gradient

    return focal(logits)


def _list(x: tf.Tensor) -> tf.Tensor:
    """[B, A, K] as [B * A, K]."""
    return tf.reshape(x, [-1, x.shape[-1]])


def _rows(
    logits: tf.Tensor, targets: tf.Tensor, gamma: float, alpha: float | None
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """(loss [N], slope [N, K], factor [N]) of rows [N, K] for a weight of 1; the derivative is `factor * slope`."""
    special = (tf.reduce_sum(targets, axis=1) != 0) | (tf.reduce_max(logits, axis=1) > _STEEP)
    rows = tf.where(special)
    share = 1.0 if alpha is None else 1 - alpha

    def general() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss, slope = _entries(logits, targets, gamma, alpha)
        loss = tf.reduce_sum(loss, axis=1)
        return loss, slope, tf.ones_like(loss)

    def sparse() -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        loss, slope = _of_background(logits, gamma)
        here, slope_here = _entries(*(tf.gather(x, rows[:, 0]) for x in (logits, targets)), gamma, alpha)
        loss = tf.tensor_scatter_nd_update(share * loss, rows, tf.reduce_sum(here, axis=1))
        # In the memory of `slope`, which nothing else uses: a scatter update would copy all of it.
        slope = tf.raw_ops.InplaceUpdate(x=slope, i=tf.cast(rows[:, 0], tf.int32), v=slope_here)
        return loss, slope, tf.where(special, 1.0, -share)

    few = tf.cast(tf.shape(rows)[0], tf.float32) <= _FEW * tf.cast(tf.shape(logits)[0], tf.float32)
    return tf.cond(few, sparse, general)


def _of_background(logits: tf.Tensor, gamma: float) -> tuple[tf.Tensor, tf.Tensor]:
    """(loss [N], minus its derivative [N, K]) of rows [N, K] whose targets are all 0, without alpha.

    With p the sigmoid of a logit, an entry is -p^gamma log(1 - p). This takes a third of the time of softplus.
    """
    p = tf.sigmoid(logits)
    scale = _power(p, gamma)
    q = -p
    loss = tf.math.xlog1py(scale, q)
    slope = gamma * loss
    return -tf.reduce_sum(loss, axis=1), slope + q * (scale + slope)


def _entries(logits: tf.Tensor, targets: tf.Tensor, gamma: float, alpha: float | None) -> tuple[tf.Tensor, tf.Tensor]:
    """(loss, derivative) of every entry for a weight of 1.

    With z the logit, its sign changed where the target is 1, an entry is a * sigmoid(z)^gamma * softplus(z).
    """
    sign = 1 - 2 * targets
    z = logits * sign
    miss, entropy = tf.sigmoid(z), tf.math.softplus(z)
    scale = _power(miss, gamma)
    if alpha is not None:
        scale *= 0.5 + (0.5 - alpha) * sign
    return scale * entropy, sign * scale * (miss + (gamma - gamma * miss) * entropy)


def _power(x: tf.Tensor, exponent: float) -> tf.Tensor | float:
    """x^exponent; TensorFlow's general power takes several times as long as roots and products do."""
    usual = {0: lambda x: 1.0, 1: lambda x: x, 1.5: lambda x: x * tf.sqrt(x), 2: tf.square}
    return usual[exponent](x) if exponent in usual else tf.pow(x, exponent)
