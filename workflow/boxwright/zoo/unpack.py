"""An archive becomes a folder, whole or not at all, and cannot write anywhere else.

Only plain files and folders below the archive's own are taken, each by its bytes alone: no link, no device, no owner,
no permission. (`tarfile`'s own filter "data" is missing in the first releases of Python 3.11, and it lets links pass
that stay inside.)
"""

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from boxwright.core.errors import UserError


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the .tar.gz `archive` to `folder`, which must not be there; one folder around everything is left away.

    Raises UserError, with nothing left behind, for an archive that is damaged or holds anything but plain files and
    folders below its own, and where there is no room.
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                _extract(archive, tar, member, temporary)
            while tar.fileobj.read(1 << 20):  # to the end, where gzip's own checksum is compared
                pass
        tops = [path for path in temporary.iterdir() if not path.name.startswith(".")]
        whole = tops[0] if len(tops) == 1 and tops[0].is_dir() else temporary
        whole.rename(folder)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"{archive} is damaged: {error}. Remove it and get it again; nothing of it was used."
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
            f"{archive} holds {kind} ({member.name!r}), which no model of the zoo has. Nothing of it was unpacked; "
            "remove it and get it from a place that you trust."
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
