"""The memory of the drawn split: on which side each sample was ever put, and the table split.tsv that shows it."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright.files import write_if_changed

# side and sha256 by name
Sides = dict[str, tuple[str, str]]

_FIELDS = ["file", "side", "sha256"]


def read(data_dir: Path, draw: Mapping[str, Any]) -> Sides:
    """What is remembered of a draw with these settings; nothing where there are none or others were drawn with.

    The memory is in plan/sides.tsv; where that was lost, the result split.tsv has the samples that are there.
    """
    if not draw:
        return {}
    memory, result = data_dir / "plan" / "sides.tsv", data_dir / "split.tsv"
    path = memory if memory.is_file() else result
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return {}
    if path == memory:
        head, _, text = text.partition("\n")
        if head != _head(draw):
            return {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    if next(rows, None) != _FIELDS:
        return {}
    return {row[0]: (row[1], row[2]) for row in rows if len(row) == 3}


def write(data_dir: Path, draw: Mapping[str, Any], sides: Sides) -> None:
    """Remember the sides of a draw."""
    write_if_changed(data_dir / "plan" / "sides.tsv", f"{_head(draw)}\n".encode() + to_tsv(sides))


def to_tsv(sides: Sides) -> bytes:
    """The table of sides, sorted by name."""
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(_FIELDS)
    table.writerows([name, *sides[name]] for name in sorted(sides))
    return text.getvalue().encode("utf-8", "surrogateescape")


def _head(draw: Mapping[str, Any]) -> str:
    return "# " + json.dumps(dict(draw), sort_keys=True)
