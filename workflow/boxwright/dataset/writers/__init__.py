"""Annotation formats that `boxwright convert` writes: each module writes a whole data set into a folder.

A module has

    write(folder: Path, samples: Sequence[Sample]) -> None

        Write the annotations of all images. Raises UserError where names of images do not fit the format.

    EXPRESSED: frozenset[str]

        What the format can say beside classes and places: "difficult", "truncated", "pose", NEGATIVES, and the flags of
        `samples`. What it cannot say is told to the user.

Nothing here decides what a run makes, so nothing here counts in its code identity.
"""

# An image without objects.
NEGATIVES = "negatives"
