"""The cross entropies behind several classification losses; logits and targets are float32 [B, A, K].

Weights are [B, A, K], [B, A, 1] or [B, A].
"""

import tensorflow as tf


def sigmoid(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Sigmoid cross entropy [B, A, K]: each class column is its own yes-or-no question."""
    return tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits) * columns(weights)


def softmax(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, logit_scale: float = 1.0) -> tf.Tensor:
    """Softmax cross entropy [B, A] of `logits / logit_scale`; the weight is the mean over the columns."""
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits / logit_scale)
    return loss * tf.reduce_mean(columns(weights), axis=-1)


def columns(weights: tf.Tensor) -> tf.Tensor:
    """Weights [B, A, K], [B, A, 1] or [B, A] in a shape that multiplies columns: [B, A] becomes [B, A, 1]."""
    return weights[..., None] if weights.shape.rank == 2 else weights
