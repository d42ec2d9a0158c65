"""Before the first job: what planning needs is fetched, what would fail is refused, what will disappoint is said."""

from pathlib import Path
from typing import TYPE_CHECKING

from boxwright.catalog.findings import Facts
from boxwright.checkpoints import checkpoint_index
from boxwright.console.progress import say
from boxwright.core.errors import UserError
from boxwright.dataset import manifest
from boxwright.dataset.samples import Sample
from boxwright.evaluation import names
from boxwright.evaluation.choose import unknown_metric
from boxwright.pipeline import coverage, restart
from boxwright.pipeline.judgement import Draft, judge
from boxwright.zoo.download import megabytes
from boxwright.zoo.fetch import fetch

if TYPE_CHECKING:
    from boxwright.run.plan import RunPlan

# Images whose boxes are held against the anchors.
LOOKED_AT = 200


def find_pipelines(run_plan: "RunPlan", download: bool) -> None:
    """Have the archives of the zoo without whose pipeline.config nothing can be planned.

    Raises UserError for one that is not here without `download`, and for one that holds no pipeline.config.
    """
    for name in run_plan.models:
        if run_plan.model(name)["pipeline"] is not None:
            continue
        entry = run_plan.zoo(name)
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


def check(run_plan: "RunPlan") -> None:
    """Refuse by UserError what a job could not do; say what will probably disappoint and what will be done again."""
    _check_metrics(run_plan)
    _judge(run_plan)
    _say_restarts(run_plan)


def _check_metrics(run_plan: "RunPlan") -> None:
    """Refuse metrics that no evaluation will have, before a training whose end would be the first to say so."""
    wanted = {"export.metric": run_plan.settings["export"]["metric"]}
    for name in run_plan.models:
        if stopping := run_plan.model(name)["early_stopping"]:
            wanted[f"models.{run_plan.shown(name)}.early_stopping.metric"] = stopping["metric"]
    known = names.of_classes(run_plan.plan.classes)
    if mistakes := [
        unknown_metric(key, metric, known) for key, metric in wanted.items() if metric and metric not in known
    ]:
        raise UserError("\n".join(mistakes))


def _judge(run_plan: "RunPlan") -> None:
    """Refuse configurations that cannot be trained as they are, and say which fields will probably disappoint."""
    most = max(run_plan.plan.counts[side]["most_boxes"] for side in ("train", "eval"))
    boxes = coverage.boxes_of(_some_samples(run_plan))
    drafts = []
    # Repetitions differ in their seed alone: one of them stands for all, under the name in the configuration.
    given = {run_plan.shown(name): name for name in run_plan.models}
    for shown, name in given.items():
        config = run_plan.configurations[name]
        facts = Facts(
            num_classes=len(run_plan.plan.classes),
            max_boxes=most,
            anchor_coverage=coverage.share(config, *boxes),
            anchorless=coverage.anchorless(config, boxes[1]),
            checkpoint_names=_checkpoint_names(run_plan, name),
        )
        drafts.append(Draft(shown, run_plan.originals[name], config, run_plan.model(name), facts))
    if warned := judge(drafts):
        say(warned)


def _some_samples(run_plan: "RunPlan") -> list[Sample]:
    """Some samples of the training side; none where the plan is not kept."""
    lists = manifest.of_side(run_plan.plan_folder, "train")
    return [sample for path in lists for sample in manifest.some(path, max(LOOKED_AT // len(lists), 1))]


def _checkpoint_names(run_plan: "RunPlan", name: str) -> list[str] | None:
    """What the checkpoint that a model starts from holds; None where there is none, or none to be seen yet."""
    start, entry = run_plan.start(name), run_plan.zoo(name)
    return checkpoint_index.names(start) if start and (entry is None or entry.folder.is_dir()) else None


def _say_restarts(run_plan: "RunPlan") -> None:
    """Say which finished checkpoints a longer training will replace."""
    for name in run_plan.models:
        if why := restart.reason(Path(run_plan.results) / "models" / name, run_plan.configurations[name]):
            say(f"models.{name}: {why}")
