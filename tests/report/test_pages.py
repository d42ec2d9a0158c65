"""Pages of tables and images in a real browser, at several widths."""

import numpy as np
import pytest

from boxwright.report import comparison, html, tables, used
from tests.report import browser
from tests.unit.report import made_up

pytestmark = pytest.mark.skipif(browser.find() is None, reason="needs Chromium (Debian's package `chromium`)")
# One word, as long as names may be.
LONG = "x" * 60


def made_up_pages():
    picture = np.zeros((60, 80, 3), np.uint8)
    yield html.page(f"Images of {LONG}", html.gallery([(picture, f"{LONG}.jpg", LONG)] * 3), html.paragraph(LONG))
    both = [made_up.result(LONG, 0.6), made_up.result("small", 0.7)]
    yield from (comparison.page(both), comparison.exports(both), tables.checkpoints(both))
    yield tables.classes(made_up.analysis([made_up.one_class(1, LONG), made_up.one_class(2, "dog")]), LONG)
    yield used.page({LONG: {"pipeline": f"{LONG}/{LONG}.config"}}, {"Python": "3"}, [])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", browser.WIDTHS)
def test_nothing_is_wider_than_the_window(tmp_path, width, dark):
    path = tmp_path / "page.html"
    with browser.Page(width=width, dark=dark) as page:
        for content in made_up_pages():
            path.write_bytes(content)
            page.open(path)
            assert page.too_wide() == []
