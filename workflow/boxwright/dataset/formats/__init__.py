"""Annotation formats: each module turns the bytes of a file into statements about images.

A format is a module of this package and an entry of `catalog.formats`, nothing else. The module has

    read(data: bytes) -> list[Statement]

        The statements in the file, one for each image that it is about. Raises UserError with a clause about the file
        ("it is not well-formed XML: ...") if it cannot be read, or if nothing in it can be a box. It may look at
        nothing but the bytes, because the result is remembered until they change. A class keeps the name that the file
        states, even if that is a number whose name is in another file.

    sniff(data: bytes) -> bool

        Whether the bytes are of this format and no other. It is called with the whole file if formats share an ending,
        and has to be fast: it should look only at the first kilobytes.

A format is imported only through its entry, so that only formats in use count in the code identity of what was read.
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
    """The key of a file's format, which is one of `keys` ("voc|cvat"), and the statements in the file.

    Raises UserError with a clause about the file if none of the formats reads it.
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
