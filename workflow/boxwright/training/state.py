"""The state of a training run in checkpoints, and the autosave that a killed segment continues from.

The state is everything that the next step depends on: the detector's variables, the optimizer's slots and moving
averages, and the global step, each under its OD API checkpoint name. Data order, augmentation and sampling are
functions of (seed, step) and need no state.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.wording import few

GLOBAL_STEP = "global_step"


def save(prefix: Path, variables: Mapping[str, tf.Variable], step: int) -> None:
    """Write all `variables` by name, and the step, as the checkpoint `prefix`, completely or not at all."""
    values = {name: variable.numpy() for name, variable in variables.items()}
    checkpoint_files.write(prefix, values | {GLOBAL_STEP: np.int64(step)})


def restore(prefix: Path, variables: Mapping[str, tf.Variable]) -> int:
    """Give all `variables` their values from the checkpoint `prefix`; return its step.

    Raises UserError, before anything is changed, if the checkpoint is damaged, lacks a variable, or has one in another
    shape or type.
    """
    tensors = _tensors(prefix, [*variables, GLOBAL_STEP])
    wrong = [
        f"{name} is {tensors[name].dtype} {list(tensors[name].shape)}, expected {variable.dtype.name} {variable.shape}"
        for name, variable in variables.items()
        if tensors[name].shape != tuple(variable.shape) or tensors[name].dtype != variable.dtype.as_numpy_dtype
    ]
    if wrong:
        raise UserError(f"The checkpoint {prefix} is of another model: {few(wrong, 5)}.")
    for name, variable in variables.items():
        variable.assign(tensors[name])
    return int(tensors[GLOBAL_STEP])


def _tensors(prefix: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Tensors of a checkpoint by name, their checksums verified."""
    reader = checkpoint_files.read(prefix)
    missing = sorted(set(names) - reader.shapes.keys())
    if missing:
        raise UserError(f"The checkpoint {prefix} cannot be continued: it lacks {few(missing, 5)}.")
    return {name: np.asarray(reader.value(name)) for name in names}


class Autosave:
    """The newest state inside a segment, in a folder that is no rule's output.

    `identity` stands for everything that the state depends on (configuration, data, start weights, seed, threads,
    code): a state with another identity is never continued. A save is complete or absent: the checkpoint is written
    first, then the note that names it.
    """

    def __init__(self, folder: Path, identity: str):
        self.folder = folder
        self.identity = identity
        self._note = folder / "autosave.json"

    def save(self, variables: Mapping[str, tf.Variable], step: int, records: Sequence[Mapping[str, Any]]) -> None:
        """Save the state at `step` and the log records so far; delete the previous save."""
        prefix = self.folder / f"model.ckpt-{step}"
        save(prefix, variables, step)
        note = {"identity": self.identity, "step": step, "records": list(records)}
        with files.writing(self._note, "w") as file:
            json.dump(note, file)
        for path in self.folder.glob("*model.ckpt-*"):
            if not path.name.startswith(f"{prefix.name}."):
                path.unlink(missing_ok=True)

    def checkpoint(self, start: int, stop: int) -> Path | None:
        """The prefix of a saved state between steps `start` and `stop`; None if none can be read whole."""
        note = self._noted(start, stop)
        if note is None:
            return None
        prefix = self.folder / f"model.ckpt-{note['step']}"
        try:
            reader = checkpoint_files.read(prefix)
            for name in reader.shapes:
                reader.value(name)
        except UserError:
            return None  # as in `resume`
        return prefix

    def resume(
        self, variables: Mapping[str, tf.Variable], start: int, stop: int
    ) -> tuple[int, list[dict[str, float]]] | None:
        """Restore a state between steps `start` and `stop`: its step and log records, or None if there is none."""
        note = self._noted(start, stop)
        if note is None:
            return None
        try:
            records = [record for record in note["records"] if record["step"] > start]
            return restore(self.folder / f"model.ckpt-{note['step']}", variables), records
        except (ValueError, KeyError, TypeError, UserError):
            # Only time is lost: the segment starts again from its own start.
            return None

    def _noted(self, start: int, stop: int) -> Mapping[str, Any] | None:
        """The note of a saved state with this identity between two steps."""
        try:
            note = files.parse_json(self._note.read_bytes())
            if note["identity"] == self.identity and start <= note["step"] <= stop:
                return note
        except (OSError, ValueError, KeyError, TypeError):
            pass  # only time is lost
        return None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
