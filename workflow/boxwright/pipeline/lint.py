"""Finds harmful values in a pipeline configuration: the field, its value, the reason, and the value to use instead.

A finding is an error if the run cannot be what its author means, a warning if it can make the detector or its figures
worse than they could be, and an info if something is worth knowing. To keep a value, the user sets it with an override,
which accepts the finding.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.catalog.extractors import row_of
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.findings import LEVELS, NOTHING, Facts, Finding
from boxwright.core import wording
from boxwright.core.errors import UserError
from boxwright.pipeline import coverage, extractor_fields, lint_limits, lint_training, lint_unread, parts, patch
from boxwright.protos import model_of

MEASURED = ("coco_detection_metrics", "pascal_voc_detection_metrics")
# Other metric sets of the OD API, which are not measured here.
OTHER_METRICS = (
    "coco_keypoint_metrics",
    "coco_mask_metrics",
    "coco_panoptic_metrics",
    "lvis_mask_metrics",
    "oid_V2_detection_metrics",
    "oid_challenge_detection_metrics",
    "oid_challenge_segmentation_metrics",
    "open_images_V2_detection_metrics",
    "pascal_voc_instance_segmentation_metrics",
    "precision_at_recall_detection_metrics",
    "weighted_pascal_voc_detection_metrics",
    "weighted_pascal_voc_instance_segmentation_metrics",
)
# The share of the boxes that anchors should match, of all and of each class that has a number of boxes to judge by.
LEAST_COVERAGE = 0.8
LEAST_OF_CLASS, LEAST_BOXES = 0.5, 10
COVERAGE = "anchor-coverage"
# Rules whose findings an override does not accept: it may be what caused them.
JUDGED = (lint_training.DIVERGES, COVERAGE)
# Names that are less alike than this are not misspellings of each other: all of them share `_metrics`.
NEAR = 0.8


def lint(config: Message, facts: Facts = NOTHING) -> list[Finding]:
    """Every finding on a TrainEvalPipelineConfig, errors first; UserError if it has no model."""
    written = extractor_fields.as_written(config)
    findings = [_advised(finding) for rule in RULES for finding in rule(written, facts)]
    findings += [_advised(finding) for rule in AS_THEY_STAND for finding in rule(config, facts)]
    return sorted(findings, key=lambda finding: -LEVELS.index(finding.level))


def _advised(finding: Finding) -> Finding:
    """The finding without advice to set the value that is set."""
    return replace(finding, use=None) if finding.use == finding.value else finding


def accept(findings: list[Finding], overrides: Collection[str]) -> list[Finding]:
    """The findings; warnings of a field that one of the `overrides` sets become infos.

    Errors stay, since what cannot work does not work on purpose either, and so do findings of `JUDGED` rules.
    But more classes than the data has, which an override may set for a later data set, do work, with a warning.
    """
    return [_accepted(finding) if is_set(finding.field, overrides) else finding for finding in findings]


def _accepted(finding: Finding) -> Finding:
    """What is left of a finding of a field that an override sets."""
    if _may_be_meant(finding):
        return replace(finding, level="info", why=f"{finding.why} (accepted: an override sets it)", use=None)
    if _has_room(finding):
        why = "the run sets that by itself; more of them have no use before the data have more classes"
        return replace(finding, level="warning", why=f"{finding.why}, and {why}", use=None)
    return finding


def _may_be_meant(finding: Finding) -> bool:
    return finding.level == "warning" and finding.rule not in JUDGED


def _has_room(finding: Finding) -> bool:
    """Whether a finding says that a model has more classes than the data."""
    return finding.rule == "num-classes" and finding.value is not None and finding.value > finding.use


def is_set(field: str, overrides: Collection[str]) -> bool:
    """Whether one of the `overrides` sets `field`, a block that contains it, or a field inside it."""
    paths = [str(path).replace("[", ".").replace("]", "") for path in overrides]
    return any(f"{field}.".startswith(f"{path}.") or path.startswith(f"{field}.") for path in paths)


def _engine(config: Message, facts: Facts) -> Iterator[Finding]:
    yield from check.findings(config)


def _quantization(config: Message, facts: Facts) -> Iterator[Finding]:
    if config.graph_rewriter.HasField("quantization"):
        why = (
            "training does not simulate quantisation, so the model keeps float weights; remove the block, and use "
            "`export.forms: [tflite_int8]`, which quantises after the training"
        )
        yield Finding("warning", "no-quantization", "graph_rewriter.quantization", "set", why)


def _classes(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    found = getattr(model, "num_classes", None)
    if facts.num_classes is not None and found != facts.num_classes:
        counted = f"the label map has {wording.plural(facts.num_classes, 'class', 'classes')}"
        if facts.id_gaps:
            counted = f"the ids of the label map go up to {facts.num_classes}"
        why = f"{counted} (the background is not counted)"
        yield Finding("error", "num-classes", f"model.{name}.num_classes", found, why, facts.num_classes)


def _masks(config: Message, facts: Facts) -> Iterator[Finding]:
    for message, path, name, use in patch.masks_of(config):
        why = f"{patch.NO_MASKS}; the run switches this off"
        yield Finding("info", "masks-not-trained", f"{path}.{name}", getattr(message, name), why, use)


def _readers(config: Message, facts: Facts) -> Iterator[Finding]:
    for index, reader in enumerate(config.eval_input_reader):
        if reader.shuffle:
            path = f"eval_input_reader.{index}.shuffle"
            default = "" if reader.HasField("shuffle") else " (true is the default)"
            why = f"each evaluation reads the records in a different order, so the example images differ{default}"
            yield Finding("warning", "shuffled-evaluation", path, True, why, False)


def _levels(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    if (row := row_of(model, name)) is None or not (field := FAMILIES[name].anchor_generator):
        return
    if not getattr(model, field).HasField("multiscale_anchor_generator"):
        return
    levels, cells = row.map_levels(model.feature_extractor), row.cell_levels(model.feature_extractor)
    first = levels[0]
    if levels != cells:
        taken, meant = (f"{each[0]} to {each[-1]}" for each in (cells, levels))
        why = (
            f"as in the OD API, {row.type} then takes the backbone's maps of the levels {taken} for those of {meant}, "
            "so its anchors lie in the upper left of the image only"
        )
        path = f"model.{name}.feature_extractor.fpn.max_level"
        yield Finding("warning", "anchor-level", path, levels[-1], why, max(row.levels))
    level = getattr(model, field).multiscale_anchor_generator.min_level
    if level != first:
        path = f"model.{name}.{field}.multiscale_anchor_generator.min_level"
        why = f"the first feature map has level {first}; anchors of level {level} do not match its cells"
        yield Finding("warning", "anchor-level", path, level, why, first)


def _one_pixel(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    if name != "ssd" or not model.box_predictor.HasField("convolutional_box_predictor"):
        return
    head = model.box_predictor.convolutional_box_predictor
    if head.use_depthwise and head.kernel_size == 1:
        why = "a depthwise convolution of one pixel sees no neighbours (use_depthwise is true)"
        path = "model.ssd.box_predictor.convolutional_box_predictor.kernel_size"
        yield Finding("warning", "one-pixel", path, 1, why, 3)


def _older(config: Message, facts: Facts) -> Iterator[Finding]:
    """Fields that are not set, and mean something else than their default."""
    for each in extractor_fields.older(config):
        why = f"{each.why}; the run writes it out"
        yield Finding("info", "written-out", f"{each.path}.{each.name}", None, why, each.value)


def _ignored(config: Message, facts: Facts) -> Iterator[Finding]:
    """Fields that the extractor does not read, some of them because it always has other values."""
    model, name = model_of(config)
    if (row := row_of(model, name)) is None:
        return
    extractor, path = model.feature_extractor, f"model.{name}.feature_extractor"
    why = extractor_fields.not_read(row.type)
    for field in row.fields_unread():
        found, default = getattr(extractor, field), getattr(type(extractor)(), field)
        if extractor.HasField(field) and found != default:
            values = ("set", None) if isinstance(found, Message) else (found, default)
            yield Finding("info", "ignored-field", f"{path}.{field}", values[0], why, values[1])
    for ignored, always in row.ignored.items():
        if not extractor.HasField(ignored):
            continue
        given = getattr(extractor, ignored)
        for field, value in always.items() if isinstance(always, dict) else [("", always)]:
            if (found := getattr(given, field) if field else given) != value:
                inner = ".".join(filter(None, (path, ignored, field)))
                yield Finding("info", "ignored-field", inner, found, f"{why}; it always has {value}", value)


def _hard_examples(config: Message, facts: Facts) -> Iterator[Finding]:
    """A miner that takes too few of the anchors, by their loss alone, before it looks for objects among them.

    If the start weights know the background but not the classes, the anchors with the largest losses are all
    background at first. Then no object takes part in the training until these losses have fallen.
    """
    model, name = model_of(config)
    if name != "ssd" or not model.loss.HasField("hard_example_miner"):
        return
    miner = model.loss.hard_example_miner
    try:
        layout = coverage.Layout(config)
    except UserError:
        return
    if layout.static_size is None or miner.max_negatives_per_positive <= 0:
        return
    anchors = sum(len(grid.ys) * len(grid.xs) * len(grid.sizes) for grid in layout.grids(layout.static_size))
    if 0 < miner.num_hard_examples < anchors:
        path = f"model.{name}.loss.hard_example_miner.num_hard_examples"
        why = (
            f"an image has {anchors:,} anchors, and training looks only at so many with the largest loss; while the "
            "class head is new, all of these may be background, so no object is learned at first; 0 sets no limit"
        )
        yield Finding("warning", "few-hard-examples", path, miner.num_hard_examples, why, 0)


def anchors(config: Message, facts: Facts) -> Iterator[Finding]:
    """Images without an anchor inside, and anchors that match too few of the boxes."""
    _, name = model_of(config)
    if name in FAMILIES and not FAMILIES[name].anchor_generator:
        return
    if without := facts.anchorless or coverage.anchorless(config, []):
        why = (
            f"no anchor lies within an image of {'x'.join(map(str, without))} pixels, as the network gets it, so "
            "training uses anchors that extend over its border; use smaller scales or a larger input"
        )
        yield Finding("warning", "no-anchors", f"model.{name}.{_generator(config)}", "set", why)
        return
    if name in FAMILIES and (few := unmatched(facts)):
        advice = facts.anchor_proposal or "use smaller scales, other aspect ratios or a larger input"
        why = f"{few}; the others are learned from their best anchor alone; {advice}"
        yield Finding("warning", COVERAGE, f"model.{name}.{_generator(config)}", "set", why)


def unmatched(facts: Facts) -> str:
    """That anchors match too few of the boxes, of all or of a class, a clause; "" if they match enough."""
    if facts.anchor_coverage is None:
        return ""
    few = [
        f"{label} {matched:,} of {boxes:,}"
        for label, (matched, boxes) in facts.anchor_classes.items()
        if boxes >= LEAST_BOXES and matched < LEAST_OF_CLASS * boxes
    ]
    if facts.anchor_coverage >= LEAST_COVERAGE and not few:
        return ""
    classes = f" ({wording.few(few, 5)})" if few else ""
    looked = " of {:,} of the {:,} training images".format(*facts.anchor_images) if facts.anchor_images else ""
    return f"only {facts.anchor_coverage:.0%} of the boxes{looked} match an anchor at IoU 0.5{classes}"


def _generator(config: Message) -> str:
    """The path of the anchor generator below the model's family."""
    model, name = model_of(config)
    field = FAMILIES[name].anchor_generator
    return f"{field}.{parts.choice(getattr(model, field))}"


def _metrics(config: Message, facts: Facts) -> Iterator[Finding]:
    for index, name in enumerate(config.eval_config.metrics_set):
        if name in MEASURED:
            continue
        path = f"eval_config.metrics_set.{index}"
        if name in OTHER_METRICS:
            why = "not measured here; COCO's box metrics and Pascal VOC's AP are"
            use = None if set(MEASURED) & set(config.eval_config.metrics_set) else MEASURED[0]
            yield Finding("info", "unmeasured-metrics", path, name, why, use)
        else:
            why = f"no metric set has this name; {' and '.join(MEASURED)} are measured"
            near = wording.nearest(name, (*MEASURED, *OTHER_METRICS), cutoff=NEAR)
            yield Finding("warning", "unknown-metrics", path, name, why, near)


RULES = (
    _engine,
    _quantization,
    _classes,
    *lint_training.RULES,
    _masks,
    _readers,
    *lint_limits.RULES,
    *lint_unread.RULES,
    _levels,
    _one_pixel,
    _hard_examples,
    anchors,
    _metrics,
)
# Rules for what the file says, not for what the run makes of it.
AS_THEY_STAND = (_older, _ignored)
