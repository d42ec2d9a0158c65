"""The split history: the side of every sample that was ever drawn, and the table split.tsv that shows it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright.core.files import write_if_changed

# side and sha256 by name
Sides = dict[str, tuple[str, str]]

_FIELDS = "file\tside\tsha256"


def read(data_dir: Path, draw: Mapping[str, Any]) -> Sides:
    """The remembered sides of a draw with these settings; empty if there are no settings or they have changed.

    They are in plan/sides.tsv; if that file is lost, the result split.tsv still has the samples of the last plan.
    """
    if not draw:
        return {}
    memory, result = data_dir / "plan" / "sides.tsv", data_dir / "split.tsv"
    path = memory if memory.is_file() else result
    try:
        text = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return {}
    if path == memory:
        head, _, text = text.partition("\n")
        if head != _head(draw):
            return {}
    head, *lines = text.split("\n")
    if head != _FIELDS:
        return {}
    rows = (line.split("\t") for line in lines if line.count("\t") == 2)
    return {json.loads(name) if name.startswith('"') else name: (side, sha256) for name, side, sha256 in rows}


def write(data_dir: Path, draw: Mapping[str, Any], table: bytes) -> None:
    """Save the sides of a draw, given as `to_tsv` writes them."""
    write_if_changed(data_dir / "plan" / "sides.tsv", f"{_head(draw)}\n".encode() + table)


def to_tsv(sides: Sides) -> bytes:
    """The table of sides, sorted by name; a name that would break the table is written as a JSON string."""
    lines = [_FIELDS]
    for name in sorted(sides):
        side, sha256 = sides[name]
        shown = name if name.isprintable() and not name.startswith('"') else json.dumps(name)
        lines.append(f"{shown}\t{side}\t{sha256}")
    return ("\n".join(lines) + "\n").encode()


def _head(draw: Mapping[str, Any]) -> str:
    return "# " + json.dumps(dict(draw), sort_keys=True)
