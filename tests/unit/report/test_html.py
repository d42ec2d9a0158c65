"""Pages that stand alone."""

import re

import numpy as np

from boxwright.report import html

from .made_up import plain


def test_a_page_loads_nothing_and_follows_the_theme():
    picture = np.zeros((8, 8, 3), np.uint8)
    page = html.page("Title", html.table(("a",), [(1,)]), html.gallery([(picture, "one", "two")])).decode()
    assert not re.search(r"(?:src|href)=\"(?!data:)", page) and "<script" not in page and "url(" not in page
    assert "prefers-color-scheme: dark" in page
    assert plain(page.encode()) == "Title a 1 one two"


def test_text_is_escaped_and_html_is_not():
    assert html.text_of("<a & b>") == "&lt;a &amp; b&gt;"
    assert html.text_of(html.Html("<b>x</b>")) == "<b>x</b>"
    assert html.text_of(None) == "n/a" and html.text_of(0) == "0"
    assert "&lt;i&gt;" in html.dot("#112233", "<i>")


def test_bars_stay_within_their_cell():
    assert 'style="--share:50.0%"' in html.bar("0.5", 0.5)
    assert 'style="--share:100.0%"' in html.bar("2", 2.0)
    assert html.bar("n/a", None) == "<td>n/a</td>"


def test_columns_of_text_and_marked_rows():
    made = html.table(("name", "number", "why"), [("a", 1, "x"), ("b", 2, "y")], text=(2,), mark=(1,))
    assert made.count("<td class=text>") == 2 and made.count("<th class=text>") == 1
    assert "<tr class=mark><td>b</td>" in made
