"""SHA-256 of large files that change rarely, each computed once."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from boxwright.core import kept
from boxwright.core.files import sha256_file


class HashCache:
    """SHA-256 of files, cached in a small file (`core.kept`) as long as a file's size, times and inode stay the same.

    `cache[path]` hashes a file at most once. If the small file cannot be written, hashes are kept for this process
    only. damage: why a small file that is there cannot be used, a clause; "" if nothing is wrong with it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self._path = Path(path)
        self._known: dict[str, Any] = {}
        self.damage = ""
        try:
            self._known = json.loads(kept.read(self._path))
        except OSError:
            pass
        except kept.DamagedError as error:
            self.damage = str(error)

    def __getitem__(self, path: str | os.PathLike) -> str:
        path = Path(path).resolve()
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._known.get(str(path))
        if known and known[0] == state:
            return known[1]
        value = sha256_file(path)
        self._known[str(path)] = [state, value]
        with suppress(OSError):  # the hash is right even if the cache cannot be stored
            kept.write(self._path, json.dumps(self._known, sort_keys=True, indent=0))
        return value
