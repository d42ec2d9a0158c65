"""Manifests: the samples of one shard, one line of JSON each, sorted by name."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from boxwright.annotations.model import Sample


def read(path: str | os.PathLike) -> Iterator[Sample]:
    """The samples of a manifest, one at a time."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield Sample.from_json(line)


def to_bytes(samples: Iterable[Sample]) -> bytes:
    """What a manifest of these samples holds."""
    return "".join(sample.to_json() + "\n" for sample in sorted(samples, key=lambda sample: sample.name)).encode()
