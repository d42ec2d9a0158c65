"""Mutants of the receipts of results. Independent reading: the json module, and the files themselves."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from boxwright.console.checksums import FOLDER, Checksums
from boxwright.core.errors import UserError
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import listed, mutants

SEEDS = [
    b'{\n"files": {\n"a.txt": [\n5,\n"7c6f3a52"\n]\n},\n"made_with": {\n"identity": "0123456789abcdef"\n}\n}',
    b'{"a.txt": [5, null]}',
    b'{"files": {"b/one": [3, null], "b/two": [0, "00000000"]}, "made_with": {"identity": "x", "steps": [1, 2]}}',
    b"",
]
WORDS = [*listed('"files": |"made_with": |[5, null]|null|true|{|}|NaN|1e999|"../a.txt": '), "[" * 3000]
_values = st.recursive(
    st.sampled_from([None, True, 0, 5, -1, 1.5, 10**30, "", "00000000", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a.txt", "files", "..", ""]), inner, max_size=3)
    ),
    max_leaves=6,
)
_content = st.fixed_dictionaries({}, optional={"files": _values, "made_with": _values, "a.txt": _values})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results with a file and a folder."""
    (tmp_path / "a.txt").write_bytes(b"hello")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one").write_bytes(b"one")
    (tmp_path / "b" / "two").touch()
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def _is_sound(stated: Any) -> bool:
    """Whether something is a mapping of files to size and checksum."""
    try:
        return all(isinstance(size, int) and isinstance(crc, str | None) for size, crc in stated.values())
    except (AttributeError, TypeError, ValueError):
        return False


@fuzz(mutants(SEEDS, words=WORDS, text=True) | (_content | _values).map(lambda value: json.dumps(value).encode()))
def test_receipts(data: bytes, results: Path) -> None:
    """A receipt tells what it holds, or that it is damaged; it never speaks for files that differ from it."""
    checksums = Checksums(results)
    for name in ("a.txt", "b"):
        output = results / name
        (results / FOLDER / f"{name}.json").write_bytes(data)
        complaint, damaged = checksums.complaint(output), checksums.is_damaged(output)
        made_with, verified = checksums.made_with(output), told(checksums.verify, output)
        assert checksums.is_unfinished(output) == (data == b"")
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            assert damaged != (data == b"") and not made_with and (complaint == "") != (data == b"")
            continue
        stated = content.get("files", content) if isinstance(content, dict) else None
        assert damaged == (not _is_sound(stated))
        if not damaged:
            sizes = {file: (results / file).stat().st_size for file in stated if (results / file).is_file()}
            assert bool(complaint) == any(sizes.get(file) != size for file, (size, _) in stated.items())
            assert isinstance(verified, UserError) or not complaint
        assert made_with == {} or made_with == content["made_with"]


def test_sound_receipts(results: Path) -> None:
    """What is written is told, so that the mutants say something."""
    checksums = Checksums(results)
    checksums.write([results / "a.txt", results / "b"], made_with={"identity": "x"})
    for name in ("a.txt", "b"):
        checksums.verify(results / name)
        assert checksums.made_with(results / name) == {"identity": "x"} and not checksums.complaint(results / name)
