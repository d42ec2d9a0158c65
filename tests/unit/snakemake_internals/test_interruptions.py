"""A Ctrl-C while the run, or the process of a job, starts."""

import signal
import subprocess
import sys

import pytest
from snakemake.script import PythonScript

from boxwright.core import interrupts
from boxwright.snakemake_internals import interruptions

HELD = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_the_process_of_a_script_starts_with_the_signal_held_back(monkeypatch):
    def start(script, code):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

    monkeypatch.setattr(PythonScript, "_execute_cmd", start)
    assert PythonScript._execute_cmd(None, HELD) == "False\n"
    for _ in range(2):  # as for each workflow that a process reads
        interruptions.hold_while_jobs_start()
        assert PythonScript._execute_cmd(None, HELD) == "True\n"
        assert PythonScript._execute_cmd.original is start
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_what_was_held_back_ends_the_process_with_a_word():
    """As `boxwright run` starts Snakemake, and the rules let the signal in."""
    code = (
        "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "os.kill(os.getpid(), signal.SIGINT); print('imports')\n"
        "from boxwright.snakemake_internals import interruptions\n"
        "interruptions.tell_from_now_on(); print('rules')"
    )
    with interrupts.held():
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, error = process.communicate()
    assert (out, error) == (b"imports\n", b"\nInterrupted.\n")
    assert process.returncode == -signal.SIGINT


def test_other_errors_are_told_in_full():
    code = "from boxwright.snakemake_internals import interruptions; interruptions.tell_from_now_on(); 1 / 0"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "Traceback" in ended.stderr and "ZeroDivisionError" in ended.stderr
