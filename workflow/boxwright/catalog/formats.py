"""The annotation formats that boxwright reads, one entry each. A new format changes no other module.

A format is a module in `dataset/formats`. It is imported by the name given here when a file of that format occurs.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Format(NamedTuple):
    """An annotation format.

    name: its common name, for messages. module: the dotted name of the module that reads it. endings: the endings of
    its file names, in lower case, each with its dot. Formats that share an ending recognise their files by `sniff`.
    """

    name: str
    module: str
    endings: tuple[str, ...]

    @property
    def key(self) -> str:
        """The last part of the module's name, which identifies the format in the cache of parsed files."""
        return self.module.rpartition(".")[2]


FORMATS = (Format("Pascal VOC", "boxwright.dataset.formats.voc", (".xml",)),)


def by_key() -> Mapping[str, Format]:
    """All formats by their keys."""
    return {one.key: one for one in FORMATS}


def by_ending() -> Mapping[str, tuple[Format, ...]]:
    """The formats that share each ending, in the order of the list."""
    endings: Iterator[str] = (ending for one in FORMATS for ending in one.endings)
    return {ending: tuple([one for one in FORMATS if ending in one.endings]) for ending in dict.fromkeys(endings)}
