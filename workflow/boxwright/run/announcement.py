"""What a run will do and why, in words, before its first job.

Snakemake knows which jobs run. Why is told by the receipts of earlier results (`console.checksums`): they hold what
each result was made with, part by part, as `identities` gives it.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog import forms
from boxwright.console.checksums import Checksums
from boxwright.console.planned import DAMAGED, FORCED, MISSING, UNKNOWN, Planned
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
    "images": "the images",
    "steps": "the steps of the checkpoints",
    "code": "the code (another version of boxwright)",
}
# By rule and part, the settings behind a change that starts with this rule.
_SETTINGS = {
    ("choose_checkpoint", "wanted"): "`export` or `early_stopping` changed",
    ("judge_progress", "wanted"): "`early_stopping` changed",
    ("thin_checkpoints", "wanted"): "`keep` or `export` changed",
    ("predict_images", "images"): "the images to predict on (`predict.images`) changed",
    ("train_segment", "start"): "the start weights (`checkpoint`) changed",
}
# Parts of an identity that are the values of settings: those of a model, and others with their keys.
_OF_MODEL = ("seed", "precision", "loss_scale", "tf_threads", "inference_precision")
_OF_RUN = {
    "gate": "export.gate",
    "max_pixels": "dataset.max_pixels",
    "score_threshold": "predict.score_threshold",
    "line_thickness": "predict.line_thickness",
}
# What a part stands for that an identity leaves out.
_LEFT_OUT = {"inference_precision": "float32"}
# Rules by what they make, singular and plural, in the order of the work; all others are small.
_WORK = {
    "fetch_zoo_model": ("download", "downloads"),
    "write_records": ("shard of records", "shards of records"),
    "evaluate_checkpoint": ("evaluation", "evaluations"),
    "export_detector": ("exported checkpoint", "exported checkpoints"),
    "export_form": ("exported form", "exported forms"),
    "measure_form": ("measurement of an exported form", "measurements of exported forms"),
    "test_form": ("test on the test images", "tests on the test images"),
    "predict_images": ("set of predictions", "sets of predictions"),
    "bundle_form": ("bundle", "bundles"),
}
# How the rules begin whose results people use outside of the run: what they replace is said.
_REPLACES = ("export_", "predict_images")
_SMALL = ("small job (tables, figures)", "small jobs (tables, figures)")


def say_all(plan: RunPlan, jobs: Sequence[Planned], dry: bool = False) -> dict[int, str]:
    """Print what the jobs of a run will do, and return why each of them runs, by its number.

    A dry run also prints what the checks of the data found, which a job prints in a run.
    """
    checksums = Checksums(plan.results)
    if dry and any(job.rule == "check_annotations" for job in jobs):
        # The table lies in the plan until that job copies it.
        say(plan.data.summary.replace(f"{plan.results}/data/checks.tsv", f"{plan.plan_folder}/checks.tsv"))
    if told := text_of(plan, jobs, checksums):
        say(told)
    return {job.number: why(job, checksums) for job in jobs}


def text_of(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> str:
    """What changed since the last run, and what will be done about it; "" without jobs."""
    if not jobs:
        return ""
    lines = list(dict.fromkeys(_changes(plan, jobs, checksums)))
    lines = [line for line in lines if not any(other.startswith(f"{line} ") for other in lines)]  # told more fully
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more changes"]
    changed = ["Changed since the last run:", *(f"  - {line}" for line in lines)] if lines else []
    return "\n".join([*changed, f"To do: {_work(plan, jobs)}."])


def why(job: Planned, checksums: Checksums) -> str:
    """Why one job runs: what of its identity changed, damage of its result, or the cause that Snakemake has."""
    if job.cause != MISSING and (parts := _changed_parts(job, checksums)):
        # A part that only one of the identities has is another version's.
        told = [part for part, values in parts.items() if None not in values] or ["code"]
        return f"changed: {', '.join(_PARTS.get(part, f'`{_OF_RUN.get(part, part)}`') for part in told)}"
    if job.cause != FORCED:
        return job.cause
    if any(map(checksums.complaint, job.outputs)):
        return DAMAGED
    unknown = job.identity is not None and job.outputs and "identity" not in checksums.made_with(job.outputs[0])
    return UNKNOWN if unknown else FORCED


def _changed_parts(job: Planned, checksums: Checksums) -> dict[str, tuple[Any, Any]]:
    """The parts of a job's identity that its outputs were made without: by name, what they were and what they are."""
    made = checksums.made_with(job.outputs[0]).get("identity") if job.outputs else None
    wanted = json.loads(json.dumps(job.identity))
    if not (isinstance(made, dict) and isinstance(wanted, dict)):
        return {}
    both = {part: tuple(one.get(part, _LEFT_OUT.get(part)) for one in (made, wanted)) for part in wanted | made}
    return {part: values for part, values in both.items() if values[0] != values[1]}


def _changes(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> Iterator[str]:
    """What changed, in the order of the work: data, configurations, settings, code."""
    counts = [plan.data.counts[side]["classes"] for side in plan.sides]
    boxes = dict(sum(map(Counter, counts), Counter()))
    data, dataset = Path(plan.results) / "data", plan.settings["dataset"]
    given = bool(dataset["label_map"] or dataset["records"])
    yield from changes.told(data, plan.results, plan.data.identities, plan.data.classes, boxes, given)
    yield from _new_forms(plan, jobs, checksums)
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
        yield from _values(parts, f"models.{plan.shown(name)}: " if name else "")
        if "code" in parts:
            code[job.rule.replace("_", " ")] = None
    if code:
        yield f"another version of boxwright: {few(list(code))}"


def _new_forms(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> Iterator[str]:
    """The forms that finished detectors do not have yet."""
    titles = {file: form.title for form in plan.forms for file in form.files}
    for job in jobs:
        path = Path(job.outputs[0]) if job.outputs else Path()
        if job.rule == "export_form" and job.cause == MISSING and not checksums.made_with(path):
            title = next((title for file, title in titles.items() if path.match(file.rstrip("/"))), "")
            if title and (path.parent / forms.SUMMARY).is_file():
                yield f"new in `export.forms`: {title}"


def _values(parts: Mapping[str, tuple[Any, Any]], model: str) -> Iterator[str]:
    """The settings that changed, with their values. model: names it, at the beginning of a line."""
    for part, values in parts.items():
        before, now = values
        if part == "steps" and isinstance(before, list) and before:
            yield from (f"{model}{line}" for line in _of_steps(before, now))
        elif None not in (before, now) and (part in _OF_MODEL or part in _OF_RUN):
            key = f"`{_OF_RUN[part]}`" if part in _OF_RUN else f"{model}{part}"
            yield f"{key} {before} -> {now}"


def _of_steps(before: Sequence[int], now: Sequence[int]) -> Iterator[str]:
    """Which settings changed by which a model has checkpoints at other steps."""
    if before[-1] != now[-1]:
        yield f"num_steps {before[-1]} -> {now[-1]}"
    if len(before) > 1 and len(now) > 1 and before[0] != now[0]:
        yield f"checkpoint_every {before[0]} -> {now[0]}"
    elif before[-1] == now[-1]:  # with a single checkpoint it is not known how far apart they would be
        yield "checkpoint_every changed"


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
        elif job.rule != "all":
            counts[_WORK.get(job.rule, _SMALL)] += 1
    replaced = _replaced(jobs)
    order = dict.fromkeys([*_WORK.values(), _SMALL])
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
