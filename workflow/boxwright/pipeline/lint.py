"""What in a pipeline configuration will hurt: findings with the field, its value, why, and the value to use instead.

A finding is an error where the run cannot be what its author means, a warning where it will probably disappoint, and an
info where something is worth knowing. Whoever means a value sets it by an override, which accepts the finding.
"""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from boxwright.checkpoint_index import kind_of
from boxwright.pipeline import model_of, schedule
from boxwright.pipeline.changes import short_float
from boxwright.pipeline.engine import unsupported
from boxwright.pipeline.patch import WHOLE_DETECTORS, checkpoint_type_of

LEVELS = ("info", "warning", "error")
REFUSED = ("unsupported", "no-learning-rate", "refused-schedule")

MEASURED = ("coco_detection_metrics", "pascal_voc_detection_metrics")
# Names that the OD API knows beyond those that are measured here.
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
# Published momentum rates are at most 0.0016 per image of a batch; gradients of small batches explode well above.
RATE_PER_IMAGE = 0.004
USUAL_RATE_PER_IMAGE = 0.0006
POD_BATCH = 64
WORKSTATION_BATCH = 8
LEAST_COVERAGE = 0.8
# How fast the backbones' own settings forget, and the share of the first values that does no harm.
BACKBONE_DECAY = 0.9997
MOST_KEPT = 0.02


@dataclass(frozen=True)
class Finding:
    """`use` is the value to set instead; None where there is no one value."""

    level: str
    rule: str
    field: str
    value: Any
    why: str
    use: Any = None

    def __str__(self) -> str:
        value = "not set" if self.value is None else repr(self.value)
        use = "" if self.use is None else f" Use {self.use!r}."
        return f"{self.level} {self.rule}: {self.field} is {value}: {self.why}.{use}"


@dataclass(frozen=True)
class Facts:
    """What is known of the data and the checkpoint; None leaves the checks that need it out.

    num_classes: of the label map. max_boxes: the most boxes in one image. anchor_coverage: share of the boxes which
    some anchor meets at IoU 0.5. checkpoint_names: its variables' names, or a TF2 checkpoint's keys.
    """

    num_classes: int | None = None
    max_boxes: int | None = None
    anchor_coverage: float | None = None
    checkpoint_names: Collection[str] | None = None


def lint(config: Message, facts: Facts = Facts()) -> list[Finding]:
    """Every finding on a TrainEvalPipelineConfig, errors first; UserError if it has no model."""
    findings = [finding for rule in RULES for finding in rule(config, facts)]
    return sorted(findings, key=lambda finding: -LEVELS.index(finding.level))


def accept(findings: list[Finding], overrides: Collection[str]) -> list[Finding]:
    """Findings on a field that one of the `overrides` sets become infos, but for what the engine refuses anyway."""
    paths = [path.replace("[", ".").replace("]", "") for path in overrides]

    def accepted(finding: Finding) -> bool:
        within = (f"{finding.field}.".startswith(f"{path}.") or path.startswith(f"{finding.field}.") for path in paths)
        return finding.rule not in REFUSED and any(within)

    return [
        replace(finding, level="info", why=f"{finding.why} (accepted: an override sets it)", use=None)
        if accepted(finding)
        else finding
        for finding in findings
    ]


def _engine(config: Message, facts: Facts) -> Iterator[Finding]:
    for finding in unsupported(config):
        yield Finding("error", "unsupported", *finding)


def _quantization(config: Message, facts: Facts) -> Iterator[Finding]:
    if config.graph_rewriter.HasField("quantization"):
        why = "training does not simulate quantisation, so the model stays one of floats"
        yield Finding("warning", "no-quantization", "graph_rewriter.quantization", "set", why)


def _classes(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    found = getattr(model, "num_classes", None)
    if facts.num_classes is not None and found != facts.num_classes:
        why = f"the label map has {facts.num_classes} classes (the background is not counted)"
        yield Finding("error", "num-classes", f"model.{name}.num_classes", found, why, facts.num_classes)


def _schedule(config: Message, facts: Facts) -> Iterator[Finding]:
    rate, path = schedule.schedule_of(config)
    num_steps = config.train_config.num_steps
    if rate is None:
        why = "no optimizer with a learning rate is given"
        yield Finding("error", "no-learning-rate", "train_config.optimizer", None, why)
        return
    refused = list(schedule.refusals(rate))
    for field, *rest in refused:
        yield Finding("error", "refused-schedule", f"{path}.{field}", *rest)
    if not num_steps:
        why = "0 trains for ever; the number of steps of the run takes its place"
        yield Finding("info", "endless-training", "train_config.num_steps", num_steps, why)
        return
    first = schedule.first_decay(rate)
    if refused or first is None:
        return
    field, value, use = schedule.fitted(rate, num_steps)
    if first >= num_steps:
        why = f"the learning rate first changes at step {first}, but the run ends at {num_steps}, so it never decays"
        yield Finding("warning", "constant-learning-rate", f"{path}.{field}", value, why, use)
    elif schedule.is_cosine(rate) and rate.total_steps > num_steps:
        why = f"the run ends at step {num_steps}, before the cosine has come down"
        yield Finding("warning", "unfinished-cosine", f"{path}.{field}", value, why, use)
    elif schedule.is_cosine(rate) and rate.total_steps < num_steps:
        why = f"the learning rate is 0 from there to the end of the run at {num_steps}"
        yield Finding("warning", "zero-learning-rate", f"{path}.{field}", value, why, use)


def _batch(config: Message, facts: Facts) -> Iterator[Finding]:
    batch = config.train_config.batch_size
    optimizer, _ = schedule.optimizer_of(config)
    rate, path = schedule.schedule_of(config)
    if batch >= POD_BATCH:
        with_rate = f" at a learning rate of {short_float(schedule.base_rate(rate)[0])}" if rate is not None else ""
        why = f"a batch for a TPU pod{with_rate}: too large for one machine, and a smaller one needs a smaller rate"
        yield Finding("warning", "pod-batch", "train_config.batch_size", batch, why, WORKSTATION_BATCH)
    elif rate is not None and optimizer.DESCRIPTOR.name == "MomentumOptimizer":
        base, field = schedule.base_rate(rate)
        if base / batch > RATE_PER_IMAGE:
            why = f"a rate for a much larger batch than {batch}; training will probably diverge"
            use = short_float(batch * USUAL_RATE_PER_IMAGE)
            yield Finding("warning", "pod-learning-rate", f"{path}.{field}", short_float(base), why, use)


def _moving_averages(config: Message, facts: Facts) -> Iterator[Finding]:
    kept, used = config.train_config.optimizer.use_moving_average, config.eval_config.use_moving_averages
    if kept and not used:
        default = "" if config.train_config.optimizer.HasField("use_moving_average") else " (the default)"
        why = f"averages of the weights are kept{default}, but eval_config.use_moving_averages does not use them"
        yield Finding(
            "warning", "unused-moving-averages", "train_config.optimizer.use_moving_average", True, why, False
        )
    elif used and not kept:
        why = "train_config.optimizer.use_moving_average keeps none"
        yield Finding("error", "missing-moving-averages", "eval_config.use_moving_averages", True, why, False)


def _checkpoint(config: Message, facts: Facts) -> Iterator[Finding]:
    train, path = config.train_config, "train_config.fine_tune_checkpoint_type"
    if not train.fine_tune_checkpoint:
        return
    asked = checkpoint_type_of(train)
    value = train.fine_tune_checkpoint_type or None
    kind = kind_of(facts.checkpoint_names) if facts.checkpoint_names is not None else None
    if facts.checkpoint_names is not None and kind is None:
        why = "the names in the checkpoint are neither those of a detector nor of a known backbone"
        yield Finding(
            "error", "unknown-checkpoint", "train_config.fine_tune_checkpoint", train.fine_tune_checkpoint, why
        )
    elif kind is not None and (asked in WHOLE_DETECTORS) != (kind == "detection"):
        why = f"by its names the checkpoint is that of a {kind} model; reading it as {asked} would restore nothing"
        yield Finding("error", "checkpoint-type", path, value, why, kind)
    elif value is None:
        said = "from_detection_checkpoint" if train.from_detection_checkpoint else "its absence"
        yield Finding("info", "checkpoint-type", path, None, f"by {said} it is read as {asked}", asked)


def _readers(config: Message, facts: Facts) -> Iterator[Finding]:
    readers = [("train_input_reader", config.train_input_reader)]
    readers += [(f"eval_input_reader.{index}", reader) for index, reader in enumerate(config.eval_input_reader)]
    for path, reader in readers:
        if path != "train_input_reader" and reader.shuffle:
            default = "" if reader.HasField("shuffle") else " (the default)"
            why = f"evaluation draws other example images each time{default}"
            yield Finding("warning", "shuffled-evaluation", f"{path}.shuffle", True, why, False)
        limit = reader.max_number_of_boxes
        if facts.max_boxes is not None and limit < facts.max_boxes:
            why = f"an image of the data has {facts.max_boxes} boxes; those beyond the limit are cut off"
            yield Finding("warning", "too-few-boxes", f"{path}.max_number_of_boxes", limit, why, facts.max_boxes)


def _anchors(config: Message, facts: Facts) -> Iterator[Finding]:
    if facts.anchor_coverage is None or facts.anchor_coverage >= LEAST_COVERAGE:
        return
    model, name = model_of(config)
    generator = model.anchor_generator if name == "ssd" else model.first_stage_anchor_generator
    path = "anchor_generator" if name == "ssd" else "first_stage_anchor_generator"
    kind = generator.WhichOneof("anchor_generator_oneof")
    why = (
        f"only {facts.anchor_coverage:.0%} of the boxes meet an anchor at IoU 0.5; smaller scales, other aspect ratios "
        "or a larger input find the others"
    )
    yield Finding("warning", "anchor-coverage", f"model.{name}.{path}.{kind}", "set", why)


def _metrics(config: Message, facts: Facts) -> Iterator[Finding]:
    for index, name in enumerate(config.eval_config.metrics_set):
        if name in MEASURED:
            continue
        path = f"eval_config.metrics_set.{index}"
        if name in OTHER_METRICS:
            why = "not measured here; COCO's box metrics and Pascal VOC's AP are"
            yield Finding("info", "unmeasured-metrics", path, name, why, MEASURED[0])
        else:
            nearest = difflib.get_close_matches(name, (*MEASURED, *OTHER_METRICS), n=1, cutoff=0)[0]
            yield Finding("warning", "unknown-metrics", path, name, "no metric set has this name", nearest)


def _batch_norm(config: Message, facts: Facts) -> Iterator[Finding]:
    model, name = model_of(config)
    if name != "ssd" or not model.freeze_batchnorm:
        return
    hyperparams = model.feature_extractor.conv_hyperparams
    if not hyperparams.batch_norm.train:
        return
    path = "model.ssd.feature_extractor.conv_hyperparams.batch_norm.train"
    if model.feature_extractor.override_base_feature_extractor_hyperparams:
        why = "override_base_feature_extractor_hyperparams takes it to every layer, so freeze_batchnorm freezes none"
        yield Finding("warning", "batch-norm-not-frozen", path, True, why, False)
    else:
        why = "freeze_batchnorm does not reach the extra layers, whose moving averages still change"
        yield Finding("info", "batch-norm-not-frozen", path, True, why, False)


def _averages_of_batch_norm(config: Message, facts: Facts) -> Iterator[Finding]:
    """Evaluation uses moving averages, which from scratch begin at 0 and 1 and forget that only slowly."""
    model, name = model_of(config)
    train = config.train_config
    if name != "ssd" or train.fine_tune_checkpoint or model.freeze_batchnorm or not train.num_steps:
        return
    path = "model.ssd.feature_extractor"
    extractor, decay = model.feature_extractor, BACKBONE_DECAY
    if extractor.override_base_feature_extractor_hyperparams:
        if not extractor.conv_hyperparams.HasField("batch_norm"):
            return
        decay = short_float(extractor.conv_hyperparams.batch_norm.decay)
        field, value = f"{path}.conv_hyperparams.batch_norm.decay", decay
        use = round(1 - 5 / train.num_steps, 3) if train.num_steps > 50 else 0.9
    else:
        field, value, use = f"{path}.override_base_feature_extractor_hyperparams", False, True
    kept = decay**train.num_steps
    if kept > MOST_KEPT:
        why = (
            f"batch norm's averages decay by {decay:g} per step here, so at step {train.num_steps} {kept:.0%} of their "
            "first values (0 and 1) are left in them, and evaluation, which uses them, finds next to nothing"
        )
        yield Finding("warning", "slow-averages", field, value, why, use)


RULES = (
    _engine,
    _quantization,
    _classes,
    _schedule,
    _batch,
    _moving_averages,
    _checkpoint,
    _readers,
    _anchors,
    _metrics,
    _batch_norm,
    _averages_of_batch_norm,
)
