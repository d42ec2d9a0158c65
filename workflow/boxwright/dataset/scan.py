"""Lists the files of a data set and remembers what they said, so that only a changed file is read again."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from boxwright.core import code
from boxwright.core.errors import UserError
from boxwright.core.files import writing
from boxwright.dataset import facts, walk

_quote = json.encoder.encode_basestring_ascii


class File(NamedTuple):
    """A file: which of the searched folders it lies in, its path below that ("/" between parts), its whole path.

    stamp: changes whenever the file's content may have: size, time of modification and of change, inode.
    """

    folder: int
    relative: str
    path: str
    stamp: str = ""

    @property
    def base(self) -> str:
        return self.relative.rpartition("/")[2]

    @property
    def place(self) -> str:
        return self.relative.rpartition("/")[0]


class Listing(NamedTuple):
    """The files below some folders.

    folders: as they were given. found: for each folder a text for each file below it, path and stamp with a NUL
    between them, sorted; that is all that is needed to see that nothing changed.
    """

    folders: tuple[str, ...]
    found: tuple[list[str], ...]

    def __len__(self) -> int:
        return sum(map(len, self.found))

    def files(self) -> list[File]:
        """The files, sorted by folder and path."""
        files = []
        for index, (folder, found) in enumerate(zip(self.folders, self.found, strict=True)):
            prefix = folder.rstrip("/") + "/"
            for text in found:
                path, _, stamp = text.partition("\0")
                files.append(File(index, path, prefix + path, stamp))
        return files

    def fingerprint(self) -> str:
        """A hash that changes whenever a file may have."""
        digest = hashlib.sha256()
        for folder, found in zip(self.folders, self.found, strict=True):
            digest.update("\0\0".join([folder, *found, ""]).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def listings(*wanted: tuple[Sequence[str], Sequence[str]]) -> list[Listing]:
    """For each of some (folders, endings) all files that `walk.walk` finds.

    Raises UserError for a folder that is not there or cannot be read.
    """
    missing = [folder for folders, _ in wanted for folder in folders if not Path(folder).is_dir()]
    if missing:
        raise UserError(
            f"There is no folder {', '.join(missing)} (seen from {Path.cwd()}). "
            "Correct `dataset.images` or `dataset.annotations`."
        )
    try:
        found = [walk.walk(*one) for one in wanted]
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}). Check who may read it.") from error
    return [Listing(tuple(folders), tuple(of)) for (folders, _), of in zip(wanted, found, strict=True)]


def fold(name: str) -> str:
    """A file name as it is compared: case, and the two ways of writing accents, do not count."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


class Memory:
    """What the files of a data set said, kept in one text file: a line per file with its path, stamp and facts.

    A line is forgotten when its file changed or is gone, all are when the code that reads files changes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = f"facts {code.identity(facts.__name__)}"
        self._known: dict[str, str] = {}
        try:
            text = path.read_bytes().decode("ascii")
        except (OSError, UnicodeDecodeError):
            return
        head, *lines, _ = text.split("\n")  # behind the last end of a line is nothing, or a line that was cut short
        if head == self._head:
            rows = (line.partition("\t") for line in lines)
            self._known = {key: said for key, _, said in rows if said}

    def facts(self, given: Mapping[str, Sequence[File]], label: str) -> tuple[dict[str, list[str]], bool]:
        """For each kind of work (`facts.IMAGE`, ...) a line of facts for each file; and whether any of it is new.

        Files whose stamp is the remembered one are not opened.
        """
        keys = [f"{kind} {_quote(file.path)} {file.stamp}" for kind, files in given.items() for file in files]
        said = list(map(self._known.get, keys))
        if unknown := [index for index, line in enumerate(said) if line is None]:
            work = [(kind, file.path) for kind, files in given.items() for file in files]
            lines = facts.inspect([work[index] for index in unknown], label)
            for index, line in zip(unknown, lines, strict=True):
                said[index] = line
        changed = bool(unknown) or len(keys) != len(self._known)
        self._known = dict(zip(keys, said, strict=True))
        rest = iter(said)
        return {kind: list(islice(rest, len(files))) for kind, files in given.items()}, changed

    def save(self) -> None:
        """Write the file, whole or not at all."""
        with writing(self._path, "w") as file:
            file.write(f"{self._head}\n")
            file.writelines([f"{key}\t{line}\n" for key, line in self._known.items()])
