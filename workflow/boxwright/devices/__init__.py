"""The processors and GPUs that a process computes on.

A job takes as many GPUs as its model asks for, among those that Slurm or CUDA_VISIBLE_DEVICES make visible. It prefers
GPUs that no other boxwright process holds. A process holds a GPU by a lock on a small file; the operating system
releases the lock when the process ends, even if it crashes. `gpus: 0` hides all GPUs.
"""

import os
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from boxwright.core import file_lock
from boxwright.core.counts import plural
from boxwright.core.processes import processors
from boxwright.devices import instructions

AUTO = "auto"

# Set before TensorFlow starts, it lets the forward convolutions of a CPU round their factors to bfloat16. TensorFlow's
# oneDNN does so with these instructions alone.
_PRODUCTS, _ROUNDING = "TF_SET_ONEDNN_FPMATH_MODE", "amx_bf16"

# Locks stay until the process ends.
_held: dict[str, int] = {}


@dataclass(frozen=True)
class Compute:
    """How a model is computed.

    gpus: how many to take. precision: float32, bfloat16 or float16, or auto, which `precision_of` decides; of an
    inference, see `Taken.inference_precision`. loss_scale: for float16, "dynamic" or the factor. jit_compile: let XLA
    compile for the GPU. memory_mb: the limit for each GPU's memory; None lets it grow as needed. tensor_float_32: let a
    GPU round the factors of float32 products to TF32.
    """

    gpus: int = 0
    precision: str = "float32"
    loss_scale: str | float = "dynamic"
    jit_compile: bool = False
    memory_mb: int | None = None
    tensor_float_32: bool = False


class Taken(NamedTuple):
    """What a process computes on.

    gpus: the names of its GPUs, none on a CPU. compute: what was asked for. shortage: a warning if there are fewer GPUs
    than requested; else empty.
    """

    gpus: list[str]
    compute: Compute
    shortage: str = ""

    @property
    def inference_precision(self) -> str:
        """What an inference computes in: bfloat16, as far as products go, if it is asked for and `infer_in` allows it
        on a CPU; else float32.
        """
        return "bfloat16" if not self.gpus and _rounds(self.compute.precision) else "float32"

    def tell(
        self,
        say: Callable[[str], None],
        warn: Callable[[str], None],
        precision: str = "",
        threads: int = 0,
        faster_with: Collection[str] | None = None,
    ) -> None:
        """Print the warning, if any, with `warn`, then with `say` a sentence about the devices and the precision.

        precision: of a training; "": this is an inference. threads: the number inside one operation; 0 is not told.
        faster_with: of a training, as for `precision_of`; None: this is an inference.
        """
        if self.shortage:
            warn(self.shortage)
        say(_description(self.gpus, self.compute, precision or self.inference_precision, threads, faster_with))


def of_training(model: Mapping[str, Any]) -> Compute:
    """How to train a model with these settings."""
    own = {key: model[key] for key in ("gpus", "precision", "loss_scale", "jit_compile")}
    return Compute(**own, memory_mb=model["gpu_memory_mb"]["train"], tensor_float_32=True)


def of_inference(model: Mapping[str, Any], on_gpus: bool = True, precision: str = "float32") -> Compute:
    """How to evaluate a model or predict with it: at most one GPU.

    on_gpus: whether what detects can use a GPU. precision: float32, the type of the weights, or bfloat16.
    """
    return Compute(min(model["gpus"], on_gpus), precision, memory_mb=model["gpu_memory_mb"]["evaluate"])


def precision_of(wanted: str, gpus: int, faster_with: Collection[str]) -> str:
    """The precision of a training that begins on this machine, with so many GPUs.

    faster_with: the instructions with which a CPU trains the network faster in bfloat16. They alone decide, and never a
    measurement, so that equal machines decide alike. On GPUs `auto` is float32; without one float16 is float32.
    """
    if wanted == "float16":
        return wanted if gpus else "float32"
    if wanted != AUTO:
        return wanted
    return "bfloat16" if not gpus and instructions.here().intersection(faster_with) else "float32"


def infer_in(precision: str) -> None:
    """Let TensorFlow, which must not be imported yet, compute the convolutions of a CPU in this precision.

    Without the instructions for bfloat16 they stay float32.
    """
    if _rounds(precision):
        os.environ[_PRODUCTS] = "BF16"


def _rounds(precision: str) -> bool:
    """Whether an inference on this machine's CPU computes products in bfloat16 if this precision is asked for."""
    return precision == "bfloat16" and _ROUNDING in instructions.here()


def cpu() -> str:
    """The name of the CPU as a device, with the processors that this process may use."""
    return f"CPU, {plural(processors(), 'processor')}"


def take(compute: Compute) -> Taken:
    """Set up this process to compute as `compute` says, and return what it took.

    Call it before TensorFlow computes anything. If there are fewer GPUs than requested, it takes those.
    """
    import tensorflow as tf

    # The forms of a detector are compared with its checkpoint within less than TF32's rounding.
    tf.config.experimental.enable_tensor_float_32_execution(compute.tensor_float_32)
    there = tf.config.list_physical_devices("GPU")
    chosen = [there[number] for number in _free(_identities(len(there)), compute.gpus)]
    if there:
        tf.config.set_visible_devices(chosen, "GPU")
    for gpu in chosen:
        if compute.memory_mb is None:
            tf.config.experimental.set_memory_growth(gpu, True)
        else:
            limit = tf.config.LogicalDeviceConfiguration(memory_limit=compute.memory_mb)
            tf.config.set_logical_device_configuration(gpu, [limit])
    if chosen and compute.jit_compile:
        tf.config.optimizer.set_jit("autoclustering")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in chosen]
    short = len(chosen) < compute.gpus
    shortage = _shortage(compute.gpus, len(chosen), tf.test.is_built_with_cuda()) if short else ""
    return Taken(names, compute, shortage)


def take_for_detection() -> Taken:
    """Set up this process to detect with a form that TensorFlow may run: on one GPU, if it sees any; see `take`."""
    import tensorflow as tf

    return take(Compute(gpus=min(len(tf.config.list_physical_devices("GPU")), 1)))


def _description(
    names: Sequence[str],
    compute: Compute,
    precision: str,
    threads: int,
    faster_with: Collection[str] | None = None,
) -> str:
    if not names:
        count = f", {plural(threads, 'thread')}" if threads else ""
        decided = faster_with is not None and (compute.precision, precision) == (AUTO, "float32")
        left = _left(faster_with) if decided else ""
        return f"Computing on the CPU{count}, in {_on_cpu(precision, compute.precision)}{left}."
    memory = "memory as it is needed" if compute.memory_mb is None else f"at most {compute.memory_mb} MB of memory each"
    compiled = ", compiled by XLA" if compute.jit_compile else ""
    other = {"float16": ", in which the training began", "bfloat16": " (products in bfloat16 are for CPUs)"}
    why = other.get(compute.precision, "") if compute.precision != precision else ""
    return f"Computing on {', '.join(names)} in {precision}{why}{compiled}; {memory}."


def _on_cpu(precision: str, wanted: str) -> str:
    """How a CPU computes in a precision, which may be another than the one that is wanted."""
    if "float16" in (precision, wanted):
        return "float32 (float16 is for GPUs)"
    if precision == "bfloat16":
        slowly = (
            "" if instructions.here() else " (slower than float32 here: this processor has no instructions for them)"
        )
        return f"float32 with products in bfloat16{slowly}"
    if wanted != "bfloat16":
        return "float32"
    if instructions.here():
        return "float32 (TensorFlow rounds to bfloat16 with AMX-BF16 alone, which this processor does not have)"
    return "float32 (this processor has no instructions for bfloat16)"


def _left(faster_with: Collection[str]) -> str:
    """A remark if `auto` leaves a network in float32 on a processor that has instructions for bfloat16."""
    here = instructions.here()
    return ", which `auto` is for this feature extractor here" if here and not here.intersection(faster_with) else ""


def _shortage(wanted: int, found: int, cuda: bool) -> str:
    asked = f"the model asks for {plural(wanted, 'GPU')}"
    if found:
        return f"Warning: {asked}, but only {found} can be seen here; going on with {found}."
    build = "" if cuda else " (this is TensorFlow's CPU build: `make env BUILD=gpu` installs the GPU build)"
    return f"Warning: {asked}, but TensorFlow sees none{build}. Going on without a GPU, much slower. See `make doctor`."


def _identities(count: int) -> list[str]:
    """Identities of the GPUs that this process sees, as far as possible the same in every process."""
    shown = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return shown if len(shown) == count else [str(number) for number in range(count)]


def _free(identities: Sequence[str], wanted: int, folder: Path | None = None) -> list[int]:
    """The numbers of `wanted` GPUs, locked from now on. GPUs held by others are added only if too few are free."""
    if wanted >= len(identities):
        return list(range(len(identities)))
    free = []
    for number, identity in enumerate(identities):
        if len(free) < wanted and _hold(identity, folder or Path(tempfile.gettempdir())):
            free.append(number)
    shared = [number for number in range(len(identities)) if number not in free]
    return sorted(free + shared[: wanted - len(free)])


def _hold(identity: str, folder: Path) -> bool:
    """Lock one GPU for this process; return False if another process has it."""
    if identity in _held:
        return True
    try:
        file = os.open(folder / f"boxwright-gpu-{identity.replace('/', '_')}.lock", os.O_CREAT | os.O_RDWR, 0o666)
    except PermissionError:  # another user's lock file
        return False
    if not file_lock.lock(file):
        os.close(file)
        return False
    _held[identity] = file
    return True
