"""The folder of a plan, `plan/` below the data folder.

It is written so that an outdated plan is recognised and an incomplete one is never used:

    stamp.json            what the plan was made from, by which readers, and how large its files are; written last
    failed                marks that both checks.tsv, here and in the data folder, were written by a plan that failed
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from boxwright.core.files import write_if_changed
from boxwright.dataset import memory


class PlanFolder:
    """The folder of the plan of the data folder `data_dir`.

    writable: whether the plan is saved: `write` asks for it and the file system allows it.
    """

    def __init__(self, data_dir: Path, write: bool) -> None:
        self.path = data_dir / "plan"
        self.writable = write and _writable(self.path)
        self._stamp = self.path / "stamp.json"
        self._failed = self.path / "failed"
        self._checks = data_dir / "checks.tsv"

    def holds(self, stamp: str) -> bool:
        """Whether the plan in the folder was made from exactly this, and its files are complete."""
        try:
            kept = json.loads(self._stamp.read_text(encoding="utf-8"))
            return (
                kept["stamp"] == stamp
                and not self._failed.exists()
                and all((self.path / name).stat().st_size == size for name, size in kept["files"].items())
                and memory.current(kept["readers"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def keep(self, files: Mapping[str, bytes], stamp: str, readers: Mapping[str, str]) -> None:
        """Write the changed files of the plan, then the stamp; remove what a failed plan left behind."""
        for name, data in files.items():
            write_if_changed(self.path / name, data)
        for old in (*self.path.glob("*-of-*.jsonl"), *self.path.glob("across_split.tsv")):
            if old.name not in files:
                old.unlink()
        if self._failed.exists():
            self._checks.unlink(missing_ok=True)
            self._failed.unlink()
        kept = {"stamp": stamp, "readers": readers, "files": {name: len(data) for name, data in files.items()}}
        write_if_changed(self._stamp, json.dumps(kept, sort_keys=True).encode())

    def fail(self, checks: bytes) -> str:
        """Write the table of a failed plan, here and where its rule would; return a sentence that says where it is."""
        if not self.writable:
            return ""
        write_if_changed(self.path / self._checks.name, checks)
        write_if_changed(self._checks, checks)
        write_if_changed(self._failed, b"checks.tsv was written by a plan that failed\n")
        return f"\nThe table of all defects is {self._checks}."


def _writable(folder: Path) -> bool:
    """Whether the folder, or the nearest existing one above it, is writable."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK)
