"""Images on which boxes were drawn are known again, in whatever folder."""

import io

import numpy as np
import pytest
from PIL import Image
from tests import factories

from boxwright.images import drawn
from boxwright.records.events import _JPEG


def saved(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    drawn.save(picture, file, **options)
    return file.getvalue()


@pytest.mark.parametrize("options", [{}, _JPEG, {"exif": b"Exif\0\0" + b"\1" * 60_000}])
def test_a_drawn_image_has_the_mark_and_the_pixels_are_those_of_an_unmarked_one(options):
    picture = Image.fromarray(factories.pixels(3))
    data = saved(picture, **options)
    assert drawn.is_drawn(data)
    plain = factories.encode(picture, "JPEG", **options)
    assert not drawn.is_drawn(plain)
    np.testing.assert_array_equal(Image.open(io.BytesIO(data)), Image.open(io.BytesIO(plain)))


def test_pillow_keeps_the_mark_when_it_saves_such_an_image_again():
    again = io.BytesIO()
    Image.open(io.BytesIO(saved(Image.fromarray(factories.pixels(3))))).save(again, "JPEG", quality=50)
    assert drawn.is_drawn(again.getvalue())
