"""The workers of a training that several machines share: which one this process is, and how they communicate.

Each trains the same segment and takes its part of every batch; the sums over replicas combine them. Only worker 0
writes. `launch` starts them.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from boxwright.devices import replicas

# Set for the processes that `launch` starts.
MARK = "BOXWRIGHT_WORKER"
# The ports of two jobs on one machine must differ, and all workers of a job must know its ports.
_FIRST_PORT, _PORTS = 20_000, 20_000


class Worker(NamedTuple):
    """The index of this process among the workers, and their count."""

    index: int = 0
    count: int = 1


def here() -> Worker:
    """This process among the workers that `launch` started; the only worker if `launch` did not start it."""
    if MARK not in os.environ:
        return Worker()
    return Worker(int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"]))


def strategy(gpus: int) -> tf.distribute.Strategy:
    """The strategy that shares each batch with the other workers; `gpus` is the number of GPUs of this worker."""
    tasks = int(os.environ["SLURM_STEP_TASKS_PER_NODE"].split("(")[0].split(",")[0])
    port = _FIRST_PORT + int(os.environ["SLURM_JOB_ID"]) * 16 % _PORTS
    # The resolver divides a machine's GPUs between processes that see all of them. Our processes have already taken
    # theirs, so these counts only have to be consistent.
    found = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    found.num_accelerators = lambda *_, **__: {"GPU": gpus}
    return tf.distribute.MultiWorkerMirroredStrategy(found)


def agreement(shared: tf.distribute.Strategy | None) -> Callable[[bool], bool]:
    """A function that tells whether any worker was asked to stop; all workers get the same answer at the same step."""
    if here().count == 1:
        return lambda asked: asked

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
    def total(asked: tf.Tensor) -> tf.Tensor:
        return shared.experimental_local_results(shared.run(lambda: replicas.total(tf.identity(asked))))[0]

    return lambda asked: bool(total(tf.constant(float(asked))) > 0)
