"""What people give as a checkpoint that is none (SavedModels, texts, files of other programs): what to give instead.

Files are known by their first bytes, else by their ending.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from boxwright.checkpoints import checkpoint_index
from boxwright.core import pointers
from boxwright.core.errors import UserError

_HEAD = 4096
# By the first bytes, by the ending, and by bytes that say less than an ending does: the program and the format.
_BYTES = (
    (b"\x89HDF\r\n\x1a\n", "Keras's weights (HDF5)"),
    (b"TFL3", "a TensorFlow Lite model"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    (b"\x08\x01\x12", "the program of a SavedModel"),
)
_LESS_CERTAIN = (
    (b"PK\x03\x04", "a zip archive, as PyTorch and Keras write for their models"),
    (b"\x1f\x8b", "an archive; unpack it"),
)
_ENDINGS = {
    ".h5": "Keras's weights (HDF5)",
    ".hdf5": "Keras's weights (HDF5)",
    ".keras": "a Keras model",
    ".pt": "a PyTorch model",
    ".pth": "a PyTorch model",
    ".safetensors": "weights in the safetensors format (PyTorch, Hugging Face)",
    ".onnx": "an ONNX model",
    ".tflite": "a TensorFlow Lite model",
    ".weights": "Darknet's weights",
    ".caffemodel": "a Caffe model",
    ".npz": "NumPy's arrays",
    ".gz": "an archive; unpack it",
    ".zip": "an archive; unpack it",
    ".tar": "an archive; unpack it",
    ".tgz": "an archive; unpack it",
}
# Those that no other form of the file would turn into a checkpoint, as unpacking does.
_MODELS = {kind for kind in _ENDINGS.values() if not kind.endswith("unpack it")}
_WANTED = "Training starts from a checkpoint of TensorFlow (model.ckpt.index and .data-...) or a frozen graph (.pb)"
_SAVED_MODEL = "saved_model.pb"
# Files of a checkpoint by their names; what is wrong in them is told where they are read.
_PARTS = re.compile(r".*\.(index|data-\d{5}-of-\d{5})")
# How a graph begins: with one of the fields of GraphDef (tensorflow/core/framework/graph.proto).
_GRAPH = (b"\x0a", b"\x12", b"\x18", b"\x22")
# How a checkpoint in the V1 format ends: as every table of LevelDB.
_TABLE = (0xDB4775248B80FB57).to_bytes(8, "little")


def told(source: str | Path) -> str:
    """What a path leads to that cannot be a checkpoint, and what to give instead, in sentences; "" if it may be one."""
    path = Path(source)
    if os.path.isdir(path):  # noqa: PTH112 (an impossible name is no folder)
        there = (path / _SAVED_MODEL).is_file() and not any(path.glob("*.index"))
        return _saved_model(path) if there else ""
    try:
        if not path.is_file():
            return ""
    except OSError:  # a name that is too long, for example; it is told elsewhere
        return ""
    if path.name == _SAVED_MODEL:
        return _saved_model(path.parent)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
            file.seek(max(path.stat().st_size - len(_TABLE), 0))
            end = file.read()
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}."
    if pointers.is_git_lfs(head):
        return ""
    if kind := _named(_BYTES, head) or _ENDINGS.get(path.suffix.lower()) or _named(_LESS_CERTAIN, head):
        return f"it is {kind}. {_WANTED}."
    if _PARTS.fullmatch(path.name) or Path(f"{path}.index").is_file():
        return ""
    if head.startswith(_GRAPH) if path.suffix == ".pb" else end == _TABLE:
        return ""
    return _nothing_known(path, head)


def told_by_name(source: str | Path) -> str:
    """What a path names by its ending that cannot be a checkpoint, where no file is there, in sentences; "" if none."""
    kind = _ENDINGS.get(Path(source).suffix.lower(), "")
    return f"A file with this ending is {kind}, which would not do either. {_WANTED}." if kind in _MODELS else ""


def _named(known: Iterable[tuple[bytes, str]], head: bytes) -> str | None:
    """The name of what begins so; some formats have their mark after four bytes."""
    return next((name for start, name in known if start in (head[: len(start)], head[4 : 4 + len(start)])), None)


def _nothing_known(path: Path, head: bytes) -> str:
    """What to give instead of a file of no known format, such as the pipeline.config beside a checkpoint."""
    beside = f": give the folder, {path.parent}" if any(path.parent.glob("*.index")) else ""
    kind = "no frozen graph, or a damaged one" if path.suffix == ".pb" else "no checkpoint, or one that is cut short"
    if head.isascii() and b"\0" not in head:
        kind = "a text file, not a checkpoint" if head else "empty"
    return f"it is {kind}. {_WANTED}{beside}."


def _saved_model(folder: Path) -> str:
    """What to give instead of a SavedModel: its variables if a training can read them, or a checkpoint beside it."""
    whole = f"it is a SavedModel, which holds a program. {_WANTED}"
    variables = folder / "variables" / "variables"
    if _is_start(variables):
        return f"{whole}: give {variables}."
    for place in (folder.parent / "checkpoint", folder.parent):
        for index in sorted(place.glob("*.index")):
            if _is_start(index.with_suffix("")):
                return f"{whole}: give {index.with_suffix('')}."
    return f"{whole}: give that which the SavedModel was exported from (there is none beside {folder})."


def _is_start(prefix: Path) -> bool:
    """Whether a checkpoint has the names of a detector or a classifier."""
    if not Path(f"{prefix}.index").is_file():
        return False
    try:
        found = checkpoint_index.names(prefix) or []
    except UserError:
        return False
    # In a SavedModel of TF2 the detector is not at the root of the objects, where a training looks for it.
    return checkpoint_index.kind_of(found) is not None and not any(name.startswith("_model/") for name in found)
