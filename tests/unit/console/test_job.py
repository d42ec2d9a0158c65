"""What happens around the work of a rule."""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from boxwright.console import progress
from boxwright.console.checksums import Checksums
from boxwright.console.job import job
from boxwright.core.errors import StoppedError, UserError


@pytest.fixture
def rule(tmp_path):
    """The part of Snakemake's object that matters here."""
    results = tmp_path / "results"
    output = results / "more" / "out.txt"
    output.parent.mkdir(parents=True)
    output.write_text("made before")
    return SimpleNamespace(
        log=[str(results / "logs" / "rule.log")],
        config={"results": str(results)},
        input=[str(results / "made.txt")],
        output=[str(output)],
    )


@pytest.fixture(autouse=True)
def a_while(monkeypatch):
    monkeypatch.setattr(progress, "duration", lambda _: "7 s")


def logged(rule):
    return Path(rule.log[0]).read_text(encoding="utf-8")


def test_output_reaches_terminal_and_log(rule, capsys):
    with job(rule):
        print("to one")
        print("to the other", file=sys.stderr)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("to one\n", "to the other\nDone in 7 s\n")
    assert logged(rule) == "to one\nto the other\nDone in 7 s\n"


def test_redrawn_lines_stay_out_of_the_log(rule, capsys):
    with job(rule):
        sys.stderr.write("\r 10 %")
        sys.stderr.write("\r 20 %")
        print("done")
    assert capsys.readouterr().err.startswith("\r 10 %\r 20 %")
    assert logged(rule).startswith("done\n")


@pytest.fixture
def shown():
    """A run that shows one line of the job."""
    progress.show_lines(True)
    yield
    progress.show_lines(False)


def test_a_job_of_which_a_line_is_shown_prints_into_its_log(shown, rule, capfd):
    with job(rule):
        print("to one")
        os.write(2, b"from C++\n")
        print("to the other", file=sys.stderr)
        progress.warn("All should know")
    assert logged(rule) == "to one\nfrom C++\nto the other\nAll should know\nDone in 7 s\n"
    heard = capfd.readouterr()
    assert (heard.out, heard.err) == ("", "All should know\n")


def test_what_a_log_cannot_take_reaches_the_terminal(shown, rule, capfd):
    rule.log = ["/dev/full"]
    with pytest.raises(SystemExit), job(rule):
        raise UserError("The disk is full.")
    assert "The disk is full." in capfd.readouterr().err


def test_a_users_mistake_ends_with_its_text_and_no_traceback(rule, capsys):
    with pytest.raises(SystemExit) as ended, job(rule):
        raise UserError("The folder photos is empty.")
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "The folder photos is empty." in shown and "Traceback" not in shown
    assert "The folder photos is empty." in logged(rule)


@pytest.mark.parametrize("error", [UserError, StoppedError])
def test_the_terminal_is_told_whether_a_job_failed_or_was_stopped(shown, rule, error):
    with pytest.raises(SystemExit), job(rule):
        raise error("It ended.")
    assert progress.take_end(rule.log[0]) == ("It ended.", error is StoppedError)


def test_an_unforeseen_error_keeps_its_traceback_in_the_log(rule):
    with pytest.raises(SystemExit) as ended, job(rule):
        1 / 0  # noqa: B018
    assert ended.value.code == 1
    assert "Traceback" in logged(rule) and "ZeroDivisionError" in logged(rule)


@pytest.fixture
def interruptible():
    """Answer SIGINT as Python does by itself, but not in a process that a shell has started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no signal masks")
def test_an_interruption_while_the_process_starts_ends_the_job_with_a_sentence(rule, shown, capfd, interruptible):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as the run starts it
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # other threads of the process do not hold it back
    with pytest.raises(SystemExit) as ended, job(rule):
        print("work")
    assert ended.value.code == 130 and logged(rule) == "Interrupted.\n"
    assert "Traceback" not in capfd.readouterr().err


def test_an_interruption_that_a_library_turns_into_its_own_error_is_one(rule, shown, capfd, interruptible):
    with pytest.raises(SystemExit) as ended, job(rule):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise SystemError("bad argument to internal function") from None
    assert ended.value.code == 130 and logged(rule) == "Interrupted.\n"
    with pytest.raises(SystemExit) as ended, job(rule):
        raise SystemError("bad argument to internal function")
    assert ended.value.code == 1 and "Traceback" in logged(rule)


def test_outputs_and_what_is_listed_get_receipts(rule, tmp_path):
    output, beside = Path(rule.output[0]), tmp_path / "results/more/beside.txt"
    with job(rule) as undeclared:
        output.write_text("made")
        beside.write_text("made, too")
        undeclared.append(beside)
    checksums = Checksums(tmp_path / "results")
    assert checksums.complaint(output) == ""
    beside.unlink()
    assert checksums.complaint(output) == f"{beside} is gone"


def test_a_job_that_fails_leaves_its_output_unfinished(rule, tmp_path):
    output = Path(rule.output[0])
    checksums = Checksums(tmp_path / "results")
    checksums.write([output])
    with pytest.raises(SystemExit), job(rule):
        output.write_text("half")
        raise UserError("no")
    assert checksums.complaint(output) == f"{output} was left unfinished"


def test_a_damaged_input_stops_the_job_before_its_work(rule, tmp_path, capsys):
    given = Path(rule.input[0])
    given.write_text("item { id: 1 }")
    Checksums(tmp_path / "results").write([given])
    given.write_text("item { id: 3 }")
    with pytest.raises(SystemExit), job(rule):
        raise AssertionError("it was used")
    assert f"{given} is damaged" in capsys.readouterr().err


def test_streams_are_put_back(rule):
    before = sys.stdout, sys.stderr
    with pytest.raises(SystemExit), job(rule):
        raise UserError("no")
    assert (sys.stdout, sys.stderr) == before


def test_the_receipt_of_an_output_holds_the_identity_of_its_rule_and_what_the_job_notes(rule):
    rule.params = SimpleNamespace(identity={"code": "1"})
    with job(rule) as undeclared:
        undeclared.notes["config"] = "model {}"
    checksums = Checksums(rule.config["results"])
    assert checksums.made_with(rule.output[0]) == {"identity": {"code": "1"}, "config": "model {}"}


class Named(list):
    """A list of inputs, some of which have names, as Snakemake has it."""


def test_a_segment_that_has_no_room_for_its_checkpoint_does_not_start(rule, tmp_path, capsys, monkeypatch):
    before = tmp_path / "results/train/model.ckpt-3.data-00000-of-00001"
    before.parent.mkdir()
    before.write_bytes(bytes(5000))
    rule.input = Named([str(before)])
    rule.input.checkpoint = [str(before)]
    rule.output = [str(before.with_name("model.ckpt-6.index"))]
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=4000))
    with pytest.raises(SystemExit), job(rule):
        raise AssertionError("it was trained")
    assert "The disk is too full for " in capsys.readouterr().err
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=6000))
    with job(rule):
        Path(rule.output[0]).write_text("index")
