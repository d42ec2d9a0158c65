"""What a configuration can be computed on: processors, memory, and the GPUs that this TensorFlow can use."""

from typing import NamedTuple

from boxwright import devices
from boxwright.run import doctor


class Machine(NamedTuple):
    """What there is to compute on.

    processors: that this process may use. gpus: the NVIDIA GPUs, each by name and memory. gpu_build: whether the
    installed TensorFlow can use them.
    """

    processors: int
    gpus: tuple[str, ...] = ()
    gpu_build: bool = False

    @property
    def has_gpu(self) -> bool:
        """Whether a training can use a GPU."""
        return bool(self.gpus) and self.gpu_build


def look() -> Machine:
    """This machine."""
    gpus = tuple(doctor.nvidia_gpus())
    if not gpus:
        return Machine(devices.processors())
    found = doctor.ask_tensorflow()  # takes seconds, so only where there is a GPU
    return Machine(devices.processors(), gpus, bool(found and found["gpus"]))
