"""Measure any exported detector on any annotated images: gate, records and metrics are those of a run."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from boxwright import devices, protos
from boxwright.core.errors import UserError
from boxwright.core.wording import few, nearest, plural
from boxwright.dataset import gate, label_map
from boxwright.dataset.samples import NO_BOXES, PlannedSample, boxes_from_json, boxes_json
from boxwright.evaluation import exported, summaries
from boxwright.evaluation.data import check_classes
from boxwright.pipeline import text
from boxwright.records.on_demand import OnDemand
from boxwright.runtimes.find import ExportedDetector

# Classes that a message names.
_MOST_NAMED = 20


class Prepared(NamedTuple):
    """Annotated images on which a detector can be measured.

    passed: what the gate let through. records: the records of those, with the boxes of classes that the detector knows.
    classes: the detector's, name -> id. shown: which detections count as shown, and how many images TensorBoard shows.
    notes: sentences for the user.
    """

    passed: gate.Passed
    records: OnDemand
    classes: Mapping[str, int]
    shown: summaries.Shown
    notes: Sequence[str]

    def measure(self, detector: ExportedDetector) -> exported.Evaluation:
        """Run the detector on the images, on a GPU if there is one, and measure its detections."""
        devices.take_for_detection()  # what is wrong with images or classes is said without waiting for TensorFlow
        threshold = round(self.shown.score_threshold, 6)
        return exported.evaluate(detector.load(), self.records, self.classes, score_threshold=threshold)


def prepare(detector: ExportedDetector, images: Sequence[str], annotations: Sequence[str]) -> Prepared:
    """Read and check the annotated images in some folders, and match their classes with those of the detector.

    Its classes have the display names of its label map, if it has these; annotations may use either name. Raises
    UserError as `gate.check` does, if the label map is broken or has classes that pipeline.config has not, and if no
    box has a class that the detector knows.
    """
    classes, names = _classes(detector)
    settings, notes = protos.EvalConfig(), []
    if detector.pipeline:
        config = text.read(detector.pipeline)
        check_classes(getattr(protos.model_of(config)[0], "num_classes", max(classes.values())), classes)
        settings = config.eval_config
    passed = gate.check(images, annotations)
    unknown: Counter[str] = Counter()
    samples = [_with_known(sample, names, unknown) for sample in passed.samples]
    said = few(_named(unknown, names), _MOST_NAMED)
    if not any(sample.classes for sample in samples):
        raise UserError(
            f"There is nothing to measure: no box on the {plural(len(samples), 'image')} has a class of the detector. "
            f"The annotations have {said or 'no box'}. The label map {detector.label_map} has "
            f"{few(list(classes), _MOST_NAMED)}."
        )
    if unknown:
        notes.append(
            f"The detector does not know {said}. These boxes are left out: what is detected there counts as wrong."
        )
    shown = summaries.Shown(
        settings.num_visualizations, settings.min_score_threshold, settings.max_num_boxes_to_visualize
    )
    return Prepared(passed, OnDemand(samples, classes), classes, shown, notes)


def _classes(detector: ExportedDetector) -> tuple[dict[str, int], dict[str, str]]:
    """The detector's classes, name -> id, and the name of each class by all its names."""
    if detector.has_foreign_label_map:
        raise UserError(
            f"{detector.label_map} is the label map of another detector: {detector.path} has the classes "
            f"{few(detector.labels, _MOST_NAMED)}. Put the detector's own label map there."
        )
    items = label_map.read_message(detector.label_map).item
    displayed = Counter(item.display_name for item in items)
    shown = [
        item.display_name if item.display_name and displayed[item.display_name] == 1 else item.name for item in items
    ]
    names = {item.name: name for item, name in zip(items, shown, strict=True) if item.name}
    return {name: item.id for item, name in zip(items, shown, strict=True)}, names | {name: name for name in shown}


def _with_known(sample: PlannedSample, names: Mapping[str, str], unknown: Counter[str]) -> PlannedSample:
    """The sample with only the boxes of known classes, under their names; the others are counted in `unknown`."""
    if sample.regions == NO_BOXES and all(names.get(name) == name for name in sample.classes):
        return sample
    # An object of any class may be in the region of an unknown one.
    regions = [box._replace(class_name=names.get(box.class_name, "")) for box in boxes_from_json(sample.regions)]
    kept = []
    for box in boxes_from_json(sample.boxes):
        if box.class_name in names:
            kept.append(box._replace(class_name=names[box.class_name]))
        else:
            unknown[box.class_name] += 1
    classes = tuple(box.class_name for box in kept)
    return sample._replace(classes=classes, boxes=boxes_json(kept), regions=boxes_json(regions))


def _named(unknown: Counter[str], names: Mapping[str, str]) -> list[str]:
    """Each unknown class with its number of boxes, and a known one that it may be."""
    folded = {name.casefold(): name for name in names}
    named = []
    for name, count in sorted(unknown.items(), key=lambda item: (-item[1], item[0])):
        near = nearest(name.casefold(), folded)
        named.append(f"{name} ({plural(count, 'box', 'boxes')}{f'; is it {folded[near]}?' if near else ''})")
    return named
