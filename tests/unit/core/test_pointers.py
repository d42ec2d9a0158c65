"""Pointers of Git LFS."""

from boxwright.core import pointers
from boxwright.images import headers

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 174833\n"


def test_a_pointer_is_recognised():
    assert pointers.is_git_lfs(POINTER)
    assert not pointers.is_git_lfs(b"") and not pointers.is_git_lfs(b" " + POINTER)
    assert not pointers.is_git_lfs(POINTER + b"x" * 2000)


def test_a_pointer_in_place_of_an_image_is_named():
    assert "git lfs pull" in headers.probe(POINTER).problem


def test_a_file_that_is_a_pointer(tmp_path):
    (tmp_path / "a").write_bytes(POINTER)
    (tmp_path / "b").write_bytes(b"weights")
    found = [pointers.is_file_of_git_lfs(tmp_path / name) for name in ("a", "b", "none")]
    assert found == [True, False, False]
