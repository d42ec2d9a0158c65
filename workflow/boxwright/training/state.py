"""The state of a training run in checkpoints, and the autosave that a killed segment continues from.

The state is everything that the next step depends on: the detector's variables, the optimizer's slots and moving
averages, and the global step, each under its OD API checkpoint name. Data order, augmentation and sampling are
functions of (seed, step) and need no state.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.training import saved

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
    reader = checkpoint_files.read(prefix)
    wanted = [name for name in [*variables, GLOBAL_STEP] if name in reader.shapes]
    return _assign(prefix, {name: np.asarray(reader.value(name)) for name in wanted}, variables)


def _assign(prefix: Path, tensors: Mapping[str, np.ndarray], variables: Mapping[str, tf.Variable]) -> int:
    """Give all `variables` their values from the tensors of the checkpoint `prefix`; return its step.

    Raises UserError, before anything is changed, if it lacks a variable, or has one in another shape or type.
    """
    missing = sorted({*variables, GLOBAL_STEP} - tensors.keys())
    if missing:
        raise UserError(f"The checkpoint {prefix} cannot be continued: it lacks {few(missing, 5)}.")
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


class Saved(NamedTuple):
    """A saved state that was read whole: its checkpoint, its step, the log records so far, and its tensors by name."""

    prefix: Path
    step: int
    records: list[Mapping[str, Any]]
    tensors: Mapping[str, np.ndarray]

    def resume(self, variables: Mapping[str, tf.Variable], start: int) -> tuple[int, list[Mapping[str, Any]]] | None:
        """Give all `variables` their values: the step, and the log records after step `start`.

        None if the state is of another model: only time is lost, since the segment starts again from its own start.
        """
        try:
            records = [record for record in self.records if record["step"] > start]
            return _assign(self.prefix, self.tensors, variables), records
        except (ValueError, KeyError, TypeError, UserError):
            return None


class Autosave:
    """The newest state inside a segment, in a folder that is no rule's output.

    `identity` stands for everything that the state depends on (configuration, data, start weights, seed, threads,
    code): a state with another identity is never continued. A save is complete or absent: the checkpoint is written
    first, then the note that names it.
    """

    def __init__(self, folder: Path, identity: str):
        self.folder = folder
        self.identity = identity
        self._note = folder / saved.NOTE

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

    def find(self, start: int, stop: int) -> Saved | None:
        """The saved state with this identity between steps `start` and `stop`; None if none can be read whole.

        Then only time is lost.
        """
        try:
            note = saved.note(self.folder, self.identity, start, stop)
            if note is None:
                return None
            prefix = self.folder / f"model.ckpt-{note['step']}"
            reader = checkpoint_files.read(prefix)
            tensors = {name: np.asarray(reader.value(name)) for name in reader.shapes}
            return Saved(prefix, note["step"], note["records"], tensors)
        except (OSError, ValueError, KeyError, TypeError, UserError):
            return None

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
