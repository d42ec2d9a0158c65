"""What a configuration can be computed on: processors, memory, and the GPUs that this TensorFlow can use."""

import re
from typing import NamedTuple

from boxwright import devices
from boxwright.run import doctor


class Machine(NamedTuple):
    """processors: that this process may use. gpus: the NVIDIA GPUs, by name and memory. gpu_build: whether the installed
    TensorFlow can use them. gpu_mb: the memory of the first.
    """

    processors: int
    gpus: tuple[str, ...] = ()
    gpu_build: bool = False
    gpu_mb: int = 0

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
    sizes = [int(number) for number in re.findall(r"free of (\d+) MiB", gpus[0])]
    return Machine(devices.processors(), gpus, bool(found and found["gpus"]), *sizes[:1])
