"""How many images, and how many looks at each of them, a detector needs at least, in words."""

import math

from boxwright.core.counts import plural
from boxwright.core.least import IMAGES_TO_MEASURE

# How often a training usually shows each image, and the limits of its steps. From random weights it takes so many times
# as many, and at least so many.
TIMES, FEWEST_STEPS, MOST_STEPS = 50, 1000, 20_000
SCRATCH, FEWEST_FROM_SCRATCH = 3, 1500
# With fewer looks at each image, and fewer steps than usual, what a detector lacks most is time; with so few steps it
# does however few images there are, and from random weights with `SCRATCH` times as many.
_LEAST_TIMES, _LEAST_STEPS = 8, 100
# Fewer images train no detector that is useful on others.
_LEAST_TO_LEARN = 10


def usual_steps_within_limits(images: int, batch: int, scratch: bool) -> int:
    """The number of steps that a training on so many images usually takes."""
    return min(max(round_number(usual_steps(images, batch, scratch)), fewest_steps(scratch)), MOST_STEPS)


def round_number(steps: float) -> int:
    """A number near a number of steps, as people write it: with two digits and zeros."""
    unit = 10 ** max(math.floor(math.log10(max(steps, 1))) - 1, 0)
    return round(steps / unit) * unit


def fewest_steps(scratch: bool) -> int:
    """The number of steps below which new layers do not settle, however few images there are."""
    return FEWEST_FROM_SCRATCH if scratch else FEWEST_STEPS


def usual_steps(images: int, batch: int, scratch: bool) -> int:
    """The number of steps that a training on so many images usually takes, without regard to its limits."""
    return math.ceil(TIMES * (SCRATCH if scratch else 1) * images / batch)


def too_few_steps(steps: int, batch: int, images: int, scratch: bool) -> str:
    """That a training is too short to learn its images well, a clause; "" if it is not."""
    times, least = steps * batch / images, _LEAST_STEPS * (SCRATCH if scratch else 1)
    if steps >= least and (times >= _LEAST_TIMES or steps >= FEWEST_STEPS):
        return ""
    if times >= _LEAST_TIMES:
        which = " and from random weights" if scratch else ""
        are = "is" if steps == 1 else "are"
        return f"{plural(steps, 'step')} {are} too few to learn well, with any number of images{which}"
    shown = f"each of the {images:,} training images {round(times, 1):g} times"
    if images == 1:
        shown = f"the only training image {plural(round(times), 'time')}"
    elif times < 1:
        shown = f"only {steps * batch:,} of the {images:,} training images"
    show = "shows" if steps == 1 else "show"
    return f"{plural(steps, 'step')} with {plural(batch, 'image')} each {show} {shown}, too little to learn well"


def too_few_images(train: int, evaluation: int) -> str:
    """That the images are too few to learn from or to measure with, a clause; "" if they are not."""
    few = [f"{plural(train, 'image')} to learn from"] * (train < _LEAST_TO_LEARN)
    few += [f"{plural(evaluation, 'image')} to measure with"] * (evaluation < IMAGES_TO_MEASURE)
    if not few:
        return ""
    useless = "do not tell how good a detector is"
    if train < _LEAST_TO_LEARN:
        useless = "train no detector that is useful on other images"
    return f"there {'is' if few[0].startswith('1 ') else 'are'} only {' and '.join(few)}, and so few {useless}"
