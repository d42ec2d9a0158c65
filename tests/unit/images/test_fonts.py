"""Every script is drawn with a font that has it, or told; the fonts of the tests are drawn here."""

import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from boxwright.images import drawing, fonts

GREETINGS = {"Chinese": "猫", "Hindi": "बिल्ली", "Thai": "แมว", "Korean": "고양이", "Amharic": "ድመት"}


def make_font(path, characters):
    """A font with a filled square for each of `characters`."""
    names = {character: f"u{ord(character):04X}" for character in characters}
    pen = TTGlyphPen(None)
    for at, point in enumerate([(50, 0), (50, 700), (550, 700), (550, 0)]):
        (pen.lineTo if at else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap({ord(character): name for character, name in names.items()})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), **dict.fromkeys(names.values(), square)})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend that only the fonts given are installed: {name of the file: its characters}."""

    def install(**characters):
        for name, has in characters.items():
            make_font(tmp_path / f"{name}.ttf", has)
        (tmp_path / "broken.ttf").write_bytes(b"no font")
        monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: sorted(map(str, tmp_path.glob("*.ttf"))))
        forget()
        return tmp_path

    def forget():
        for cached in (fonts._covering, fonts._of_the_system, fonts._characters):
            cached.cache_clear()

    yield install
    forget()


@pytest.mark.parametrize("text", ["cat 87%", "", "gato ñandú", "γάτα", "кошка", "חתול", "قطة", "tab\tand\u200djoiner"])
def test_common_scripts_need_no_font_of_the_system(installed, text):
    installed()
    assert fonts.covering(text).name == "DejaVuSans-Bold.ttf"


@pytest.mark.parametrize("text", GREETINGS.values(), ids=GREETINGS)
def test_other_scripts_take_a_font_that_has_all_of_it(installed, text):
    folder = installed(AHalf=text[:1] + "x", Whole=text + " 0123456789%", Other="abc")
    expected = folder / ("AHalf.ttf" if len(text) == 1 else "Whole.ttf")
    assert fonts.covering(text) == expected
    assert fonts.covering(f"{text} 87%") == folder / "Whole.ttf"
    assert fonts.load(text, 20).path == str(expected)
    assert fonts.covering(text + "犬") is None


def test_upright_fonts_without_serifs_go_first(installed):
    folder = installed(**{"A-Serif": "猫", "A-SansMono": "猫", "Z-Sans": "猫", "A-Sans-Italic": "猫"})
    assert fonts.covering("猫") == folder / "Z-Sans.ttf"


def drawn(label, class_id=3):
    image = np.full((60, 400, 3), 127, np.uint8)
    return drawing.boxes(image, [[0.5, 0.0, 1.0, 1.0]], [class_id], [label], thickness=1)


def test_the_class_id_stands_for_what_cannot_be_drawn(installed):
    installed()
    np.testing.assert_array_equal(drawn("猫 87%"), drawn("#3 87%"))
    np.testing.assert_array_equal(drawn("猫"), drawn("#3"))
    assert (drawn("猫", 4) != drawn("猫", 3)).any()


def test_it_is_drawn_with_the_font_that_has_it(installed):
    installed(Sans="猫犬 0123456789%")
    assert (drawn("猫 87%") != drawn("#3 87%")).any()
    assert (drawn("猫") != drawn("#3")).any()


@pytest.mark.parametrize("label", ["כלב 87%", "كلب 87%", "dog كلب dog 87%", "\u202eabc", "كـلـب" * 30, "नी\u200dक"])
def test_text_from_right_to_left_stays_on_the_image(label):
    assert drawn(label).shape == (60, 400, 3)
    assert (drawn(label) != drawn("")).any()


def test_a_text_of_any_length(installed):
    installed()
    began = time.monotonic()
    drawn("word " * 20_000)
    drawn("猫" * 20_000)
    assert time.monotonic() - began < 5


def test_the_usual_font_is_there():
    assert Path(fonts.usual()).is_file()
    assert Path(matplotlib.get_data_path()) in fonts.usual().parents
