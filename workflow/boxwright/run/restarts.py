"""Tells before a run which images leave the training, which finished trainings it makes again, why, and how to keep
what there is.

The receipts of the checkpoints (`console.checksums`) hold what they were made with: the identity of their training and
the text of their pipeline.config.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.console.checksums import Checksums
from boxwright.console.progress import say
from boxwright.core.files import parse_json
from boxwright.core.names import shown
from boxwright.core.wording import few, plural, steps_in_words
from boxwright.dataset import split_history
from boxwright.dataset.split import TRAIN, WORDS
from boxwright.pipeline import identity, restart
from boxwright.run import data_changes, earlier, settings
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.run.thinned import Thinned
from boxwright.training import log

# With a smaller share of known images a data set is another one.
_LEAST_KNOWN = 0.1
# What the parts of a training's identity stand for, unless they are settings of the model.
_PARTS = {
    "config": "boxwright's own values for this feature extractor",
    "data": "the training data (images, boxes, classes, or the code that writes the records)",
    "start": "the start weights",
    "code": "the code that trains (another version of boxwright)",
}


def say_all(plan: RunPlan, identities: Identities, gone: Mapping[str, Thinned]) -> None:
    """Print which images leave the training, and which finished checkpoints are replaced, trained again or stay away.

    gone: by model, the checkpoints that are no longer there.
    """
    checksums = Checksums(plan.results)
    if another := another_data_set(plan):
        say(another)
    elif moved := left_training(plan):
        say(moved)
    for name in plan.models:
        other_parts = partial(identities.uses_other_parts, "train_segment", name)
        of_data = partial(data_changes.told, plan, f"{TRAIN}-")
        if why := reason(plan, name, identities.train_segment(name), checksums, other_parts, of_data):
            say(f"models.{name}: {why}")
        elif gone[name].gone:
            for line in of_gone(plan, name, gone[name], checksums, identities.train_segment(name)):
                say(f"models.{name}: {line}")


def of_gone(
    plan: RunPlan, name: str, thinned: Thinned, checksums: Checksums, wanted: Mapping[str, Any]
) -> Iterator[str]:
    """What becomes of the checkpoints that are gone: trained again, left out, or nothing at all.

    wanted: the identity of the model's training as it is now.
    """
    again, needed = [], False
    wanted = json.loads(json.dumps(wanted))
    for step in reversed(thinned.reached):
        finished = checksums.made_with(plan.checkpoint(name, step)[0]).get("identity") == wanted
        runs = not finished or (step in thinned.gone and (needed or step not in thinned.dispensable))
        if runs and finished:
            again.append(step)
        needed = runs
    if again:
        yield (
            f"{_checkpoints(again[::-1])} gone and needed again, so the training up to there runs again, with the "
            "same result."
        )
    if left_out := sorted(thinned.left_out - set(again)):
        yield (
            f"{_checkpoints(left_out)} gone and cannot be measured with the evaluation as it is now, so the comparison "
            f"is without; the old metrics stay. To train and measure there again, set `models.{plan.shown(name)}.keep: "
            "null`."
        )
    if not plan.model(name)["keep"] and (away := sorted(thinned.dispensable - set(again))):
        yield (
            f"{_checkpoints(away)} gone. Measured checkpoints that are not exported may go, so nothing is trained "
            "again because of that."
        )


def _checkpoints(steps: Sequence[int]) -> str:
    one = len(steps) == 1
    return f"the {'checkpoint' if one else 'checkpoints'} at {steps_in_words(steps)} {'is' if one else 'are'}"


def left_training(plan: RunPlan) -> str:
    """Which images trained in the last finished run and are on another side now, in words; "" if none is."""
    before, now = _splits(plan)
    moved: dict[str, list[str]] = {}
    for name, (side, _) in now.items():
        if side != TRAIN and before.get(name, ("", ""))[0] == TRAIN:
            moved.setdefault(side, []).append(shown(name))
    told = [f"{plural(len(names), 'image')} to the {WORDS[side]} side ({few(names)})" for side, names in moved.items()]
    return f"dataset.split: the training loses {' and '.join(told)}." if told else ""


def another_data_set(plan: RunPlan) -> str:
    """That the results are probably those of another data set, and what to do, in words; "" if they are not."""
    before, now = _splits(plan)
    contents = {sha256 for _, sha256 in before.values()}
    known = sum(sha256 in contents for _, sha256 in now.values())
    if not before or not now or known > _LEAST_KNOWN * min(len(before), len(now)):
        return ""
    split = plan.settings["dataset"]["split"]
    namesakes = sum(name in before and before[name][1] != sha256 for name, (_, sha256) in now.items())
    sides = ""
    if namesakes and not split["train"] and not split["source"]:
        have = "image has" if namesakes == 1 else "images have"
        sides = f" {namesakes:,} {have} the name of an earlier one, and so its side of the split."
    return (
        f"dataset: {known or 'none'} of the {plural(len(now), 'image')} {'is' if known < 2 else 'are'} among the "
        f"{len(before):,} of the last run in {plan.results}.{sides} If this is another data set, set another `results` "
        "folder: in this one it replaces the results of the earlier one."
    )


def _splits(plan: RunPlan) -> tuple[split_history.Sides, split_history.Sides]:
    """The sides of all images in the last finished run and now; none if they are the same or unknown."""
    tables = Path(plan.results) / "data" / "split.tsv", Path(plan.plan_folder) / "split.tsv"
    try:
        before, now = (path.read_text(encoding="utf-8", errors="replace") for path in tables)
    except OSError:
        return {}, {}
    return ({}, {}) if before == now else (split_history.from_tsv(before), split_history.from_tsv(now))


def reason(
    plan: RunPlan,
    name: str,
    wanted: Mapping[str, Any],
    checksums: Checksums,
    other_parts: Callable[[Collection[str]], bool] = lambda changed: False,
    of_data: Callable[[], Sequence[str]] = list,
) -> str:
    """Why checkpoints of a model are trained again or not used, and what to do to keep them; "" if all are used.

    wanted: the identity of the model's training as it is now. other_parts: see `Identities.uses_other_parts`. of_data:
    what changed in the training data, as far as it is known.
    """
    folder = Path(plan.results) / "models" / name
    planned, there = plan.steps(name), _there(folder)
    found = {}
    for step in there:
        made = checksums.made_with(folder / f"train/model.ckpt-{step}.index")
        found[step] = _causes(made, wanted, plan, name, other_parts, of_data)
    replaced = [step for step in planned if found.get(step)]
    kept = [step for step in planned if step in found and not found[step]]
    told = replaced or ([] if kept else there)
    causes = dict.fromkeys(cause for step in told for cause in found[step])
    if replaced and kept and min(kept) < min(replaced):
        last = max(step for step in kept if step < min(replaced))
        return (
            f"{_checkpoints(replaced)} left from an earlier training ({'; '.join(causes)}). This training continues "
            f"from step {last}, and {'it is' if len(replaced) == 1 else 'they are'} replaced. To keep "
            f"{'it' if len(replaced) == 1 else 'them'}, set another `results` folder."
        )
    if causes:
        change = "This changes" if len(causes) == 1 else "These change"
        begins = f"{'; '.join(causes)}. {change} the training from its first step on. So training starts again, and"
        if not replaced:
            one = len(there) == 1
            return (
                f"{begins} nothing uses the {'checkpoint' if one else 'checkpoints'} at {steps_in_words(there)} any "
                f"more, which {'stays' if one else 'stay'}."
            )
        return (
            f"{begins} the checkpoints up to step {max(replaced)} are replaced. To keep them, give the new training a "
            "name of its own (another key below `models`), or set another `results` folder."
        )
    receipts = {step: checksums.made_with(plan.checkpoint(name, step)[0]).get("identity") for step in planned}
    finished = {step for step in planned if step in there or receipts[step] == json.loads(json.dumps(wanted))}
    return _of_steps(folder, planned, there, finished)


def _there(folder: Path) -> list[int]:
    """The steps of a model's checkpoints."""
    names = (path.stem.rpartition("-")[2] for path in (folder / "train").glob("model.ckpt-*.index"))
    return sorted(int(name) for name in names if name.isdecimal())


def _causes(
    made: Mapping[str, Any],
    wanted: Mapping[str, Any],
    plan: RunPlan,
    name: str,
    other_parts: Callable[[Collection[str]], bool],
    of_data: Callable[[], Sequence[str]],
) -> list[str]:
    """What a checkpoint was made with that is now another one, in words."""
    old, config = made.get("identity"), plan.configurations[name]
    if not isinstance(old, dict):  # of an earlier release: the configuration beside it tells at least its own part
        before = earlier.configuration(plan.results, name, made)
        return restart.differences(before, config) if before is not None and _differ(before, config) else []
    wanted = json.loads(json.dumps(wanted))
    changed = [part for part in dict.fromkeys((*_PARTS, *wanted, *old)) if old.get(part) != wanted.get(part)]
    if not changed:
        return []
    before = earlier.configuration(plan.results, name, made)
    told = []
    for part in changed:
        if part == "start":
            told.append(earlier.start_weights(before, config))
        elif part == "data" and (exact := of_data()):
            told += exact
        elif part == "config" and before is not None and (fields := restart.differences(before, config)):
            told += fields
        elif part == "config" and before is not None and "start" in changed and _differ(before, config):
            continue  # the fields that come and go with the start weights
        elif part == "code" and other_parts(changed):
            continue
        else:
            told.append(
                f"{_PARTS[part]} changed" if part in _PARTS else f"`{part}` {old.get(part)} -> {wanted.get(part)}"
            )
    return told


def _differ(made: Message, wanted: Message) -> bool:
    return identity.training_identity(made) != identity.training_identity(wanted)


def _of_steps(folder: Path, planned: Sequence[int], there: Sequence[int], finished: Collection[int]) -> str:
    """Which checkpoints are trained again or not used any more because other steps are saved now; "" if none is.

    planned: the steps that are saved now. there: those of the checkpoints on disk. finished: those of `planned` that
    were trained, whether or not `keep` removed the checkpoint since.
    """
    again = [step for step in planned if not _begins_there(folder, planned, step)]
    reached = _reached(folder, planned, there, finished)
    unused = [step for step in there if step > reached and step not in planned]
    if not again and (not unused or reached == planned[-1]):
        return ""
    goes_on = f"training goes on from step {reached}" if reached else "training starts again from its first step"
    told = [f"`checkpoint_every` or `num_steps` changed the steps of the checkpoints, so {goes_on}."]
    if again:
        told.append(f"T{_checkpoints(again)[1:]} trained again, with the same result.")
    if unused:
        told.append(f"T{_checkpoints(unused)[1:]} not used any more, and {'stays' if len(unused) == 1 else 'stay'}.")
    before = settings.checkpoint_steps({"checkpoint_every": there[0], "num_steps": planned[-1]}) if there else []
    further = _reached(folder, before, there, {*there})
    if further > reached:
        saves = f"To go on from step {further}" if further < planned[-1] else "To train nothing again"
        told.append(f"{saves}, set `checkpoint_every: {there[0]}`.")
    return " ".join(told)


def _reached(folder: Path, steps: Sequence[int], there: Collection[int], finished: Collection[int]) -> int:
    """The step of the checkpoint that a training with checkpoints at some steps continues from; 0 without one."""
    reached = 0
    for step in steps:
        if step not in finished or not _begins_there(folder, steps, step):
            break
        reached = step if step in there else reached
    return reached


def _begins_there(folder: Path, steps: Sequence[int], step: int) -> bool:
    """Whether the segment up to one of some steps began at the step before it, as far as its log tells."""
    before = max((other for other in steps if other < step), default=0)
    first = _first_entry(folder / f"train/log/{step}.jsonl")
    return first is None or first == log.first_entry(before, step)


def _first_entry(path: Path) -> int | None:
    """The step of the first entry in the log of a segment, which shows where the segment began; None without one."""
    try:
        with path.open(encoding="utf-8") as file:
            return int(parse_json(file.readline())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
