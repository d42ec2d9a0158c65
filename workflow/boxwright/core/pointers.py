"""Recognises the small text files that Git LFS leaves in place of files that it has not downloaded.

Source: the Git LFS specification, "The Pointer" (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md).
"""

# What is wrong with such a file, as a clause about it.
GIT_LFS = "it is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository"

_START = b"version https://git-lfs.github.com/spec/"  # A pointer has fewer bytes than this.
LONGEST = 1024


def is_git_lfs(data: bytes) -> bool:
    """Whether a file's bytes are a pointer of Git LFS."""
    return data.startswith(_START) and len(data) < LONGEST
