"""Mutants of what a plan keeps for the next one: facts, contents, pairs, sides, stamp, tables, hashes of large files.

Independent reading: a plan that is made without any of them.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import strategies as st

from boxwright.core.errors import UserError
from boxwright.core.files import sha256_file
from boxwright.core.hash_cache import HashCache
from boxwright.dataset import plan
from tests import factories
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import listed, mutants

WORDS = ["# crc32 00000000\n", *listed('image |voc |!voc |fingerprint |\t|\1|[]|null|{|}|"|train|eval')]


class _Kept:
    """A data set, its plan, and the files that the plan keeps, by path."""

    def __init__(self, folder: Path) -> None:
        data = factories.DataSet(folder / "set")
        data.fill(5)
        data.image("copy.jpg", (data.images / "s00.jpg").read_bytes())
        self.settings = data.settings(shards={"train": 1, "eval": 1})
        self.data_dir = folder / "results" / "data"
        self.sound = plan.make(self.settings, self.data_dir)
        for name in ("split.tsv", "label_map.pbtxt", "checks.tsv"):  # as the rules write them
            (self.data_dir / name).write_bytes((self.data_dir / "plan" / name).read_bytes())
        plan.make(self.settings, self.data_dir)
        self.files = self.kept()

    def kept(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.data_dir.rglob("*") if path.is_file()}

    def restore(self) -> None:
        for path, data in self.kept().items():
            if path not in self.files:
                path.unlink()
            elif data != self.files[path]:
                path.write_bytes(self.files[path])
        for path, data in self.files.items():
            if not path.exists():
                path.write_bytes(data)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[_Kept]:
    yield _Kept(tmp_path)
    _strategy.cache_clear()


@cache
def _strategy(data: bytes, others: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    return mutants([data, *others], words=WORDS, text=True) | st.sampled_from([b"", b"\n", b"\0" * len(data)])


@fuzz(st.data())
def test_plan(data: st.DataObject, kept: _Kept) -> None:
    """The plan is the one that is made without the damaged file, or one error says what to restore or delete."""
    path = data.draw(st.sampled_from(sorted(kept.files)))
    others = tuple(one for other, one in sorted(kept.files.items()) if other != path)
    path.write_bytes(data.draw(_strategy(kept.files[path], others)))
    try:
        got = told(plan.make, kept.settings, kept.data_dir)
        if isinstance(got, UserError):
            assert path.name in str(got) and "delete it" in str(got)
        else:
            assert got == kept.sound
            assert plan.make(kept.settings, kept.data_dir) == kept.sound
    finally:
        kept.restore()


def _sound_hashes(folder: Path) -> bytes:
    large = folder / "large"
    large.write_bytes(b"x" * 100)
    cache = HashCache(folder / "hashes.txt")
    assert cache[large] == sha256_file(large)
    return (folder / "hashes.txt").read_bytes()


@fuzz(st.data())
def test_hashes(data: st.DataObject, tmp_path: Path) -> None:
    """The hash of a file is its own, whatever was kept."""
    path = tmp_path / "hashes.txt"
    if not path.exists():
        _sound_hashes(tmp_path)
        path.with_name("sound").write_bytes(path.read_bytes())
    path.write_bytes(data.draw(_strategy(path.with_name("sound").read_bytes(), ())))
    assert HashCache(path)[tmp_path / "large"] == sha256_file(tmp_path / "large")
