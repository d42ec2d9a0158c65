"""A Ctrl-C while a program starts."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
BEGIN = "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"


def ended(*lines):
    return subprocess.run([sys.executable, "-c", "\n".join([BEGIN, *lines])], capture_output=True, text=True)


def test_an_interruption_while_a_program_imports_is_told_in_a_word():
    done = ended(
        "from boxwright.core import interrupts",
        "with interrupts.told():",
        "    os.kill(os.getpid(), signal.SIGINT)",
        "    print('imported')",
        "print('goes on')",
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "imported\n", "\nInterrupted.\n")


def test_without_one_the_program_goes_on_and_gets_the_next():
    done = ended(
        "from boxwright.core import interrupts",
        "with interrupts.told(): pass",
        "try: os.kill(os.getpid(), signal.SIGINT)",
        "except KeyboardInterrupt: print('came')",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "came\n", "")


def test_the_command_imports_with_the_signal_held_back():
    """The last module that it imports sends it."""
    done = ended(
        "import importlib.abc",
        "class Sends(importlib.abc.MetaPathFinder):",
        "    def find_spec(self, name, path, target=None):",
        "        if name == 'boxwright.cli.run': os.kill(os.getpid(), signal.SIGINT)",
        "sys.meta_path.insert(0, Sends())",
        "import boxwright.cli",
    )
    assert (done.returncode, done.stderr) == (130, "\nInterrupted.\n")
