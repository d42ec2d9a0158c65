"""Drawing of boxes with their class and score on an image, readable on any background.

Pixels are uint8 [height, width, 3] RGB; boxes are normalised [ymin, xmin, ymax, xmax]. No TensorFlow.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from boxwright.core.names import clean
from boxwright.images import fonts

Colour = tuple[int, int, int]

# The colours of Okabe and Ito without black, the strongest first. They can be told apart with all common kinds of
# colour blindness (https://jfly.uni-koeln.de/color/).
_OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#F0E442", "#D55E00", "#0072B2")
_DARK, _LIGHT = (0, 0, 0), (255, 255, 255)
# Behind a title.
_STRIP = (32, 32, 32)
_SMALLEST_TEXT = 9
# Characters of a text that are looked at; more fit on no image.
_LONGEST_TEXT = 300
# The space around a label's text, as a share of the font size.
_PADDING = 0.25


def colour(class_id: int) -> Colour:
    """The colour of a class by its label map id (from 1): always the same, whatever else is in the image.

    The first seven are Okabe and Ito's. Later ones step through the hues by the golden angle and through three
    lightnesses, so that neighbours differ in more than hue.
    """
    index = class_id - 1
    if 0 <= index < len(_OKABE_ITO):
        code = _OKABE_ITO[index]
        return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)
    return _from_oklch((0.78, 0.60, 0.70)[index % 3], 0.14, math.radians(index * 137.50776))


def detections(
    image: np.ndarray,
    detection_boxes: np.ndarray,
    detection_classes: Sequence[int],
    detection_scores: Sequence[float],
    label_map: Mapping[str, int],
    *,
    min_score: float = 0.5,
    thickness: int = 4,
) -> np.ndarray:
    """A copy of `image` with the detections of at least `min_score`, each with its class and score.

    Boxes [N, 4], classes [N] (ids from 1) and scores [N] are those of one image as a detector returns them, the best
    first. label_map: the ids by class name. A class that it does not name is drawn as "class 7".
    """
    names = {number: name for name, number in label_map.items()}
    scores = np.asarray(detection_scores)
    shown = scores >= min_score
    ids = [int(number) for number in np.asarray(detection_classes)[shown]]
    labels = [f"{names.get(one, f'class {one}')} {score:.2f}" for one, score in zip(ids, scores[shown], strict=True)]
    return boxes(image, np.asarray(detection_boxes)[shown], ids, labels, thickness=thickness)


def boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    class_ids: Sequence[int],
    labels: Sequence[str],
    *,
    thickness: int = 4,
    dashed: int = 0,
) -> np.ndarray:
    """A copy of `image` with N boxes and their labels. The first box (the best score) is drawn on top.

    boxes: [N, 4] normalised; `class_ids` choose the colours, `labels` are the texts (an empty one draws none). The
    class id, as "#3", stands for words that no font of this machine can draw.
    thickness: width of the lines in pixels of the image. dashed: of so many boxes, the last ones, the lines are dashed.

    A line has a thin edge in black or white, whichever contrasts more with its colour. A label is black or white text
    on its class's colour. It is placed above its box, or where it covers least of the labels of better boxes, and
    always inside the image.
    """
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    corners = [_pixels(box, canvas.width, canvas.height) for box in np.asarray(boxes, np.float64).reshape(-1, 4)]
    colours = [colour(number) for number in class_ids]
    whole = len(corners) - dashed
    for place, (corner, fill) in reversed(list(enumerate(zip(corners, colours, strict=True)))):
        pen.rectangle(_grown(corner, 1), outline=_contrast(fill), width=thickness + 2)
        if place < whole:
            pen.rectangle(corner, outline=fill, width=thickness)
        else:
            _dash(pen, corner, fill, thickness)
    placed: list[_Label] = []
    for corner, fill, number, label in zip(corners, colours, class_ids, labels, strict=True):
        if label:
            placed.append(_placed(_drawable(label, number), canvas.size, corner, fill, thickness, placed))
    for label in reversed(placed):
        left, top, right, bottom = label.area
        pen.rectangle((left, top, right - 1, bottom - 1), fill=label.fill)
        pen.text(label.start, label.text, fill=_contrast(label.fill), font=label.font)
    return np.asarray(canvas)


def _dash(pen: ImageDraw.ImageDraw, corner: tuple[int, int, int, int], fill: Colour, thickness: int) -> None:
    """Draw a rectangle of dashes; in its gaps what lies below stays."""
    left, top, right, bottom = corner
    dash = 4 * thickness
    for start in range(left, right, 2 * dash):
        end = min(start + dash, right)
        pen.rectangle((start, top, end, top + thickness - 1), fill=fill)
        pen.rectangle((start, bottom - thickness + 1, end, bottom), fill=fill)
    for start in range(top, bottom, 2 * dash):
        end = min(start + dash, bottom)
        pen.rectangle((left, start, left + thickness - 1, end), fill=fill)
        pen.rectangle((right - thickness + 1, start, right, end), fill=fill)


def side_by_side(left: np.ndarray, right: np.ndarray, titles: tuple[str, str]) -> np.ndarray:
    """Two images of the same size side by side, each below a dark strip with its title."""
    gap = max(2, left.shape[1] // 100)
    parts = [titled(picture, title) for picture, title in zip((left, right), titles, strict=True)]
    between = np.broadcast_to(np.array(_STRIP, np.uint8), (len(parts[0]), gap, 3))
    return np.concatenate([parts[0], between, parts[1]], axis=1)


def titled(image: np.ndarray, title: str) -> np.ndarray:
    """An image below a dark strip with its title."""
    height, width, _ = image.shape
    size = max(_SMALLEST_TEXT + 3, round(min(height, width) * 0.045))
    strip = round(size * 1.7)
    sheet = Image.new("RGB", (width, height + strip), _STRIP)
    sheet.paste(Image.fromarray(image), (0, strip))
    text, font, _ = _fitted(title, size, width - size)
    ImageDraw.Draw(sheet).text((size // 2, strip // 2), text, fill=_LIGHT, font=font, anchor="lm")
    return np.asarray(sheet)


def shrunk(image: np.ndarray, longest: int) -> np.ndarray:
    """The image scaled down so that its longer side is at most `longest` pixels."""
    picture = Image.fromarray(image)
    picture.thumbnail((longest, longest), Image.Resampling.BOX)
    return np.asarray(picture)


@dataclass(frozen=True)
class _Label:
    """A text, the rectangle behind it (left, top, right, bottom; right and bottom are outside) and where it starts."""

    text: str
    font: ImageFont.FreeTypeFont
    fill: Colour
    area: tuple[int, int, int, int]
    start: tuple[float, float]


def _placed(text, size, corner, fill, thickness, earlier) -> _Label:
    """The label of a box, inside the image, at the first of the places where it covers least of earlier labels."""
    width, height = size
    text, font, text_width = _fitted(text, text_size(width, height), width - 2)
    ascent, descent = font.getmetrics()
    pad = max(1, round(font.size * _PADDING))
    wide = min(width, text_width + 2 * pad)
    high = min(height, ascent + descent + pad)
    left, top, right, bottom = corner
    corners = [
        (left - 1, top - high),
        (left - 1, bottom + 1),
        (left + thickness, top + thickness),
        (right - wide, top - high),
        (right - wide, bottom + 1),
        (left + thickness, bottom - high - thickness),
    ]
    fits = [(min(max(x, 0), width - wide), y) for x, y in corners if 0 <= y <= height - high]
    fits = fits or [(min(max(left, 0), width - wide), min(max(top, 0), height - high))]
    areas = [(x, y, x + wide, y + high) for x, y in fits]
    area = min(areas, key=lambda one: sum(_shared(one, label.area) for label in earlier))
    return _Label(text, font, fill, area, (area[0] + pad, area[1] + (high - ascent - descent) / 2))


def text_size(width: int, height: int) -> int:
    """The height of label text in pixels for an image of this size."""
    return max(12, round(0.026 * math.sqrt(width * height)))


def _drawable(label: str, class_id: int) -> str:
    """A label, with the class id in place of the words that no font can draw."""
    if fonts.covering(label):
        return label
    return " ".join([f"#{class_id}", *(word for word in label.split() if fonts.covering(word) == fonts.usual())])


def _fitted(text: str, size: int, room: int) -> tuple[str, ImageFont.FreeTypeFont, int]:
    """`text`, on one line, fitted into `room` pixels by a smaller font, then by cutting: the text, font and width."""
    text = clean(text)[:_LONGEST_TEXT]
    while size > _SMALLEST_TEXT and fonts.load(text, size).getlength(text) > room:
        size -= 1
    font, cut = fonts.load(text, size), text
    while len(cut) > 1 and font.getlength(cut) > room:
        text = text[:-1]
        cut = text.rstrip() + "…"
    return cut, font, math.ceil(font.getlength(cut))


def _pixels(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom pixel of a box, inside the image and at least one pixel in size."""
    ymin, xmin, ymax, xmax = np.clip(box, 0.0, 1.0)
    left = min(round(xmin * width), width - 1)
    top = min(round(ymin * height), height - 1)
    return left, top, max(left, round(xmax * width) - 1), max(top, round(ymax * height) - 1)


def _grown(corner: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    return corner[0] - by, corner[1] - by, corner[2] + by, corner[3] + by


def _shared(first: tuple[int, int, int, int], second: tuple[int, int, int, int]) -> int:
    """The pixels that two areas share."""
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return max(wide, 0) * max(high, 0)


def _contrast(fill: Colour) -> Colour:
    """Black or white, whichever has the higher contrast ratio to `fill` (WCAG 2.1, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in fill)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _DARK if (luminance + 0.05) ** 2 > 0.05 * 1.05 else _LIGHT


def _from_oklch(lightness: float, chroma: float, hue: float) -> Colour:
    """Björn Ottosson's OKLCH (https://bottosson.github.io/posts/oklab/) as 8-bit sRGB, clipped to its gamut."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (_srgb(min(max(value, 0.0), 1.0)) for value in linear)
    return red, green, blue


def _srgb(linear: float) -> int:
    value = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * value)
