"""The folder of a plan, `plan/` below the data folder.

It is written so that an outdated plan is recognised and an incomplete one is never used:

    stamp.json            what the plan was made from, by which readers, and checksums of its files; written last
    failed                marks that both checks.tsv, here and in the data folder, were written by a plan that failed
"""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

from boxwright.console.progress import say
from boxwright.core import disk
from boxwright.core.files import parse_json, write_if_changed
from boxwright.core.wording import few
from boxwright.dataset import memory


class PlanFolder:
    """The folder of the plan of the data folder `data_dir`.

    writable: whether the plan is saved: `write` asks for it and the file system allows it.
    """

    def __init__(self, data_dir: Path, write: bool) -> None:
        self.path = data_dir / "plan"
        self.writable = write and not disk.unwritable(self.path)
        self._stamp = self.path / "stamp.json"
        self._failed = self.path / "failed"
        self._checks = data_dir / "checks.tsv"

    def holds(self, stamp: str) -> bool:
        """Whether the plan in the folder was made from exactly this, and its files are as they were written.

        Says so if they are not, because the plan is then made again although nothing else has changed.
        """
        try:
            written = parse_json(self._stamp.read_bytes())
            made_from, readers, facts = (written[key] for key in ("stamp", "readers", "files"))
            outdated = made_from != stamp or self._failed.exists() or not memory.current(readers)
            changed = [str(self.path / name) for name, of in facts.items() if _facts_of(self.path / name) != of]
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            say(f"{self._stamp} cannot be read, so the plan of the data set is made again.")
            return False
        if changed and not outdated:
            say(f"The plan of the data set is made again, since {few(changed)} changed after it was made.")
        return not outdated and not changed

    def is_changed(self, name: str) -> bool:
        """Whether a file of the plan is another one than was written, as far as the stamp tells."""
        try:
            facts = parse_json(self._stamp.read_bytes())["files"][name]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        path = self.path / name
        return isinstance(facts, list) and path.is_file() and _facts_of(path) != facts

    def keep(self, files: Mapping[str, bytes], stamp: str, readers: Mapping[str, str]) -> None:
        """Write the changed files of the plan, then the stamp; remove what a failed plan left behind."""
        for name, data in files.items():
            write_if_changed(self.path / name, data)
        for old in (
            *self.path.glob("*-of-*.jsonl"),
            *self.path.glob("*-of-*.given"),
            *self.path.glob("across_split.tsv"),
        ):
            if old.name not in files:
                old.unlink()
        if self._failed.exists():
            self._checks.unlink(missing_ok=True)
            self._failed.unlink()
        facts = {name: _facts(data) for name, data in files.items()}
        written = {"stamp": stamp, "readers": readers, "files": facts}
        write_if_changed(self._stamp, json.dumps(written, sort_keys=True).encode())

    def fail(self, checks: bytes) -> str:
        """Write the table of a failed plan, here and where its rule would; return a sentence that says where it is."""
        if not self.writable:
            return ""
        write_if_changed(self.path / self._checks.name, checks)
        write_if_changed(self._checks, checks)
        write_if_changed(self._failed, b"checks.tsv was written by a plan that failed\n")
        return f"\nThe table of all defects is {self._checks}."


def _facts(data: bytes) -> list[int]:
    """What reveals that a file is another one: its size and its checksum."""
    return [len(data), zlib.crc32(data)]


def _facts_of(path: Path) -> list[int] | None:
    try:
        return _facts(path.read_bytes())
    except OSError:
        return None
