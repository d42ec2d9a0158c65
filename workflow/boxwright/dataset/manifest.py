"""Manifests: the samples of one shard, one line of JSON each, sorted by name."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from boxwright.core.errors import UserError
from boxwright.dataset.samples import Sample

# Bytes up to which reading a whole manifest is faster than seeking in it.
SMALL = 200_000


def of_side(plan: str | os.PathLike, side: str) -> list[Path]:
    """The manifests of a side of the split in the plan's folder, by shard; none if there is no such side."""
    return sorted(Path(plan).glob(f"{side}-*-of-*.jsonl"))


def read(path: str | os.PathLike) -> Iterator[Sample]:
    """The samples of a manifest, one at a time; raises UserError if it is damaged."""
    with Path(path).open("rb") as file:
        for line in file:
            yield _sample(line, path)


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
        yield _sample(line, path)


def _sample(line: str | bytes, path: str | os.PathLike) -> Sample:
    """The sample of one line; raises UserError if the line is damaged."""
    try:
        return Sample.from_json(line)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{path}, a list of the samples in the plan, is damaged ({error}). Run again: the plan makes it anew."
        ) from error


def _line_behind(file: BinaryIO, position: int) -> bytes:
    """The first line that begins after a position; the first line of the file for position 0."""
    file.seek(position)
    if position:
        file.readline()
    return file.readline()
