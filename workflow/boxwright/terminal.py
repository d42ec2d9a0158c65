"""What Snakemake prints while it runs, without the lines that tell a person nothing.

A job is announced by its message, and after it comes how many are done. That jobs are about to be selected, how many
were, and the number of one that ended say no more, and would be half of all lines. They stay in Snakemake's log file,
and under --verbose.
"""

import logging

from snakemake_interface_logger_plugins.common import LogEvent

_NEEDLESS_EVENTS = {LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED}
_NEEDLESS_TEXT = "Select jobs to execute..."


def spare(logger: logging.Logger) -> None:
    """Leave those lines out on the terminal; `logger` is Snakemake's."""
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.addFilter(_tells_something)


def _tells_something(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) not in _NEEDLESS_EVENTS and record.msg != _NEEDLESS_TEXT
