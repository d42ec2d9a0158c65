"""What there is in a folder: images, the format of their annotations, classes, and how large the objects are."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from boxwright.catalog import formats
from boxwright.core.errors import UserError
from boxwright.core.wording import without_a_box
from boxwright.dataset import gate, grouping, sources, summary
from boxwright.dataset.defects import DEFECTS, FAIL, Case
from boxwright.dataset.samples import PlannedSample, boxes_from_json
from boxwright.run.init import sides
from boxwright.run.init.sides import Sides

# Formats whose images are the frames of videos.
_VIDEOS = ("mot",)
# The share of objects that is smaller than `FolderFacts.small`.
_SMALL = 0.1
# A policy that is never chosen: it would leave images out whose annotations are there.
_NEVER = "annotation_ambiguous"
# The defect of images with the same bytes on several sides of a split.
_COPIES = "duplicate_across_split"


class FolderFacts(NamedTuple):
    """What was found in a folder.

    folder: as given. key: of the format of the annotations; reading: what it is and was recognised by; others: formats
    that are there too and were not chosen, each with an example.
    images, unused, negatives: numbers of images that are used, that are not, and without objects. boxes: their number.
    classes: by name the number of boxes, the most frequent first. size: median width and height of the images. small,
    usual: the size of the smaller objects and of the median one, as shares of the image's side: the root of the share
    of the image's area. fullest: boxes in the fullest image.
    policies: by defect that would stop a run, the policy that does not. cases: what the checks found. sides: those of
    a split that are stated. group_by: what keeps images on one side of a split by chance, "" if nothing. one_scene:
    whether near-duplicates cannot stay on one side, since then the other one would have no objects. named: sentences
    about the files with the names of the classes. missed: that the anchors of a small input match too few boxes, and
    those of a larger one enough, a clause; else "".
    """

    folder: str
    key: str
    reading: str
    others: tuple[str, ...]
    images: int
    unused: int
    negatives: int
    boxes: int
    classes: dict[str, int]
    size: tuple[int, int]
    small: float
    usual: float
    fullest: int
    policies: dict[str, str]
    cases: tuple[Case, ...]
    sides: Sides = Sides()
    group_by: str = ""
    one_scene: bool = False
    named: tuple[str, ...] = ()
    missed: str = ""

    @property
    def defects(self) -> list[str]:
        """A line for each kind of defect."""
        return summary.of_cases(self.cases)


def look(folder: str) -> FolderFacts:
    """What there is in a folder. Raises UserError if there are no annotated images."""
    gate.require_places([folder])
    images, listed = sources.listings([sources.Source((folder,), (folder,))])
    seen = sources.readings(listed.files())
    keys = sorted(seen, key=lambda one: one != formats.VOC.key) or [formats.AUTO]
    tolerant = {
        name: next(policy for policy in defect.policies if policy != FAIL)
        for name, defect in DEFECTS.items()
        if (defect.policies[0] == FAIL or defect.few) and name != _NEVER
    }
    passed, mistakes = {}, []
    for key in keys:
        try:
            passed[key] = gate.check([folder], [folder], key, tolerant, asks_sides=True)
        except UserError as error:
            mistakes.append(error)
    if not passed:
        raise mistakes[0]
    # Two formats of one data set are never added up: the one that says most is taken, of equals Pascal VOC.
    key = max(passed, key=lambda one: sum(len(sample.classes) for sample in passed[one].samples))
    about = formats.by_key()
    others = [f"{about[one].name} (`{one}`), such as {seen[one][1]}" for one in seen if one != key]
    facts = _facts(folder, formats.VOC.key if key == formats.AUTO else key, passed[key], others, tolerant)
    found = sides.find(folder, passed[key], [file.relative for file in images.files()])
    if found.copies:
        facts.policies[_COPIES] = tolerant[_COPIES]
    return facts._replace(sides=found)


def _facts(folder: str, key: str, passed: gate.Passed, others: Sequence[str], tolerant: dict[str, str]) -> FolderFacts:
    samples = passed.samples
    counts = Counter(name for sample in samples for name in sample.classes)
    if not counts:
        raise UserError(f"{without_a_box(len(samples), where=f' in {folder}')}, so there is nothing to learn.")
    shares = sorted(share for sample in samples for share in _shares(sample))
    stopped = {case.defect for case in passed.cases if case.defect in tolerant}
    about = formats.by_key()[key]
    size = (
        round(statistics.median(sample.width for sample in samples)),
        round(statistics.median(sample.height for sample in samples)),
    )
    return FolderFacts(
        folder,
        key,
        f"{about.name}: {about.sign}",
        tuple(others),
        len(samples),
        passed.images - len(samples),
        sum(not sample.classes for sample in samples),
        counts.total(),
        dict(counts.most_common()),
        size,
        shares[int(len(shares) * _SMALL)],
        statistics.median(shares),
        max(len(sample.classes) for sample in samples),
        {name: tolerant[name] for name in sorted(stopped)},
        tuple(passed.cases),
        group_by=_group_by(key, samples),
        named=tuple(passed.named),
    )


def _shares(sample: PlannedSample) -> list[float]:
    """The size of each object as a share of the image's side."""
    return [
        ((box.xmax - box.xmin) * (box.ymax - box.ymin) / (sample.width * sample.height)) ** 0.5
        for box in boxes_from_json(sample.boxes)
    ]


def _group_by(key: str, samples: Sequence[PlannedSample]) -> str:
    """What keeps images together that show the same, as the value of `dataset.split.group_by`."""
    if key in _VIDEOS and len({sample.name.rpartition("/")[0] for sample in samples}) > 4:
        return "folder"
    stems = [source for sample in samples if (source := grouping.source_of(sample.name))]
    if len(stems) * 2 > len(samples) and len(set(stems)) < len(stems):
        return r"{name: '([^/]+)\.rf\.[0-9a-f]{32}'}"
    return ""
