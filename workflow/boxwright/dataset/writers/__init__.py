"""Annotation formats that `boxwright convert` writes: each module writes a whole data set into a folder.

A module has

    write(folder: Path, samples: Sequence[Sample]) -> str | None

        Write the annotations of all images; return a sentence for the user, if there is something to say. Raises
        UserError where names of images do not fit the format.

    EXPRESSED: frozenset[str]

        What the format can say beside classes and places: "difficult", "truncated", "pose", NEGATIVES, and the flags of
        `samples`. What it cannot say is told to the user.

The path that an annotation states for an image is `stated`: from the folder, where the image lies in it.

Nothing here decides what a run makes, so nothing here counts in its code identity.
"""

from pathlib import Path

from boxwright.dataset.samples import Sample

# An image without objects.
NEGATIVES = "negatives"


def stated(folder: Path, one: Sample) -> str:
    """The path of an image that an annotation in a folder states: there two images of one name stay apart."""
    image = Path(one.image)
    return image.relative_to(folder).as_posix() if image.is_relative_to(folder) else one.name
