"""Whether images were made smaller after they were annotated, so that the boxes are pixels of the stated size.

The stated size alone does not tell: some tools state a wrong one beside boxes that are right. A box that lies beyond
the image and within the stated size does, and it tells it of all images that are smaller in the same ratio of sides.
"""

from collections.abc import Iterable

from boxwright.dataset.annotation_facts import AnnotationFacts
from boxwright.dataset.orientation import Size, fits
from boxwright.dataset.statements import NORMALISED, Statement
from boxwright.images import exif
from boxwright.images.headers import ImageInfo


def is_smaller(size: Size, stated: Size) -> bool:
    """Whether an image has the sides of the stated size in the same ratio, to a pixel, and is smaller."""
    (width, height), (across, down) = size, stated
    if not (width < across and height < down):
        return False
    return min(abs(width * down / across - height), abs(height * across / down - width)) <= 1


def evidence(pairs: Iterable[tuple[ImageInfo, AnnotationFacts]]) -> bool:
    """Whether an image of a data set, by its headers and its statement, was made smaller for certain."""
    return any(not info.problem and _is_certain(info, said) for info, said in pairs)


def _is_certain(info: ImageInfo, said: AnnotationFacts | Statement) -> bool:
    if said.unit == NORMALISED or (said.width, said.height) == (info.width, info.height):
        return False
    size, stated = exif.upright_size(info.width, info.height, info.orientation), (said.width, said.height)
    if not is_smaller(size, stated):
        return False
    statement = said.statement()
    return not fits(statement, size) and fits(statement, stated)
