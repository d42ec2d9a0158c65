"""Manifests: the samples of one shard, one line of JSON each, sorted by name."""

import os
from collections.abc import Iterator
from pathlib import Path

from boxwright.annotations.model import Sample


def read(path: str | os.PathLike) -> Iterator[Sample]:
    """The samples of a manifest, one at a time."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield Sample.from_json(line)
