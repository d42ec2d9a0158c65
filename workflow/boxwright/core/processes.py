"""Modules of boxwright that run as Python processes of their own.

The workflow plans inside Snakemake, whose process must not be forked and whose main module must not be imported again.
So work beside it is done by plain subprocesses: `python -m` and the name of a module that has a `main`.
"""

import os
import sys

from boxwright.core.code import PACKAGE


def command(module: str, *arguments: str) -> list[str]:
    """What starts a module, by its full name. A json.py in the working folder is not imported in place of Python's."""
    return [sys.executable, "-P", "-m", module, *arguments]


def processors() -> int:
    """How many processors this process may use: under Slurm or in a container, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment(**more: str) -> dict[str, str]:
    """The environment of this process and some more variables; the library is found, an empty path is not searched."""
    paths = [str(PACKAGE.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **more}
