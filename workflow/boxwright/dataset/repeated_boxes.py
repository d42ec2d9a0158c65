"""Boxes that stay on one place, to the last digit, through many consecutive images.

Tools repeat the last box of a track in this way after the object has gone, for example CVAT in its exports for single
images, where the frame on which the track was ended is deleted. An object that stands still is annotated so too, so
these boxes are only told.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from boxwright.dataset.samples import PlannedSample

# From so many images on it is told.
_LEAST = 20
# What is before, in and behind the last number in a name.
_NUMBER = re.compile(r"(.*?)(\d{1,15})(\D*)", re.DOTALL)
# What is between two boxes and begins the second one's class. No class has it: its quotation marks are escaped.
_BETWEEN = '],["'


def found(samples: Sequence[PlannedSample]) -> Iterator[tuple[str, str]]:
    """The image in which each such box begins, and a clause about it."""
    for series in _series(samples):
        began: dict[str, int] = {}
        for place, sample in enumerate([*series, None]):
            here = set(sample.boxes[3:-2].split(_BETWEEN)) if sample is not None and sample.classes else set()
            for box in sorted(began.keys() - here):
                if place - began[box] >= _LEAST:
                    yield series[began[box]].name, _told(box, place - began[box], series[place - 1].name)
            began = {box: began.get(box, place) for box in here}


def _series(samples: Sequence[PlannedSample]) -> Iterator[list[PlannedSample]]:
    """The images of each run of consecutive numbers that is long enough, in their order."""
    numbered: dict[tuple[str, str], dict[int, PlannedSample]] = defaultdict(dict)
    for sample in samples:
        if match := _NUMBER.fullmatch(sample.name):
            before, number, behind = match.groups()
            numbered[before, behind][int(number)] = sample
    for of in numbered.values():
        run: list[PlannedSample] = []
        last = -1
        for number in sorted(of):
            if number != last + 1:
                if len(run) >= _LEAST:
                    yield run
                run = []
            run.append(of[number])
            last = number
        if len(run) >= _LEAST:
            yield run


def _told(box: str, images: int, last: str) -> str:
    name, *corners = json.loads(f'["{box}]')[:5]
    at = ", ".join([f"{value:.10g}" for value in corners])
    return (
        f"the box {name} [{at}] is the same in {images} images in a row, up to {last}, as a tool writes that goes on "
        "with a track that has ended; it is right if the object stands still"
    )
