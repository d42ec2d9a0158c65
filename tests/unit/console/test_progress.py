"""What a job says and notes while it works."""

import io
import json

import pytest

from boxwright.console import progress


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (0.96, "1 s"), (5, "5 s"), (89, "89 s"), (100, "2 min"), (3600, "60 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds, text):
    assert progress.duration(seconds) == text


def test_a_job_ends_with_its_time_and_figure(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "duration", lambda _: "7 s")
    with progress.of_job(tmp_path / "note", None):
        progress.conclude("mAP 0.5\n(sure)")
    with pytest.raises(ValueError), progress.of_job(tmp_path / "note", None):
        progress.conclude("half")
        raise ValueError
    with progress.of_job(None, None):
        pass
    assert capsys.readouterr().err == "Done in 7 s: mAP 0.5 (sure)\nDone in 7 s\n"


def test_a_warning_reaches_the_terminal_beside_the_log(capsys, tmp_path):
    terminal = io.StringIO()
    with progress.of_job(tmp_path / "note", terminal):
        progress.say("of interest")
        progress.warn("of importance")
    assert terminal.getvalue() == "of importance\n"
    assert capsys.readouterr().err.splitlines()[:2] == ["of interest", "of importance"]


def test_what_is_only_tried_says_nothing(capsys):
    with pytest.raises(ValueError), progress.without_messages():
        progress.say("of no interest")
        raise ValueError
    progress.say("of interest")
    assert capsys.readouterr().err == "of interest\n"


def test_how_far_a_job_is_stands_beside_its_log_while_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "NOTE_INTERVAL_S", 0.0)
    note = tmp_path / "note"
    with progress.of_job(note, None):
        for item in progress.track(range(4), label="Measuring", unit="images"):
            if item:
                noted = json.loads(note.read_text())
                assert noted.pop("rate") > 0
                assert noted == {"done": item, "total": 4, "unit": "images", "of": "Measuring"}
        assert not note.exists()
        progress.note(1, 2, rate=0.5, unit="steps")
        assert note.exists()
    assert not note.exists()
    progress.note(1, 2, rate=0.5)
    assert not note.exists()


@pytest.mark.parametrize(("rate", "told"), [(12.34, "12.3 forms/s"), (1.0, "1.0 forms/s"), (0.02, "50 s each")])
def test_of_slow_work_the_pace_is_how_long_each_takes(rate, told):
    assert progress._pace(rate, "forms") == told
