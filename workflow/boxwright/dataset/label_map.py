"""Label maps: which class has which id, in the OD API's StringIntLabelMap format.

Ids count from 1 without a gap; 0 is the background. A class keeps its id forever: new classes are appended.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import DecodeError

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.core.files import writing


def read(path: str | os.PathLike, *, gaps: bool = False) -> dict[str, int]:
    """Class name to id, in the order of ids, from a label map in text or binary form.

    The name of a class is its `name`, or its `display_name` if it has no `name`. `gaps` allows missing ids, as in the
    map of COCO's 80 classes numbered up to 90; a data set's own map must have none.

    Raises UserError with all mistakes: a missing file, not a label map, no class, id 0, an id or a name used twice,
    gaps, a class without a name.
    """
    return {item.name or item.display_name: item.id for item in read_message(path, gaps=gaps).item}


def read_aliases(path: str | os.PathLike) -> dict[str, str]:
    """Display name to name, for the classes in which the two differ (`person` for `/m/01g317`)."""
    items = read_message(path, gaps=True).item
    names = {item.name for item in items}
    return {item.display_name: item.name for item in items if item.name and item.display_name not in ("", *names)}


def read_message(path: str | os.PathLike, *, gaps: bool = False) -> Any:
    """The StringIntLabelMap in a file, its items sorted by id, checked as `read` says."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The label map {path} cannot be read ({error.strerror}). Check the path.") from error
    message = _parse(data, path)
    mistakes = _mistakes(message, gaps)
    if mistakes:
        raise UserError(f"The label map {path} cannot be used: {'; '.join(mistakes)}.")
    ordered = sorted(message.item, key=lambda item: item.id)
    del message.item[:]
    message.item.extend(ordered)
    return message


def beside(checkpoint: str | os.PathLike) -> Path | None:
    """The one `*label_map*.pbtxt` in the folder of a checkpoint (prefix, folder or frozen graph), if there is just one.

    It says which class each row of the checkpoint's class head belongs to.
    """
    path = Path(checkpoint)
    found = sorted((path if path.is_dir() else path.parent).glob("*label_map*.pbtxt"))
    return found[0] if len(found) == 1 else None


def of_checkpoint(checkpoint: str | os.PathLike) -> dict[str, int] | None:
    """The ids of the classes that a checkpoint knows, by name and by display name.

    None if no label map lies beside it, or no checkpoint is given.

    Published maps use identifiers such as `/m/01g317` as names; a data set uses the display name, such as `person`.
    """
    path = beside(checkpoint) if os.fspath(checkpoint) else None
    if path is None:
        return None
    ids = read(path, gaps=True)
    return ids | {alias: ids[name] for alias, name in read_aliases(path).items()}


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
        reason = f"line {error}"
    try:
        message = protos.StringIntLabelMap.FromString(data)
        if message.item and message.ByteSize() == len(data):
            return message
    except DecodeError:
        pass
    raise UserError(
        f'The file {path} is not a label map: {reason}. It must contain items such as `item {{ id: 1 name: "cat" }}`.'
    )


def _mistakes(message: Any, gaps: bool) -> list[str]:
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
        elif item.id in ids:
            mistakes.append(f"classes '{ids[item.id]}' and '{name}' share id {item.id}")
        if name in names:
            mistakes.append(f"class '{name}' is listed twice, with ids {names[name]} and {item.id}")
        ids.setdefault(item.id, name)
        names.setdefault(name, item.id)
    absent = sorted(set(range(1, max(ids, default=0) + 1)) - ids.keys())
    if absent and not gaps:
        shown = ", ".join(map(str, absent[:8])) + (", ..." if len(absent) > 8 else "")
        mistakes.append(f"its ids have gaps ({shown} missing); number the classes from 1 without a gap")
    return mistakes
