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
