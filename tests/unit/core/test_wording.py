"""The texts of messages."""

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


def test_long_words_lose_their_middle():
    assert wording.shortened("word") == "word"
    assert wording.shortened("a" * 200 + "b" * 200, 100) == "a" * 50 + " ... " + "b" * 50


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (0.12349, "0.123"), (1.0, "1.000")])
def test_undefined_numbers_are_not_available(value, text):
    assert wording.number(value) == text


def test_an_interval_is_written_by_its_ends():
    assert wording.ends({"low": 0.49996, "high": 1.0, "level": 0.95}) == "0.500 to 1.000"
    assert wording.ends(None) == "n/a"
