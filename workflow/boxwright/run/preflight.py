"""The checks before the first job: what cannot work is refused, what will probably give bad results is a warning.

All mistakes of a kind are reported at once, each with what to do about it.
"""

from pathlib import Path

from boxwright.catalog.findings import Facts
from boxwright.checkpoints import checkpoint_index
from boxwright.console.progress import say
from boxwright.core.errors import UserError
from boxwright.dataset import label_map, manifest
from boxwright.dataset.samples import Sample
from boxwright.evaluation import names
from boxwright.evaluation.choose import unknown_metric
from boxwright.images import loader
from boxwright.pipeline import coverage
from boxwright.pipeline.judgement import Draft, judge
from boxwright.run.plan import RunPlan

# COCO's sizes of objects: the sides in pixels of squares with the least and the largest area.
AREAS = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, 1e5)}
# Images whose boxes are compared with the anchors.
LOOKED_AT = 200


def check(plan: RunPlan) -> None:
    """Raise UserError for what cannot work; print warnings."""
    _check_metrics(plan)
    _check_label_maps(plan)
    _check_predicted(plan)
    _judge(plan)


def _check_metrics(plan: RunPlan) -> None:
    """Refuse metrics that no evaluation will have, which would otherwise show only at the end of a training."""
    export = plan.settings["export"]
    wanted = {"export.metric": (export["metric"], export["checkpoint"] == "best")}
    for name in plan.models:
        if stopping := plan.model(name)["early_stopping"]:
            wanted[f"models.{plan.shown(name)}.early_stopping.metric"] = (stopping["metric"], True)
    known = names.of_classes(plan.data.classes)
    mistakes = []
    for key, (metric, decides) in wanted.items():
        if metric and metric not in known:
            mistakes.append(unknown_metric(key, metric, known))
        elif metric and decides and (why := _undefined(plan, metric)):
            mistakes.append(
                f"`{key}` is {metric}, which will be undefined: {why}. Choose another metric, or put such objects on "
                "the evaluation side (`dataset.split`)."
            )
    if mistakes:
        raise UserError("\n".join(mistakes))


def _check_label_maps(plan: RunPlan) -> None:
    """Refuse a broken label map beside a start checkpoint, which would otherwise stop the first training."""
    mistakes = {}
    for name in plan.models:
        try:
            label_map.of_checkpoint(plan.start(name) or "")
        except UserError as error:
            mistakes.setdefault(str(error), plan.shown(name))
    if mistakes:
        raise UserError(
            "\n".join(f"models.{shown}: beside its checkpoint: {text}" for text, shown in mistakes.items())
            + "\nCorrect the label map, or take it away: then no class keeps its weights."
        )


def _undefined(plan: RunPlan, metric: str) -> str:
    """Why an evaluation cannot have a value of a metric; "" if it can."""
    held_out = plan.data.counts["eval"]
    for name in plan.data.classes:
        if not held_out["classes"].get(name) and metric in set(names.of_classes([name])) - set(names.of_classes([])):
            return f"no evaluation image has a box of class '{name}'"
    size = next((size for size in AREAS if metric.endswith(f"({size})")), None)
    if size and (lists := manifest.of_side(plan.plan_folder, "eval")):
        least, most = AREAS[size]
        sides = (
            (box.xmax - box.xmin, box.ymax - box.ymin)
            for path in lists
            for sample in manifest.read(path)
            for box in sample.boxes
        )
        if not any(least**2 <= width * height <= most**2 for width, height in sides):
            return f"no evaluation image has a {size} box, of {least:g} to {most:g} pixels squared"
    return ""


def _check_predicted(plan: RunPlan) -> None:
    """Refuse a folder to predict on that holds no image."""
    folder = plan.settings["predict"]["images"]
    if folder and not any(path.suffix.lower() in loader.EXTENSIONS for path in Path(folder).rglob("*")):
        endings = ", ".join(loader.EXTENSIONS)
        raise UserError(f"`predict.images` is {folder}, which holds no image: image files end in {endings}.")


def _judge(plan: RunPlan) -> None:
    """Refuse configurations that cannot be trained, and warn of fields that will probably give bad results."""
    counts = [plan.data.counts[side] for side in plan.sides]
    train, *held_out = counts
    boxes = coverage.boxes_of(_some_samples(plan))
    drafts = []
    # Repetitions differ only in their seed, so one is checked for all, under the name in the configuration.
    given = {plan.shown(name): name for name in plan.models}
    for shown, name in given.items():
        config = plan.configurations[name]
        facts = Facts(
            num_classes=plan.data.num_classes,
            max_boxes=train["most_boxes"],
            max_measured=max(side["most_boxes"] for side in held_out),
            max_objects=max(side["most_boxes"] for side in counts),
            max_objects_of_class=max(side["most_of_class"] for side in counts),
            anchor_coverage=coverage.share(config, *boxes),
            anchorless=coverage.anchorless(config, boxes[1]),
            checkpoint_names=_checkpoint_names(plan, name),
        )
        drafts.append(Draft(shown, plan.originals[name], config, plan.model(name), facts))
    if warned := judge(drafts):
        say(warned)


def _some_samples(plan: RunPlan) -> list[Sample]:
    """Some samples of the training side; none if the plan is not stored."""
    lists = manifest.of_side(plan.plan_folder, "train")
    return [sample for path in lists for sample in manifest.some(path, max(LOOKED_AT // len(lists), 1))]


def _checkpoint_names(plan: RunPlan, name: str) -> list[str] | None:
    """Names of the tensors in a model's start checkpoint; None if it has none or it is not downloaded yet."""
    start, entry = plan.start(name), plan.zoo(name)
    return checkpoint_index.names(start) if start and (entry is None or entry.folder.is_dir()) else None
