"""The texts of messages."""

import sys

import pytest

from boxwright.core import wording


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two lines\n\tand Hindi हिन्दी, 猫, é", "two lines\n\tand Hindi हिन्दी, 猫, é"),
        ("\x1b[2Jgone \x9b31m \r\x07\x00", "\\x1b[2Jgone \\x9b31m \\r\\x07\\x00"),
        ("not \udcff UTF-8", "not \\udcff UTF-8"),
    ],
)
def test_words_of_others_do_not_control_the_terminal(text, shown):
    assert wording.printable(text) == shown


def test_one_image_without_a_box_is_not_none_of_several():
    assert wording.without_a_box(1, "evaluation image") == "The only evaluation image has no box"
    assert wording.without_a_box(3, where=" in photos") == "None of the 3 images in photos has a box"


def test_long_words_lose_their_middle():
    assert wording.shortened("word") == "word"
    assert wording.shortened("a" * 200 + "b" * 200, 100) == "a" * 50 + " ... " + "b" * 50


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([10], "step 10"),
        ([10, 20], "steps 10 and 20"),
        ([1, 2, 3], "steps 1, 2 and 3"),
        ([1, 2, 3, 4], "steps 1, 2, 3 and 1 more"),
    ],
)
def test_steps(steps, told):
    assert wording.steps_in_words(steps, 3) == told


@pytest.mark.parametrize(
    ("sentence", "told"),
    [("There is no x", "there is no x"), ("Thesis.png is", "Thesis.png is"), ("a.pb is", "a.pb is")],
)
def test_a_sentence_after_a_colon(sentence, told):
    assert wording.after_colon(sentence) == told


@pytest.mark.skipif(sys.platform == "win32", reason="another shell")
def test_commands_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.chdir(tmp_path)
    assert wording.command("models") == ".venv/bin/boxwright models", "what will be installed"
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/boxwright").touch(mode=0o755)
    quoted = "run --configfile 'my images.yaml'"
    assert wording.command("run", "--configfile", "my images.yaml") == f".venv/bin/boxwright {quoted}"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert wording.command("models") == f"{tmp_path}/.venv/bin/boxwright models"
