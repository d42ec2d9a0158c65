"""What a run will do and why, in words, before its first job.

Snakemake knows which jobs run. Why is told by the receipts of earlier results (`console.checksums`): they hold what
each result was made with, part by part, as `identities` gives it.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.catalog import forms
from boxwright.console.checksums import Checksums
from boxwright.console.planned import DAMAGED, FORCED, MISSING, UNKNOWN, Planned
from boxwright.console.progress import duration, say
from boxwright.core import files
from boxwright.core.errors import UserError
from boxwright.core.wording import few, plural
from boxwright.pipeline import identity, restart
from boxwright.run import data_changes, earlier, measured
from boxwright.run.identities import Identities
from boxwright.run.plan import PREDICTIONS, RunPlan
from boxwright.training import saved

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
    ("choose_checkpoint", "wanted"): "`early_stopping` changed",
    ("judge_progress", "wanted"): "`early_stopping` changed",
    ("thin_checkpoints", "wanted"): "`keep` or `export` changed",
    ("predict_images", "images"): "the images to predict on (`predict.images`) changed",
}
# Parts of an identity that are the values of settings: those of a model, and others with their keys.
_OF_MODEL = ("seed", "precision", "loss_scale", "tf_threads", "inference_precision")
_OF_RUN = {
    "checkpoint": "export.checkpoint",
    "metric": "export.metric",
    "gate": "export.gate",
    "max_pixels": "dataset.max_pixels",
    "score_threshold": "predict.score_threshold",
    "line_thickness": "predict.line_thickness",
}
# What a part stands for that an identity leaves out.
_LEFT_OUT = {"inference_precision": "float32"}
_ABSENT = object()
# By rule, the fields of a model's configuration that count.
_DECIDING = {
    "train_segment": identity.training_identity,
    "evaluate_checkpoint": identity.evaluation_identity,
    "export_detector": identity.evaluation_identity,
}
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
# Rules that write down what the data hold.
_OF_DATA = ("check_annotations", "split_dataset", "write_label_map")
# How the rules begin whose results people use outside of the run: what they replace is said.
_REPLACES = ("export_", "predict_images")
_SMALL = ("small job (tables, figures)", "small jobs (tables, figures)")


def say_all(plan: RunPlan, identities: Identities, jobs: Sequence[Planned], dry: bool = False) -> dict[int, str]:
    """Print what the jobs of a run will do, and return why each of them runs, by its number.

    Before a first run that is the same for all of them: then it is said once, and the reasons are "".
    What the data hold, and what their checks found, is printed if a job writes down something of it.
    """
    checksums = Checksums(plan.results)
    if any(job.rule in _OF_DATA for job in jobs):
        # In a dry run the table stays in the plan, from which that job copies it.
        table = f"{plan.plan_folder if dry else f'{plan.results}/data'}/checks.tsv"
        say(plan.data.summary.replace(f"{plan.results}/data/checks.tsv", table))
    first = _is_first(jobs, checksums)
    if told := text_of(plan, identities, jobs, checksums):
        say(f"First run: nothing has been made yet.\n{told}" if first else told)
    return {job.number: "" if first else why(job, identities, checksums) for job in jobs}


def _is_first(jobs: Sequence[Planned], checksums: Checksums) -> bool:
    """Whether nothing was made yet, from the label map on, which is the first that a run makes."""
    if not any(job.rule == "write_label_map" and job.cause == MISSING for job in jobs):
        return False
    made = any(Path(output).exists() for job in jobs for output in job.outputs)
    return not made and not any(checksums.folder.rglob("*.json"))


def text_of(plan: RunPlan, identities: Identities, jobs: Sequence[Planned], checksums: Checksums) -> str:
    """What changed since the last run, and what will be done about it; "" without jobs."""
    if not jobs:
        return ""
    trainings = _trainings(plan, identities, jobs)
    lines = list(dict.fromkeys(_changes(plan, identities, jobs, checksums, [one.name for one in trainings])))
    lines = [line for line in lines if not any(other.startswith(f"{line} ") for other in lines)]  # told more fully
    if len(lines) > MOST_LINES:
        lines[MOST_LINES:] = [f"and {len(lines) - MOST_LINES} more changes"]
    changed = ["Changed since the last run:", *(f"  - {line}" for line in lines)] if lines else []
    return "\n".join([*changed, f"To do: {_work(plan, jobs, trainings)}.{_time(plan, jobs, trainings)}"])


def why(job: Planned, identities: Identities, checksums: Checksums) -> str:
    """Why one job runs: what of its identity changed, damage of its result, or the cause that Snakemake has."""
    if job.cause != MISSING and (parts := _changed_parts(job, identities, checksums)):
        # A part that only one of the identities has is another version's.
        told = [part for part, values in parts.items() if _ABSENT not in values] or ["code"]
        return f"changed: {', '.join(_PARTS.get(part, f'`{_OF_RUN.get(part, part)}`') for part in told)}"
    if job.cause != FORCED:
        return job.cause
    if any(map(checksums.complaint, job.outputs)):
        return DAMAGED
    unknown = job.identity is not None and job.outputs and "identity" not in checksums.made_with(job.outputs[0])
    return UNKNOWN if unknown else FORCED


def _changed_parts(job: Planned, identities: Identities, checksums: Checksums) -> dict[str, tuple[Any, Any]]:
    """The parts of a job's identity that its outputs were made without: by name, what they were and what they are.

    The code is among them only if it is another version of boxwright.
    """
    made = checksums.made_with(job.outputs[0]).get("identity") if job.outputs else None
    wanted = json.loads(json.dumps(job.identity))
    if not (isinstance(made, dict) and isinstance(wanted, dict)):
        return {}
    both = {
        part: tuple(one.get(part, _LEFT_OUT.get(part, _ABSENT)) for one in (made, wanted)) for part in wanted | made
    }
    changed = {part: values for part, values in both.items() if values[0] != values[1]}
    if "code" in changed and identities.uses_other_parts(job.rule, job.wildcards.get("model"), changed):
        del changed["code"]
    return changed


def _changes(
    plan: RunPlan, identities: Identities, jobs: Sequence[Planned], checksums: Checksums, trained: Sequence[str]
) -> Iterator[str]:
    """What changed, in the order of the work: data, configurations, settings, code. trained: the models that train."""
    yield from data_changes.told(plan)
    yield from _new_exports(plan, jobs, checksums)
    yield from _new_forms(plan, jobs, checksums)
    yield from _left_forms(plan)
    begun = [name for name in plan.models if earlier.steps(plan.results, name)]
    yield from _new_seeds(plan, trained, begun)
    yield from _new_models(plan, identities, checksums, trained, begun)
    code: dict[str, None] = {}
    for job in jobs:
        parts = _changed_parts(job, identities, checksums)
        name = job.wildcards.get("model")
        if name and not {"start", "config"}.isdisjoint(parts):
            before = earlier.configuration(plan.results, name, checksums.made_with(job.outputs[0]))
            yield from (f"models.{plan.shown(name)}: {line}" for line in _configured(plan, job, parts, before))
        own = job.wildcards.get(PREDICTIONS) != PREDICTIONS  # else the images are those of the evaluation
        for part in parts:
            if part != "images" or own:
                yield from filter(None, [_SETTINGS.get((job.rule, part))])
        yield from _values(parts, f"models.{plan.shown(name)}: " if name else "")
        if "code" in parts:
            code[job.rule.replace("_", " ")] = None
    if code:
        yield f"another version of boxwright: {few(list(code))}"


def _new_exports(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> Iterator[str]:
    """The further checkpoints that models get exported which have a detector."""
    for job in jobs:
        further = job.wildcards.get("further", "") if job.rule == "export_detector" and job.cause == MISSING else ""
        if further and _summaries(plan, job.wildcards["model"]) and not checksums.made_with(job.outputs[0]):
            yield f"new in `export.checkpoint`: step {further.removeprefix('-')}"


def _new_forms(plan: RunPlan, jobs: Sequence[Planned], checksums: Checksums) -> Iterator[str]:
    """The forms that finished detectors do not have yet."""
    titles = {file: form.title for form in plan.forms for file in form.files}
    for job in jobs:
        path = Path(job.outputs[0]) if job.outputs else Path()
        if job.rule == "export_form" and job.cause == MISSING and not checksums.made_with(path):
            title = next((title for file, title in titles.items() if path.match(file.rstrip("/"))), "")
            if title and any((folder / forms.SUMMARY).is_file() for folder in path.parents[:2]):
                yield f"new in `export.forms`: {title}"


def _left_forms(plan: RunPlan) -> Iterator[str]:
    """The forms of finished detectors that the configuration does not name any more. Nothing removes their files."""
    wanted = {form.name for form in plan.forms}
    summaries = [path for name in plan.models for path in _summaries(plan, name)]
    for form in forms.FORMS:
        paths = [path.parent / form.path for path in summaries if form.name in _forms_in(path)]
        left = [str(path) for path in paths if path.exists()]
        if left and form.name not in wanted:
            stay = "stays and is" if len(left) == 1 else "stay and are"
            yield f"no longer in `export.forms`: {form.title}; {few(left)} {stay} not made again"


def _summaries(plan: RunPlan, name: str) -> list[Path]:
    """The summaries of the detectors of a model: of each exported checkpoint one."""
    return sorted(Path(plan.results, "models", name).glob(f"{forms.FOLDER}*/{forms.SUMMARY}"))


def _forms_in(summary: Path) -> Collection[str]:
    """The names of the forms in a summary; none if it cannot be read."""
    try:
        return dict(files.read_json(summary)["forms"])
    except (UserError, OSError, ValueError, KeyError, TypeError):
        return ()


def _new_seeds(plan: RunPlan, trained: Sequence[str], begun: Sequence[str]) -> Iterator[str]:
    """The models that begin to train with further seeds, and what is finished of others.

    trained: the models that train. begun: those that have checkpoints.
    """
    new: dict[str, list[str]] = {}
    for name in trained:
        if name not in begun and any(plan.shown(one) == plan.shown(name) for one in begun):
            new.setdefault(plan.shown(name), []).append(str(plan.model(name)["seed"]))
    for shown, seeds in new.items():
        kept = [name for name in begun if plan.shown(name) == shown and name not in trained]
        there = few([f"seed {plan.model(name)['seed']} ({Path(plan.results, 'models', name)})" for name in kept])
        stays = "stays as it is" if len(kept) == 1 else "stay as they are"
        more = f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}"
        yield f"models.{shown}: new {more}" + (f"; {there} {stays}" if kept else "")


def _new_models(
    plan: RunPlan, identities: Identities, checksums: Checksums, trained: Sequence[str], begun: Sequence[str]
) -> Iterator[str]:
    """The models that begin to train where others have results that the configuration does not name any more.

    trained, begun: see `_new_seeds`.
    """
    known = {plan.shown(name) for name in begun}
    new = [name for name in trained if plan.shown(name) not in known]
    left = [name for name in earlier.models(plan.results) if name not in plan.models]
    for name in new if left else ():
        wanted = json.loads(json.dumps(identities.train_segment(name)))
        same = [one for one in left if earlier.trained_with(plan.results, one, wanted, checksums)]
        told = f"models.{plan.shown(name)}: new, so it trains from the start"
        if same:
            told += f"; it would come out just as {same[0]}, so with the name {same[0]} nothing is trained"
        yield told
    if new and left:
        folders = few([str(Path(plan.results, "models", one)) for one in left])
        yield f"no longer among the models: {few(left)}; {folders} {'stays' if len(left) == 1 else 'stay'}"


def _values(parts: Mapping[str, tuple[Any, Any]], model: str) -> Iterator[str]:
    """The settings that changed, with their values. model: names it, at the beginning of a line."""
    for part, values in parts.items():
        before, now = values
        if part == "steps" and isinstance(before, list) and before:
            yield from (f"{model}{line}" for line in _of_steps(before, now))
        elif before not in (None, _ABSENT) and now not in (None, _ABSENT) and (part in _OF_MODEL or part in _OF_RUN):
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


def _configured(plan: RunPlan, job: Planned, parts: Collection[str], before: Message | None) -> Iterator[str]:
    """The start weights and the fields of a model's configuration that changed; before: the one of the job's result."""
    now = plan.configurations[job.wildcards["model"]]
    if "start" in parts:
        yield earlier.start_weights(before, now)
    if before is not None and "config" in parts and (deciding := _DECIDING.get(job.rule)):
        yield from restart.differences(before, now, deciding, why=False)


class _Training(NamedTuple):
    """The training of a model that a run will do.

    segments: the steps up to which they go, in rising order. saved: the step of a state that the first of them goes on
    from, inside it; None without one. steps: how many are left.
    """

    name: str
    segments: list[int]
    saved: int | None
    steps: int


def _work(plan: RunPlan, jobs: Sequence[Planned], trainings: Sequence[_Training]) -> str:
    counts = Counter(_WORK.get(job.rule, _SMALL) for job in jobs if job.rule not in ("train_segment", "all"))
    replaced = _replaced(jobs)
    order = dict.fromkeys([*_WORK.values(), _SMALL])
    told = [plural(counts[nouns], *nouns) for nouns in order if counts[nouns]]
    trained = [_training(plan, one) for one in trainings]
    work = ", ".join([*trained, *told] if trained else ["no training", *told])
    return f"{work}; this replaces {few(replaced)}" if replaced else work


def _time(plan: RunPlan, jobs: Sequence[Planned], trainings: Sequence[_Training]) -> str:
    """How long all jobs take, by the times of earlier ones; "" if some are not known, or for training alone.

    Most jobs of a short run do little but start Python and TensorFlow, so without this time the others mislead.
    """
    others = [measured.job_seconds(job.benchmark) for job in jobs if job.rule not in ("train_segment", "all")]
    known = [one for one in others if one is not None]
    trained = [_training_seconds(plan, one) for one in trainings]
    if not others or 2 * len(known) < len(others) or None in trained:
        return ""
    # A few jobs that never ran before, such as the comparison of a first second model, are like the others.
    times = [*(median(known) if one is None else one for one in others), *trained]
    taken = f" By the times of earlier jobs, all this takes about {duration(sum(times))}"
    return f"{taken}, less where jobs run side by side." if len(times) > 1 else f"{taken}."


def _trainings(plan: RunPlan, identities: Identities, jobs: Sequence[Planned]) -> list[_Training]:
    """The trainings of a run, one for each model that it trains."""
    found: dict[str, list[int]] = {}
    for job in jobs:
        if job.rule == "train_segment":
            found.setdefault(job.wildcards["model"], []).append(int(job.wildcards["step"]))
    return [_training_of(plan, identities, name, sorted(segments)) for name, segments in found.items()]


def _training_of(plan: RunPlan, identities: Identities, name: str, segments: list[int]) -> _Training:
    begins = {step: max((one for one in plan.steps(name) if one < step), default=0) for step in segments}
    first, settings = segments[0], identities.training_settings(name)
    identity = saved.text(identities.train_segment(name))
    wanted = saved.training(identity, settings["seed"], settings["tf_threads"])
    note = saved.note(Path(plan.checkpoint(name, first)[0]).parent / saved.FOLDER, wanted, begins[first], first)
    done = note["step"] - begins[first] if note else 0
    steps = sum(step - before for step, before in begins.items()) - done
    return _Training(name, segments, note["step"] if note else None, steps)


def _replaced(jobs: Sequence[Planned]) -> list[str]:
    """What people use outside of the run and jobs make again: folders of detectors and predictions, files of forms."""
    made = [(job, Path(job.outputs[0])) for job in jobs if job.rule.startswith(_REPLACES)]
    found = [path.parent if job.rule == "export_detector" else path for job, path in made if path.exists()]
    return [str(path) for path in dict.fromkeys(found) if not set(path.parents) & set(found)]


def _training(plan: RunPlan, one: _Training) -> str:
    """A training in words: its steps, its time if the pace is known, and what it replaces."""
    replaced = [step for step in one.segments if Path(plan.checkpoint(one.name, step)[0]).is_file()]
    taken = _training_seconds(plan, one)
    facts = [plural(one.steps, "step")]
    facts += [f"going on from step {one.saved:,}"] if one.saved is not None else []
    facts += [f"about {duration(taken)}"] if taken else []
    facts += [f"replaces {plural(len(replaced), 'checkpoint')}"] if replaced else []
    most = "at most " if plan.model(one.name)["early_stopping"] else ""
    return f"training of {one.name} ({most}{', '.join(facts)})"


def _training_seconds(plan: RunPlan, one: _Training) -> float | None:
    """How long a training takes, by the pace of the model's last one or that of another seed; None if unknown."""
    alike = [one.name, *(other for other in plan.models if plan.shown(other) == plan.shown(one.name))]
    known = (measured.training_seconds(plan.results, name, one.steps, len(one.segments)) for name in alike)
    return next(filter(None, known), None)
