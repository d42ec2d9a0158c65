"""Manifests: the samples of one shard, one line of JSON each, sorted by name."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from boxwright.dataset.samples import Sample

# Bytes up to which reading a whole manifest is faster than seeking in it.
SMALL = 200_000


def of_side(plan: str | os.PathLike, side: str) -> list[Path]:
    """The manifests of a side of the split in the plan's folder, by shard; none if there is no such side."""
    return sorted(Path(plan).glob(f"{side}-*-of-*.jsonl"))


def read(path: str | os.PathLike) -> Iterator[Sample]:
    """The samples of a manifest, one at a time."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield Sample.from_json(line)


def some(path: str | os.PathLike, most: int) -> Iterator[Sample]:
    """At most `most` samples, spread over the manifest; a large manifest is not read whole."""
    with Path(path).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if size <= SMALL:
            lines = file.readlines()
            lines = lines[:: max(math.ceil(len(lines) / most), 1)]
        else:
            lines = dict.fromkeys(_line_behind(file, size * number // most) for number in range(most))
    for line in filter(None, lines):
        yield Sample.from_json(line.decode())


def _line_behind(file: BinaryIO, position: int) -> bytes:
    """The first line that begins after a position; the first line of the file for position 0."""
    file.seek(position)
    if position:
        file.readline()
    return file.readline()
