"""What happens around the work of a rule."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from boxwright.errors import UserError
from boxwright.job import job


@pytest.fixture
def rule(tmp_path):
    """The part of Snakemake's object that matters here."""
    return SimpleNamespace(log=[str(tmp_path / "logs" / "rule.log")])


def logged(rule):
    return Path(rule.log[0]).read_text(encoding="utf-8")


def test_output_reaches_terminal_and_log(rule, capsys):
    with job(rule):
        print("to one")
        print("to the other", file=sys.stderr)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("to one\n", "to the other\n")
    assert logged(rule) == "to one\nto the other\n"


def test_redrawn_lines_stay_out_of_the_log(rule, capsys):
    with job(rule):
        sys.stderr.write("\r 10 %")
        sys.stderr.write("\r 20 %")
        print("done")
    assert capsys.readouterr().err == "\r 10 %\r 20 %"
    assert logged(rule) == "done\n"


def test_a_users_mistake_ends_with_its_text_and_no_traceback(rule, capsys):
    with pytest.raises(SystemExit) as ended, job(rule):
        raise UserError("The folder photos is empty.")
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "The folder photos is empty." in shown and "Traceback" not in shown
    assert "The folder photos is empty." in logged(rule)


def test_an_unforeseen_error_keeps_its_traceback_in_the_log(rule):
    with pytest.raises(ZeroDivisionError), job(rule):
        1 / 0  # noqa: B018
    assert "ZeroDivisionError" in logged(rule)


def test_streams_are_put_back(rule):
    before = sys.stdout, sys.stderr
    with pytest.raises(SystemExit), job(rule):
        raise UserError("no")
    assert (sys.stdout, sys.stderr) == before
