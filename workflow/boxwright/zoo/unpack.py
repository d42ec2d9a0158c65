"""Unpack an archive to a folder, completely or not at all; the archive cannot write anywhere else.

Only plain files and folders below the archive's own are unpacked, and only their contents: no links, devices, owners or
permissions. (`tarfile`'s own filter "data" is missing in the first releases of Python 3.11, and it allows links that
stay inside.)
"""

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from boxwright.core.errors import UserError

# More than any model of the zoo has. Weights hardly shrink, so an archive is about as large as its contents.
MOST_MEMBERS = 500
MOST_TIMES, LEAST_BYTES = 20, 100_000_000
# The longest header of a member that is read into memory, which a name of any length would be.
_LONGEST_HEADER = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the .tar.gz `archive` to `folder`, which must not exist; a single folder around everything is removed.

    Raises UserError, and leaves nothing behind, if the archive is damaged or holds anything but plain files and folders
    below its own, if it is a bomb (its contents are far larger than any model's), or if the disk is full.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with gzip.open(archive) as unzipped:
            bounded = _Bounded(unzipped, archive)
            with tarfile.open(fileobj=bounded, mode="r:") as tar:
                total = 0
                for count, member in enumerate(tar, 1):
                    if count > MOST_MEMBERS:
                        raise _bomb(archive, f"more than {MOST_MEMBERS:,} files")
                    total += member.size
                    bounded.check(total)  # a sparse file is larger than what the archive holds of it
                    _extract(archive, tar, member, temporary)
            while bounded.read(1 << 20):  # at the end gzip verifies its own checksum
                pass
        tops = [path for path in temporary.iterdir() if not path.name.startswith(".")]
        whole = tops[0] if len(tops) == 1 and tops[0].is_dir() else temporary
        whole.rename(folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{archive} is damaged: {error}. Nothing of it was used. Remove it and download it again."
        ) from error
    except OSError as error:
        raise UserError(f"{archive} cannot be unpacked to {folder}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


class _Bounded:
    """The unzipped bytes of an archive as tarfile reads them, up to what a model may have."""

    def __init__(self, unzipped: gzip.GzipFile, archive: Path) -> None:
        self._unzipped, self._archive = unzipped, archive
        self._most = max(MOST_TIMES * archive.stat().st_size, LEAST_BYTES)

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise _bomb(self._archive, f"a name of {size:,} bytes")
        data = self._unzipped.read(size)
        self.check(self._unzipped.tell())
        return data

    def seek(self, position: int) -> int:
        self.check(position)
        return self._unzipped.seek(position)

    def tell(self) -> int:
        return self._unzipped.tell()

    def check(self, position: int) -> None:
        """Raise UserError if so many bytes are more than a model has."""
        if position > self._most:
            raise _bomb(self._archive, f"more than {self._most / 1e6:,.0f} MB")


def _bomb(archive: Path, what: str) -> UserError:
    size = archive.stat().st_size / 1e6
    return UserError(
        f"{archive} ({size:,.1f} MB) holds {what}, which no model of the zoo has. Nothing of it was unpacked. Remove "
        "it and download it from a place that you trust."
    )


def _extract(archive: Path, tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one member of the archive below `folder`."""
    name = PurePosixPath(member.name)
    kind = "" if member.isfile() or member.isdir() else "a link" if member.issym() or member.islnk() else "a device"
    if name.is_absolute() or ".." in name.parts or "\\" in member.name or "\0" in member.name:
        kind = "a path outside"
    if kind:
        raise UserError(
            f"{archive} holds {kind} ({member.name!r}), which no model of the zoo has. Nothing of it was unpacked. "
            "Remove it and download it from a place that you trust."
        )
    path = folder / name
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(member) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())
