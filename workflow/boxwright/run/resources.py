"""What the jobs of a model request from a machine; nearly all follows from one setting, the number of GPUs."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from boxwright import devices


class Needs(NamedTuple):
    """What one job requests.

    threads: what Snakemake counts to decide which jobs run at the same time.
    processors: what a cluster allocates to the job, which may be more.
    gpus: GPUs; memory_mb: main memory in MB.
    """

    threads: int
    processors: int
    gpus: int
    memory_mb: int


# On a CPU a training and an evaluation share two cores well, so each counts as one thread. A GPU needs processors that
# decode images fast enough, so each GPU adds some.
_THREADS = 1
_THREADS_PER_GPU = 4
# More than any machine has: Snakemake gives such a job all that there are.
_ALL = 1_000_000
# Where TensorFlow takes as many threads as the job gets processors, a cluster needs a number: more by a profile.
_PROCESSORS = 2

# Measured peaks on a CPU are 1.8 GB (SSD) and 2.7 GB (Faster R-CNN ResNet-101); CUDA's libraries and its copies of the
# data for the GPU take some GB of main memory per GPU.
_MEMORY_MB = 4000
_MEMORY_MB_PER_GPU = 8000


def of_training(model: Mapping[str, Any]) -> Needs:
    """For a segment of the training of a model with these settings."""
    return _needs(model["gpus"], model["tf_threads"])


def of_inference(model: Mapping[str, Any], on_gpus: bool = True) -> Needs:
    """For an evaluation or for predictions: at most one GPU, since more would not be used.

    on_gpus: whether what detects can use one, unlike the runtimes of some exported forms.
    """
    return _needs(min(model["gpus"], 1) if on_gpus else 0, model["tf_threads"])


def alone(here: bool) -> int:
    """The threads of a job beside which nothing else may compute; `here`: on this machine, and not on a cluster's."""
    return _ALL if here else _THREADS


def _needs(gpus: int, tf_threads: int | str) -> Needs:
    threads = _THREADS_PER_GPU * gpus or _THREADS
    wanted = _PROCESSORS if tf_threads == devices.AUTO else tf_threads
    return Needs(threads, max(threads, wanted), gpus, _MEMORY_MB + _MEMORY_MB_PER_GPU * gpus)
