"""Mutants of the zoo's archives. Independent reading: tarfile with its own filter for data."""

import gzip
import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import strategies as st

from boxwright.core.errors import UserError
from boxwright.zoo import unpack as unpacking
from tests.fuzz.fuzzing import fuzz, told
from tests.fuzz.mutations import ODD_TEXT, mutants


def _tar(members: list[tuple[str, bytes, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive of (name, kind, contents), not compressed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, kind, contents in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(contents)
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname, member.size = contents.decode("utf-8", "surrogateescape"), 0
            tar.addfile(member, io.BytesIO(contents))
    return buffer.getvalue()


_FILES = [("m/", tarfile.DIRTYPE, b""), ("m/model.ckpt.index", tarfile.REGTYPE, b"i" * 30)]
_TARS = [
    _tar([*_FILES, ("m/pipeline.config", tarfile.REGTYPE, b"model {}")]),
    _tar([*_FILES, ("m/" + "long/" * 40 + "x", tarfile.REGTYPE, b"x")]),
    _tar([("m/saved_model/é.pb", tarfile.REGTYPE, b"y" * 700), *_FILES[1:]], tarfile.PAX_FORMAT),
]
SEEDS = [gzip.compress(data, 1, mtime=0) for data in _TARS]
WORDS = [b"ustar\0", b"ustar  \0", b"../", b"/", b"\x80" + b"\xff" * 11, b"99999999999\0", b"30 mtime=1e999999\n"]
_name = st.sampled_from(
    ["m/a", "m/b", "m", ".", "..", "../x", "/x", "m/../../x", "", "m//c", "m\\d", "m/a/b", *ODD_TEXT]
)
# Files and folders, links, devices, pipes, long names, pax headers, sparse files, and a kind that there is not.
_kind = st.sampled_from([bytes([kind]) for kind in b"000000550123456789LKxgSZ"])
_members = st.lists(
    st.tuples(_name, _kind, st.sampled_from([b"", b"one", b"/etc/passwd", b"m/a", b"../x", b"z" * 2000])), max_size=5
)


def _sums_again(data: bytes) -> bytes:
    """An archive whose headers have right sums again, where there are headers in the usual places."""
    parts = bytearray(data)
    for start in range(0, len(data) - 511, 512):
        block = parts[start : start + 512]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            parts[start + 148 : start + 156] = f"{sum(block):06o}\0 ".encode()
    return bytes(parts)


@st.composite
def _made(draw: Callable) -> bytes:
    return _tar(draw(_members), draw(st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])))


_plain = mutants(_TARS, words=WORDS).map(_sums_again) | _made()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to unpack in. Flushing 10,000 times to the disk would take minutes and tests nothing here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    (tmp_path / "zoo").mkdir()
    return tmp_path / "zoo"


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _by_tarfile(archive: Path, folder: Path) -> dict[str, bytes] | None:
    """The plain files as tarfile unpacks them; None if it does not unpack all."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(folder, filter="data")
    except Exception:
        return None
    finally:
        for path in folder.rglob("*"):
            path.chmod(0o700)
    return _contents(folder)


@fuzz(mutants(SEEDS) | _plain.map(lambda data: gzip.compress(data, 1, mtime=0)))
def test_tar(data: bytes, place: Path) -> None:
    """All files of an archive are unpacked as tarfile does, or none; nothing else changes."""
    archive, folder, other = place / "m.tar.gz", place / "m", place / "other"
    archive.write_bytes(data)
    got = told(unpacking.unpack, archive, folder)
    try:
        assert {path.name for path in place.parent.iterdir()} == {"zoo"}
        if isinstance(got, UserError):
            assert [path.name for path in place.iterdir()] == ["m.tar.gz"]
            return
        assert {path.name for path in place.iterdir()} == {"m.tar.gz", "m"}
        assert not [path for path in folder.rglob("*") if path.is_symlink()]
        other.mkdir()
        unpacked = _by_tarfile(archive, other)
        if unpacked is not None:
            # beside a single folder, hidden files (as macOS adds them) are left out
            shown = [contents for name, contents in unpacked.items() if not name.startswith(".")]
            assert sorted(_contents(folder).values()) in (sorted(unpacked.values()), sorted(shown))
            assert all(
                any(name == whole or whole.endswith(f"/{name}") for whole in unpacked) for name in _contents(folder)
            )
    finally:
        for one in (folder, other):
            shutil.rmtree(one, ignore_errors=True)


def test_seeds_are_read(place: Path) -> None:
    """The seeds are sound, so that the mutants of them come near."""
    for number, data in enumerate(SEEDS):
        (place / "m.tar.gz").write_bytes(data)
        unpacking.unpack(place / "m.tar.gz", place / str(number))
        assert (place / str(number) / "model.ckpt.index").read_bytes() == b"i" * 30
