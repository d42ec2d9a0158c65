"""A Ctrl-C while the process of a job starts."""

import signal
import subprocess
import sys

import pytest
from snakemake.script import PythonScript

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
