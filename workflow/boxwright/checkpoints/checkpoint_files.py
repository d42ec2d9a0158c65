"""Reading tensors from checkpoint files by name, and writing them atomically in TensorFlow's V2 format."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from boxwright.checkpoints import checkpoint_index, frozen_graph
from boxwright.checkpoints.checkpoint_state import find_prefix
from boxwright.core import disk
from boxwright.core.errors import UserError

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
ATTRIBUTE = "/.ATTRIBUTES/VARIABLE_VALUE"
AVERAGE = "/ExponentialMovingAverage"


@dataclass(frozen=True)
class Reader:
    """Tensors by name. `source` is what was read, for messages; `shapes` has all names.

    `object_graph`: whether the names are paths in a TF2 object graph instead of variable names.
    `value(name)` reads one tensor and raises UserError if its bytes are damaged.
    """

    source: str
    shapes: Mapping[str, tuple[int, ...]]
    object_graph: bool
    value: Callable[[str], np.ndarray]


def read(source: str | Path) -> Reader:
    """Open a checkpoint prefix, a folder with one (its `checkpoint` file names it), or a frozen graph (.pb).

    Raises UserError if nothing is found or the file is damaged.
    """
    path = Path(source)
    if path.suffix == ".pb":
        weights = frozen_graph.read(path)
        return Reader(str(path), {name: value.shape for name, value in weights.items()}, False, weights.__getitem__)
    prefix = str(find_prefix(path))
    checkpoint_index.names(prefix)
    reader = _guarded(prefix, lambda: tf.train.load_checkpoint(prefix))
    shapes = {name: tuple(shape) for name, shape in reader.get_variable_to_shape_map().items()}
    return Reader(
        prefix, shapes, OBJECT_GRAPH in shapes, lambda name: _guarded(prefix, lambda: reader.get_tensor(name))
    )


def _guarded(prefix: str, action: Callable):
    try:
        return action()
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise checkpoint_index.damaged(prefix, str(error).splitlines()[0]) from error


def names(source: str | Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors of a checkpoint or frozen graph."""
    return dict(read(source).shapes)


def inspect_type(source: str | Path) -> str:
    """The kind of model that a checkpoint is from, judged by its names: "detection" or "classification".

    Raises UserError if it is neither.
    """
    found = names(source)
    kind = checkpoint_index.kind_of(found)
    if kind is None:
        examples = ", ".join(sorted(found)[:3])
        raise UserError(
            f"The checkpoint {source} is from neither a detector (FeatureExtractor/..., FirstStageFeatureExtractor/...)"
            f" nor a known classifier (MobilenetV1/..., resnet_v1_101/...): it has names such as {examples}."
        )
    return kind


def write(prefix: str | Path, tensors: Mapping[str, np.ndarray | tf.Tensor]) -> None:
    """Write `tensors` by name as `<prefix>.index` and `<prefix>.data-00000-of-00001`.

    The index appears last, in one step, so a reader finds all or nothing. On an error no new file is left. Equal
    tensors give equal bytes. Raises UserError if the disk is full or not writable.
    """
    prefix = Path(prefix)
    temporary = prefix.with_name(f".{prefix.name}.{os.getpid()}.tmp")
    suffixes = (".data-00000-of-00001", ".index")
    ordered = sorted(tensors)
    values = [tf.convert_to_tensor(tensors[name]) for name in ordered]
    try:
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with tf.device("CPU"):
            tf.raw_ops.SaveV2(
                prefix=str(temporary), tensor_names=ordered, shape_and_slices=[""] * len(ordered), tensors=values
            )
        for suffix in suffixes:
            _flush(f"{temporary}{suffix}")
        # A reader must not find the old index beside the new data.
        Path(f"{prefix}.index").unlink(missing_ok=True)
        for suffix in suffixes:
            Path(f"{temporary}{suffix}").replace(f"{prefix}{suffix}")
        _flush(prefix.parent)
    except (tf.errors.OpError, OSError) as error:
        size = sum(value.dtype.size * int(np.prod(value.shape)) for value in values)
        if disk.is_full(error):
            _remove(temporary)
            raise disk.full(prefix, needed=size) from error
        raise UserError(
            f"The checkpoint {prefix} could not be written; it needs {size / 1e6:.1f} MB: {str(error).splitlines()[0]}"
        ) from error
    finally:
        _remove(temporary)


def _remove(prefix: Path) -> None:
    for left in prefix.parent.glob(f"{prefix.name}*"):
        left.unlink(missing_ok=True)


def _flush(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
