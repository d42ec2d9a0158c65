"""Snakemake's lines on the terminal and in its log file."""

import io
import logging

from snakemake_interface_logger_plugins.common import LogEvent

from boxwright import terminal


def test_lines_that_say_nothing_go_to_the_log_file_only(tmp_path):
    shown = io.StringIO()
    logger = logging.Logger("snakemake")
    logger.addHandler(logging.StreamHandler(shown))
    logger.addHandler(logging.FileHandler(tmp_path / "log"))
    terminal.spare(logger)
    for text, event in (
        ("Select jobs to execute...", None),
        ("Execute 2 jobs...", LogEvent.JOB_STARTED),
        ("Job 3: Training", LogEvent.JOB_INFO),
        ("Finished jobid: 3", LogEvent.JOB_FINISHED),
        ("1 of 2 steps (50%) done", LogEvent.PROGRESS),
        ("A rule says this", None),
    ):
        logger.info(text, extra={"event": event} if event else {})
    assert shown.getvalue().splitlines() == ["Job 3: Training", "1 of 2 steps (50%) done", "A rule says this"]
    assert len((tmp_path / "log").read_text().splitlines()) == 6
