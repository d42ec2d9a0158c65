"""The workers of a training that several machines share: which one this process is, and how they meet.

Each trains the same segment, takes its part of every batch, and meets the others in the sums over replicas. Worker 0
alone writes. `launch` starts them.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from boxwright.devices import replicas

# Set for the processes that `launch` starts.
MARK = "BOXWRIGHT_WORKER"
# Ports of two jobs on one machine must differ, and those of one job be known to all its workers.
_FIRST_PORT, _PORTS = 20_000, 20_000


class Worker(NamedTuple):
    """Which of how many workers this process is."""

    index: int = 0
    count: int = 1


def here() -> Worker:
    """This process among those that `launch` started; the only one elsewhere."""
    if MARK not in os.environ:
        return Worker()
    return Worker(int(os.environ["SLURM_PROCID"]), int(os.environ["SLURM_STEP_NUM_TASKS"]))


def strategy(gpus: int) -> tf.distribute.Strategy:
    """What shares each batch with the other workers; `gpus` is how many this one has."""
    tasks = int(os.environ["SLURM_STEP_TASKS_PER_NODE"].split("(")[0].split(",")[0])
    port = _FIRST_PORT + int(os.environ["SLURM_JOB_ID"]) * 16 % _PORTS
    # The counts of GPUs only have to agree with each other: the resolver shares them out for processes that see all
    # of a machine's, and ours have taken theirs already.
    found = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=port, gpus_per_node=tasks, gpus_per_task=1, auto_set_gpu=False
    )
    found.num_accelerators = lambda *_, **__: {"GPU": gpus}
    return tf.distribute.MultiWorkerMirroredStrategy(found)


def agreement(shared: tf.distribute.Strategy | None) -> Callable[[bool], bool]:
    """A function that says whether any worker was asked to stop, the same for all after the same step."""
    if here().count == 1:
        return lambda asked: asked

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32)], autograph=False)
    def total(asked: tf.Tensor) -> tf.Tensor:
        return shared.experimental_local_results(shared.run(lambda: replicas.total(tf.identity(asked))))[0]

    return lambda asked: bool(total(tf.constant(float(asked))) > 0)
