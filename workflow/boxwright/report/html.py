"""Tables and images as small self-contained HTML pages: no script, nothing to load, light and dark."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from boxwright.images import drawn
from boxwright.report import style

# For images with thin coloured lines on them.
_JPEG = {"quality": 86, "subsampling": 0}

_SHEET = f"""
:root {{
  color-scheme: light dark;
  --ink: {style.INK}; --muted: {style.MUTED}; --grid: {style.GRID}; --paper: {style.PAPER};
  --bar: {style.GOOD}33; --mark: {style.GOOD}1f;
}}
@media (prefers-color-scheme: dark) {{
  :root {{
    --ink: {style.DARK[style.INK]}; --muted: {style.DARK[style.MUTED]}; --grid: {style.DARK[style.GRID]};
    --paper: {style.DARK[style.PAPER]}; --bar: {style.GOOD}66; --mark: {style.GOOD}33;
  }}
}}
body {{ margin: 0; padding: 20px 24px 32px; background: var(--paper); color: var(--ink);
  font: 14px/1.45 {style.FONTS}; overflow-wrap: break-word; }}
h1 {{ font-size: 18px; margin: 0 0 4px; }}
h2 {{ font-size: 15px; margin: 26px 0 6px; }}
p {{ margin: 6px 0 12px; max-width: 46em; }}
.note {{ color: var(--muted); }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th {{ color: var(--muted); font-weight: 600; text-align: right; vertical-align: bottom; }}
th, td {{ padding: 5px 12px 5px 0; border-bottom: 1px solid var(--grid); }}
th:first-child, td:first-child, .text {{ text-align: left; }}
td {{ text-align: right; white-space: nowrap; }}
td.text {{ white-space: normal; }}
tr.mark td {{ background-color: var(--mark); }}
.bar {{ min-width: 74px; background: no-repeat 0 50% / 100% 78%
  linear-gradient(to right, var(--bar) var(--share), transparent 0); }}
.dot {{ display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 7px; }}
.grid {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(400px, 100%), 1fr)); gap: 18px; }}
figure {{ margin: 0; }}
figure img {{ width: 100%; display: block; border-radius: 4px; }}
figcaption {{ color: var(--muted); margin-top: 5px; overflow-wrap: anywhere; }}
figcaption b {{ color: var(--ink); }}
"""


class Html(str):
    """Text that is already HTML; any other text is escaped when it is inserted."""


def page(title: str, *parts: str) -> bytes:
    """A whole page; `parts` are HTML."""
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_SHEET}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    ).encode()


def paragraph(text: str, note: bool = False) -> Html:
    """A paragraph of text; a `note` has a muted colour."""
    return Html(f'<p class="note">{text_of(text)}</p>' if note else f"<p>{text_of(text)}</p>")


def heading(text: str) -> Html:
    """A heading within a page."""
    return Html(f"<h2>{text_of(text)}</h2>")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[object]], *, text: Sequence[int] = (), mark: Sequence[int] = ()
) -> Html:
    """A table. The first column and those in `text` are text; the others are aligned right as numbers.

    Cells made by `bar` show their bar; the rows in `mark` are highlighted.
    """

    def cell(column: int, value: object) -> str:
        if isinstance(value, _Cell):
            return value
        return f"<td{' class=text' if column in text else ''}>{text_of(value)}</td>"

    head = "".join(
        f"<th{' class=text' if index in text else ''}>{text_of(one)}</th>" for index, one in enumerate(heads)
    )
    lines = [
        f"<tr{' class=mark' if index in mark else ''}>{''.join(cell(c, value) for c, value in enumerate(row))}</tr>"
        for index, row in enumerate(rows)
    ]
    body = "\n".join(lines)
    return Html(f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>')


class _Cell(Html):
    """A whole table cell."""


def bar(text: str, share: float | None) -> Html:
    """A cell with a bar behind the text that fills this share of the width; None draws no bar."""
    if share is None:
        return _Cell(f"<td>{escape(text)}</td>")
    return _Cell(f'<td class="bar" style="--share:{100 * min(max(share, 0.0), 1.0):.1f}%">{escape(text)}</td>')


def dot(colour: str, text: str) -> Html:
    """Text behind a dot of a colour, `#rrggbb`."""
    return Html(f'<span class="dot" style="background:{colour}"></span>{escape(text)}')


def gallery(pictures: Iterable[tuple[np.ndarray, str, str]]) -> Html:
    """Images (uint8 [height, width, 3]), each with a title and a text below, as many in a row as fit."""
    parts = []
    for picture, title, text in pictures:
        file = io.BytesIO()
        drawn.save(Image.fromarray(picture), file, **_JPEG)
        data = base64.b64encode(file.getvalue()).decode()
        parts.append(
            f'<figure><img alt="{escape(title)}" src="data:image/jpeg;base64,{data}">'
            f"<figcaption><b>{escape(title)}</b> {escape(text)}</figcaption></figure>"
        )
    return Html(f'<div class="grid">{"".join(parts)}</div>')


def text_of(value: object) -> str:
    """A value as HTML; None is `n/a`."""
    return value if isinstance(value, Html) else escape("n/a" if value is None else str(value))
