"""The split history: the side of every sample that was ever drawn, and the table split.tsv that shows it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from boxwright.core.files import write_if_changed
from boxwright.dataset.split import SIDES, TEST

# side and sha256 by name
Sides = dict[str, tuple[str, str]]

_FIELDS = "file\tside\tsha256"
# The setting that may change without another draw: it only moves images from the evaluation to the test side.
_EXTENDED = "test_fraction"


class History(NamedTuple):
    """What was drawn until now: the sides of all samples, and the `test_fraction` that they were drawn with."""

    sides: Sides
    test_fraction: float


def read(data_dir: Path, draw: Mapping[str, Any]) -> History:
    """The history of a draw with these settings; empty if there are no settings or they have changed.

    It is in the plan's folder (see `_memory`); if that file is lost, the result split.tsv still has the samples of the
    last plan, and if it has test images, they are taken to be as many as `draw` asks for.
    """
    nothing = History({}, 0.0)
    if not draw:
        return nothing
    memory, result = _memory(data_dir, draw), data_dir / "split.tsv"
    path = memory if memory.is_file() else result
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return nothing
    drawn_with = None
    if path == memory:
        head, _, text = text.partition("\n")
        drawn_with = _settings(head)
        if drawn_with is None or _fixed(drawn_with) != _fixed(draw):
            return nothing
    sides = from_tsv(text)
    if drawn_with is None:
        drawn_with = draw if any(side == TEST for side, _ in sides.values()) else {}
    return History(sides, drawn_with.get(_EXTENDED, 0.0))


def write(data_dir: Path, draw: Mapping[str, Any], table: bytes) -> None:
    """Save the sides of a draw, given as `to_tsv` writes them."""
    write_if_changed(_memory(data_dir, draw), f"{_head(draw)}\n".encode() + table)


def from_tsv(text: str) -> Sides:
    """The sides in a table that `to_tsv` wrote; none if it is something else."""
    head, *lines = text.split("\n")
    rows = (line.split("\t") for line in lines if line.count("\t") == 2) if head == _FIELDS else ()
    return {
        json.loads(name) if name.startswith('"') else name: (side, sha256)
        for name, side, sha256 in rows
        if side in SIDES
    }


def to_tsv(sides: Sides) -> bytes:
    """The table of sides, sorted by name; a name that would break the table is written as a JSON string."""
    lines = [_FIELDS]
    for name in sorted(sides):
        side, sha256 = sides[name]
        shown = name if name.isprintable() and not name.startswith('"') else json.dumps(name)
        lines.append(f"{shown}\t{side}\t{sha256}")
    return ("\n".join(lines) + "\n").encode()


def _memory(data_dir: Path, draw: Mapping[str, Any]) -> Path:
    """The file of a draw. One from given lists has its own, so that lists that are tried cost no other draw."""
    return data_dir / "plan" / ("sides_of_lists.tsv" if draw.get("lists") else "sides.tsv")


def _head(draw: Mapping[str, Any]) -> str:
    return "# " + json.dumps(dict(draw), sort_keys=True)


def _settings(head: str) -> dict[str, Any] | None:
    """The settings in the first line of sides.tsv; None if there are none."""
    try:
        found = json.loads(head.removeprefix("# "))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _fixed(draw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings whose change makes another draw."""
    return {key: value for key, value in draw.items() if key != _EXTENDED}
