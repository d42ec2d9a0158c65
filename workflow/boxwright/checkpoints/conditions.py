"""What is decided once, when a training begins, and kept in its checkpoints: its precision and its number of threads.

Both decide the bits of a training, and with `auto` both follow from the machine; so does float16, which only GPUs
compute. So a training that goes on elsewhere goes on as it began.
"""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from boxwright import devices
from boxwright.checkpoints import checkpoint_files

# The names of the tensors that keep them; the precision is TensorFlow's number of the type.
_PRECISION, _THREADS = "training/precision", "training/threads"


class Conditions(NamedTuple):
    """precision: float32, bfloat16 or float16. threads: of TensorFlow, inside one operation; 0 lets it choose."""

    precision: str
    threads: int

    @property
    def tensors(self) -> dict[str, tf.Tensor]:
        """By name, as a checkpoint keeps them."""
        kept = {_PRECISION: tf.as_dtype(self.precision).as_datatype_enum, _THREADS: self.threads}
        return {name: tf.constant(value, tf.int64) for name, value in kept.items()}


# Settings of the precision that stand for another one on some machines.
_BY_MACHINE = (devices.AUTO, "float16")
# Those of a checkpoint that keeps none.
FORMER = Conditions("float32", 2)


def of(checkpoint: str | Path) -> Conditions:
    """Those under which a checkpoint (a prefix) was trained. Raises UserError if it is damaged."""
    reader = checkpoint_files.read(checkpoint)
    if not {_PRECISION, _THREADS} <= reader.shapes.keys():
        return FORMER
    return Conditions(tf.as_dtype(int(reader.value(_PRECISION))).name, int(reader.value(_THREADS)))


def decide(
    precision: str, threads: int | str, *, begun: str | Path | None, gpus: int, faster_with: Collection[str]
) -> Conditions:
    """Those of a training that goes on from the checkpoint `begun`, or begins here, with so many GPUs.

    What is set to `auto` is that of the checkpoint, else this machine's; so is the precision if it is set to float16,
    which a training that begins without a GPU does not get. faster_with: as for `devices.precision_of`.
    """
    by_machine = precision in _BY_MACHINE
    if begun is not None and (by_machine or threads == devices.AUTO):
        here = of(begun)
    else:
        here = Conditions(devices.precision_of(precision, gpus, faster_with), devices.processors())
    return Conditions(
        here.precision if by_machine else precision,
        here.threads if threads == devices.AUTO else threads,
    )
