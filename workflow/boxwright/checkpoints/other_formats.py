"""What people give as a checkpoint that is none (SavedModels, texts, files of other programs): what to give instead.

Files are known by their first bytes, else by their ending.
"""

import os
from pathlib import Path

from boxwright.checkpoints import checkpoint_index
from boxwright.core import pointers
from boxwright.core.errors import UserError

_HEAD = 4096
# By the first bytes, and by the ending: the program and the format.
_BYTES = (
    (b"\x89HDF\r\n\x1a\n", "Keras's weights (HDF5)"),
    (b"TFL3", "a TensorFlow Lite model"),
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
_WANTED = "Training starts from a checkpoint of TensorFlow (model.ckpt.index and .data-...) or a frozen graph (.pb)"
_SAVED_MODEL = "saved_model.pb"
# Files that are a checkpoint's by their ending; what is wrong in them is told where they are read.
_BINARY = (".pb", ".index")


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
    with path.open("rb") as file:
        head = file.read(_HEAD)
    known = (name for start, name in _BYTES if head.startswith(start) or head[4:].startswith(start))
    if kind := next(known, _ENDINGS.get(path.suffix.lower())):
        return f"it is {kind}. {_WANTED}."
    return _text(path, head)


def _text(path: Path, head: bytes) -> str:
    """What to give instead of a text, such as the pipeline.config beside a checkpoint; "" for any other file."""
    if path.suffix.lower() in _BINARY or not head.isascii() or b"\0" in head or pointers.is_git_lfs(head):
        return ""
    beside = f": give the folder, {path.parent}" if any(path.parent.glob("*.index")) else ""
    return f"it is {'a text file, not a checkpoint' if head else 'empty'}. {_WANTED}{beside}."


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
