"""Fixtures that every test may use."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs and recorded outputs beside the checkout; a plain clone has none."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared (real photographs and recorded outputs), which this checkout has not")
    return folder


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], Path]]:
    """Makes a folder a disk of its own of so many bytes."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small tmpfs")
    with ExitStack() as mounted:

        def mount(folder: Path, size: int) -> Path:
            folder.mkdir(parents=True)
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"a small tmpfs cannot be mounted here ({done.stderr.strip()})")
            mounted.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
            return folder

        yield mount
