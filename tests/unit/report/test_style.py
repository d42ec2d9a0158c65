"""The look of figures: colours that exchange in the dark, text that stays text, equal bytes for equal data."""

import re
from colorsys import rgb_to_hls

from matplotlib.figure import Figure

from boxwright.images import drawing
from boxwright.report import style

from .made_up import texts


@style.drawing
def example(label: str = "steps", colour: str = style.GOOD) -> Figure:
    figure, ((axes,),) = style.canvas()
    axes.plot([0, 1], [0, 1], color=colour)
    axes.set_xlabel(label)
    return figure


def test_equal_data_give_equal_bytes():
    assert example() == example()
    assert example() != example("epochs")


def test_text_stays_text_whatever_its_letters():
    for label in ("cost in $ of $x", "raccoon_1", "<b> & co", "Größe 猫 犬"):
        assert label in texts(example(label))


def test_the_roles_have_another_colour_in_the_dark_and_nothing_else_has_theirs():
    svg = example().decode()
    sheet = svg[svg.index("<style>") : svg.index("</style>")]
    for light, dark in style.DARK.items():
        assert f'[style*="fill: {light}"]{{fill:{dark}!important}}' in sheet
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg))
    assert style.PAPER in used and style.GRID in used and style.GOOD in used
    others = {style.GOOD, style.BAD, style.PLAIN, *(style.model_colour(index) for index in range(30))}
    others |= {style.class_colour(number) for number in range(1, 100)}
    assert not others & (style.DARK.keys() | set(style.DARK.values()))


def lightness(colour: str) -> float:
    return rgb_to_hls(*(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)))[1]


def test_text_is_far_from_its_ground_in_both_themes():
    for text in (style.INK, style.MUTED):
        assert abs(lightness(text) - lightness(style.PAPER)) > 0.45
        assert abs(lightness(style.DARK[text]) - lightness(style.DARK[style.PAPER])) > 0.45


def test_a_class_has_the_colour_of_its_boxes():
    assert style.class_colour(1) == "#e69f00"
    assert style.class_colour(40) == "#{:02x}{:02x}{:02x}".format(*drawing.colour(40))


def test_models_have_different_colours():
    assert len({style.model_colour(index) for index in range(12)}) == 12


def test_long_names_are_cut():
    assert style.short("a" * 40) == "a" * 25 + "…"
    assert style.short("raccoon") == "raccoon"
