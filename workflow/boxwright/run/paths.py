"""The paths of a configuration: what is wrong with them, in sentences that name the key."""

import glob
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from boxwright.core.wording import few, nearest

# The longest name of a file in bytes, and of a path with room for what lies in the results folder.
_LONGEST_NAME, _LONGEST_PATH = 255, 3500
# The most letters of a name that is made from a folder's.
_LONGEST_OF_FOLDER = 50
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


def expanded(path: str) -> str:
    """A path with the home folder in place of a ~ at its start; of a user without one, or of no user, as it is."""
    with suppress(RuntimeError):
        return str(Path(path).expanduser())
    return path


def unusable_results(path: str) -> Iterator[str]:
    """Mistakes in the results folder: a name that Snakemake or the disk does not take, a file in its place."""
    yield from patterns("results", path)
    if path.startswith("/") and Path(path) == Path("/"):
        yield f"`results` is {path}, the root of all folders; choose a folder of its own."
    if not path.isprintable():
        yield f"`results` is {shown(path)}, which has line breaks or other control characters; choose another name."
    if path.startswith("~/") or path == "~":
        yield f"`results` is {path}, but this user has no home folder: HOME is not set. Write the whole path."
    elif path.startswith("~"):
        yield (
            f"`results` is {path}, but there is no user {Path(path).parts[0].removeprefix('~')} here. Write ~/ for "
            f"your own home folder, or ./{path} for a folder of this name."
        )
    whole = Path.cwd() / path
    if long := [part for part in whole.parts if len(os.fsencode(part)) > _LONGEST_NAME]:
        size = len(os.fsencode(long[0]))
        yield f"`results` has the name {shown(long[0])}, of {size} bytes; a file's name has at most {_LONGEST_NAME}."
    elif len(os.fsencode(whole)) > _LONGEST_PATH:
        size = len(os.fsencode(whole))
        yield f"`results` is a path of {size:,} bytes from the root on; at most {_LONGEST_PATH:,} leave room for files."
    elif file := next((one for one in (whole, *whole.parents) if os.path.lexists(one) and not one.is_dir()), None):
        what = "which is no folder" if file == whole else f"but {os.path.relpath(file)} is no folder"
        yield f"`results` is {path}, {what}; choose another name."


def patterns(key: str, path: str | None) -> Iterator[str]:
    """A mistake if a path that is the input or output of a rule has characters of Snakemake's patterns."""
    if found := [one for one in "{}<>" if one in (path or "")]:
        yield f"`{key}` is {shown(path)}, but Snakemake reads {' and '.join(found)} as a pattern; choose another name."


def place(path: Sequence[str | int]) -> str:
    """A place in the configuration, in words: "`export.gate`", "entry 2 of `export.forms`"."""
    if not path:
        return "the configuration"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {place(path[:-1])}"
    above = max((number + 1 for number, part in enumerate(path) if isinstance(part, int)), default=0)
    key = f"`{'.'.join(map(str, path[above:]))}`"
    return f"{key} in {place(path[:above])}" if above else key


def missing(key: str, path: str | None, folder: bool = False) -> Iterator[str]:
    """A mistake if a path that is given does not lead to a file, or to a folder. key: see `place`."""
    if path is None:
        return
    place = Path(path)
    try:
        found = place.is_dir() if folder else place.is_file()
        there = place.exists()
    except OSError as error:  # a name that is too long, for example
        yield f"{key} names {shown(path)}, which cannot be read: {error.strerror or error}."
        return
    if found:
        return
    name = path if len(path) <= 300 else shown(path)
    if there and folder:
        archive = place.suffix.lower() in _ARCHIVES
        advice = "unpack it, and name the folder with its files" if archive else f"name its folder, {place.parent}"
        yield f"{key} names {name}, which is {'an archive' if archive else 'a file'} and not a folder; {advice}."
    elif there and place.is_dir():
        yield f"{key} names {name}, which is a folder and not a file{_files_in(place)}."
    elif there:
        yield f"{key} names {name}, which is a device, and not a file."
    else:
        kind = "folder" if folder else "file"
        if instead := of_windows(path):
            yield f"{key} names {name}, but there is no such {kind}; {instead}."
            return
        near = similar(place, folder)
        hint = f"; did you mean {near}?" if near else "."
        parts = [part.strip() for part in path.split(",")]
        if len(parts) > 1 and all(map(is_there, parts)):
            hint = f"; several go into a list: `[{', '.join(parts)}]`."
        elif folder and glob.has_magic(place.name) and place.parent.is_dir():
            hint = f"; name the folder, in which all files are found: {place.parent}."
        yield f"{key} names {name}, but there is no such {kind} (looked for from {Path.cwd()}){hint}"


def of_windows(path: str) -> str:
    """What to write instead of a path of Windows on another system, a clause; "" for other paths."""
    if os.name == "nt" or ("\\" not in path and not re.match("[A-Za-z]:/", path)):
        return ""
    here = path.replace("\\", "/")
    drive = re.match("([A-Za-z]):/?", here)
    if not drive:
        return f"paths have / here, and not \\: write {here}"
    mounted = f"/mnt/{drive[1].lower()}"
    there = f"{mounted}/{here[drive.end() :]}"
    if Path(mounted).is_dir():  # as in the Windows Subsystem for Linux
        return f"it is a path of Windows: here it is {there}"
    return "it is a path of Windows, and this system has no drives: copy the files here, and write their path with /"


def similar(path: Path, folder: bool) -> Path | None:
    """The path that one to nowhere probably misspells, in one of its parts; None if there is none."""
    there, rest = path, []
    while not there.exists() and there != there.parent:
        there, rest = there.parent, [there.name, *rest]
    try:
        beside = [there.joinpath(one.name, *rest[1:]) for one in there.iterdir()] if rest else []
    except OSError:  # a folder that this user may not list
        return None
    fitting = {one.relative_to(there).parts[0]: one for one in beside if (one.is_dir() if folder else one.is_file())}
    return fitting.get(nearest(rest[0], fitting, cutoff=0.7)) if fitting else None


def listed(given: str | list[str] | None) -> list[str]:
    """The paths of a key that takes one path, a list of them, or none."""
    return [given] if isinstance(given, str) else given or []


def names_of(folders: Iterable[str]) -> dict[str, str]:
    """A short name for each of some folders, for what is made of them: its last part, {name: folder}.

    A folder whose name is taken by one before it gets more of its path: "day2-images" for day2/images beside
    day1/images. So a folder that is added to the end of a list renames no other. Characters that Snakemake or a disk
    may not take become "-".
    """
    found: dict[str, str] = {}
    for folder in dict.fromkeys(map(os.path.normpath, folders)):
        parts = [re.sub(r"[^\w.-]+", "-", part).strip("-.") for part in Path(os.path.abspath(folder)).parts]  # noqa: PTH100
        parts = [part for part in parts if part] or ["images"]
        taken = {name.casefold() for name in found}
        choices = ("-".join(parts[start:])[-_LONGEST_OF_FOLDER:] for start in range(len(parts) - 1, -1, -1))
        numbered = (f"{parts[-1][-_LONGEST_OF_FOLDER:]}-{number}" for number in itertools.count(2))
        found[next(one for one in itertools.chain(choices, numbered) if one.casefold() not in taken)] = folder
    return found


def is_there(path: str) -> bool:
    """Whether a path leads to a file or a folder; an impossible name does not."""
    return os.path.exists(path)  # noqa: PTH110 (of an impossible name pathlib raises an error)


def is_file(path: str) -> bool:
    """Whether a path leads to a file; an impossible name does not."""
    return os.path.isfile(path)  # noqa: PTH113 (of an impossible name pathlib raises an error)


def _files_in(folder: Path) -> str:
    """A clause that names the files of a folder, those of configurations and label maps first."""
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
    except OSError:  # one that this user may not list
        return ""
    likely = [name for name in names if name.endswith((".config", ".pbtxt", ".txt"))]
    return f"; in it are {few(likely or names, 5)}" if names else "; it holds no file"


def shown(value: Any) -> str:
    """A value for a message: as JSON, cut if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text)} characters)"
