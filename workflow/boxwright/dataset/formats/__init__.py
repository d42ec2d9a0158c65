"""Annotation formats: each module turns the bytes of a file into statements about images.

A format is a module of this package and an entry of `catalog.formats`, nothing else. The module has

    read(data: bytes, beside: Beside = NOTHING) -> Reading

        What the file says: a statement for each image that it is about, and remarks about what else is in it. Every
        object in the file is a box of a statement, or is counted by a remark, so that none is lost in silence. Raises
        UserError with a clause about the file ("it is not well-formed XML: ...", with the line where there is one) if
        it cannot be read as a whole, or if nothing in it can be a box although there are objects.

        It may look at nothing but its arguments, because the result is remembered until they change. `beside` has the
        files that explain this one (names of classes, for example), as the entry in the catalogue asks for them.
        A format whose files hold the images too takes the open file in place of its bytes, because it may be large.

    sniff(head: bytes, name: str) -> bool

        Whether a file with this first part (`HEAD` bytes, or the whole file if it is shorter) and this name (without
        folders) is of this format and no other. It only recognises: a file whose format the user gives is read anyway.

and it may have

    resembles(head: bytes, name: str) -> bool

        Whether a file that nothing recognises is probably meant to be of this format, so that `read` says what is wrong
        with it.

    sides(beside: Beside) -> Mapping[str, Sequence[str]]

        The folders and lists of images that the explaining files state for each side of the split, as they are written.

    lists(beside: Beside) -> Sequence[tuple[str, Mapping[int, str]]]

        The explaining files with the names of the classes, by their paths, and these by the numbers that stand for them
        in the files; first the file that counts.

    ids(beside: Beside) -> Mapping[str, int]

        The ids of classes that the explaining files state, where they are those of a label map.

A format is imported only through its entry, so that only formats in use count in the code identity of what was read.
"""

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, BinaryIO

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.dataset.statements import Reading, Remark

# Files that explain an annotation file: their bytes by their paths, the nearest folder first ("classes.txt",
# "../data.yaml", "../../data.yaml").
Beside = Mapping[str, bytes]
NOTHING: Beside = MappingProxyType({})

# Between the keys of several formats.
OR = "|"
# The part of a file that a format is recognised by.
HEAD = 1 << 16
# From so many images on, a share without objects that is odd.
_SEVERAL, _MANY_EMPTY = 10, 0.3


class UnrecognisedError(UserError):
    """The file cannot be read, and does not look like a file of its format either."""


def read(data: bytes | BinaryIO, keys: str, beside: Beside = NOTHING, name: str = "") -> tuple[str, Reading]:
    """The key of a file's format, which is one of `keys` ("voc|cvat"), and what the file says.

    Raises UserError with a clause about the file if none of the formats reads it, and of these `UnrecognisedError` if
    it does not look like any of them.
    """
    modules = _modules(keys)
    key = modules[0][0]
    if len(modules) > 1:
        key = next(filter(None, (recognised(part, name, keys) for part in _telling(data, name))), "")
    if not key:
        names = [formats.by_key()[key].name for key, _ in modules]
        raise UnrecognisedError(f"it is in none of the formats that have its ending: {', '.join(names)}")
    module = dict(modules)[key]
    try:
        return key, module.read(data, beside)
    except UserError as error:
        if any(module.sniff(part, name) for part in _telling(data, name)):
            raise
        raise UnrecognisedError(str(error)) from error


def survey(files: Sequence[Sequence]) -> Iterator[Remark]:
    """What is odd about all files of a format together; `files`: what each says.

    Tools state images without an object that nobody has annotated yet, or whose objects the format cannot express.
    """
    own = [one for statements in files for one in statements if not one.mention]
    empty = sum(not one.classes for one in own)
    if len(own) >= _SEVERAL and empty > _MANY_EMPTY * len(own):
        yield Remark(
            "annotation_odd",
            f"{empty} of {len(own)} images are stated without an object and count as such; CVAT also exports images "
            "so that nobody has annotated yet, and as YOLO or Pascal VOC those whose objects are polygons, masks or "
            "rotated boxes: if there are such, annotate them, or export as `CVAT for images`",
        )


def sides(key: str, beside: Beside) -> Mapping[str, Sequence[str]]:
    """The folders and lists that explaining files state for each side of the split, by its name there."""
    return _explained(key, "sides", beside, {})


def lists(key: str, beside: Beside) -> Sequence[tuple[str, Mapping[int, str]]]:
    """The explaining files with the names of classes, and these by number; first the file that counts."""
    return _explained(key, "lists", beside, ())


def ids(key: str, beside: Beside) -> Mapping[str, int]:
    """The ids of classes that explaining files state, by name."""
    return _explained(key, "ids", beside, {})


def _explained(key: str, what: str, beside: Beside, nothing: Any) -> Any:
    """What a format's function of this name, which not all have, reads from explaining files."""
    ((_, module),) = _modules(key)
    return getattr(module, what)(beside) if hasattr(module, what) else nothing


def recognised(head: bytes, name: str, keys: str) -> str:
    """The key of the first format, of `keys`, that a file seems to be in; "" if there is none."""
    return next((key for key, module in _modules(keys) if module.sniff(head, name)), "")


def key_of(path: str, name: str, keys: str) -> str:
    """The key of the first format that a file seems to be in, as `recognised`; its end is read only if need be."""
    first = head(path)
    if (found := recognised(first, name, keys)) or len(first) < HEAD or not _has_ends(name):
        return found
    with Path(path).open("rb") as file:
        file.seek(-HEAD, os.SEEK_END)
        return recognised(first + file.read(), name, keys)


def nearly(path: str, name: str, keys: str) -> str:
    """The key of the first format that a file is meant to be in but is not (`resembles`); "" if there is none."""
    meant = ((key, getattr(module, "resembles", None)) for key, module in _modules(keys))
    return next((key for key, resembles in meant if resembles and resembles(head(path), name)), "")


def head(path: str) -> bytes:
    """The first part of a file (`HEAD` bytes); nothing if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def _telling(data: bytes | BinaryIO, name: str) -> Iterator[bytes]:
    """What may tell the format: the first part of a file, then, of a longer file of JSON, that and the last part."""
    yield (first := _head(data))
    if isinstance(data, bytes) and len(data) > HEAD and _has_ends(name):
        yield first + data[-HEAD:]


def _has_ends(name: str) -> bool:
    """Whether what tells the format may be at the end of a file: JSON may begin with an image or a mask in letters."""
    return name.lower().endswith(".json")


def _head(data: bytes | BinaryIO) -> bytes:
    if isinstance(data, bytes):
        return data[:HEAD]
    data.seek(0)
    head = data.read(HEAD)
    data.seek(0)
    return head


@cache
def _modules(keys: str) -> tuple[tuple[str, ModuleType], ...]:
    known = formats.by_key()
    return tuple([(key, importlib.import_module(known[key].module)) for key in keys.split(OR)])
