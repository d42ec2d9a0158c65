"""The annotation formats that boxwright reads: one entry each, so that a new one touches no other module.

A format is a module of `dataset/formats`, which is imported by the name given here when a file asks for it.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Format(NamedTuple):
    """name: as people call it, for messages; module: where it is read; endings: of its files' names (lower case, each
    the part from the last dot on). Formats that share an ending tell their files apart by `sniff`.
    """

    name: str
    module: str
    endings: tuple[str, ...]

    @property
    def key(self) -> str:
        """The module's own name, by which the memory of what files say knows the format."""
        return self.module.rpartition(".")[2]


FORMATS = (Format("Pascal VOC", "boxwright.dataset.formats.voc", (".xml",)),)


def by_key() -> Mapping[str, Format]:
    """All formats by their keys."""
    return {one.key: one for one in FORMATS}


def by_ending() -> Mapping[str, tuple[Format, ...]]:
    """The formats that share each ending, in the order of the list."""
    endings: Iterator[str] = (ending for one in FORMATS for ending in one.endings)
    return {ending: tuple([one for one in FORMATS if ending in one.endings]) for ending in dict.fromkeys(endings)}
