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


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the .tar.gz `archive` to `folder`, which must not exist; a single folder around everything is removed.

    Raises UserError, and leaves nothing behind, if the archive is damaged or holds anything but plain files and folders
    below its own, or if the disk is full.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _extract(archive, tar, member, temporary)
            while tar.fileobj.read(1 << 20):  # at the end gzip verifies its own checksum
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
