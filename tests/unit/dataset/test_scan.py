"""The files of a data set and their stamps."""

import os
from pathlib import Path

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset import scan
from boxwright.dataset.scan import Search

ENDINGS = (".jpg", ".png")


@pytest.fixture
def folder(tmp_path):
    for name in ("b.jpg", "A.PNG", "a/c.jpg", "a-b/d.jpg", "a/é \n\t.jpg", "note.txt", ".hidden.jpg", ".hidden/e.jpg"):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "images"


def paths(listing):
    return [file.relative for file in listing.files()]


def test_files_are_listed_by_path_at_every_depth(folder):
    (listing,) = scan.listings(Search([str(folder)], ENDINGS))
    assert paths(listing) == ["A.PNG", "a-b/d.jpg", "a/c.jpg", "a/é \n\t.jpg", "b.jpg"]
    assert len(listing) == 5
    assert all(Path(file.path).is_file() for file in listing.files())


def test_links_are_followed_once(folder):
    (folder / "a/again").symlink_to(folder)
    (folder / "link.jpg").symlink_to(folder / "b.jpg")
    (folder / "broken.jpg").symlink_to(folder / "none.jpg")
    (listing,) = scan.listings(Search([str(folder), str(folder / "a")], ENDINGS))
    assert paths(listing) == ["A.PNG", "a-b/d.jpg", "a/c.jpg", "a/é \n\t.jpg", "b.jpg", "link.jpg"]


def test_a_name_that_is_no_text_is_listed(folder):
    (folder / os.fsdecode(b"no \xff text.jpg")).touch()
    (listing,) = scan.listings(Search([str(folder)], (".jpg",)))
    assert os.fsdecode(b"no \xff text.jpg") in paths(listing)
    assert listing.fingerprint()


@pytest.mark.parametrize("change", ["size", "time", "inode", "name"])
def test_a_file_that_changed_changes_the_fingerprint(folder, change):
    (before,) = scan.listings(Search([str(folder)], ENDINGS))
    path = folder / "a/c.jpg"
    if change == "size":
        path.write_text("longer than before")
    elif change == "time":
        os.utime(path, ns=(0, 0))
    elif change == "inode":
        status = path.stat()
        other = folder / "other"
        other.write_text(path.read_text())
        os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
        other.replace(path)
    else:
        path.rename(folder / "a/d.jpg")
    (after,) = scan.listings(Search([str(folder)], ENDINGS))
    assert after.fingerprint() != before.fingerprint()


def test_what_cannot_be_read_is_named(folder):
    (folder / "a/loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(UserError, match=r"images/a/loop\.jpg cannot be read .* leads back to itself; remove it\.$"):
        scan.listings(Search([str(folder / "a-b")], ENDINGS), Search([str(folder)], ENDINGS))
    with pytest.raises(UserError, match=r"There is no folder .*/none "):
        scan.listings(Search([str(folder / "none")], ENDINGS))


def test_a_file_stands_for_itself_where_files_are_asked_for(folder, monkeypatch):
    """Its path is the one that was given, and a folder of the same name is searched."""
    monkeypatch.chdir(folder)
    for given in (str(folder / "a/c.jpg"), "b.jpg", "a/c.jpg"):
        (listing,) = scan.listings(Search([given], ENDINGS, files=True))
        (file,) = listing.files()
        assert (file.relative, file.path) == (Path(given).name, given)
        with pytest.raises(UserError, match=r"is a file, but `dataset\.images` takes folders"):
            scan.listings(Search([given], ENDINGS))
    (folder / "c.jpg/c.jpg").parent.mkdir()
    (folder / "c.jpg/c.jpg").touch()
    (listing,) = scan.listings(Search(["c.jpg"], ENDINGS, files=True))
    assert [file.path for file in listing.files()] == ["c.jpg/c.jpg"]
