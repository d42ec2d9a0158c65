"""What a run shows of Snakemake's messages: one line per stage, and every error."""

import io
import json
import logging
import threading
import time

import pytest
from snakemake.logging import ColorizingTextHandler, DefaultFilter, DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from tqdm.utils import disp_len

from boxwright.console import progress, stages
from boxwright.snakemake_internals import terminal


class Screen(io.StringIO):
    """A terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True

    def fileno(self):
        return 2


class Run:
    """Snakemake's logger, and the messages that it sends."""

    def __init__(self, stream, log, local=True):
        self.stream, quiet = stream, {Quietness.HOST}
        self.logger = logging.Logger("snakemake")
        handler = ColorizingTextHandler(
            nocolor=True, stream=stream, formatter=DefaultFormatter(quiet), filter=DefaultFilter(quiet, *[False] * 4)
        )
        self.logger.addHandler(handler)
        self.logger.addHandler(logging.FileHandler(log))
        terminal.take_over(self.logger, OutputSettings(quiet=quiet), lambda: local)
        (self.handler,) = (one for one in self.logger.handlers if isinstance(one, terminal.OneLine))
        self.say("Job stats: ...", LogEvent.RUN_INFO, stats={"train": 2, "write": 3, "total": 6})
        self.done = 0

    def say(self, text, event=None, level=logging.INFO, **fields):
        self.logger.log(level, text, extra={**({"event": event} if event else {}), **fields})

    def begin(self, number, message, rule="train", log=None, **wildcards):
        self.say("Select jobs to execute...")
        self.say("Execute 1 jobs...", LogEvent.JOB_STARTED, jobs=[number])
        about = {"jobid": number, "rule_name": rule, "rule_msg": message, "log": [str(log)] if log else []}
        self.say(message, LogEvent.JOB_INFO, wildcards=wildcards, reason="", indent=False, **about)

    def finish(self, number):
        self.done += 1
        self.say(f"Finished jobid: {number}", LogEvent.JOB_FINISHED, job_id=number)
        self.say(None, LogEvent.PROGRESS, done=self.done, total=6)

    def fail(self, number, log):
        about = dict.fromkeys(("rule_msg", "conda_env", "shellcmd"))
        about |= {"rule_name": "train", "input": [], "output": [], "log": [str(log)], "aux": {}, "indent": False}
        self.say("Error in rule train", LogEvent.JOB_ERROR, logging.ERROR, jobid=number, **about)


@pytest.fixture
def job_log(tmp_path):
    log = tmp_path / "job.log"
    log.write_text("step 1 of 9\nDone in 3 min: loss 0.5\n")
    return log


@pytest.fixture(autouse=True)
def time_of_day(monkeypatch):
    monkeypatch.setattr(terminal.time, "strftime", lambda _: "12:34:56 ")
    monkeypatch.setattr(progress, "duration", lambda _: "7 s")
    yield
    progress.show_lines(False)


def test_elsewhere_than_on_a_terminal_a_plain_line_stands_for_each_job(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    run.begin(2, "Collecting")
    run.say("A rule says this")
    run.finish(1)
    run.finish(2)
    assert run.stream.getvalue().splitlines() == [
        "Job stats: ...",
        "A rule says this",
        "12:34:56 [1/6] Training small: loss 0.5 (7 s)",
        "12:34:56 [2/6] Collecting",
    ]
    kept = (tmp_path / "log").read_text()
    assert "Select jobs" in kept and "Training small" in kept and "Finished jobid: 2" in kept


def test_a_dry_run_names_the_jobs_that_make_something(monkeypatch):
    quiet, stream = {Quietness.HOST}, io.StringIO()
    logger = logging.Logger("snakemake")
    formatter, chosen = DefaultFormatter(quiet), DefaultFilter(quiet, *[False] * 4)
    logger.addHandler(ColorizingTextHandler(nocolor=True, stream=stream, formatter=formatter, filter=chosen))
    terminal.shorten(logger, OutputSettings(quiet=quiet))
    monkeypatch.setattr(terminal, "reasons", {0: "missing", 1: "missing", 2: "", 3: "changed: the data", 4: "missing"})
    jobs = (
        (1, "Training small", ["x.index"]),
        (2, "Writing labels", ["x"]),
        (3, "Writing records", ["y"]),
        (4, "Evaluating small", ["z"]),
        (0, "All results are in results", []),
    )
    for number, message, output in jobs:
        about = {"event": LogEvent.JOB_INFO, "jobid": number, "rule_msg": message, "output": output}
        logger.info(message, extra=about)
    logger.info(
        "2 jobs have missing provenance/metadata so that it in part cannot be used to trigger re-runs.\nRules with "
        "missing metadata: train write"
    )
    assert stream.getvalue() == (
        "2 jobs (for each: missing): Training small; Evaluating small\nWriting records: changed: the data\n"
    )


def test_the_pieces_of_one_thing_are_one_line(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    for number, shard in enumerate(["0-of-2", "1-of-2", "0-of-1"]):
        run.begin(number, f"Writing train records {shard}", "write", job_log, side="train", shard=shard)
    for number in (2, 0, 1):
        run.finish(number)
    assert run.stream.getvalue().splitlines()[1:] == ["12:34:56 [3/6] Writing records: 3 shards (7 s)"]


def test_no_number_is_left_out_where_jobs_make_pieces(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.say("Job stats: ...", LogEvent.RUN_INFO, stats={"train": 3, stages.PIECED: 3, "total": 6})
    order = ["train", "shard", "train", "shard", "shard", "train"]
    for number, rule in enumerate(order):
        piece = {"shard": f"{number}-of-3"} if rule == "shard" else {}
        run.begin(number, f"Doing {rule} {number}", stages.PIECED if piece else "train", job_log, **piece)
    for number in range(len(order)):
        run.finish(number)
    assert [line.split()[1] for line in run.stream.getvalue().splitlines()[2:]] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]


def test_a_line_names_metrics_as_the_other_lines_do(tmp_path):
    log = tmp_path / "job.log"
    figure = "step 4, largest {} (0.8153) of 2 checkpoints"
    for name, shown in (
        ("DetectionBoxes_Precision/mAP@.50IOU", "mAP@.50IOU"),
        ("DetectionBoxes_Recall/AR@100", "AR@100"),
        ("PascalBoxes_Precision/mAP@0.5IOU", "Pascal's mAP@0.5IOU"),
    ):
        log.write_text(f"{progress.DONE}2 s: {figure.format(name)}\n")
        line = stages.Stage("Choosing").line(str(log), local=False)
        assert line == f"Choosing: {figure.format(shown)} (2 s)"


@pytest.mark.parametrize(("done", "total", "told"), [(1, 39, False), (4, 39, True), (9, 3000, False), (10, 3000, True)])
def test_the_first_few_do_not_tell_how_long_the_rest_takes(tmp_path, done, total, told):
    log = tmp_path / "job.log"
    progress.note_beside(log).write_text(json.dumps({"done": done, "total": total, "rate": 0.5, "unit": "images"}))
    stage = stages.Stage("Evaluating", 0, logs={1: str(log)})
    assert ("left" in stage.state()) == told and stage.state().startswith(f"{done} of {total:,} images")


def test_without_a_terminal_it_is_told_from_time_to_time_how_far_the_work_is(tmp_path, job_log, monkeypatch):
    monkeypatch.setattr(terminal, "_TOLD_S", 0.01)
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    state = {"done": 1200, "total": 3000, "rate": 2.0, "unit": "steps", "of": "loss 0.512"}
    progress.note_beside(job_log).write_text(json.dumps(state))
    for _ in range(200):
        if "steps" in run.stream.getvalue():
            break
        time.sleep(0.01)
    run.handler.close()
    assert "12:34:56 Training small: 1,200 of 3,000 steps, loss 0.512, 7 s left\n" in run.stream.getvalue()


def test_of_jobs_elsewhere_snakemakes_announcement_stays_and_their_own_time_counts(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log", local=False)
    run.begin(1, "Training small", log=job_log)
    run.finish(1)
    shown = run.stream.getvalue()
    assert "Job 1: Training small" in shown and "Finished" not in shown
    assert "Select jobs" not in shown and "Execute" not in shown
    assert shown.endswith("12:34:56 [1/6] Training small: loss 0.5 (3 min)\n")


RAISED = "RuleException:\nCalledProcessError in file rules/train.smk, line 9:\nCommand ... returned exit status 1."
ENDED = "WorkflowError:\nAt least one job did not complete successfully."


def failed(run, numbers, logs):
    """What Snakemake says when jobs fail."""
    for number, log in zip(numbers, logs, strict=True):
        run.say(RAISED, LogEvent.ERROR, logging.ERROR)
        run.fail(number, log)
    run.say("Select jobs to execute...", None, logging.WARNING)
    run.say("Exiting because a job execution failed. Look below for error messages", None, logging.ERROR)
    run.say(ENDED, LogEvent.ERROR, logging.ERROR)


def test_why_a_job_failed_is_said_once_and_last(tmp_path):
    run = Run(io.StringIO(), tmp_path / "log")
    logs = [tmp_path / f"job{number}.log" for number in range(3)]
    for number, log in enumerate(logs):
        run.begin(number, f"Training m{number}", log=log)
        progress.note_end(log, progress.Ended("The disk is full." if number < 2 else "The loss is not finite."))
    failed(run, range(3), logs)
    assert run.stream.getvalue().splitlines()[1:] == [
        *(f"12:34:56 Training m{number} failed (7 s)" for number in range(3)),
        "Select jobs to execute...",
        "",
        "Training m0, Training m1 failed.",
        "The disk is full.",
        f"Whole log: {logs[0]}, {logs[1]}",
        "",
        "Training m2 failed.",
        "The loss is not finite.",
        f"Whole log: {logs[2]}",
    ]
    assert not list(tmp_path.glob("*.progress"))
    kept = (tmp_path / "log").read_text()
    assert "RuleException" in kept and "At least one job" in kept


def test_a_job_that_was_killed_says_nothing(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    failed(run, [1], [job_log])
    said = "\nTraining small failed.\nstep 1 of 9\nDone in 3 min: loss 0.5\nIt ended without saying why. If the system "
    assert said in run.stream.getvalue()
    assert run.stream.getvalue().endswith(f"Whole log: {job_log}\n")


def test_jobs_of_an_interrupted_run_have_not_failed(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    run.say("Terminating processes on user request, this might take some time.")
    failed(run, [1], [job_log])
    said = run.stream.getvalue()
    assert said.endswith("\nInterrupted. What is finished stays, and the same command goes on from there.\n")
    assert "failed" not in said and "memory" not in said and "Whole log" not in said


def test_a_job_that_was_asked_to_stop_has_not_failed(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    saved = "Training was stopped by SIGTERM: saved at step 33; the same command continues there."
    progress.note_end(job_log, progress.Ended(saved, stopped=True))
    failed(run, [1], [job_log])
    said = run.stream.getvalue()
    assert "12:34:56 Training small stopped (7 s)\n" in said
    assert said.endswith(f"\nTraining small stopped.\n{saved}\n")
    assert "failed" not in said and "Whole log" not in said


def test_a_job_that_failed_before_an_interruption_says_why(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    progress.note_end(job_log, progress.Ended("The disk is full."))
    run.say("Terminating processes on user request, this might take some time.")
    failed(run, [1], [job_log])
    assert "Training small failed.\nThe disk is full." in run.stream.getvalue()


def test_an_error_of_a_job_elsewhere_is_shown_with_its_log(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log", local=False)
    run.begin(1, "Training small", log=job_log)
    failed(run, [1], [job_log])
    assert all(
        part in run.stream.getvalue() for part in ("Training small failed", "Error in rule", "step 1 of 9", ENDED)
    )


def test_an_error_of_a_job_that_is_not_known_is_shown_as_snakemake_shows_it(tmp_path, job_log):
    run = Run(io.StringIO(), tmp_path / "log")
    failed(run, [7], [job_log])
    assert all(part in run.stream.getvalue() for part in ("Error in rule train", RAISED, ENDED))


# Snakemake itself leaves out two kinds that its options have not asked for.
@pytest.mark.parametrize(
    "event", [None, *(one for one in LogEvent if one not in (LogEvent.SHELLCMD, LogEvent.DEBUG_DAG))]
)
def test_no_warning_is_lost_whatever_it_is_like(tmp_path, event):
    run = Run(io.StringIO(), tmp_path / "log")
    run.handler.setFormatter(logging.Formatter())
    run.say("Something is wrong", event, logging.WARNING)
    assert "Something is wrong" in run.stream.getvalue()


def test_messages_that_are_not_as_expected_are_shown_as_snakemake_shows_them(tmp_path):
    run = Run(io.StringIO(), tmp_path / "log")
    run.handler.setFormatter(logging.Formatter())
    run.say("A job without its fields", LogEvent.JOB_INFO)
    run.say("An end without a beginning", LogEvent.JOB_FINISHED, job_id=7)
    run.begin(3, None)
    shown = run.stream.getvalue().split("\n")
    assert [line for line in shown if line][1:] == ["A job without its fields", "An end without a beginning"]


def test_on_a_terminal_bars_show_what_is_at_work(tmp_path, job_log, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal.os, "get_terminal_size", lambda _: terminal.os.terminal_size((70, 24)))
    screen = Screen()
    run = Run(screen, tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    state = {"done": 30, "total": 60, "rate": 0.5, "unit": "steps", "of": "loss 0.5"}
    progress.note_beside(job_log).write_text(json.dumps(state))
    run.begin(2, "Exporting")
    bars = screen.getvalue().rpartition("\x1b[J")[2].split("\n")
    assert bars[0].startswith("Training small   50% |") and bars[0].endswith("| 30/60 steps, 01:00 left, loss 0.5")
    assert bars[1] == "Exporting ... 7 s\x1b[1A\r" and len(bars[0]) < 70
    run.finish(1)
    assert "\x1b[J[1/6] Training small: loss 0.5 (7 s)\n" in screen.getvalue()
    run.handler.close()
    assert screen.getvalue().endswith("\x1b[J")


@pytest.mark.parametrize(
    ("handler", "settings"),
    [
        (logging.StreamHandler, {}),  # of a plugin
        (ColorizingTextHandler, {"verbose": True}),
        *((ColorizingTextHandler, {"quiet": {kind}}) for kind in ("ALL", "RULES", "PROGRESS")),
    ],
)
def test_other_ways_to_show_a_run_are_left_alone(handler, settings):
    logger = logging.Logger("snakemake")
    logger.addHandler(handler(stream=io.StringIO()))
    before = list(logger.handlers)
    if "quiet" in settings:
        settings = {"quiet": {Quietness[name] for name in settings["quiet"]}}
    terminal.take_over(logger, OutputSettings(**settings), lambda: True)
    assert logger.handlers == before and not progress.is_shown()


def test_jobs_without_a_message_are_shown_as_snakemake_shows_them(tmp_path, job_log):
    """Those of another workflow that has this one as a module."""
    run = Run(io.StringIO(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    run.finish(1)
    run.finish(7)
    shown = run.stream.getvalue()
    assert "1 of 6 steps" not in shown and "Finished jobid: 7" in shown and "2 of 6 steps (33%) done" in shown


def test_a_long_name_leaves_room_for_the_numbers(job_log):
    state = {"done": 120, "total": 15000, "rate": 0.5, "unit": "steps", "of": "loss 1.234"}
    progress.note_beside(job_log).write_text(json.dumps(state))
    stage = stages.Stage("Training ssd_mobilenet_v2_fpnlite_320x320_浣熊 up to step 15000", logs={1: str(job_log)})
    bar = stage.bar(79, ascii_only=False)
    assert bar.startswith("Training ssd_mobilenet") and "| 120/15000 steps, 8:16:00 left" in bar
    assert disp_len(bar) <= 79
    assert stage.bar(20, ascii_only=True).isascii()


def test_a_terminal_that_is_gone_stops_nothing(tmp_path, job_log, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(terminal.os, "get_terminal_size", lambda _: (_ for _ in ()).throw(OSError("gone")))
    run = Run(Screen(), tmp_path / "log")
    run.begin(1, "Training small", log=job_log)
    run.finish(1)
    assert "Training small: loss 0.5" in run.stream.getvalue()
    run.handler.close()


@pytest.mark.parametrize("stream", [io.StringIO, Screen])
def test_closed_twice_as_at_the_end_of_a_process(tmp_path, stream):
    run = Run(stream(), tmp_path / "snakemake.log")
    run.handler.close()
    run.handler.close()
    for _ in range(50):  # the thread that draws has ended, and without an exception
        drawing = [one for one in threading.enumerate() if getattr(one, "_target", None) is not None]
        if not any(getattr(one._target, "__self__", None) is run.handler for one in drawing):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the thread that draws goes on after the handler was closed")
