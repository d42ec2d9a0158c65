"""Fetch a detector of the zoo: download it, check its checksum, unpack it.

The archive stays at resources/zoo/<name>.tar.gz and its contents at resources/zoo/<name>; if either of the two exists,
no network is needed. BOXWRIGHT_ZOO_MIRROR, which like the proxies belongs to the machine and not to the run, names a
place that has the archives under the same names: http(s)://... or file:///...
"""

import os
import re
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boxwright.console.progress import say
from boxwright.core import file_lock
from boxwright.core.errors import UserError
from boxwright.core.files import sha256_file, writing
from boxwright.core.wording import command
from boxwright.zoo import download
from boxwright.zoo.catalogue import Entry
from boxwright.zoo.unpack import unpack

MIRROR = "BOXWRIGHT_ZOO_MIRROR"


def fetch(entry: Entry, trust: bool = False) -> Path:
    """The folder of a detector's unpacked archive; downloads and unpacks it if necessary.

    An archive without a known checksum is taken only from a server with a valid certificate, or with `trust`: its
    checksum is then recorded, and holds from then on. Processes that need the same detector at the same time wait for
    the first of them. Raises UserError if the archive cannot be downloaded, is not the expected one, or cannot be
    unpacked, or if nobody vouches for it.
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
            if wrong := untrusted(entry, trust):
                raise UserError(wrong)
            say(f"Downloading {entry.name} ({download.megabytes(entry.size)}) from {address}")
            try:
                download.download(address, entry.archive, size=entry.size, sha256=expected, trust=trust)
            except download.UntrustedError as error:
                raise UserError(_ask_for_trust(entry, str(error))) from error
        elif wrong := download.mistake(entry.archive, entry.size, expected):
            raise UserError(
                f"{entry.archive} is not the archive of {entry.name}: {wrong}. It was not used. Remove it, or "
                "put the right one there."
            )
        say(f"Unpacking {entry.archive}")
        try:
            unpack(entry.archive, entry.folder)
        except UserError:
            if downloading and expected is None:  # unpacking was its only check
                entry.archive.unlink()
            raise
        if expected is None:
            _record(entry)
    return entry.folder


def is_here(entry: Entry) -> bool:
    """Whether a detector needs no download."""
    return entry.folder.is_dir() or entry.archive.is_file()


def unreachable(entry: Entry, trust: bool = False) -> str:
    """Why the archive of a detector cannot be downloaded now, in words; "" if it seems that it can.

    The server is asked once, for seconds at most, and nothing of the archive is read. trust: see `fetch`.
    """
    try:
        any_way = trust or entry.sha256 is not None or _recorded(entry) is not None
        return untrusted(entry, trust) or download.unreachable(_address(entry), any_way)
    except UserError as error:  # of the address that the environment gives, or of a recorded checksum
        return str(error)


def untrusted(entry: Entry, trust: bool) -> str:
    """Why the archive of a detector must not be downloaded as it is, in words; "" if it may, or need not."""
    if trust or is_here(entry) or entry.sha256 or _recorded(entry):
        return ""
    address = _address(entry)
    return _ask_for_trust(entry, f"{address} is not encrypted") if download.is_plain(address) else ""


def _ask_for_trust(entry: Entry, why: str) -> str:
    return (
        f"{entry.name} is not downloaded, because {why} and the archive's SHA-256 is not known, so it may be "
        f"anybody's: to take it as it comes, run `{command('fetch', entry.name, '--trust')}` or set `zoo_trust: true`."
    )


def _address(entry: Entry) -> str:
    """The address that the archive is downloaded from."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return entry.url
    if not _is_address(mirror):
        raise UserError(
            f"The environment variable {MIRROR} is {mirror!r}; it must be the address of the folder with the "
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
    """The checksum recorded when an archive without a known one was first used."""
    path = _record_path(entry)
    if not path.is_file():
        return None
    found = re.match(rb"([0-9a-f]{64})\s", path.read_bytes())
    if not found:
        raise UserError(
            f"{path}, which holds the checksum of the first download of {entry.name}, is damaged. Restore it from a "
            "backup, or delete it: then the next archive is trusted without a checksum, as the first one was."
        )
    return found[1].decode()


def _record(entry: Entry) -> None:
    """Record the checksum of an archive without a known one, in the format of sha256sum."""
    seen = sha256_file(entry.archive)
    with writing(_record_path(entry), "w") as file:
        file.write(f"{seen}  {entry.archive.name}\n")
    say(
        f"config/zoo.yaml has no checksum for {entry.name}, so this archive cannot be verified. Its SHA-256 is {seen}, "
        f"kept in {_record_path(entry)}: a later download must have the same checksum."
    )


@contextmanager
def _alone(entry: Entry) -> Iterator[None]:
    """Lock out other processes that would write the same files. The lock file stays: removing it would be a race."""
    path = entry.archive.with_name(f".{entry.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    except OSError as error:
        raise UserError(f"{entry.name} cannot be written to {path.parent}: {error.strerror}.") from error
    with lock:
        # Where the file system has no locks and two processes interfere, the checksum reveals it.
        if file_lock.lock(lock) is False:
            say(f"Another process is fetching {entry.name}; waiting for it")
            file_lock.lock(lock, wait=True)
        yield
