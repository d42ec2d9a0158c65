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
from boxwright.pipeline import coverage, restart
from boxwright.pipeline.judgement import Draft, judge
from boxwright.run.plan import RunPlan

# Images whose boxes are compared with the anchors.
LOOKED_AT = 200


def check(plan: RunPlan) -> None:
    """Raise UserError for what cannot work; print warnings, and which finished work will be repeated."""
    _check_metrics(plan)
    _check_label_maps(plan)
    _judge(plan)
    _say_restarts(plan)


def _check_metrics(plan: RunPlan) -> None:
    """Refuse metrics that no evaluation will have, which would otherwise show only at the end of a training."""
    wanted = {"export.metric": plan.settings["export"]["metric"]}
    for name in plan.models:
        if stopping := plan.model(name)["early_stopping"]:
            wanted[f"models.{plan.shown(name)}.early_stopping.metric"] = stopping["metric"]
    known = names.of_classes(plan.data.classes)
    if mistakes := [
        unknown_metric(key, metric, known) for key, metric in wanted.items() if metric and metric not in known
    ]:
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


def _judge(plan: RunPlan) -> None:
    """Refuse configurations that cannot be trained, and warn of fields that will probably give bad results."""
    most = max(plan.data.counts[side]["most_boxes"] for side in ("train", "eval"))
    boxes = coverage.boxes_of(_some_samples(plan))
    drafts = []
    # Repetitions differ only in their seed, so one is checked for all, under the name in the configuration.
    given = {plan.shown(name): name for name in plan.models}
    for shown, name in given.items():
        config = plan.configurations[name]
        facts = Facts(
            num_classes=plan.data.num_classes,
            max_boxes=most,
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


def _say_restarts(plan: RunPlan) -> None:
    """Say which finished checkpoints a longer training will replace."""
    for name in plan.models:
        if why := restart.reason(Path(plan.results) / "models" / name, plan.configurations[name]):
            say(f"models.{name}: {why}")
