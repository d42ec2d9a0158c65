"""Lists the files of a data set with their stamps, which show whether a file changed without opening it."""

import errno
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.names import shown
from boxwright.dataset import walk
from boxwright.images.loader import EXTENSIONS

# What to do about files that cannot be read.
_REMEDIES = {
    errno.EACCES: " Check its permissions.",
    errno.EPERM: " Check its permissions.",
    errno.ELOOP: " It is a link that leads back to itself; remove it.",
}


class File(NamedTuple):
    """A file: which of the searched folders it lies in, its path below that ("/" between parts), its whole path.

    stamp: size, time of modification and of change, inode; changes whenever the file's content may have changed.
    """

    folder: int
    relative: str
    path: str
    stamp: str = ""

    @property
    def base(self) -> str:
        """The file's name without its folders."""
        return self.relative.rpartition("/")[2]

    @property
    def place(self) -> str:
        """The folders between the searched one and the file."""
        return self.relative.rpartition("/")[0]


class Listing(NamedTuple):
    """The files below some folders.

    folders: as they were given; some may be files. found: for each folder a sorted list with a text for each file below
    it, path and stamp with a NUL between them; this is enough to see that nothing changed. passed: the numbers
    of files that were passed over because a run made them, by the results folder or result that they lie in.
    """

    folders: tuple[str, ...]
    found: tuple[list[str], ...]
    passed: Mapping[str, int] = MappingProxyType({})

    def __len__(self) -> int:
        return sum(map(len, self.found))

    def files(self) -> list[File]:
        """The files, sorted by folder and path."""
        files = []
        for index, (folder, found) in enumerate(zip(self.folders, self.found, strict=True)):
            prefix = folder.rstrip("/") + "/"
            if len(found) == 1 and found[0].partition("\0")[0] == folder.rpartition("/")[2] and Path(folder).is_file():
                prefix = folder.rpartition("/")[0]
                prefix += "/" if prefix or folder.startswith("/") else ""
            for text in found:
                path, _, stamp = text.partition("\0")
                files.append(File(index, path, prefix + path, stamp))
        return files

    def fingerprint(self) -> str:
        """A hash that changes whenever a file may have changed."""
        digest = hashlib.sha256()
        for folder, found in zip(self.folders, self.found, strict=True):
            digest.update("\0\0".join([folder, *found, ""]).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


class Search(NamedTuple):
    """What to list: folders, the endings of file names (lower case), whether single files may stand beside the folders,
    and the endings of what is counted where it is passed over (if they are others).
    """

    folders: Sequence[str]
    endings: Sequence[str]
    files: bool = False
    counted: Sequence[str] = ()


def listings(*wanted: Search, results: str | None = None) -> list[Listing]:
    """A listing for each: all files that `walk.walk` finds; `results` is passed over.

    Raises UserError if a folder is missing or cannot be read.
    """
    places = [(Path(place), one.files) for one in wanted for place in one.folders]
    missing = list(dict.fromkeys(str(path) for path, _ in places if not path.exists()))
    if files := [str(path) for path, may_be in places if path.exists() and not (path.is_dir() or may_be)]:
        raise UserError(
            f"{', '.join(files)} is a file, but `dataset.images` takes folders. Give the folder that holds it."
        )
    if missing:
        raise UserError(
            f"There is no folder {', '.join(missing)} (relative paths start at {Path.cwd()}). "
            "Correct `dataset.images` or `dataset.annotations`."
        )
    try:
        walked = [walk.walk(one.folders, one.endings, results, one.counted) for one in wanted]
    except OSError as error:
        remedy = _REMEDIES.get(error.errno, "")
        raise UserError(f"{shown(error.filename)} cannot be read ({error.strerror}).{remedy}") from error
    return [Listing(tuple(one.folders), tuple(of.found), of.passed) for one, of in zip(wanted, walked, strict=True)]


def images_below(folder: str, results: str | None = None) -> list[str]:
    """The paths of all image files below a folder, relative to it, without what runs made; `results` as in `listings`.

    Raises UserError if the folder is missing or cannot be read.
    """
    (listing,) = listings(Search([folder], tuple(EXTENSIONS)), results=results)
    return [file.relative for file in listing.files()]
