"""The checks before the first job: what cannot work is refused, what can give worse results is a warning.

All mistakes of a kind are reported at once, each with what to do about it.
"""

import csv
import re
import shlex
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog.findings import Facts
from boxwright.checkpoints import checkpoint_data, checkpoint_index, checkpoint_state
from boxwright.console.checksums import Checksums
from boxwright.console.progress import say
from boxwright.core import pointers
from boxwright.core.disk import nearest
from boxwright.core.errors import UserError
from boxwright.core.wording import after_colon, few
from boxwright.dataset import defects, enough, label_map, manifest
from boxwright.evaluation import names, stopping
from boxwright.evaluation.choose import unknown_metric
from boxwright.images import fonts
from boxwright.pipeline import coverage, settled
from boxwright.pipeline.judgement import Draft, UntrainableError, judge
from boxwright.pipeline.patch import patch
from boxwright.protos import model_of
from boxwright.run import anchor_facts, measured, room, start_weights, to_predict
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

try:
    import resource
except ImportError:  # Windows, where a process can open enough files
    resource = None

# COCO's sizes of objects: the sides in pixels of squares with the least and the largest area.
AREAS = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, 1e5)}
# What people call metrics, in small letters and digits.
_METRICS = {
    **dict.fromkeys(("map50", "map05", "ap50", "ap05", "map50iou", "map05iou"), f"{names.PRECISION}mAP@.50IOU"),
    **dict.fromkeys(("map75", "map075", "ap75", "ap075", "map75iou"), f"{names.PRECISION}mAP@.75IOU"),
    **dict.fromkeys(("map5095", "map05095", "ap", "ap5095"), f"{names.PRECISION}mAP"),
    **dict.fromkeys(("ar", "recall", "mar", "mar100", "ar100"), f"{names.RECALL}AR@100"),
}
# What a job opens besides the records: libraries, logs, checkpoints.
_OTHER_FILES = 500
# Fields that tell of a start checkpoint.
_OF_START = re.compile(r"train_config\.fine_tune_checkpoint")


def check(plan: RunPlan, identities: Identities) -> None:
    """Raise one UserError for all that cannot work; print warnings."""
    trained = _trained(plan, identities)
    _say_from_scratch(plan, trained)
    wrong, warned = mistakes(plan, identities, trained)
    if warned:
        say(warned)
    if wrong:
        raise UserError("\n".join(wrong))
    _say_similar_classes(plan)
    _say_undrawable(plan)
    _say_few_images(plan)
    _say_few_steps(plan, trained)
    _say_one_checkpoint(plan)
    _say_early_stop(plan)
    _say_no_gpu(plan)
    _say_no_room(plan)


def mistakes(plan: RunPlan, identities: Identities, trained: Collection[str] = ()) -> tuple[list[str], str]:
    """All that cannot work, and what will probably give bad results, "" if nothing will.

    Of a plan with mistakes (`plan.PlanError`) this is what can be told without what is wrong. trained: the
    models of whose training nothing is warned.
    """
    found, warned, starts = [], "", _wrong_starts(plan)
    refused = plan.unsettled.union(starts.values())
    if starts:
        found.append("\n".join(f"`models.{shown}.checkpoint`: {after_colon(text)}" for text, shown in starts.items()))
    for check_one in (
        _check_metrics,
        _check_decisions,
        _check_label_maps,
        _check_forms,
        _check_predicted,
        _check_open_files,
    ):
        try:
            check_one(plan)
        except UserError as error:
            found.append(str(error))
    replaced = _replaced(plan)
    try:
        warned = _judged(plan, trained)
    except UntrainableError as error:
        blocks = (replaced.pop(name, []) for name, fields in error.fields.items() if fields)
        found.append("\n".join([str(error), *(line for lines in blocks for line in lines)]))
        refused |= {name for name, fields in error.fields.items() if any(map(_OF_START.match, fields))}
    except UserError as error:
        found.append(str(error))
    warned = "\n".join([warned, *(line for lines in replaced.values() for line in lines)]).strip()
    # What a checkpoint is of is looked at closely only if nothing else speaks against it: each mistake is told once.
    found += start_weights.mistakes(plan, identities, refused) if plan.data else ()
    return plan.located(found), warned


def _check_metrics(plan: RunPlan) -> None:
    """Refuse metrics that no evaluation will have, which would otherwise show only at the end of a training."""
    export = plan.settings["export"]
    wanted = {"export.metric": (export["metric"], export["checkpoint"] == "best")}
    for name in plan.models:
        if stops := plan.model(name)["early_stopping"]:
            wanted[f"models.{plan.shown(name)}.early_stopping.metric"] = (stops["metric"], True)
    known = names.of_classes(plan.data.classes if plan.data else ())
    # Before the data are read, any class may be one.
    of_classes = () if plan.data else tuple(one.removesuffix("x") for one in {*names.of_classes("x")} - {*known})
    mistakes = []
    for key, (metric, decides) in wanted.items():
        if metric and metric.startswith(of_classes):
            continue
        if metric is not None and metric not in known:
            meant = _METRICS.get(re.sub(r"[\W_]+", "", metric.lower()))
            told = f"`{key}` is {metric}; did you mean {meant}?" if meant else unknown_metric(key, metric, known)
            mistakes.append(told)
        elif metric and decides and (why := _undefined(plan, metric)):
            mistakes.append(
                f"`{key}` is {metric}, which will be undefined: {why}. Choose another metric, or put such objects on "
                "the evaluation side (`dataset.split`)."
            )
    if mistakes:
        raise UserError("\n".join(mistakes))


def _check_decisions(plan: RunPlan) -> None:
    """Refuse damaged decisions of early stopping, because they decide which jobs there are."""
    for name in plan.models:
        for step in plan.steps_to_judge(name):
            decision = Path(plan.results) / "models" / name / "eval" / str(step) / "decision.json"
            if decision.is_file():
                stopping.goes_on(decision)


def _wrong_starts(plan: RunPlan) -> dict[str, str]:
    """The start checkpoints that are the model's own, or whose files are missing, cut short, damaged, or not fetched by
    Git LFS: why, and the model.

    They would otherwise stop the first training.
    """
    wrong = {}
    for name in plan.models:
        start, entry = plan.start(name), plan.zoo(name)
        if not start or (entry and not entry.folder.is_dir()):
            continue
        try:
            _require_other(plan, name, Path(start))
            if absent := [path for path in checkpoint_state.files_of(start) if pointers.is_file_of_git_lfs(path)]:
                raise UserError(f"{absent[0]} cannot be used: {pointers.GIT_LFS}.")
            checkpoint_index.names(start)  # raises the error about a damaged index
            if why := checkpoint_data.complaint(start):
                raise UserError(f"{why}. Download or copy the checkpoint's files again.")
        except UserError as error:
            wrong.setdefault(str(error), plan.shown(name))
    return wrong


def _require_other(plan: RunPlan, name: str, start: Path) -> None:
    """Refuse a start checkpoint that the model's own training replaces: after each run it would be another one."""
    if Path(plan.results, "models", name).resolve() in start.resolve().parents:
        folder = start if start.is_dir() else start.parent
        raise UserError(
            f"{start} is a result of this model, which its training replaces. Copy it first (`cp -r "
            f"{shlex.quote(str(folder))} my_detector`) and start from the copy, or give the new training a name of its "
            "own (another key below `models`)."
        )


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
            "\n".join(f"models.{shown}: beside its checkpoint: {after_colon(text)}" for text, shown in mistakes.items())
            + "\nCorrect the label map, or remove it: then no class keeps its weights."
        )


def _check_forms(plan: RunPlan) -> None:
    """Refuse forms that a model does not fit in, or whose packages are not installed."""
    mistakes = []
    for form in plan.forms:
        if missing := form.missing:
            mistakes.append(
                f"`export.forms`: the form {form.name} needs {' and '.join(missing)}, not installed here; install "
                f"{'it' if len(missing) == 1 else 'them'} with `make env`, or with `pip install {' '.join(missing)}`."
            )
        for shown, name in {plan.shown(name): name for name in plan.models}.items():
            if why := form.refuses(*model_of(plan.configurations[name])):
                mistakes.append(f"`export.forms`: {shown} cannot be exported as {form.name}: {why}.")
    if mistakes:
        raise UserError("\n".join(mistakes))


def _undefined(plan: RunPlan, metric: str) -> str:
    """Why an evaluation cannot have a value of a metric; "" if it can."""
    if not plan.data:
        return ""
    held_out = plan.data.counts["eval"]
    for name in plan.data.classes:
        if not held_out["classes"].get(name) and metric in set(names.of_classes([name])) - set(names.of_classes([])):
            return f"no evaluation image has a box of class '{name}'"
    size = next((size for size in AREAS if metric.endswith(f"({size})")), None)
    if size and (lists := _lists(plan, "eval")):
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
    """Refuse folders to predict on that hold no image, or none that can be read."""
    folders, most = filter(None, plan.predicted.values()), plan.settings["dataset"]["max_pixels"]
    if wrong := list(filter(None, (to_predict.nothing(folder, plan.results, most) for folder in folders))):
        raise UserError("\n".join(wrong))


def _check_open_files(plan: RunPlan) -> None:
    """Let the jobs open all records at the same time, and refuse more shards than this machine lets them open."""
    if resource is None:
        return
    needed = sum(plan.settings["dataset"]["shards"].values()) + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if needed <= soft or soft == resource.RLIM_INFINITY:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        raise UserError(
            f"`dataset.shards` asks for {needed - _OTHER_FILES} record files, which are read at the same time, but a "
            f"process can open only {hard} files here (ulimit -Hn). Use fewer shards."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))  # the jobs inherit it


def _trained(plan: RunPlan, identities: Identities) -> set[str]:
    """The models whose training is finished as it is configured now: what there is to say about it was said before."""
    waiting = {plan.shown(name) for name in plan.models if not _is_trained(plan, identities, name)}
    return {plan.shown(name) for name in plan.models} - waiting


def _is_trained(plan: RunPlan, identities: Identities, name: str) -> bool:
    decisions = Path(plan.results) / "models" / name / "eval"
    last = plan.steps(name)[-1]
    for step in plan.steps_to_judge(name):
        decision = decisions / str(step) / "decision.json"
        with suppress(UserError):  # `_check_decisions` tells one that is damaged
            if decision.is_file() and not stopping.goes_on(decision):
                last = plan.step_after(name, step)
                break
    made = Checksums(plan.results).made_with(plan.checkpoint(name, last)[0]).get("identity")
    return isinstance(made, dict) and plan.data is not None and made == dict(identities.train_segment(name))


def _say_from_scratch(plan: RunPlan, trained: Collection[str]) -> None:
    """Say that a configuration that is made for a start checkpoint is trained without one."""
    for shown, name in {plan.shown(name): name for name in plan.models}.items():
        if shown in trained:
            continue
        if not plan.start(name) and plan.originals[name].config.train_config.fine_tune_checkpoint:
            say(
                f"models.{shown} has no `checkpoint`: this trains from scratch, which takes more images and steps, "
                f"although {plan.pipeline(name)} is made for a start checkpoint (`make models` lists some)."
            )


def _say_similar_classes(plan: RunPlan) -> None:
    """Say which class names are probably one that was misspelt: each would be learned as a class of its own."""
    kinds = [kind for kind in ("class_similar", "class_misspelt") if plan.data.counts["defects"].get(kind)]
    table = Path(plan.plan_folder) / "checks.tsv"
    if not kinds or not table.is_file():
        return
    with table.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row["defect"] in kinds]
    if told := list(dict.fromkeys(row["detail"] for row in rows if row["action"] == defects.KEEP)):
        say(
            f"Classes that may be misspelt: {few(told)}. Correct the annotations, or give several names one class with "
            "`dataset.classes.rename`."
        )


def _say_undrawable(plan: RunPlan) -> None:
    """Say which class names no font of this machine can draw."""
    if lost := [name for name in plan.data.classes if not fonts.covering(name)]:
        say(
            f"No font here has all letters of {few(lost)}, so drawn images show the class id instead; install a font "
            "of that script, such as Noto (on Debian and Ubuntu: fonts-noto-core, fonts-noto-cjk)."
        )


def _say_few_images(plan: RunPlan) -> None:
    """Say that the images cannot give a useful detector, or a figure that tells how good it is."""
    if few := enough.too_few_images(*(plan.data.counts[side]["images"] for side in plan.sides[:2])):
        say(f"{few[0].upper()}{few[1:]}. Annotate more images.")


def _say_few_steps(plan: RunPlan, trained: Collection[str]) -> None:
    """Say that a training is too short to learn anything."""
    for shown, name in {plan.shown(name): name for name in plan.models}.items():
        if shown not in trained and (few := plan.too_few_steps(name)):
            say(f"models.{shown}: {few}. `num_steps: {plan.usual_steps(name)}` is usual.")


def _say_one_checkpoint(plan: RunPlan) -> None:
    """Say that a model has a single checkpoint, at its end, although it asks for one at a later step."""
    for shown, model in {plan.shown(name): plan.model(name) for name in plan.models}.items():
        every, steps = model["checkpoint_every"], model["num_steps"]
        if every > steps:
            say(
                f"models.{shown}: `checkpoint_every` is {every} and `num_steps` only {steps}, so a single checkpoint "
                f"is made and measured, at step {steps}."
            )


def _say_early_stop(plan: RunPlan) -> None:
    """Say that a step is to be exported which a training may never reach."""
    step = plan.settings["export"]["checkpoint"]
    early = dict.fromkeys(plan.shown(name) for name in plan.models if plan.model(name)["early_stopping"])
    if isinstance(step, int) and early:
        say(
            f"`export.checkpoint` is {step}, but `early_stopping` may end {few(list(early))} before that step, and "
            "then nothing can be exported; `best` and `last` always can."
        )


def _say_no_gpu(plan: RunPlan) -> None:
    """Say that GPUs are asked for where there is probably none; jobs on a cluster run elsewhere."""
    asking = dict.fromkeys(plan.shown(name) for name in plan.models if plan.model(name)["gpus"])
    if asking and not shutil.which("nvidia-smi"):
        say(
            f"`gpus` is set for {few(list(asking))}, but there is no `nvidia-smi` here, so probably no NVIDIA GPU: "
            "jobs that run here then compute on the processors, much slower. On a cluster its nodes count, not this "
            "machine."
        )


def _say_no_room(plan: RunPlan) -> None:
    """Say that a first checkpoint probably has no room; each later one is held against the one before it in its job."""
    free = shutil.disk_usage(nearest(plan.results)).free / 1e6
    for shown, name in {plan.shown(name): name for name in plan.models if not _has_saved(plan, name)}.items():
        needed = room.checkpoint_mb(plan.results, name, plan.model(name))
        if free < needed:
            say(
                f"The disk of {plan.results} has {free:,.0f} MB free, and a checkpoint of {shown} may take "
                f"{needed:,.0f} MB. Free some space before its training has to stop."
            )


def _has_saved(plan: RunPlan, name: str) -> bool:
    """Whether a training has saved a checkpoint, which `keep` may have removed since; its receipt stays."""
    receipts = (Checksums(plan.results).folder / "models" / name / "train").glob("model.ckpt-*.json")
    return measured.checkpoint_mb(plan.results, name) is not None or any(one.stat().st_size for one in receipts)


def _replaced(plan: RunPlan) -> dict[str, list[str]]:
    """What overrides with a block as value take away, by the model's name in the configuration."""
    found = {}
    for shown, name in {plan.shown(name): name for name in plan.models}.items():
        arguments = plan.patch_arguments(name)
        if any(isinstance(value, Mapping) for value in arguments["overrides"].values()):
            without, _ = patch(plan.originals[name].config, **arguments | {"overrides": {}})
            told = settled.replaced(without, plan.configurations[name], arguments["overrides"])
            found[shown] = [f"models.{shown}: {text}" for text in told]
    return found


def _judged(plan: RunPlan, trained: Collection[str]) -> str:
    """Warnings of fields that will probably give bad results. Refuses configurations that cannot be trained."""
    of_data = _facts(plan) if plan.data else lambda config: {}
    drafts = []
    # Repetitions differ only in their seed, so one is checked for all, under the name in the configuration.
    given = {plan.shown(name): name for name in plan.models}
    for shown, name in given.items():
        config = plan.configurations[name]
        # What a checkpoint lacks for a model is not known before the model is.
        of_start = None if shown in plan.unsettled else _checkpoint_names(plan, name)
        facts = Facts(checkpoint_names=of_start, **of_data(config))
        drafts.append(Draft(shown, plan.originals[name], config, plan.model(name), facts, shown in trained))
    return judge(drafts)


def _facts(plan: RunPlan) -> Callable[[Message], dict[str, Any]]:
    """The facts about the data set that a configuration is checked with."""
    counts = [plan.data.counts[side] for side in plan.sides]
    train, *held_out = counts
    samples = anchor_facts.some_samples(plan.plan_folder) if plan.is_stored else []
    boxes = coverage.boxes_of(samples)
    classes = [box.class_name for sample in samples for box in sample.boxes]
    of_all = {
        "num_classes": plan.data.num_classes,
        "id_gaps": plan.data.num_classes > len(plan.data.classes),
        "max_boxes": train["most_boxes"],
        "max_measured": max(side["most_boxes"] for side in held_out),
        "max_objects": max(side["most_boxes"] for side in counts),
        "max_objects_of_class": max(side["most_of_class"] for side in counts),
        "anchor_images": (len(samples), train["images"]) if len(samples) < train["images"] else None,
    }

    def of_config(config: Message) -> dict[str, Any]:
        without = coverage.anchorless(config, boxes[1])
        return of_all | anchor_facts.of(config, boxes, classes) | {"anchorless": without}

    return of_config


def _lists(plan: RunPlan, side: str) -> list[Path]:
    """The lists of the samples of a side; none if the plan is not stored."""
    return manifest.of_side(plan.plan_folder, side) if plan.is_stored else []


def _checkpoint_names(plan: RunPlan, name: str) -> list[str] | None:
    """Names of the tensors in a model's start checkpoint; None if there is none that can be read here."""
    start, entry = plan.start(name), plan.zoo(name)
    try:
        return checkpoint_index.names(start) if start and (entry is None or entry.folder.is_dir()) else None
    except UserError:  # `_check_starts` tells it
        return None
