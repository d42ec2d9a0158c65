"""Recognises the small text files that Git LFS leaves in place of files that it has not downloaded.

A message about such a file names it as that, instead of what its reader would make of the text.

Source: the Git LFS specification, "The Pointer" (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
"""

import os
from pathlib import Path

# What is wrong with such a file, as a clause about it.
GIT_LFS = "it is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"

_START = b"version https://git-lfs.github.com/spec/"  # A pointer has fewer bytes than this.
LONGEST = 1024


def is_git_lfs(data: bytes) -> bool:
    """Whether a file's bytes are a pointer of Git LFS."""
    return data.startswith(_START) and len(data) < LONGEST


def is_file_of_git_lfs(path: str | os.PathLike) -> bool:
    """Whether a file is a pointer of Git LFS; False if it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return is_git_lfs(file.read(LONGEST))
    except OSError:
        return False
