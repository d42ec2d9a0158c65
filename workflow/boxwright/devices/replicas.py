"""A training step shared by several replicas (GPUs, machines): values of the whole batch from its parts.

Replica r of R has images r * B / R to (r + 1) * B / R - 1 of a batch of B. With one replica these functions add nothing
to the graph.
"""

from collections.abc import Sequence

import tensorflow as tf


def count() -> int:
    """R, the number of replicas that share the step."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def index() -> tf.Tensor:
    """r, the number of this replica, int32 scalar."""
    return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)


def total(tensors):
    """The sum over all replicas of a float tensor, or of each tensor in a list; gradients pass through all replicas."""
    if count() == 1:
        return tensors
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)


def gather(x: tf.Tensor) -> tf.Tensor:
    """The float tensors [...] of all replicas as [R, ...], in the order of the replicas; gradients pass."""
    if count() == 1:
        return x[tf.newaxis]
    place = tf.reshape(tf.one_hot(index(), count(), dtype=x.dtype), [-1] + [1] * x.shape.rank)
    return total(place * x)


def uniform(shape: Sequence[int | tf.Tensor] | tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Random numbers in [0, 1) for this replica's part of the batch, `shape` = [B / R, ...].

    All parts together are what a single replica would draw for the whole batch.
    """
    if count() == 1:
        return tf.random.stateless_uniform(shape, seed)
    shape = tf.convert_to_tensor(shape)
    rows, rest = shape[0], shape[1:]
    drawn = tf.random.stateless_uniform(tf.concat([[rows * count()], rest], axis=0), seed)
    return drawn[index() * rows : (index() + 1) * rows]


def assign_sub(variable: tf.Variable, value: tf.Tensor) -> None:
    """Subtract `value` from this replica's copy of `variable`; the caller must do the same on all replicas."""
    tf.raw_ops.AssignSubVariableOp(resource=variable.handle, value=value)


def assign(variable: tf.Variable, value: tf.Tensor) -> None:
    """Set this replica's copy of `variable` to `value`; the caller must do the same on all replicas."""
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
