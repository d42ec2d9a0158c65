"""Which images train and which measure, where the source of the annotations says so, or lists in the folder do."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.wording import after_colon, few, plural, without_a_box
from boxwright.dataset import gate, split, stated_split
from boxwright.dataset.samples import PlannedSample
from boxwright.dataset.split import EVAL, SIDES, TEST, TRAIN, WORDS

# Names of lists of images, and the share of the images that they have to name.
_LISTS = {TRAIN: ("train.txt", "trainval.txt"), EVAL: ("eval.txt", "val.txt", "valid.txt", "test.txt")}
_TEST_LIST = "test.txt"
_NEARLY = 0.9


class Sides(NamedTuple):
    """The sides that are stated.

    counts: the number of images on each; none where chance has to divide them. lists: their paths by side, if they
    state it. copies: whether images with the same bytes are on several sides. unused: sentences about what states
    sides and cannot be used.
    """

    counts: Mapping[str, int] = MappingProxyType({})
    lists: Mapping[str, str] = MappingProxyType({})
    copies: bool = False
    unused: tuple[str, ...] = ()


def find(folder: str, passed: gate.Passed, images: Sequence[str]) -> Sides:
    """The sides that the source states of every image or, if it does not, those of lists in the folder.

    images: the names of all images in the folder.
    """
    stated = _of_source(passed)
    if stated:
        if not (why := _lacking(stated, passed.samples)):
            return _used(stated, passed.samples)
        return Sides(unused=(f"The sides that the source states are not used: {why}.",))
    refused: dict[Path, str] = {}
    for lists in _lists(folder):
        place = Path(lists[TRAIN]).parent
        of, why = _of_lists(lists, passed.samples, images)
        if not why:
            return _used(of, passed.samples, lists, tuple(filter(None, [refused.get(place)])))
        names = few([Path(path).name for path in lists.values()])
        refused.setdefault(place, f"Lists in {place} ({names}) are not used: {why}.")
    return Sides(unused=tuple(refused.values()))


def _of_source(passed: gate.Passed) -> dict[str, str]:
    """The side that the source states, by image; empty if it does not say it of every image."""
    stated = {sample.name: passed.sides.get(sample.name, "") for sample in passed.samples}
    try:
        return stated_split.settled(stated)[0] if all(stated.values()) else {}
    except UserError:  # one side alone
        return {}


def _lists(folder: str) -> Iterator[dict[str, str]]:
    """The lists that lie together, by side: those that have a side of test images first."""
    for train in sorted(path for name in _LISTS[TRAIN] for path in Path(folder).rglob(name)):
        beside = [train.with_name(name) for name in _LISTS[EVAL] if train.with_name(name).is_file()]
        pairs = [{TRAIN: str(train), EVAL: str(one)} for one in beside]
        tests = [one for one in beside if one.name == _TEST_LIST]
        yield from (pair | {TEST: str(tests[0])} for pair in pairs if tests and pair[EVAL] != str(tests[0]))
        yield from pairs


def _of_lists(
    lists: Mapping[str, str], samples: Sequence[PlannedSample], images: Sequence[str]
) -> tuple[dict[str, str], str]:
    """The side of each sample that lists name, and why they cannot be used, "" if they can."""
    try:
        listed = split.from_lists(lists, images)
    except split.ListsError as error:  # lists of something else
        first, *others = error.mistakes
        more = f", and {plural(len(others), 'more mistake')}" if others else ""
        return {}, f"{first}{more}"
    sides = {sample.name: listed[sample.name] for sample in samples if sample.name in listed}
    if len(sides) < _NEARLY * len(samples):
        return {}, f"they name {len(sides)} of {len(samples)} annotated images"
    return sides, _lacking(sides, samples, lists)


def _lacking(sides: Mapping[str, str], samples: Sequence[PlannedSample], wanted: Iterable[str] = ()) -> str:
    """Why no detector can be trained and measured with these sides; "" if one can."""
    needed = {TRAIN, EVAL, *wanted, *sides.values()}
    for side, of in _by_side(sides, samples).items():
        if side in needed and not any(sample.classes for sample in of):
            image = f"{WORDS[side]} image"
            return after_colon(without_a_box(len(of), image)) if of else f"no {image} is left"
    return ""


def _by_side(sides: Mapping[str, str], samples: Sequence[PlannedSample]) -> dict[str, list[PlannedSample]]:
    """The samples of each side: of those with the same bytes, the ones on the last side that has one.

    As a run leaves them with the policy `drop_image` for `duplicate_across_split`.
    """
    listed = [sample for sample in samples if sample.name in sides]
    last: dict[str, str] = {}
    for side in SIDES:
        last |= {sample.sha256: side for sample in listed if sides[sample.name] == side}
    return {side: [sample for sample in listed if sides[sample.name] == side == last[sample.sha256]] for side in SIDES}


def _used(
    sides: Mapping[str, str],
    samples: Sequence[PlannedSample],
    lists: Mapping[str, str] = MappingProxyType({}),
    unused: tuple[str, ...] = (),
) -> Sides:
    counts = {side: len(of) for side, of in _by_side(sides, samples).items() if of}
    return Sides(counts, lists, sum(counts.values()) < len(sides), unused)
