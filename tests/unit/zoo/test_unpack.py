"""Archives that are whole, damaged or hostile."""

import gzip
import io
import tarfile
import time

import pytest
from tests.unit.zoo.conftest import CONTENTS, archive

from boxwright.core.errors import UserError
from boxwright.zoo import unpack as unpack_module
from boxwright.zoo.unpack import unpack


@pytest.fixture
def unpacked(tmp_path):
    """Unpack the bytes of an archive; returns what came out, by path."""

    def unpacked(data):
        (tmp_path / "zoo").mkdir(exist_ok=True)
        path = tmp_path / "zoo" / "a.tar.gz"
        path.write_bytes(data)
        folder = tmp_path / "zoo" / "a"
        unpack(path, folder)
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    return unpacked


def bomb(size, **header):
    """An archive of a few kB whose one file, of zeros, is `size` bytes long."""
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as unzipped:
        info = tarfile.TarInfo("tiny/model.ckpt.index")
        info.size = size
        for name, value in header.items():
            setattr(info, name, value)
        unzipped.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(size >> 20):
            unzipped.write(bytes(1 << 20))
    return stream.getvalue()


def refused_as_a_bomb(unpacked, tmp_path, data, what):
    began = time.monotonic()
    with pytest.raises(UserError, match=rf"a\.tar\.gz .* holds {what}, which no model of the zoo has"):
        unpacked(data)
    assert time.monotonic() - began < 5
    assert nothing_left(tmp_path)


def test_contents_far_larger_than_the_archive(unpacked, tmp_path):
    refused_as_a_bomb(unpacked, tmp_path, bomb(200 << 20), "more than 100 MB")


def test_a_large_archive_may_have_large_contents(unpacked, monkeypatch):
    monkeypatch.setattr(unpack_module, "LEAST_BYTES", 1000)
    assert unpacked(archive(CONTENTS)) == CONTENTS


def test_a_name_of_any_length_is_not_read(unpacked, tmp_path):
    refused_as_a_bomb(unpacked, tmp_path, bomb(8 << 20, type=tarfile.GNUTYPE_LONGNAME), "a name of 8,388,608 bytes")
    refused_as_a_bomb(unpacked, tmp_path, bomb(8 << 20, type=tarfile.XHDTYPE), "a name of 8,388,608 bytes")


def test_a_sparse_file(unpacked, tmp_path):
    info = tarfile.TarInfo("tiny/model.ckpt.index")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")  # the size with its holes
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    refused_as_a_bomb(unpacked, tmp_path, gzip.compress(bytes(header) + bytes(1024)), "more than 100 MB")


def test_too_many_files(unpacked, tmp_path):
    many = {f"{index}": b"" for index in range(unpack_module.MOST_MEMBERS + 1)}
    refused_as_a_bomb(unpacked, tmp_path, archive(many), "more than 500 files")


def nothing_left(tmp_path):
    return sorted(path.name for path in tmp_path.rglob("*")) == ["a.tar.gz", "zoo"]


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.mark.parametrize("top", ["tiny", "./tiny", None])
def test_the_folder_around_everything_is_left_away(unpacked, tmp_path, top):
    contents = {**CONTENTS, "saved_model/saved_model.pb": b"graph"}
    assert unpacked(archive(contents, top)) == contents
    assert sorted(path.name for path in (tmp_path / "zoo").iterdir()) == ["a", "a.tar.gz"]


def test_an_interrupted_run_leaves_nothing_in_the_way(unpacked, tmp_path):
    (tmp_path / "zoo" / ".a.tmp").mkdir(parents=True)
    (tmp_path / "zoo" / ".a.tmp" / "half").touch()
    assert unpacked(archive(CONTENTS)) == CONTENTS


@pytest.mark.parametrize(
    ("hostile", "kind"),
    [
        (member("../outside"), "a path outside"),
        (member("tiny/../../outside"), "a path outside"),
        (member("..\\outside"), "a path outside"),
        (member("/tmp/outside"), "a path outside"),
        (member("tiny/link", tarfile.SYMTYPE, "/etc/passwd"), "a link"),
        (member("tiny/link", tarfile.SYMTYPE, "model.ckpt.index"), "a link"),
        (member("tiny/link", tarfile.LNKTYPE, "tiny/model.ckpt.index"), "a link"),
        (member("tiny/null", tarfile.CHRTYPE), "a device"),
        (member("tiny/disk", tarfile.BLKTYPE), "a device"),
        (member("tiny/pipe", tarfile.FIFOTYPE), "a device"),
    ],
)
def test_a_hostile_archive_is_refused_whole(unpacked, tmp_path, hostile, kind):
    with pytest.raises(UserError, match=rf"a\.tar\.gz holds {kind} \("):
        unpacked(archive(CONTENTS, "tiny", [hostile]))
    assert nothing_left(tmp_path)


def test_modes_and_owners_are_not_taken(unpacked, tmp_path):
    info = member("tiny/program")
    info.mode, info.uid = 0o6777, 12345
    assert unpacked(archive(CONTENTS, "tiny", [info])).keys() == {*CONTENTS, "program"}
    status = (tmp_path / "zoo/a/program").stat()
    assert status.st_mode & 0o7111 == 0
    assert status.st_uid != 12345


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99999])
def test_a_truncated_archive_is_damaged(unpacked, tmp_path, share):
    data = archive(CONTENTS)
    with pytest.raises(UserError, match=r"a\.tar\.gz is damaged: .* Remove it and download it again"):
        unpacked(data[: int(len(data) * share)])
    assert nothing_left(tmp_path)


def test_one_wrong_byte_is_damage(unpacked, tmp_path):
    data = bytearray(archive(CONTENTS))
    data[len(data) // 2] ^= 1
    with pytest.raises(UserError, match="is damaged"):
        unpacked(bytes(data))
    assert nothing_left(tmp_path)


def test_two_members_of_one_name(unpacked, tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        tar.addfile(member("tiny/a"))
        tar.addfile(member("tiny/a"))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpacked(gzip.compress(stream.getvalue()))
    assert nothing_left(tmp_path)
