"""Annotation formats: each module turns the bytes of a file into statements about images.

A format is a module of this room and an entry of `catalog.formats`, nothing else. It has

    read(data: bytes) -> list[Statement]

        What the file says, about as many images as it speaks of. Raises UserError with a clause about the file ("it is
        not well-formed XML: ...") where it cannot be read, or where nothing in it can be a box. The bytes are all that
        it may look at: what is found is remembered until they change. A class stands as the file states it, also where
        that is a number whose name another file has.

    sniff(data: bytes) -> bool

        Whether the bytes are of this format and no other. It is asked where formats share an ending, with the whole
        file, and has to be quick: a look at the first kilobytes.

Nothing imports a format but by its entry, so that only those in use count in the identity of what was read.
"""

import importlib
from functools import cache
from types import ModuleType

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.dataset.statements import Statement

# Between the keys of several formats.
OR = "|"


def read(data: bytes, keys: str) -> tuple[str, list[Statement]]:
    """The key of a file's format, of those whose keys are given ("voc|cvat"), and what the file says.

    Raises UserError with a clause about the file where none of them reads it.
    """
    modules = _modules(keys)
    for key, module in modules:
        if len(modules) == 1 or module.sniff(data):
            return key, module.read(data)
    names = [formats.by_key()[key].name for key, _ in modules]
    raise UserError(f"it is in none of the formats that have its ending: {', '.join(names)}")


@cache
def _modules(keys: str) -> tuple[tuple[str, ModuleType], ...]:
    known = formats.by_key()
    return tuple([(key, importlib.import_module(known[key].module)) for key in keys.split(OR)])
