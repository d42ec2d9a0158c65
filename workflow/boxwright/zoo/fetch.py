"""A detector of the zoo on this machine: downloaded, checked against its checksum, unpacked.

The archive stays at resources/zoo/<name>.tar.gz and its contents at resources/zoo/<name>, so whoever has one of the two
needs no network. BOXWRIGHT_ZOO_MIRROR, like the proxies a matter of the machine and not of the run, names a place that
has the archives under the same names: http(s)://... or file:///...
"""

import fcntl
import os
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boxwright.console.progress import say
from boxwright.core.errors import UserError
from boxwright.core.files import sha256_file, writing
from boxwright.zoo import download
from boxwright.zoo.catalogue import Entry
from boxwright.zoo.unpack import unpack

MIRROR = "BOXWRIGHT_ZOO_MIRROR"


def fetch(entry: Entry) -> Path:
    """The folder of a detector's unpacked archive; downloads and unpacks it where that has not been done.

    Processes that want the same detector at the same time wait for the first of them. Raises UserError where the
    archive cannot be had, is not the expected one, or cannot be unpacked.
    """
    if entry.folder.is_dir():
        return entry.folder
    address = _address(entry)
    with _alone(entry):
        if entry.folder.is_dir():
            return entry.folder
        expected = entry.sha256 or _recorded(entry)
        downloading = not entry.archive.is_file()
        if downloading:
            say(f"Downloading {entry.name} ({download.megabytes(entry.size)}) from {address}")
            download.download(address, entry.archive, size=entry.size, sha256=expected)
        elif wrong := download.mistake(entry.archive, entry.size, expected):
            raise UserError(
                f"{entry.archive} is not the archive of {entry.name}: {wrong}. Remove it, or put the right one there; "
                "it was not used."
            )
        say(f"Unpacking {entry.archive}")
        try:
            unpack(entry.archive, entry.folder)
        except UserError:
            if downloading and expected is None:  # nothing but this has checked it
                entry.archive.unlink()
            raise
        if expected is None:
            _record(entry)
    return entry.folder


def _address(entry: Entry) -> str:
    """Where the archive is downloaded from."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return entry.url
    if not _is_address(mirror):
        raise UserError(
            f"The environment variable {MIRROR} is {mirror!r}; it must be the address of the folder that has the "
            "archives: http://..., https://... or file:///..."
        )
    return f"{mirror.rstrip('/')}/{entry.archive.name}"


def _is_address(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
    except ValueError:
        return False
    reached = parts.path if parts.scheme == "file" else parts.netloc
    return parts.scheme in ("http", "https", "file") and bool(reached) and text.isprintable() and " " not in text


def _record_path(entry: Entry) -> Path:
    return entry.archive.with_name(f"{entry.archive.name}.sha256")


def _recorded(entry: Entry) -> str | None:
    """The checksum that an archive without a published one had when it was first seen."""
    path = _record_path(entry)
    return path.read_text(encoding="utf-8").split()[0] if path.is_file() else None


def _record(entry: Entry) -> None:
    """Keep the checksum of an archive without a published one, as sha256sum writes and reads it."""
    seen = sha256_file(entry.archive)
    with writing(_record_path(entry), "w") as file:
        file.write(f"{seen}  {entry.archive.name}\n")
    say(
        f"config/zoo.yaml has no checksum of {entry.name}, so nobody vouches for this archive. Its SHA-256 is {seen}, "
        f"kept in {_record_path(entry)}: another archive will not be taken for it."
    )


@contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    """Keep other processes out, who would write the same files. The empty lock file stays: to remove it is a race."""
    path = entry.archive.with_name(f".{entry.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise UserError(f"{entry.name} cannot be put into {path.parent}: {error.strerror}.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Another process fetches {entry.name}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            pass  # a file system without locks; two at once would be told by the checksum
        yield
