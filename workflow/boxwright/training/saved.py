"""The note of a state that was saved inside a segment: at which step it is, and of which training.

It is read before a run too, which tells what is left to do, so this imports no TensorFlow.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright.core import files

FOLDER = "autosave"
NOTE = "autosave.json"


def text(identity: Mapping[str, Any]) -> str:
    """The identity of a training as text, the same for equal ones."""
    return json.dumps(identity, sort_keys=True)


def training(identity: str, seed: int, threads: int | str) -> str:
    """What stands for all that a state depends on. identity: of the training, as `text`."""
    return f"{identity}, seed {seed}, {threads} threads"


def note(folder: str | Path, wanted: str, start: int, stop: int) -> Mapping[str, Any] | None:
    """The note {identity, step, records} in a folder, if it is of the `wanted` training and between two steps."""
    try:
        found = files.parse_json(Path(folder, NOTE).read_bytes())
        return found if found["identity"] == wanted and start <= found["step"] <= stop else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
