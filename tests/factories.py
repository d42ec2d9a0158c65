"""Small photographs and data sets for tests, whole ones and broken ones."""

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box, Sample


def pixels(seed: int = 0, width: int = 64, height: int = 48) -> np.ndarray:
    """A smooth coloured picture with some grain, uint8 [height, width, 3], so that no codec has an easy time."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (5, 6, 3), np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    grain = rng.integers(-12, 13, (height, width, 3))
    return (np.asarray(coarse).astype(int) + grain).clip(0, 255).astype(np.uint8)


def encode(image: np.ndarray | Image.Image, form: str = "JPEG", **options) -> bytes:
    """The file that Pillow writes of an image."""
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    buffer = io.BytesIO()
    picture.save(buffer, format=form, **options)
    return buffer.getvalue()


def photo(seed: int = 0, width: int = 64, height: int = 48, orientation: int | None = None, **options) -> bytes:
    """A JPEG file; the orientation, legal or not, goes into its EXIF."""
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    return encode(pixels(seed, width, height), **options)


def declared(data: bytes, width: int, height: int) -> bytes:
    """A JPEG file whose header declares another size."""
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


def cmyk(seed: int = 0, adobe: bool = True) -> bytes:
    """A JPEG file of four inks; without Adobe's marker they are not inverted."""
    data = encode(Image.fromarray(pixels(seed)).convert("CMYK"))
    if adobe:
        return data
    start = data.index(b"\xff\xee")
    return data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]


def png16(values: np.ndarray) -> bytes:
    """A PNG file of 16 bits per channel, from uint16 [H, W] (gray), [H, W, 2] (with alpha), [H, W, 3] or [H, W, 4]."""
    values = values[..., None] if values.ndim == 2 else values
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


class DataSet:
    """A folder with `images` and `annotations`, filled piece by piece."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images, self.annotations = folder / "images", folder / "annotations"
        self.images.mkdir(parents=True)
        self.annotations.mkdir()

    def image(self, name: str, data: bytes | None = None) -> Path:
        """Write an image file; by default a JPEG that no other name has."""
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(zlib.crc32(name.encode())) if data is None else data)
        return path

    def xml(self, name: str, *boxes: Box, filename: str = "", size: tuple[int, int] = (64, 48)) -> Path:
        """Write an annotation for the image of that name; `filename` is what it states, by default that name."""
        path = (self.annotations / name).with_suffix(".xml")
        stated = filename or Path(name).name
        voc.write(path, filename=stated, width=size[0], height=size[1], boxes=boxes, whole_pixels=False)
        return path

    def sample(self, name: str, *boxes: Box, data: bytes | None = None, **stated) -> None:
        """An image with its annotation, by default with one box of class "cat"."""
        self.image(name, data)
        self.xml(name, *(boxes or (Box("cat", 8, 6, 40, 30),)), **stated)

    def fill(self, count: int, classes: tuple[str, ...] = ("cat", "dog")) -> None:
        """`count` good samples s00.jpg, s01.jpg, ... whose classes take turns."""
        for index in range(count):
            self.sample(f"s{index:02d}.jpg", Box(classes[index % len(classes)], 8, 6, 40, 30))

    def settings(self, **changes) -> dict:
        """The configuration's `dataset` mapping with every default, and the changes."""
        return {
            "demo": False,
            "images": [str(self.images)],
            "annotations": [str(self.annotations)],
            "label_map": None,
            "split": {"eval_fraction": 0.2, "seed": 0, "train": None, "eval": None},
            "shards": {"train": 4, "eval": 1, "test": 1},
            "policies": {},
            "max_pixels": 178_956_970,
            "verify": "headers",
            **changes,
        }


def sample_of(data: DataSet, name: str, *boxes: Box, width: int = 64, height: int = 48) -> Sample:
    """A photograph of a data set as the plan would have it."""
    path = data.image(name, photo(zlib.crc32(name.encode()), width, height))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Sample(name, str(path), sha256, width, height, "jpeg", (), boxes)


# The parts of an SSD without which there is none, beside its feature extractor and its box predictor, in text protobuf.
SSD_PARTS = """image_resizer { fixed_shape_resizer { height: 300 width: 300 } } \
box_coder { faster_rcnn_box_coder {} } matcher { argmax_matcher {} } similarity_calculator { iou_similarity {} } \
anchor_generator { ssd_anchor_generator { aspect_ratios: 1.0 } } \
loss { classification_loss { weighted_sigmoid {} } localization_loss { weighted_smooth_l1 {} } }"""
