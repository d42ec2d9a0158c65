"""Label maps: which class has which id, in the OD API's StringIntLabelMap format.

Ids count from 1; 0 is the background. The ids of a given map may have gaps, as in the map of COCO's 80 classes numbered
up to 90: a detector has a column for each id up to the last one, as in the OD API. A class keeps its id forever: new
classes are appended. Names are clean (`core.names`) from here on.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from boxwright import protos
from boxwright.core import names as door
from boxwright.core import pointers
from boxwright.core.errors import UserError
from boxwright.core.files import writing

# A detector has a column for each id up to the last one. The largest published label maps have 21,843 classes.
LARGEST_ID = 100_000
# No label map is larger, in bytes.
_LARGEST_FILE = 16_000_000
_SHOWN = 20
# What label files of mobile runtimes have where a number has no class.
NO_CLASS = "???"
# What a label map has near its beginning: in text, after comments, the name of a field; in binary the field's key.
_HEAD, _FIELD, _KEY = 1 << 16, b"item", b"\n"
# The beginning of an item in a line of text.
_ITEM = re.compile(r"(?:^|[\s}])item\s*:?\s*(?:\{|$)")


def read(path: str | os.PathLike) -> dict[str, int]:
    """Class name to id, in the order of ids, from a label map in text or binary form.

    The name of a class is its `name`, or its `display_name` if it has no `name`.

    Raises UserError with all mistakes: a missing file, not a label map, no class, id 0, an id beyond `LARGEST_ID`, an
    id or a name used twice, a class without a name.
    """
    return {item.name or item.display_name: item.id for item in read_message(path).item}


def read_aliases(path: str | os.PathLike) -> dict[str, str]:
    """Display name to name, for the classes in which the two differ (`person` for `/m/01g317`)."""
    items = read_message(path).item
    names = {item.name for item in items}
    return {item.display_name: item.name for item in items if item.name and item.display_name not in ("", *names)}


def read_message(path: str | os.PathLike) -> Any:
    """The StringIntLabelMap in a file, its names clean, its items sorted by id, checked as `read` says."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise UserError(f"The label map {path} cannot be read ({error.strerror}). Check the path.") from error
    if len(data) > _LARGEST_FILE:
        raise UserError(f"The file {path} is not a label map: it has more than {_LARGEST_FILE // 1_000_000} MB.")
    if pointers.is_git_lfs(data):
        raise UserError(f"The label map {path} cannot be used: {pointers.GIT_LFS}.")
    message = _parse(data, path)
    for item in message.item:
        for name in ("name", "display_name"):
            if item.HasField(name):
                setattr(item, name, door.clean(getattr(item, name)))
    mistakes = _mistakes(message)
    if mistakes:
        more = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        raise UserError(f"The label map {path} cannot be used: {'; '.join([*mistakes[:_SHOWN], *more])}.")
    ordered = sorted(message.item, key=lambda item: item.id)
    del message.item[:]
    message.item.extend(ordered)
    return message


def beside(checkpoint: str | os.PathLike) -> Path | None:
    """The label map in the folder of a checkpoint (prefix, folder or frozen graph), whatever it is called.

    It says which class each row of the checkpoint's class head belongs to. Of several files that read as label maps
    the one called `*label_map*.pbtxt` counts; if they differ and the names do not tell, none does. A file of that name
    that does not read as a label map is returned if there is no other, so that its reader tells what is wrong with it.
    """
    path = Path(checkpoint)
    folder = path if path.is_dir() else path.parent
    files = sorted(file for file in folder.iterdir() if file.is_file()) if folder.is_dir() else []
    found = {file: ids for file in files if (ids := _ids(file, path)) is not None}
    named = [file for file in files if file.match("*label_map*.pbtxt")]
    for group in (list(found), [file for file in named if file in found]):
        if group and all(found[file] == found[group[0]] for file in group):
            return group[0]
    return named[0] if len(named) == 1 and not found else None


def of_checkpoint(checkpoint: str | os.PathLike) -> dict[str, int] | None:
    """The ids of the classes that a checkpoint knows, by name and by display name.

    None if no label map lies beside it, or no checkpoint is given.

    Published maps use identifiers such as `/m/01g317` as names; a data set uses the display name, such as `person`.
    """
    path = beside(checkpoint) if os.fspath(checkpoint) else None
    if path is None:
        return None
    ids = read(path)
    return ids | {alias: ids[name] for alias, name in read_aliases(path).items()}


def several(folder: str | os.PathLike) -> list[Path]:
    """All label maps in a folder, for a message about those that `beside` cannot choose from."""
    files = sorted(file for file in Path(folder).iterdir() if file.is_file())
    return [file for file in files if _ids(file, Path(folder)) is not None]


def shown(path: str | os.PathLike) -> dict[int, str]:
    """The name of each class that is shown, by its id."""
    return {item.id: item.display_name or item.name for item in read_message(path).item}


def labels(path: str | os.PathLike) -> str:
    """The text of labels.txt: line n (from 1) names the class with id n, so line n + 1 that of the number n from 0.

    Runtimes on devices count classes from 0 and read such a file. An id without a class has the line `NO_CLASS`.
    """
    names = shown(path)
    return "".join(f"{names.get(number, NO_CLASS)}\n" for number in range(1, max(names) + 1))


def to_text(mapping: Mapping[str, int]) -> str:
    """The label map as text, `name` and `display_name` alike, in the order of ids."""
    message = protos.StringIntLabelMap()
    for name, number in sorted(mapping.items(), key=lambda pair: pair[1]):
        message.item.add(name=name, id=number, display_name=name)
    return message_text(message)


def message_text(message: Any) -> str:
    """A StringIntLabelMap as text, with all fields of its items."""
    return text_format.MessageToString(message, as_utf8=True)


def write(path: str | os.PathLike, mapping: Mapping[str, int]) -> None:
    """Write `to_text(mapping)` to a file, whole or not at all."""
    with writing(path, "w") as file:
        file.write(to_text(mapping))


def extend(old: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    """`old` with the `names` that it lacks numbered after its last id, alphabetically."""
    first = max(old.values(), default=0) + 1
    return {**old, **{name: first + index for index, name in enumerate(sorted(set(names) - old.keys()))}}


def _parse(data: bytes, path: Path) -> Any:
    message = protos.StringIntLabelMap()
    try:
        return text_format.Parse(data.decode("utf-8-sig"), message)
    except UnicodeDecodeError:
        reason = "it is not text"
    except text_format.ParseError as error:
        reason = _reason(error, data.decode("utf-8-sig"))
    try:
        message = protos.StringIntLabelMap.FromString(data)
        if message.item and message.ByteSize() == len(data) and _has_text(message):
            return message
    except DecodeError:
        pass
    raise UserError(
        f'The file {path} is not a label map: {reason}. It must contain items such as `item {{ id: 1 name: "cat" }}`.'
    )


def _reason(error: text_format.ParseError, text: str) -> str:
    """Why a text is no label map: the parser's words, or the item that is not closed."""
    line, column = error.GetLine() or 1, error.GetColumn() or 1
    said = re.sub(r"^\d+:\d+ : ", "", str(error)).rstrip(".")
    items = [number for number, one in enumerate(text.splitlines()[: line - 1], start=1) if _ITEM.search(one)]
    if items and said.endswith('Item" has no field named "item"'):
        return f"line {line}: an item begins here, but that of line {items[-1]} is still open, so it lacks its `}}`"
    if said == 'Expected "}"':
        return f"line {line}: the text ends, but its last item is still open, so it lacks its `}}`"
    said = re.sub(r'^Message type "[^"]*" has no field named (".*")$', r"no field has the name \1", said)
    return f"line {line}, column {column}: {said}"


def _has_text(message: Any) -> bool:
    """Whether the names in a message that was read from binary are UTF-8; protobuf gives bytes for one that is not."""
    return all(isinstance(name, str) for item in message.item for name in (item.name, item.display_name))


def _mistakes(message: Any) -> list[str]:
    mistakes = []
    if not message.item:
        mistakes.append("it has no class")
    names: dict[str, int] = {}
    ids: dict[int, str] = {}
    for item in message.item:
        name = item.name or item.display_name
        if not name:
            mistakes.append(f"the class with id {item.id} has no name")
        if item.id < 1:
            mistakes.append(f"class '{name}' has id {item.id}, but ids count from 1 (0 is the background)")
        elif item.id > LARGEST_ID:
            why = "a detector has a column for each id up to the last one"
            mistakes.append(f"class '{name}' has id {item.id}, but {why}, so ids end at {LARGEST_ID}")
        elif item.id in ids:
            mistakes.append(f"classes '{ids[item.id]}' and '{name}' share id {item.id}")
        if name in names:
            mistakes.append(f"class '{name}' is listed twice, with ids {names[name]} and {item.id}")
        ids.setdefault(item.id, name)
        names.setdefault(name, item.id)
    return mistakes


def _ids(path: Path, checkpoint: Path) -> dict[str, int] | None:
    """The ids in a file, if it reads as a label map; None if not, or if it is the checkpoint itself."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        return read(path) if path != checkpoint and (_FIELD in head or head.startswith(_KEY)) else None
    except (UserError, OSError):
        return None
