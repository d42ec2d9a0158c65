"""What a run will do and why, in words, before its first job.

Snakemake knows which jobs run. Why is told by the receipts of earlier results (`console.checksums`): they hold what
each result was made with, part by part, as `identities` gives it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from google.protobuf.message import Message

from boxwright.console.checksums import Checksums
from boxwright.console.planned import MISSING, Planned
from boxwright.console.progress import duration, say
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.dataset import changes
from boxwright.pipeline import identity, restart, text
from boxwright.run import measured
from boxwright.run.plan import PREDICTIONS, RunPlan

# Most lines about what changed.
MOST_LINES = 10


# What the parts of an identity stand for.
_PARTS = {
    "data": "the data",
    "config": "the configuration",
    "start": "the start weights",
    "training": "the training",
    "measured": "the evaluation",
    "wanted": "the settings of this decision",
    "choice": "the chosen checkpoint",
    "choices": "the chosen checkpoints",
    "source": "the form it is made from",
    "detector": "the detector",
    "detectors": "the detectors",
    "times": "the times",
    "form": "the form",
    "models": "the models",
    "pictures": "the figures",
    "calibration": "the images for int8 (`export.int8`)",
    "gate": "`export.gate`",
    "optimism": "how much the choice flatters",
    "drawing": "how boxes are drawn (`predict`)",
    "images": "the images",
    "steps": "the steps of the checkpoints",
    "code": "the code (another version of boxwright)",
}
# By rule and part, the settings behind a change that starts with this rule.
_SETTINGS = {
    ("choose_checkpoint", "wanted"): "`export` or `early_stopping` changed",
    ("judge_progress", "wanted"): "`early_stopping` changed",
    ("thin_checkpoints", "wanted"): "`keep` or `export` changed",
    ("predict_images", "drawing"): "`predict.score_threshold` or `predict.line_thickness` changed",
    ("predict_images", "images"): "the images to predict on (`predict.images`) changed",
    ("predict_images", "max_pixels"): "`dataset.max_pixels` changed",
    ("preview_training", "steps"): "`num_steps` or `checkpoint_every` changed",
}
# Rules by what they make, singular and plural; all others are small.
_WORK = {
    "fetch_zoo_model": ("download", "downloads"),
    "write_records": ("shard of records", "shards of records"),
    "evaluate_checkpoint": ("evaluation", "evaluations"),
    "test_form": ("test of an exported form", "tests of exported forms"),
    "predict_images": ("set of predictions", "sets of predictions"),
}
# How the rules begin whose results people use outside of the run: what they replace is said.
_REPLACES = ("export_", "predict_images")
_EXPORT = ("exported form", "exported forms")
_SMALL = ("small job (tables, figures)", "small jobs (tables, figures)")


def say_all(plan: RunPlan, jobs: Sequence[Planned]) -> dict[int, str]:
    """Print what the jobs of a run will do, and return why each of them runs, by its number."""
    checksums = Checksums(plan.results)
    if told := text_of(plan, jobs, checksums):
        say(told)
    return {job.number: why(job, checksums) for job in jobs}


def text_of(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> str:
    """What changed since the last run, and what will be done about it; "" without jobs."""
    if not jobs:
        return ""
    lines = list(dict.fromkeys(_changes(plan, jobs, checksums)))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more changes"]
    changed = ["Changed since the last run:", *(f"  - {line}" for line in lines)] if lines else []
    return "\n".join([*changed, f"To do: {_work(plan, jobs)}."])


def why(job: Planned, checksums: Checksums) -> str:
    """Why one job runs: what of its identity changed, else the cause that Snakemake has."""
    if job.cause != MISSING and (parts := _changed_parts(job, checksums)):
        return f"changed: {', '.join(_PARTS.get(part, f'`{part}`') for part in parts)}"
    return job.cause


def _changed_parts(job: Planned, checksums: Checksums) -> list[str]:
    """The names of the parts of a job's identity that its outputs were made without."""
    made = checksums.made_with(job.outputs[0]).get("identity") if job.outputs else None
    wanted = json.loads(json.dumps(job.identity))
    if not (isinstance(made, dict) and isinstance(wanted, dict)):
        return []
    return [part for part in wanted | made if made.get(part) != wanted.get(part)]


def _changes(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> Iterator[str]:
    """What changed, in the order of the work: data, configurations, settings, code."""
    counts = [plan.data.counts[side]["classes"] for side in plan.sides]
    boxes = dict(sum(map(Counter, counts), Counter()))
    data = Path(plan.results) / "data"
    yield from changes.told(data, plan.results, plan.data.identities, plan.data.classes, boxes)
    code: dict[str, None] = {}
    for job in jobs:
        parts = _changed_parts(job, checksums)
        name = job.wildcards.get("model")
        if "config" in parts and name and job.rule in ("train_segment", "evaluate_checkpoint", "export_detector"):
            yield from _fields(plan, name, job.rule)
        own = job.wildcards.get(PREDICTIONS) != PREDICTIONS  # else the images are those of the evaluation
        for part in parts:
            if part != "images" or own:
                yield from filter(None, [_SETTINGS.get((job.rule, part))])
        if "code" in parts:
            code[job.rule.replace("_", " ")] = None
    if code:
        yield f"another version of boxwright: {few(list(code))}"


def _fields(plan: RunPlan, name: str, rule: str) -> Iterator[str]:
    """The fields of a model's configuration that changed."""
    deciding = identity.training_identity if rule == "train_segment" else identity.evaluation_identity
    try:
        before: Message = text.read(Path(plan.results) / "models" / name / "pipeline.config")
    except (UserError, OSError):
        return
    for field in restart.differences(before, plan.configurations[name], deciding):
        yield f"models.{plan.shown(name)}: {field}"


def _work(plan: RunPlan, jobs: Sequence[Planned]) -> str:
    counts: Counter[tuple[str, str]] = Counter()
    training: dict[str, list[int]] = {}
    for job in jobs:
        if job.rule == "train_segment":
            training.setdefault(job.wildcards["model"], []).append(int(job.wildcards["step"]))
        elif job.rule.startswith("export_"):
            counts[_EXPORT] += 1
        elif job.rule in _WORK:
            counts[_WORK[job.rule]] += 1
        elif job.rule != "all":
            counts[_SMALL] += 1
    replaced = _replaced(jobs)
    order = [*_WORK.values(), _EXPORT, _SMALL]
    told = [plural(counts[nouns], *nouns) for nouns in order if counts[nouns]]
    trained = [_training(plan, name, sorted(steps)) for name, steps in training.items()]
    work = ", ".join([*trained, *told] if trained else ["no training", *told])
    return f"{work}; this replaces {few(replaced)}" if replaced else work


def _replaced(jobs: Sequence[Planned]) -> list[str]:
    """What people use outside of the run and jobs make again: folders of detectors and predictions, files of forms."""
    made = [(job, Path(job.outputs[0])) for job in jobs if job.rule.startswith(_REPLACES)]
    found = [path.parent if job.rule == "export_detector" else path for job, path in made if path.exists()]
    return [str(path) for path in dict.fromkeys(found) if not set(path.parents) & set(found)]


def _training(plan: RunPlan, name: str, segments: Sequence[int]) -> str:
    """The training that some segments make: its steps, its time if the pace is known, and what it replaces."""
    steps = sum(step - max((one for one in plan.steps(name) if one < step), default=0) for step in segments)
    replaced = [step for step in segments if Path(plan.checkpoint(name, step)[0]).is_file()]
    alike = [name, *(other for other in plan.models if plan.shown(other) == plan.shown(name))]
    pace = next(filter(None, (measured.steps_per_second(plan.results, one) for one in alike)), None)
    facts = [plural(steps, "step")]
    facts += [f"about {duration(steps / pace)}"] if pace else []
    facts += [f"replaces {plural(len(replaced), 'checkpoint')}"] if replaced else []
    most = "at most " if plan.model(name)["early_stopping"] else ""
    return f"training of {name} ({most}{', '.join(facts)})"
