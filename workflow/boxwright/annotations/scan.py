"""Finds the files of a data set and remembers what they said, so that only a changed file is read again."""

import hashlib
import json
import os
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boxwright.annotations import facts
from boxwright.errors import UserError
from boxwright.files import writing

_HERE = Path(__file__).resolve().parent
_quote = json.encoder.encode_basestring_ascii


class Listing(NamedTuple):
    """The files below some folders.

    folders: as they were given. stamps: for each folder, the path of each file below it ("/" between parts) and a
    stamp that changes whenever the file's content may have: size, time of modification and of change, inode.
    """

    folders: tuple[str, ...]
    stamps: tuple[dict[str, str], ...]

    def __len__(self) -> int:
        return sum(map(len, self.stamps))

    def files(self) -> Iterable[tuple[int, str, str, str]]:
        """(index of the folder, path below it, whole path, stamp), sorted by the first two."""
        for index, (folder, stamps) in enumerate(zip(self.folders, self.stamps, strict=True)):
            prefix = folder.rstrip("/") + "/"
            for path in sorted(stamps):
                yield index, path, prefix + path, stamps[path]

    def fingerprint(self) -> str:
        """A hash that changes whenever a file may have."""
        digest = hashlib.sha256()
        for folder, stamps in zip(self.folders, self.stamps, strict=True):
            lines = "\0".join([f"{path}\0{stamps[path]}" for path in sorted(stamps)])
            digest.update(f"{folder}\0\0{lines}\0\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def walk(folders: Sequence[str], extensions: Collection[str]) -> Listing:
    """All files with one of the extensions (lower case) in the folders and below, links followed, hidden names not.

    A folder that is reached twice is listed where it is met first. Raises UserError for a folder that is not there or
    cannot be read.
    """
    missing = [folder for folder in folders if not Path(folder).is_dir()]
    if missing:
        raise UserError(
            f"There is no folder {', '.join(missing)} (seen from {Path.cwd()}). "
            "Correct `dataset.images` or `dataset.annotations`."
        )
    seen: set[tuple[int, int]] = set()
    try:
        return Listing(tuple(folders), tuple(_walk(folder, extensions, seen) for folder in folders))
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}). Check who may read it.") from error


def _walk(folder: str, extensions: Collection[str], seen: set[tuple[int, int]]) -> dict[str, str]:
    stamps: dict[str, str] = {}
    waiting = [(folder, "")]
    while waiting:
        place, prefix = waiting.pop()
        status = Path(place).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        seen.add(identity)
        below = []
        with os.scandir(place) as entries:
            for entry in entries:
                name = entry.name
                if name.startswith("."):
                    continue
                if name[name.rfind(".") :].lower() in extensions and entry.is_file():
                    status = entry.stat()
                    stamps[prefix + name] = (
                        f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"
                    )
                elif entry.is_dir():
                    below.append((entry.path, f"{prefix}{name}/"))
        waiting += sorted(below, reverse=True)
    return stamps


def fold(name: str) -> str:
    """A file name as it is compared: case, and the two ways of writing accents, do not count."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


class Memory:
    """What the files of a data set said, kept in one text file: a line per file with its path, stamp and facts.

    A line is forgotten when its file is gone, all are when the code that reads files changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = f"facts {_code_version()}\n"
        self._known: dict[str, str] = {}
        try:
            with path.open(encoding="ascii", newline="\n") as file:
                if next(file, "") == self._head:
                    for line in file:
                        key, _, rest = line.partition("\t")
                        if rest.endswith("\n"):
                            self._known[key] = rest
        except (OSError, UnicodeDecodeError):
            self._known = {}

    def facts(self, listings: Mapping[str, Listing], label: str) -> tuple[dict[str, dict[str, str]], bool]:
        """For each kind of work (`facts.IMAGE`, ...) the facts by whole path, as JSON; and whether any is new.

        Files whose stamp is the remembered one are not opened.
        """
        found: dict[str, dict[str, str]] = {kind: {} for kind in listings}
        wanted: list[tuple[str, str]] = []
        stamps: dict[tuple[str, str], str] = {}
        kept: dict[str, str] = {}
        for kind, listing in listings.items():
            of_kind = found[kind]
            for _, _, path, stamp in listing.files():
                key = f"{kind} {_quote(path)}"
                known = self._known.pop(key, None)
                if known is not None and known.startswith(stamp + "\t"):
                    kept[key] = known
                    of_kind[path] = known[len(stamp) + 1 :]
                else:
                    wanted.append((kind, path))
                    stamps[kind, path] = stamp
        changed = bool(wanted or self._known)
        kinds = {path: kind for kind, path in wanted}
        for path, line in facts.inspect(wanted, label):
            kind = kinds[path]
            kept[f"{kind} {_quote(path)}"] = f"{stamps[kind, path]}\t{line}\n"
            found[kind][path] = line
        self._known = kept
        return found, changed

    def save(self) -> None:
        """Write the file, whole or not at all."""
        with writing(self._path, "w") as file:
            file.write(self._head)
            file.writelines(f"{key}\t{rest}" for key, rest in self._known.items())


def _code_version() -> str:
    """Hash of the modules whose change may change what a file says."""
    names = ("exif.py", "facts.py", "headers.py", "images.py", "model.py", "voc.py")
    return hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in names)).hexdigest()[:16]
