"""Tells before a run which images leave the training, which finished trainings it makes again, why, and how to keep
what there is.

The receipts of the checkpoints (`console.checksums`) hold what they were made with: the identity of their training and
the text of their pipeline.config.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.console.checksums import Checksums
from boxwright.console.progress import say
from boxwright.core.errors import UserError
from boxwright.core.files import parse_json
from boxwright.core.names import shown
from boxwright.core.wording import few, plural, steps_in_words
from boxwright.dataset import split_history
from boxwright.dataset.split import TRAIN, WORDS
from boxwright.pipeline import identity, restart, text
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.run.thinned import Thinned
from boxwright.training import log

# What the parts of a training's identity stand for, unless they are settings of the model.
_PARTS = {
    "config": "boxwright's own values for this feature extractor",
    "data": "the training data (images, boxes, classes, or the code that writes the records)",
    "start": "the start weights (`checkpoint`)",
    "code": "the code that trains (another version of boxwright)",
}


def say_all(plan: RunPlan, identities: Identities, gone: Mapping[str, Thinned]) -> None:
    """Print which images leave the training, and which finished checkpoints are replaced, trained again or stay away.

    gone: by model, the checkpoints that are no longer there.
    """
    checksums = Checksums(plan.results)
    if moved := left_training(plan):
        say(moved)
    for name in plan.models:
        if why := reason(plan, name, identities.train_segment(name), checksums):
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
    tables = Path(plan.results) / "data" / "split.tsv", Path(plan.plan_folder) / "split.tsv"
    try:
        texts = [path.read_text(encoding="utf-8", errors="replace") for path in tables]
    except OSError:
        return ""
    if texts[0] == texts[1]:
        return ""
    before, now = map(split_history.from_tsv, texts)
    moved: dict[str, list[str]] = {}
    for name, (side, _) in now.items():
        if side != TRAIN and before.get(name, ("", ""))[0] == TRAIN:
            moved.setdefault(side, []).append(shown(name))
    told = [f"{plural(len(names), 'image')} to the {WORDS[side]} side ({few(names)})" for side, names in moved.items()]
    return f"dataset.split: the training loses {' and '.join(told)}." if told else ""


def reason(plan: RunPlan, name: str, wanted: Mapping[str, Any], checksums: Checksums) -> str:
    """Why checkpoints of a model are trained again, and what to do to keep them; "" if none is.

    wanted: the identity of the model's training as it is now.
    """
    folder = Path(plan.results) / "models" / name
    planned = plan.steps(name)
    steps = [step for step in planned if (folder / f"train/model.ckpt-{step}.index").is_file()]
    replaced, kept, causes = [], [], {}
    for step in steps:
        made = checksums.made_with(folder / f"train/model.ckpt-{step}.index")
        if found := _causes(made, wanted, plan.configurations[name], folder):
            replaced.append(step)
            causes |= dict.fromkeys(found)
        else:
            kept.append(step)
    if replaced and kept and min(kept) < min(replaced):
        last = max(step for step in kept if step < min(replaced))
        return (
            f"{_checkpoints(replaced)} left from an earlier training ({'; '.join(causes)}). This training continues "
            f"from step {last}, and {'it is' if len(replaced) == 1 else 'they are'} replaced. To keep "
            f"{'it' if len(replaced) == 1 else 'them'}, set another `results` folder."
        )
    if replaced:
        change = "This changes" if len(causes) == 1 else "These change"
        return (
            f"{'; '.join(causes)}. {change} the training from its first step on. So training starts again, and the "
            f"checkpoints up to step {max(replaced)} are replaced. To keep them, give the new training a name of its "
            "own (another key below `models`), or set another `results` folder."
        )
    return _of_distance(folder, planned)


def _causes(made: Mapping[str, Any], wanted: Mapping[str, Any], config: Message, folder: Path) -> list[str]:
    """What a checkpoint was made with that is now another one, in words."""
    old = made.get("identity")
    if not isinstance(old, dict):  # of an earlier release: the configuration beside it tells at least its own part
        before = _read(made, folder)
        return restart.differences(before, config) if before is not None and _differ(before, config) else []
    wanted = json.loads(json.dumps(wanted))
    told = []
    for part in dict.fromkeys((*_PARTS, *wanted, *old)):
        if old.get(part) == wanted.get(part):
            continue
        before = _read(made, folder) if part == "config" else None
        fields = restart.differences(before, config) if before is not None else []
        settings = [] if part in _PARTS else [f"`{part}` {old.get(part)} -> {wanted.get(part)}"]
        told += fields or settings or [f"{_PARTS[part]} changed"]
    return told


def _differ(made: Message, wanted: Message) -> bool:
    return identity.training_identity(made) != identity.training_identity(wanted)


def _read(made: Mapping[str, Any], folder: Path) -> Message | None:
    """The configuration that a checkpoint was made with: that of its receipt, else that of the model's folder."""
    try:
        if isinstance(written := made.get("config"), str):
            return text.parse(written)
        return text.read(folder / "pipeline.config")
    except (UserError, OSError):  # the rule that wrote it will write it again
        return None


def _of_distance(folder: Path, planned: list[int]) -> str:
    """Which checkpoints are trained again because their segment begins at another step."""
    again = []
    for step in planned:
        before = max((other for other in planned if other < step), default=0)
        first = _first_entry(folder / f"train/log/{step}.jsonl")
        if first is not None and first != log.first_entry(before, step):
            again.append(step)
    if not again:
        return ""
    return (
        f"with this `checkpoint_every` or `num_steps`, the training up to {steps_in_words(again)} begins at "
        "another step, so it runs again, with the same result."
    )


def _first_entry(path: Path) -> int | None:
    """The step of the first entry in the log of a segment, which shows where the segment began; None without one."""
    try:
        with path.open(encoding="utf-8") as file:
            return int(parse_json(file.readline())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
