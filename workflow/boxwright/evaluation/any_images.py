"""Measure any exported detector on any annotated images: the same gate, records and metrics as in a run, no training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from boxwright.core.errors import UserError
from boxwright.core.wording import few, nearest, plural
from boxwright.dataset import gate, label_map
from boxwright.dataset.samples import PlannedSample, boxes_from_json, boxes_json
from boxwright.evaluation import exported
from boxwright.evaluation.run import check_classes
from boxwright.pipeline import text
from boxwright.records.on_demand import OnDemand
from boxwright.runtimes.find import ExportedDetector

# The OD API's default of eval_config.min_score_threshold, for a detector without pipeline.config.
_SCORE_THRESHOLD = 0.5


class Prepared(NamedTuple):
    """Annotated images that a detector can be measured on.

    passed: what the gate let through. records: of those, with the boxes of classes that the detector knows. classes:
    the detector's, name -> id. score_threshold: the lowest score of a shown detection. unknown: the number of boxes by
    the classes that the detector does not know.
    """

    passed: gate.Passed
    records: OnDemand
    classes: Mapping[str, int]
    score_threshold: float
    unknown: Mapping[str, int]

    def unknown_classes(self) -> str:
        """A sentence about the classes that the detector does not know; "" if there is none."""
        if not self.unknown:
            return ""
        return (
            f"The detector does not know {few(_named(self.unknown, self.classes), 20)}. These boxes are left out, and "
            "what is detected there counts as wrong."
        )

    def measure(self, detector: ExportedDetector) -> exported.Evaluation:
        """Run the detector on the images and measure its detections."""
        return exported.evaluate(detector.load(), self.records, self.classes, score_threshold=self.score_threshold)


def prepare(detector: ExportedDetector, images: Sequence[str], annotations: Sequence[str]) -> Prepared:
    """Read and check the annotated images in some folders, and match their classes with those of the detector.

    A class is known by its name in the label map or by its display name. Raises UserError as `gate.check` does, if the
    label map is broken or not that of pipeline.config, and if no box has a class that the detector knows.
    """
    classes, aliases = label_map.read(detector.label_map), label_map.read_aliases(detector.label_map)
    threshold = _SCORE_THRESHOLD
    if detector.pipeline:
        config = text.read(detector.pipeline)
        threshold = round(config.eval_config.min_score_threshold, 6)
        check_classes(model_classes(config), classes)
    passed = gate.check(images, annotations)
    unknown: Counter[str] = Counter()
    samples = [_with_known(sample, classes, aliases, unknown) for sample in passed.samples]
    if not any(sample.classes for sample in samples):
        has = few(_named(unknown, classes), 20) or "no box"
        raise UserError(
            f"There is nothing to measure: no box on the {plural(len(samples), 'image')} has a class of the detector's "
            f"label map {detector.label_map}, which has {few(list(classes), 20)}. The annotations have {has}."
        )
    return Prepared(passed, OnDemand(samples, classes), classes, threshold, unknown)


def _with_known(
    sample: PlannedSample, classes: Mapping[str, int], aliases: Mapping[str, str], unknown: Counter[str]
) -> PlannedSample:
    """The sample with only the boxes of known classes, under their names; the others are counted in `unknown`."""
    if classes.keys() >= set(sample.classes):
        return sample
    kept = []
    for box in boxes_from_json(sample.boxes):
        name = aliases.get(box.class_name, box.class_name)
        if name in classes:
            kept.append(box._replace(class_name=name))
        else:
            unknown[name] += 1
    return sample._replace(classes=tuple(box.class_name for box in kept), boxes=boxes_json(kept))


def _named(unknown: Counter[str], classes: Mapping[str, int]) -> list[str]:
    """Each unknown class with its number of boxes, and a known one that it may be."""
    folded = {name.casefold(): name for name in classes}
    named = []
    for name, count in sorted(unknown.items(), key=lambda item: (-item[1], item[0])):
        near = nearest(name.casefold(), folded)
        named.append(f"{name} ({plural(count, 'box', 'boxes')}{f'; is it {folded[near]}?' if near else ''})")
    return named
