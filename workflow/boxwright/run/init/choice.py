"""Chooses a detector, a batch and a number of steps for what was found, each with its reason."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from google.protobuf.message import Message

from boxwright.core.wording import plural
from boxwright.dataset import enough
from boxwright.dataset.enough import MOST_STEPS
from boxwright.dataset.samples import Sample
from boxwright.dataset.split import EVAL, TRAIN
from boxwright.pipeline import overrides, text
from boxwright.run import anchor_facts
from boxwright.run.config_file import SCHEMA
from boxwright.run.init.data import FolderFacts
from boxwright.run.init.machine import Machine
from boxwright.zoo import catalogue, fetch

PIPELINES = SCHEMA.parents[2] / "config" / "pipelines"
# Shares of the images that measure, and the number of images that is enough for that.
_EVAL, _ENOUGH = 0.2, 500
_LEAST_EVAL = 0.05
# A training on a CPU ends within so many hours.
_CPU_HOURS = 3
# Checkpoints of a training: each is measured, and the best one is exported.
_CHECKPOINTS = 5
# Objects below this share of the image's side need a larger input than 300 pixels, those below the other one stay hard.
_SMALL, _TINY = 0.1, 0.04
# Beyond so many processors, more of them hardly help.
_USEFUL_PROCESSORS = 8
# Seconds of a whole run beside training and evaluation: records, exports, figures.
_BESIDE_S = 120
# A first run that takes more minutes than this is not chosen for the anchors' sake, which promises no higher accuracy.
_LONG = 90
# An image is evaluated in about half of the time that a step takes for it.
_EVALUATION = 0.5


class Candidate(NamedTuple):
    """A detector that a configuration may start from.

    title: in words. template: below config/pipelines. zoo: the weights to start from, "" for none. side: of the input,
    in pixels. batch: images in a step. step_s: seconds for a step on a CPU with two cores, None for one
    that is for GPUs. overrides: of the template.
    """

    title: str
    template: str
    zoo: str
    side: int
    batch: int
    step_s: float | None
    overrides: Mapping[str, int] = MappingProxyType({})


_RESIZER = "model.ssd.image_resizer.fixed_shape_resizer"
_AT_640 = {f"{_RESIZER}.height": 640, f"{_RESIZER}.width": 640}

# Seconds: `benchmarks/train_step.py`, the first by itself, the others by the ratio of their processor seconds to it
# (FPNLite at 320x320 with 8 images: 1.4; four times the pixels of half as many images take twice that).
FAST = Candidate(
    "SSD MobileNet v1 at 300x300", "ssd_mobilenet_v1.config", "ssd_mobilenet_v1_coco_2018_01_28", 300, 8, 0.5
)
FINE = Candidate(
    "SSD MobileNet v2 FPNLite at 640x640",
    "ssd_mobilenet_v2_fpnlite_320.config",
    "ssd_mobilenet_v2_fpnlite_640x640_coco17_tpu-8",
    640,
    4,
    1.4,
    _AT_640,
)
STRONG = Candidate(
    "SSD ResNet-50 FPN (RetinaNet) at 640x640",
    "ssd_resnet50_v1_fpn_320.config",
    "ssd_resnet50_v1_fpn_640x640_coco17_tpu-8",
    640,
    8,
    None,
    _AT_640,
)
# Without weights, for large and for small objects.
FROM_SCRATCH = Candidate("SSD MobileNet v2 at 300x300", "ssd_mobilenet_v2.config", "", 300, 8, 0.5)
FINE_FROM_SCRATCH = FINE._replace(zoo="")


class Choice(NamedTuple):
    """What is trained, how long, and why.

    eval_fraction: 0 where the source states the sides. minutes: of the whole run; None where it was never measured.
    reasons: by key of the configuration.
    """

    detector: Candidate
    eval_fraction: float
    num_steps: int
    checkpoint_every: int
    gpus: int
    minutes: float | None
    reasons: dict[str, str]


def choose(found: FolderFacts, here: Machine, eval_fraction: float = 0.0) -> Choice:
    """A detector that fits, and how to train it. `eval_fraction` is the share that measures, 0 for the usual one."""
    detector, why = _detector(found, here)
    start, lacking = _start(detector)
    if lacking:
        detector, why = _by_size(found, FROM_SCRATCH, FINE_FROM_SCRATCH)
        why = f"it also learns from random weights; {why}"
    if found.small < _TINY:
        remedy = "" if here.has_gpu else ", or a GPU and a larger input"
        why += f". The smallest ones will still be missed: images cut into tiles would help{remedy}"
    reasons = {"detector": why, "checkpoint": start}
    sides = found.sides.counts
    fraction = 0.0 if sides else eval_fraction or _fraction(found.images)
    train = sides.get(TRAIN) or max(round(found.images * (1 - fraction)), 1)
    step_s = None
    if detector.step_s is not None and not here.has_gpu:
        step_s = detector.step_s * 2 / min(max(here.processors, 1), _USEFUL_PROCESSORS)
    steps, reasons["num_steps"] = _steps(train, detector, step_s)
    every = max(enough.round_number(steps / _CHECKPOINTS), 1)
    minutes = None
    if step_s is not None:
        images = (sides.get(EVAL) or found.images - train) * math.ceil(steps / every)
        minutes = (steps * step_s + images * step_s / detector.batch * _EVALUATION + _BESIDE_S) / 60
    if found.missed and minutes and minutes > _LONG:
        quicker = choose(found._replace(missed=""), here, eval_fraction)
        after = (
            f". But {_few_match(quicker.detector, found)}: if those objects matter, try {detector.title}, for which a "
            f"whole run takes about {duration(minutes)}"
        )
        quicker.reasons["detector"] += after
        return quicker
    size = f"{detector.batch} of {detector.side}x{detector.side}"
    reasons["batch_size"] = f"as in the trials of the template; more images need more memory ({size})"
    return Choice(detector, fraction, steps, every, int(here.has_gpu), minutes, reasons)


def missed(detector: Candidate, samples: Sequence[Sample]) -> str:
    """That a detector's anchors match too few boxes, as a run judges it, and those of a larger input enough; a clause.

    It is "" where a larger input would not help, or is chosen already.
    """
    if detector.side >= FINE.side:
        return ""
    told = anchor_facts.missed(_configured(detector), samples)
    return "" if told and anchor_facts.missed(_configured(FINE), samples) else told


def _configured(detector: Candidate) -> Message:
    """The template of a detector with its overrides."""
    config = text.read(PIPELINES / detector.template)
    overrides.apply(config, detector.overrides)
    return config


def _detector(found: FolderFacts, here: Machine) -> tuple[Candidate, str]:
    """The detector that fits where its weights can be had, and why."""
    if here.has_gpu:
        return STRONG, f"there is a GPU ({here.gpus[0].partition(',')[0]}), and {_smaller(found)}"
    return _by_size(found, FAST, FINE)


def _by_size(found: FolderFacts, fast: Candidate, fine: Candidate) -> tuple[Candidate, str]:
    """One of two detectors, with a small or a larger input, by the size of the objects and the anchors, and why."""
    if found.missed:
        return fine, _few_match(fast, found)
    if found.small >= _SMALL:
        over = f"nine of ten objects are over {share(found.small)} of the image's side"
        return fast, f"{over}, so a small input shows them"
    shown = found.small * fast.side
    pixels = f"{shown:.0f}" if shown >= 2 else f"{shown:.1f}"
    return fine, f"{_smaller(found)}, so {pixels} pixels of a {fast.side}x{fast.side} input; at 640x640 twice as many"


def _few_match(detector: Candidate, found: FolderFacts) -> str:
    return f"at {detector.side}x{detector.side} {found.missed}"


def _smaller(found: FolderFacts) -> str:
    return f"a tenth of the objects is below {share(found.small)} of the image's side"


def duration(minutes: float) -> str:
    """Minutes in words, from an hour and a half as hours."""
    if minutes < 90:
        return plural(max(round(minutes), 1), "minute")
    return f"{minutes / 60:.1f} hours"


def share(part: float) -> str:
    """A share of the image's side as a percentage; those of tiny objects are not 0%."""
    return f"{part:.0%}" if part >= 0.02 else f"{part:.2%}"


def _start(detector: Candidate) -> tuple[str, bool]:
    """What a training starts from and why, and whether that is random weights, as the detector's cannot be had."""
    entry = catalogue.find(detector.zoo)
    if fetch.is_here(entry):
        return "already downloaded; trained on COCO, so a few hundred images are enough", False
    reason = fetch.unreachable(entry)
    if not reason:
        return "downloaded once; trained on COCO, so a few hundred images are enough", False
    why = (
        f"the weights of {detector.title} cannot be downloaded now ({reason}), so it starts from random ones, "
        f"which needs more images and steps. Better: get resources/zoo/{detector.zoo}.tar.gz in another way "
        '(config/README.md, "The model zoo") and run init again'
    )
    return why, True


def _fraction(images: int) -> float:
    """The share of images that measures."""
    return max(min(_EVAL, round(_ENOUGH / images, 2)), _LEAST_EVAL) if images else _EVAL


def _steps(train: int, detector: Candidate, step_s: float | None) -> tuple[int, str]:
    """The number of steps, and why."""
    times = 1 if detector.zoo else enough.SCRATCH
    wanted = enough.usual_steps(train, detector.batch, scratch=not detector.zoo)
    most = MOST_STEPS if step_s is None else min(MOST_STEPS, round(_CPU_HOURS * 3600 / step_s))
    least = min(enough.fewest_steps(scratch=not detector.zoo), most)
    steps = max(enough.round_number(min(max(wanted, least), most)), 1)
    epochs = steps * detector.batch / train
    why = f"{plural(train, 'training image')} are shown {epochs:.0f} times each"
    if wanted < least:
        why += "; with fewer steps the new layers do not settle"
    elif wanted > most:
        limit = f"{_CPU_HOURS} hours" if step_s is not None and most < MOST_STEPS else f"{MOST_STEPS:,} steps"
        why += f"; {enough.TIMES * times} times would take over {limit}, so set more if you have the time"
    return steps, why
