"""The door for names: one form for classes, files and lists, whatever encoding they come in."""

import os
import unicodedata

import numpy as np
import pytest
from lxml import etree

from boxwright.core.names import clean, fold, shown, unwritable

CAFE = "caf\u00e9"


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("cat", "cat"),
        ("", ""),
        ("Cat", "Cat"),  # nobody but the user knows whether it is "cat"
        (unicodedata.normalize("NFD", CAFE), CAFE),
        ("\u212b", "\u00c5"),
        (" cat\n", "cat"),
        ("traffic\n\t\tlight", "traffic light"),
        ("traffic \u00a0 light", "traffic light"),
        ("a\u3000b\u2028c", "a b c"),
        ("ca\u00adt\u200b", "cat"),
        ("\ufeffcat\u202e", "cat"),
        ("c\x01at\x7f\x9f", "cat"),
        ("a \x01 b", "a b"),
        ("cat\ud800", "cat"),
        ("\x01", ""),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),  # the joiner is a part of the Hindi word
        ("\u4e2d\u6587", "\u4e2d\u6587"),
    ],
)
def test_a_clean_name(stated, name):
    assert clean(stated) == name


def any_names(count=3000):
    """Random names of few and of many alphabets, with what hardly anybody types."""
    rng = np.random.default_rng(0)
    odd = [0x20, 0x09, 0x0A, 0x00, 0x07, 0x7F, 0x85, 0xA0, 0xAD, 0x200B, 0x200D, 0x0301, 0x0323, 0xDCFF, 0xD800, 0xFFFE]
    for _ in range(count):
        top = rng.choice([0x80, 0x250, 0x3000, 0x11000])
        codes = np.where(rng.random(12) < 0.4, rng.choice(odd, 12), rng.integers(0, top, 12))
        yield "".join(map(chr, codes[: rng.integers(0, 13)]))


def test_what_is_clean_stays_as_it_is_and_can_be_written():
    for stated in any_names():
        name = clean(stated)
        assert clean(name) == name == unicodedata.normalize("NFC", name) == " ".join(name.split()), ascii(stated)
        assert fold(name) == fold(unicodedata.normalize("NFD", name)), ascii(stated)
        assert not unwritable(name)
        name.encode()


def test_what_is_shown_can_be_written_to_utf_8_and_xml():
    for name in any_names():
        etree.Element("a").text = shown(name)
        assert shown(name).encode().decode() == shown(name)
        assert unwritable(name) or shown(name) == name


def test_files_are_compared_without_case_and_form():
    assert fold("IMG  1.JPG") == fold("img 1.jpg")
    assert fold(unicodedata.normalize("NFD", "Caf\u00c9")) == fold(CAFE)
    assert fold("STRASSE") == fold("stra\u00dfe")
    # files whose names differ in what cannot be written are different files
    assert fold(os.fsdecode(b"bad\xff.jpg")) != fold("bad.jpg") != fold("bad\x01.jpg")


def test_names_that_cannot_be_written():
    assert shown(os.fsdecode(b"bad\xff.jpg")) == "bad\\xff.jpg"
    assert shown("a\x01\ud800b") == "a\\x01\\ud800b"
    assert unwritable(os.fsdecode(b"bad\xff.jpg")) == "its name is not UTF-8"
    assert unwritable("a\x01") == "its name has control characters"
    assert not any(map(unwritable, ["a.jpg", CAFE, "a\tb\nc", "\u4e2d\u6587", "\u200d"]))
