"""The demo data set: images of coloured shapes, drawn on the spot, with annotations as labelImg writes them.

It lets the whole workflow run without any download. A small detector learns it within minutes because each shape
is whole, stands out from its background, and is mostly visible.
"""

import colorsys
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from boxwright.console.progress import track
from boxwright.core import disk
from boxwright.core.errors import UserError
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box

SIZES = ((256, 192), (288, 216), (320, 240))
EMPTY_EVERY = 10
MAX_OBJECTS = 6
# Longer side of an object's box over the shorter side of the image: smallest, most frequent, largest.
OBJECT_SIDE = (0.06, 0.22, 0.60)
MAX_IOU = 0.4
MIN_VISIBLE = 0.7
# Least distance of an object's colour from every colour that it is drawn on, in RGB units of 0 to 255.
MIN_CONTRAST = 110.0
ATTEMPTS = 60
SUPERSAMPLING = 4
# A pixel belongs to a shape that covers at least half of it (0 to 255).
COVERED = 128
JPEG_QUALITY = 88

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Shape:
    """A drawn object. mask: bool [height, width] of the box, the pixels that it covers, even if another hides them."""

    box: Box
    colour: Colour
    mask: np.ndarray

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the box lies in an array [height, width] of the image."""
        xmin, ymin, xmax, ymax = map(int, self.box.corners)
        return slice(ymin, ymax), slice(xmin, xmax)


def draw(folder: str | os.PathLike, images: int = 300, seed: int = 0) -> None:
    """Draw this number of images into folder/images, and write their annotations into folder/annotations.

    The bytes depend only on `seed` (and Pillow's version); an image does not depend on the number of images. The
    folder appears whole or not at all. Raises UserError if it already exists and is not empty.
    """
    folder = Path(folder)
    if disk.is_taken(folder):
        raise UserError(f"{folder} already exists. Delete it to draw the demo images again.")
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for part in ("images", "annotations"):
            (temporary / part).mkdir(parents=True)
        for number in track(range(images), label="Drawing the demo images", unit="images"):
            name = f"shapes_{number:04d}.jpg"
            image, shapes = paint(seed, number)
            image.save(temporary / "images" / name, quality=JPEG_QUALITY)
            voc.write(
                temporary / "annotations" / f"shapes_{number:04d}.xml",
                filename=name,
                width=image.width,
                height=image.height,
                boxes=[shape.box for shape in shapes],
            )
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def paint(seed: int, number: int) -> tuple[Image.Image, list[Shape]]:
    """Image `number` of the set and its objects in the order in which they were drawn, the lowest first."""
    rng = np.random.default_rng([seed, number])
    image, behind = background(rng, SIZES[rng.integers(len(SIZES))])
    wanted = 0 if number % EMPTY_EVERY == EMPTY_EVERY - 1 else 1 + int(rng.binomial(MAX_OBJECTS - 1, 0.4))
    shapes: list[Shape] = []
    top = np.full((image.height, image.width), -1, np.int8)  # the visible object at each pixel
    for _ in range(wanted):
        for _ in range(ATTEMPTS):
            name = CLASSES[rng.integers(len(CLASSES))]
            outer, inner = _stencils(rng, name, rng.triangular(*OBJECT_SIDE) * min(image.size))
            x, y = (int(rng.integers(1, room - side)) for room, side in zip(image.size, outer.size, strict=True))
            box = Box(name, float(x), float(y), float(x + outer.width), float(y + outer.height))
            shape = Shape(box, _vivid(rng), np.asarray(outer) >= COVERED)
            if _fits(shape, shapes, behind, top):
                top[shape.window][shape.mask] = len(shapes)
                shapes.append(shape)
                image.paste(shape.colour, (x, y), outer)
                image.paste(_lighter(shape.colour), (x, y), inner)
                break
    return image, shapes


def _fits(shape: Shape, others: list[Shape], behind: list[Colour], top: np.ndarray) -> bool:
    """Whether `shape` may be drawn over `others`: right size, small overlap, good contrast, no other mostly hidden."""
    if not OBJECT_SIDE[0] <= max(shape.mask.shape) / min(top.shape) <= OBJECT_SIDE[2]:
        return False
    overlaps = [iou(shape.box, other.box) for other in others]
    if max(overlaps, default=0.0) > MAX_IOU:
        return False
    touched = [other.colour for other, overlap in zip(others, overlaps, strict=True) if overlap > 0]
    if any(math.dist(shape.colour, colour) < MIN_CONTRAST for colour in [*behind, *touched]):
        return False
    hidden = np.bincount(top[shape.window][shape.mask] + 1, minlength=len(others) + 1)[1:]
    return all(
        np.count_nonzero(top == i) - hidden[i] >= MIN_VISIBLE * other.mask.sum()
        for i, other in enumerate(others)
        if hidden[i]
    )


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(a.xmax, b.xmax) - max(a.xmin, b.xmin)
    height = min(a.ymax, b.ymax) - max(a.ymin, b.ymin)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = [(box.xmax - box.xmin) * (box.ymax - box.ymin) for box in (a, b)]
    return both / (sum(areas) - both)


def _regular(corners: int, turn: float = 0.0) -> np.ndarray:
    """float [corners, 2]: a regular polygon on the unit circle, its first corner at the top."""
    angles = np.arange(corners) * (2 * np.pi / corners) - np.pi / 2 + turn
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _star() -> np.ndarray:
    points = _regular(10)
    points[1::2] *= 0.45
    return points


# Outline of each class, and its largest rotation to either side (degrees).
OUTLINES = {
    "circle": (_regular(72), 0.0),
    "square": (_regular(4, np.pi / 4), 18.0),
    "star": (_star(), 36.0),
    "triangle": (_regular(3), 25.0),
}
CLASSES = tuple(OUTLINES)


def _stencils(rng: np.random.Generator, name: str, side: float) -> tuple[Image.Image, Image.Image]:
    """Coverage ("L", 0 to 255) of a shape whose longer side is `side` pixels, and of the lighter field inside it.

    Both are cropped to the pixels that the shape covers at least by half, so that a box of this size is tight.
    """
    outline, limit = OUTLINES[name]
    turn = math.radians(rng.uniform(-limit, limit))
    points = outline @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    scale = side / np.ptp(points, axis=0).max()
    canvas = math.ceil(side) + 2

    def stencil(shrink: float) -> Image.Image:
        large = Image.new("L", (canvas * SUPERSAMPLING,) * 2)
        corners = ((points * shrink - centre) * scale + canvas / 2) * SUPERSAMPLING
        ImageDraw.Draw(large).polygon(corners.ravel().tolist(), fill=255)
        return large.reduce(SUPERSAMPLING)

    outer = stencil(1.0)
    covered = outer.point([0] * COVERED + [255] * (256 - COVERED)).getbbox()
    return outer.crop(covered), stencil(0.74).crop(covered)


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * channel) for channel in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))
    return red, green, blue


def _vivid(rng: np.random.Generator) -> Colour:
    return _hsv(rng.uniform(), rng.uniform(0.6, 1.0), rng.uniform(0.6, 1.0))


def _lighter(colour: Colour) -> Colour:
    red, green, blue = (round(channel + 0.22 * (255 - channel)) for channel in colour)
    return red, green, blue


def background(rng: np.random.Generator, size: tuple[int, int]) -> tuple[Image.Image, list[Colour]]:
    """A textured image that blends two muted tones; the two tones and their middle."""
    hue, saturation, value = rng.uniform(), rng.uniform(0.05, 0.35), rng.uniform(0.25, 0.95)
    step = rng.uniform(0.12, 0.25) * (1 if value < 0.6 else -1)
    dark, light = (
        _hsv(hue, saturation, value),
        _hsv(hue + rng.uniform(-0.12, 0.12), saturation * rng.uniform(0.5, 1.2), value + step),
    )
    pattern = TEXTURES[rng.integers(len(TEXTURES))](rng, size)
    grain = rng.integers(-22, 23, pattern.shape, np.int16)
    blend = Image.fromarray(np.clip(pattern + grain, 0, 255).astype(np.uint8))
    image = Image.composite(Image.new("RGB", size, light), Image.new("RGB", size, dark), blend)
    middle = tuple((a + b) // 2 for a, b in zip(dark, light, strict=True))
    return image, [dark, middle, light]


def _clouds(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    layers = np.zeros(size[::-1], np.float32)
    for cells, weight in ((4, 0.6), (12, 0.3), (32, 0.1)):
        spots = rng.integers(0, 256, (cells * 3 // 4, cells), np.uint8)
        layers += weight * np.asarray(Image.fromarray(spots).resize(size, Image.Resampling.BICUBIC), np.float32)
    return np.clip((layers - 128) * 1.6 + 128, 0, 255).astype(np.int16)


def _across(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """float [height, width]: pixels along a random direction."""
    angle = rng.uniform(0, np.pi)
    x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    return (x * math.cos(angle))[None, :] + (y * math.sin(angle))[:, None]


def _slope(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    along = _across(rng, size)
    return ((along - along.min()) * (255 / np.ptp(along))).astype(np.int16)


def _stripes(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    return (127.5 + 110 * np.sin(_across(rng, size) * np.float32(2 * np.pi / rng.uniform(9, 30)))).astype(np.int16)


def _weave(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    period = rng.uniform(8, 20)
    x, y = (np.sin(np.arange(length, dtype=np.float32) * (2 * np.pi / period)) for length in size)
    return (127.5 + 110 * x[None, :] * y[:, None]).astype(np.int16)


def _ripples(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    x, y = (np.arange(length, dtype=np.float32) + rng.uniform(0.3, 1.0) * length for length in size)
    distance = np.hypot(x[None, :], y[:, None])
    return (127.5 + 110 * np.sin(distance * np.float32(2 * np.pi / rng.uniform(14, 40)))).astype(np.int16)


TEXTURES: tuple[Callable[[np.random.Generator, tuple[int, int]], np.ndarray], ...] = (
    _clouds,
    _clouds,
    _slope,
    _stripes,
    _weave,
    _ripples,
)
