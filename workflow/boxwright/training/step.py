"""One training step as a compiled function, on one device or shared by several."""

from collections.abc import Callable
from functools import cache

import numpy as np
import tensorflow as tf

from boxwright.detector.protocol import Detector
from boxwright.devices import replicas
from boxwright.training.gradients import (
    clip_by_global_norm,
    fast_convolutions,
    multiply_bias_gradients,
    pairwise_gradients,
)
from boxwright.training.inputs import Batch
from boxwright.training.log import REGULARIZATION, TOTAL
from boxwright.training.loss_scale import LossScale
from boxwright.training.optimizers.optimizer import Optimizer

GRADIENT = "gradient_norm"
LOSS_SCALE = "loss_scale"

# Separates the random numbers of a step (dropout, samplers) from those of the sample with the same number.
_STEP_STREAM = 1_000_003

Step = Callable[[Batch, float, int], dict[str, tf.Tensor]]


def compile_step(
    detector: Detector,
    optimizer: Optimizer,
    spec: Batch,
    seed: int = 0,
    *,
    add_regularization_loss: bool = True,
    bias_grad_multiplier: float = 0.0,
    gradient_clipping_by_norm: float = 0.0,
    strategy: tf.distribute.Strategy | None = None,
    loss_scale: LossScale | None = None,
) -> Step:
    """A function (batch, learning rate, global step) that does one training step; its first call builds the graph.

    It trains `optimizer`'s variables. `spec` describes the batches (a Batch of TensorSpecs). add_regularization_loss:
    add the penalties on weights to the loss. bias_grad_multiplier: a factor for the gradients of biases;
    gradient_clipping_by_norm: the largest allowed L2 norm of all gradients together; 0 turns either off. The function
    returns float32 scalars: the losses by tag, their sum under TOTAL, and the norm of the gradients before clipping
    under GRADIENT, all before the update.

    The replicas of a `strategy`, in whose scope all variables were created, share the batch equally, and their
    gradients, losses and statistics are combined to those of the whole batch. If the images of another machine are
    larger, the detector's padding value pads these to the same size.
    """
    variables = optimizer.variables
    padding = detector.padding_value

    def train(batch: Batch, rate: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        random = tf.random.experimental.stateless_fold_in(tf.stack([seed, number]), _STEP_STREAM)
        predictions = detector.predict(batch.images, batch.true_shapes, training=True, seed=random)
        losses = dict(detector.losses(predictions, batch.groundtruth, seed=random))
        if add_regularization_loss:
            penalty = detector.regularization_loss()
            losses[REGULARIZATION] = penalty / replicas.count() if replicas.count() > 1 else penalty
        total = tf.reduce_sum(tf.stack(list(losses.values())))
        gradients = pairwise_gradients(total if loss_scale is None else total * loss_scale.value, variables)
        gradients = dict(zip(gradients, replicas.total(list(gradients.values())), strict=True))
        if loss_scale is not None:
            gradients = loss_scale.unscaled(gradients)
        gradients = multiply_bias_gradients(gradients, bias_grad_multiplier)
        gradients, norm = clip_by_global_norm(gradients, gradient_clipping_by_norm)
        answer = {tag: replicas.total(loss) for tag, loss in {**losses, TOTAL: total}.items()}
        if loss_scale is None:
            optimizer.apply(gradients, rate, number)
            return {**answer, GRADIENT: norm}
        used = loss_scale.value
        norm = loss_scale.step(norm, lambda: optimizer.apply(gradients, rate, number))
        return {**answer, GRADIENT: norm, LOSS_SCALE: used}

    def share(batch: Batch, rate: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        parts = len(strategy.extended.worker_devices)
        several = strategy.num_replicas_in_sync > parts

        def of_replica() -> dict[str, tf.Tensor]:
            part = _part(batch, parts)
            return train(part._replace(images=_as_large(part.images, padding)) if several else part, rate, number)

        answers = strategy.run(of_replica)
        return {tag: strategy.experimental_local_results(value)[0] for tag, value in answers.items()}

    # No Python code here branches on tensors, and AutoGraph would take most of the time to build the graph.
    @tf.function(input_signature=[spec, tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)], autograph=False)
    def step(batch: Batch, rate: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        with fast_convolutions():
            return train(batch, rate, number) if strategy is None else share(batch, rate, number)

    compiled = cache(step.get_concrete_function)
    return lambda batch, rate, number: compiled()(batch, tf.constant(rate, tf.float32), tf.constant(number, tf.int32))


def _part(batch: Batch, parts: int) -> Batch:
    """This replica's part of its machine's batch, cut on the host so that only this part goes to its device."""
    size = batch.images.shape[0] // parts

    def cut(x: tf.Tensor) -> tf.Tensor:
        first = replicas.index() % parts * size
        return tf.ensure_shape(x[first : first + size], [size, *x.shape[1:]])

    with tf.device("CPU:0"):
        return tf.nest.map_structure(cut, batch)


def _as_large(images: tf.Tensor, padding: np.ndarray | float) -> tf.Tensor:
    """Images [B, h, w, C] padded, below and to the right, to the largest size of all replicas."""
    if None not in images.shape[1:3]:
        return images
    own = tf.shape(images)[1:3]
    wanted = tf.cast(tf.reduce_max(replicas.gather(tf.cast(own, tf.float32)), axis=0), tf.int32)
    missing = wanted - own
    filled = tf.pad(images, [[0, 0], [0, missing[0]], [0, missing[1]], [0, 0]])
    rows, columns = tf.range(wanted[0]) < own[0], tf.range(wanted[1]) < own[1]
    filled = tf.where((rows[:, tf.newaxis] & columns)[tf.newaxis, :, :, tf.newaxis], filled, padding)
    return tf.ensure_shape(filled, images.shape)
