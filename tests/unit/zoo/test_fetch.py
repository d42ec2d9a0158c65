"""From a name to an unpacked, checked folder, with and without a network."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.unit.zoo.conftest import CONTENTS, NAME, archive

from boxwright import cli
from boxwright.core.errors import UserError
from boxwright.core.wording import command
from boxwright.run import pipelines
from boxwright.zoo import fetch

ARCHIVE = f"resources/zoo/{NAME}.tar.gz"


def test_a_detector_is_downloaded_and_unpacked(zoo, server, capsys):
    entry = zoo()
    folder = fetch.fetch(entry)
    assert folder == Path(f"resources/zoo/{NAME}")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        **CONTENTS,
        "pipeline.config": b"model { ssd { num_classes: 1 } }",
    }
    assert Path(f"{entry.prefix}.index").is_file()
    assert entry.pipeline.is_file()
    assert server.asked == [(f"/od/{NAME}.tar.gz", None)]
    told = capsys.readouterr().err
    assert f"Downloading {NAME} (3 MB) from {server.address}/od/{NAME}.tar.gz" in told
    assert not list(Path("resources/zoo").glob("*.sha256")), "the catalogue has the checksum"


def test_what_is_there_needs_no_network(zoo, server):
    entry = zoo()
    fetch.fetch(entry)
    server.answers = [500] * 100
    fetch.fetch(entry)
    shutil.rmtree(entry.folder)
    fetch.fetch(entry)
    Path(ARCHIVE).unlink()
    fetch.fetch(entry)
    assert len(server.asked) == 1


def test_an_archive_put_there_by_hand_is_checked_before_use(zoo, server):
    entry = zoo()
    Path("resources/zoo").mkdir(parents=True)
    Path(ARCHIVE).write_bytes(archive({"model.ckpt.index": b"another"}))
    with pytest.raises(UserError, match=rf"{ARCHIVE} is not the archive of {NAME}: it has .* bytes instead of"):
        fetch.fetch(entry)
    assert Path(ARCHIVE).is_file(), "it is not ours to remove"
    assert not entry.folder.exists()
    Path(ARCHIVE).write_bytes(server.files[f"{NAME}.tar.gz"])
    fetch.fetch(entry)
    assert server.asked == []


def test_without_a_checksum_the_first_one_seen_holds(zoo, server, capsys):
    entry = zoo(checksum=False)
    fetch.fetch(entry, trust=True)
    sha256 = hashlib.sha256(Path(ARCHIVE).read_bytes()).hexdigest()
    assert Path(f"{ARCHIVE}.sha256").read_text() == f"{sha256}  {NAME}.tar.gz\n"
    told = capsys.readouterr().err
    assert f"has no checksum for {NAME}" in told
    assert sha256 in told
    shutil.rmtree(entry.folder)
    Path(ARCHIVE).write_bytes(archive({"model.ckpt.index": b"another"}))
    with pytest.raises(UserError, match=f"its SHA-256 is .* instead of {sha256}"):
        fetch.fetch(entry)


@pytest.mark.parametrize("damage", [b"", b"\n", b"\0" * 70, b"\xff\xfe", b"0123abc  archive.tar.gz\n"])
def test_a_damaged_record_of_a_checksum_is_refused(zoo, damage):
    entry = zoo(checksum=False)
    fetch.fetch(entry, trust=True)
    shutil.rmtree(entry.folder)
    Path(f"{ARCHIVE}.sha256").write_bytes(damage)
    with pytest.raises(
        UserError, match=rf"{ARCHIVE}\.sha256, which holds the checksum of the first download .* damaged"
    ):
        fetch.fetch(entry, trust=True)
    assert Path(f"{ARCHIVE}.sha256").read_bytes() == damage
    Path(f"{ARCHIVE}.sha256").unlink()
    fetch.fetch(entry, trust=True)


def refused(entry, **trust):
    with pytest.raises(UserError) as caught:
        fetch.fetch(entry, **trust)
    assert not entry.archive.exists()
    assert not entry.folder.exists()
    told = str(caught.value)
    assert f"run `{command('fetch', NAME, '--trust')}` or" in told and "`zoo_trust: true`" in told
    assert told.count(". ") == 0, "one sentence"
    return told


def test_without_encryption_and_checksum_somebody_must_trust_it(zoo, server):
    entry = zoo(checksum=False)
    assert f"{server.address}/od/{NAME}.tar.gz is not encrypted" in refused(entry)
    assert server.asked == []
    assert fetch.untrusted(entry, trust=False)
    assert not fetch.untrusted(entry, trust=True)
    fetch.fetch(entry, trust=True)
    shutil.rmtree(entry.folder)
    Path(ARCHIVE).unlink()
    fetch.fetch(entry)  # now its checksum is known
    assert len(server.asked) == 2


def test_https_needs_no_trust(zoo, secure_server, server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    entry = zoo(checksum=False, address=secure_server.address)
    secure_server.files = server.files
    assert not fetch.untrusted(entry, trust=False)
    fetch.fetch(entry)
    assert Path(f"{ARCHIVE}.sha256").is_file()


def test_a_certificate_that_nobody_signed(zoo, secure_server, server):
    entry = zoo(checksum=False, address=secure_server.address)
    secure_server.files = server.files
    assert "the certificate of 127.0.0.1" in refused(entry)
    fetch.fetch(entry, trust=True)


def test_with_a_checksum_the_certificate_does_not_matter(zoo, secure_server, server):
    entry = zoo(address=secure_server.address)
    secure_server.files = server.files
    fetch.fetch(entry)
    assert len(secure_server.asked) == 1


def test_https_that_leads_to_http(zoo, secure_server, server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    entry = zoo(checksum=False, address=secure_server.address)
    secure_server.moved = server.address
    assert f"{server.address}/od/{NAME}.tar.gz is not encrypted" in refused(entry)
    fetch.fetch(entry, trust=True)


def test_a_mirror_without_encryption(zoo, server, monkeypatch):
    entry = zoo(checksum=False, address="https://nowhere.invalid")
    monkeypatch.setenv("BOXWRIGHT_ZOO_MIRROR", server.address)
    assert "not encrypted" in refused(entry)
    fetch.fetch(entry, trust=True)


def test_a_page_is_not_taken_for_an_unknown_archive(zoo, server):
    entry = zoo(b"<html>Please log in</html>", checksum=False)
    with pytest.raises(UserError, match="not gzip-compressed"):
        fetch.fetch(entry, trust=True)
    assert [path.name for path in Path("resources/zoo").iterdir()] == [f".{NAME}.lock"]


@pytest.mark.parametrize("checksum", [True, False])
def test_a_hostile_archive_is_not_unpacked(zoo, checksum):
    link = tarfile.TarInfo(f"{NAME}/../../../outside")
    entry = zoo(archive(CONTENTS, members=[link]), checksum=checksum)
    with pytest.raises(UserError, match="a path outside"):
        fetch.fetch(entry, trust=True)
    assert not entry.folder.exists()
    assert Path(ARCHIVE).exists() == checksum, "an unknown one that cannot be unpacked is no use"
    assert not list(Path("resources/zoo").glob("*.sha256"))


def test_a_mirror_has_the_archives_by_name(zoo, server, monkeypatch):
    entry = zoo(address="http://nowhere.example")
    monkeypatch.setenv(fetch.MIRROR, f"{server.address}/mirror/")
    fetch.fetch(entry)
    assert server.asked == [(f"/mirror/{NAME}.tar.gz", None)]


def test_a_mirror_may_be_a_folder(zoo, server, tmp_path, monkeypatch):
    entry = zoo(address="http://nowhere.example")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / f"{NAME}.tar.gz").write_bytes(server.files[f"{NAME}.tar.gz"])
    monkeypatch.setenv(fetch.MIRROR, f"file://{tmp_path}/mirror")
    fetch.fetch(entry)
    assert server.asked == []


def test_a_mirror_is_an_address(zoo, monkeypatch):
    monkeypatch.setenv(fetch.MIRROR, "mirror.example")
    with pytest.raises(UserError, match=r"BOXWRIGHT_ZOO_MIRROR is 'mirror\.example'; it must be the address"):
        fetch.fetch(zoo())


@pytest.mark.parametrize(
    ("mirror", "words"),
    [
        ("http://[2001", "it must be the address"),
        ("http://a b", "it must be the address"),
        ("http://", "it must be the address"),
        ("file:///no/such/folder", "cannot be read: No such file or directory"),
    ],
)
def test_a_mirror_that_cannot_be_one_is_told_at_once(zoo, mirror, words, monkeypatch, capsys):
    monkeypatch.setenv("BOXWRIGHT_ZOO_MIRROR", mirror)
    with pytest.raises(UserError, match=words):
        fetch.fetch(zoo())
    assert "continuing in" not in capsys.readouterr().err


def test_two_processes_do_not_disturb_each_other(zoo, server, tmp_path):
    zoo()
    server.pause = 0.01  # so that both are under way at once
    program = (
        "import sys; from pathlib import Path; from boxwright.zoo import catalogue, fetch; "
        "catalogue.CATALOGUE = Path('zoo.yaml'); print(fetch.fetch(catalogue.find(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, NAME]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": dict(os.environ)}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert all(out.strip() == f"resources/zoo/{NAME}" for out, _ in told)
    assert (tmp_path / f"resources/zoo/{NAME}/model.ckpt.index").read_bytes() == CONTENTS["model.ckpt.index"]
    assert len(server.asked) == 1, "the second waited for the first"


def test_a_folder_that_cannot_be_written(zoo, tmp_path):
    (tmp_path / "resources").write_text("a file in the way")
    with pytest.raises(UserError, match=f"{NAME} cannot be written to resources/zoo"):
        fetch.fetch(zoo())


def test_the_plan_says_it_and_the_setting_and_the_option_allow_it(zoo, server, capsys):
    zoo(checksum=False)
    model = {"pipeline": "my.config", "checkpoint": f"zoo:{NAME}"}
    with pytest.raises(UserError, match=r"not encrypted .* `zoo_trust: true`"):
        pipelines.find({"a": model, "b": model}, download=False)
    pipelines.find({"a": model}, download=False, trust=True)
    assert cli.main(["fetch", NAME]) == 1
    assert capsys.readouterr().err.count(f"`{command('fetch', NAME, '--trust')}`") == 1
    assert server.asked == []
    assert cli.main(["fetch", NAME, "--trust"]) == 0
    pipelines.find({"a": model}, download=False)
