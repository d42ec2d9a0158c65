"""The names and shapes of a checkpoint's tensors, without TensorFlow and without reading the tensors."""

from pathlib import Path

from boxwright.checkpoints.checkpoint_index import _DIM, _DIM_SIZE, _SHAPE, _bytes, _fields, _last, _table
from boxwright.checkpoints.checkpoint_state import find_prefix


def shapes(source: str | Path) -> dict[str, tuple[int, ...]] | None:
    """The shape of every tensor of a checkpoint (prefix or folder) whose index `checkpoint_index.names` passes.

    None for a frozen graph and for a checkpoint in the V1 format, which have no index.
    """
    if Path(source).suffix == ".pb":
        return None
    index = Path(f"{find_prefix(Path(source))}.index")
    if not index.is_file():
        return None
    return {key.decode(): _shape(value) for key, value in _table(index.read_bytes()) if key}


def _shape(entry: bytes) -> tuple[int, ...]:
    dims = [dim for number, shape in _fields(entry) if number == _SHAPE for dim in _fields(_bytes(shape))]
    return tuple(_last(_fields(_bytes(dim)), _DIM_SIZE, 0) for number, dim in dims if number == _DIM)
