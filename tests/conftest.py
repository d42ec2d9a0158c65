"""Fixtures that every test may use, and the marker `alone`."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# What runs the whole workflow, or trains a network of every kind.
_LONGEST = ("tests/workflow", "tests/unit/training/test_published.py")
# Set in the environment of a test that runs in a process of its own.
_ALONE = "BOXWRIGHT_TEST_ALONE"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take many minutes each: begun last, they would be waited for."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(ROOT / path) for path in _LONGEST))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked `alone` in a process of its own; its outcome becomes that of the test here.

    TensorFlow keeps the memory that its largest network took until the process ends, and two processes that have each
    trained a large one fill a small machine. And where an exporter has run, one of its libraries ends the process on
    SIGTERM, whatever Python's handler is, and with it all the tests that it still has.
    """
    if pyfuncitem.get_closest_marker("alone") is None or _ALONE in os.environ:
        return None
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-m", "", "-p", "no:xdist", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [*command, pyfuncitem.nodeid],
        cwd=pyfuncitem.config.rootpath,
        env={**environment, _ALONE: "1"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.fail(f"in a process of its own (exit {done.returncode}):\n{done.stdout}{done.stderr}", pytrace=False)
    if skipped := re.search(r"^SKIPPED \[1\] \S+ (.*)$", done.stdout, re.MULTILINE):
        pytest.skip(skipped.group(1))
    assert "1 passed" in done.stdout, done.stdout
    return True


@pytest.fixture(autouse=True, scope="module")
def _determinism_of_its_own() -> Iterator[None]:
    """Give the next file of tests a TensorFlow that sums and draws as in a new process.

    A training and a comparison switch op determinism on for the whole process, and from then on every operation that
    draws without a seed is refused, also in files that know nothing of it.
    """
    yield
    if "tensorflow" in sys.modules:
        # TensorFlow has no public way to switch it off again.
        from tensorflow.python.framework.config import disable_op_determinism

        disable_op_determinism()


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
