"""What the gate passes is small enough for every later stage."""

import io
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
from PIL import Image

from boxwright.images import headers, loader, sizes


def png(width, height):
    stream = io.BytesIO()
    Image.new("L", (width, height), 200).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


@pytest.mark.parametrize("turned", [False, True])
def test_the_longest_side_is_one_that_later_stages_take(turned):
    import tensorflow as tf

    size = (1, sizes.MOST_SIDE) if turned else (sizes.MOST_SIDE, 1)
    data = png(*size)
    assert sizes.too_large(headers.probe(data), headers.MAX_PIXELS) == ""
    pixels = loader.load_rgb(data)
    assert tf.io.decode_png(data, channels=3).shape == pixels.shape == (*size[::-1], 3)
    Image.fromarray(pixels).save(io.BytesIO(), "JPEG")
    longer = tuple(side + (side > 1) for side in size)
    assert sizes.too_large(headers.probe(png(*longer)), headers.MAX_PIXELS) == (
        f"{longer[0]}x{longer[1]} has a side of 65,501 pixels, and at most 65,500 are taken"
    )


def test_the_number_of_pixels_counts_too():
    info = headers.ImageInfo("png", 4000, 4001)
    assert "are 16,004,000 pixels" in sizes.too_large(info, 16_000_000)
    assert sizes.too_large(info, 16_004_000) == ""
