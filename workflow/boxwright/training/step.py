"""One training step as a compiled function."""

from collections.abc import Callable
from functools import cache

import tensorflow as tf
from google.protobuf.message import Message

from boxwright.detector.builder import Detector
from boxwright.training import optimizers
from boxwright.training.inputs import Batch
from boxwright.training.log import REGULARIZATION, TOTAL

GRADIENT = "gradient_norm"

# Sets the random numbers of a step (dropout, samplers) apart from those of the sample with the same number.
_STEP_STREAM = 1_000_003

Step = Callable[[Batch, float, int], dict[str, tf.Tensor]]


def compile_step(
    detector: Detector, optimizer: optimizers.Optimizer, config: Message, spec: Batch, seed: int = 0
) -> Step:
    """A function (batch, learning rate, global step) that trains `optimizer`'s variables once, built by its first call.

    `config` is the TrainConfig, `spec` what its batches look like (a Batch of TensorSpecs). It returns the losses by
    tag, their sum under TOTAL, and the norm of the gradients before clipping under GRADIENT, all before the update.
    """
    variables = optimizer.variables

    # Nothing here branches on tensors in Python, and AutoGraph's rewriting takes most of the time to build the graph.
    @tf.function(input_signature=[spec, tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.int32)], autograph=False)
    def step(batch: Batch, rate: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        random = tf.random.experimental.stateless_fold_in(tf.stack([seed, number]), _STEP_STREAM)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables.values())
            predictions = detector.predict(batch.images, batch.true_shapes, training=True, seed=random)
            losses = dict(detector.losses(predictions, batch.groundtruth, seed=random))
            if config.add_regularization_loss:
                losses[REGULARIZATION] = detector.regularization_loss()
            total = tf.add_n(list(losses.values()))
        gradients = {
            name: tf.convert_to_tensor(gradient)
            for name, gradient in tape.gradient(total, variables).items()
            if gradient is not None
        }
        gradients = optimizers.multiply_bias_gradients(gradients, config.bias_grad_multiplier)
        gradients, norm = optimizers.clip_by_global_norm(gradients, config.gradient_clipping_by_norm)
        optimizer.apply(gradients, rate)
        return {**losses, TOTAL: total, GRADIENT: norm}

    compiled = cache(step.get_concrete_function)
    return lambda batch, rate, number: compiled()(batch, tf.constant(rate, tf.float32), tf.constant(number, tf.int32))
