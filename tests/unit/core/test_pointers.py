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
