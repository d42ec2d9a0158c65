"""Before the first job: what planning needs is fetched, what would fail is refused, what will disappoint is said."""

from pathlib import Path
from typing import TYPE_CHECKING

from boxwright import checkpoint_index
from boxwright.annotations import manifest
from boxwright.annotations.model import Sample
from boxwright.errors import UserError
from boxwright.evaluation import names
from boxwright.evaluation.choose import unknown_metric
from boxwright.pipeline import coverage, restart
from boxwright.pipeline.findings import Facts
from boxwright.pipeline.judgement import Draft, judge
from boxwright.progress import say
from boxwright.zoo.download import megabytes
from boxwright.zoo.fetch import fetch

if TYPE_CHECKING:
    from boxwright.blueprint import Blueprint

# Images whose boxes are held against the anchors.
LOOKED_AT = 200


def find_pipelines(blueprint: "Blueprint", download: bool) -> None:
    """Have the archives of the zoo without whose pipeline.config nothing can be planned.

    Raises UserError for one that is not here without `download`, and for one that holds no pipeline.config.
    """
    for name in blueprint.models:
        if blueprint.model(name)["pipeline"] is not None:
            continue
        entry = blueprint.zoo(name)
        if download:
            fetch(entry)
        elif not entry.folder.is_dir():
            raise UserError(
                f"models.{name} takes the pipeline.config of {entry.name}, which lies in an archive "
                f"({megabytes(entry.size)}) that is not here yet, and a dry run downloads nothing. A real run gets "
                f"it, or `boxwright fetch {entry.name}`; or name a `models.{name}.pipeline`."
            )
        if not entry.pipeline.is_file():
            raise UserError(
                f"The archive of {entry.name} came without a pipeline.config (there is no {entry.pipeline}). "
                f"Name one as `models.{name}.pipeline`."
            )


def check(blueprint: "Blueprint") -> None:
    """Refuse by UserError what a job could not do; say what will probably disappoint and what will be done again."""
    _check_metrics(blueprint)
    _judge(blueprint)
    _say_restarts(blueprint)


def _check_metrics(blueprint: "Blueprint") -> None:
    """Refuse metrics that no evaluation will have, before a training whose end would be the first to say so."""
    wanted = {"export.metric": blueprint.settings["export"]["metric"]}
    for name in blueprint.models:
        if stopping := blueprint.model(name)["early_stopping"]:
            wanted[f"models.{blueprint.shown(name)}.early_stopping.metric"] = stopping["metric"]
    known = names.of_classes(blueprint.plan.classes)
    if mistakes := [
        unknown_metric(key, metric, known) for key, metric in wanted.items() if metric and metric not in known
    ]:
        raise UserError("\n".join(mistakes))


def _judge(blueprint: "Blueprint") -> None:
    """Refuse configurations that cannot be trained as they are, and say which fields will probably disappoint."""
    most = max(blueprint.plan.counts[side]["most_boxes"] for side in ("train", "eval"))
    boxes = coverage.boxes_of(_some_samples(blueprint))
    drafts = []
    # Repetitions differ in their seed alone: one of them stands for all, under the name in the configuration.
    given = {blueprint.shown(name): name for name in blueprint.models}
    for shown, name in given.items():
        config = blueprint.configurations[name]
        facts = Facts(
            num_classes=len(blueprint.plan.classes),
            max_boxes=most,
            anchor_coverage=coverage.share(config, *boxes),
            anchorless=coverage.anchorless(config, boxes[1]),
            checkpoint_names=_checkpoint_names(blueprint, name),
        )
        drafts.append(Draft(shown, blueprint.originals[name], config, blueprint.model(name), facts))
    if warned := judge(drafts):
        say(warned)


def _some_samples(blueprint: "Blueprint") -> list[Sample]:
    """Some samples of the training side; none where the plan is not kept."""
    lists = manifest.of_side(blueprint.plan_folder, "train")
    return [sample for path in lists for sample in manifest.some(path, max(LOOKED_AT // len(lists), 1))]


def _checkpoint_names(blueprint: "Blueprint", name: str) -> list[str] | None:
    """What the checkpoint that a model starts from holds; None where there is none, or none to be seen yet."""
    start, entry = blueprint.start(name), blueprint.zoo(name)
    return checkpoint_index.names(start) if start and (entry is None or entry.folder.is_dir()) else None


def _say_restarts(blueprint: "Blueprint") -> None:
    """Say which finished checkpoints a longer training will replace."""
    for name in blueprint.models:
        if why := restart.reason(Path(blueprint.results) / "models" / name, blueprint.configurations[name]):
            say(f"models.{name}: {why}")
