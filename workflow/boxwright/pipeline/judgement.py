"""Reports what `lint` finds in the configurations of a run before it starts: errors stop it, warnings are printed.

So are overrides that nothing reads.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog.findings import Facts, Finding
from boxwright.core.errors import UserError
from boxwright.pipeline import lint_training, lint_unread, schedule
from boxwright.pipeline.lint import COVERAGE, accept, is_set, lint
from boxwright.pipeline.text import Document

# Errors in a file that configuring fixes; they become warnings.
MENDED = ("checkpoint-type",)
# What spoils most detectors. Other warnings are of what costs something, such as a class whose boxes match few anchors.
GRAVE = ("constant-learning-rate", "slow-averages", "anchor-level", lint_training.DIVERGES)
# What is about the training alone, and of no use any more once that is finished.
OF_TRAINING = (*GRAVE, COVERAGE, "no-anchors")
# The share of the boxes that match an anchor below which anchors are grave.
GRAVE_COVERAGE = 0.5
BATCH = "train_config.batch_size"
SETTLE = "Set a model's fields with its `overrides`, and its batch with `batch_size`"


@dataclass(frozen=True)
class Draft:
    """A model about to be trained: its name, the document its configuration is made from, the patched
    TrainEvalPipelineConfig, its settings (`overrides`, `batch_size` and `rescale_learning_rate` tell which fields the
    user set on purpose, `gpus` how many GPUs share a batch), the facts about its data and checkpoint, and whether it is
    trained already.
    """

    name: str
    original: Document
    config: Message
    settings: Mapping[str, Any]
    facts: Facts
    trained: bool = False


class UntrainableError(UserError):
    """Configurations that cannot be trained. fields: those that are wrong, by the model's name."""

    def __init__(self, text: str, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__(text)
        self.fields = fields


def judge(drafts: Sequence[Draft]) -> str:
    """The warnings about all models, and their overrides that are not used, as one text; empty if there are none.

    Raises UntrainableError with all errors.
    """
    findings = [(draft, _findings(draft)) for draft in drafts]
    if errors := _told(findings, "error", notes=True):
        fields = {draft.name: [one.field for one in found if one.level == "error"] for draft, found in findings}
        raise UntrainableError("\n".join(["This cannot be trained as it is.", *errors, f"{SETTLE}."]), fields)
    lines = []
    grave = _told(findings, "warning", lambda draft, one: is_grave(one, draft.facts))
    others = _told(findings, "warning", lambda draft, one: not is_grave(one, draft.facts), notes=True)
    if grave:
        lines += ["This will probably give a poor detector.", *grave]
    if others:
        lines += ["Worth a look before the training; a detector can be good all the same.", *others]
    if lines:
        lines.append(f"{SETTLE}; most values set there cause no warning.")
    if unused := _unused(findings):
        lines += ["These overrides are not used.", *unused]
    return "\n".join(lines)


def is_grave(finding: Finding, facts: Facts) -> bool:
    """Whether a warning is about what will probably give a poor detector."""
    if finding.rule == COVERAGE:
        return facts.anchor_coverage is not None and facts.anchor_coverage < GRAVE_COVERAGE
    return finding.rule in GRAVE


def _findings(draft: Draft) -> list[Finding]:
    meant = list(draft.settings["overrides"])
    if draft.settings["batch_size"] is not None:
        meant.append(BATCH)
    findings = [*accept(lint(draft.config, draft.facts), meant), *_sharing(draft), *_batch(draft), *_optimizer(draft)]
    findings += [one for one in lint_unread.deprecated(draft.config) if is_set(one.field, draft.settings["overrides"])]
    findings = [one for one in findings if not (draft.trained and one.level == "warning" and one.rule in OF_TRAINING)]
    return [replace(finding, level="warning") if _is_mended(finding, draft) else finding for finding in findings]


def _is_mended(finding: Finding, draft: Draft) -> bool:
    """Whether something is wrong in a file and not in the run that is made from it."""
    return finding.rule in MENDED and not is_set(finding.field, draft.settings["overrides"])


def _sharing(draft: Draft) -> Iterator[Finding]:
    """An error if several GPUs cannot share each batch equally."""
    gpus, batch = draft.settings["gpus"], draft.config.train_config.batch_size
    if gpus > 1 and batch % gpus:
        why = f"{gpus} GPUs share each batch equally, so it must be a multiple of {gpus}"
        yield Finding("error", "gpu-share", BATCH, batch, why, batch + -batch % gpus)


def _batch(draft: Draft) -> Iterator[Finding]:
    """A warning if an override sets the batch and leaves the learning rates as they are for another one."""
    overrides, batch = draft.settings["overrides"], draft.config.train_config.batch_size
    made_for = draft.settings["batch_size"] or draft.original.config.train_config.batch_size
    rates, path = schedule.schedule_of(draft.config)
    meant = rates is None or not draft.settings["rescale_learning_rate"] or is_set(path, overrides)
    if is_set(BATCH, overrides) and made_for not in (0, batch) and not meant:
        why = (
            f"an override of it leaves the learning rates as they are for a batch of {made_for}; `batch_size: {batch}` "
            "of the model scales them, or `rescale_learning_rate: false` says that they are meant"
        )
        yield Finding("warning", "unscaled-rate", BATCH, batch, why)


def _optimizer(draft: Draft) -> Iterator[Finding]:
    """A warning if an override inside another optimizer replaces the file's, whose schedule goes with it."""
    before, after = (
        config.train_config.optimizer.WhichOneof("optimizer") for config in (draft.original.config, draft.config)
    )
    field = f"train_config.optimizer.{after}"
    inside = any(str(path).startswith(f"{field}.") for path in draft.settings["overrides"])
    if before and after != before and inside:
        why = (
            f"an override of it replaces the file's {before} with its learning rate and schedule, and what is not "
            f"overridden has its default; to change the file's, write train_config.optimizer.{before} in the override"
        )
        yield Finding("warning", "other-optimizer", field, "set", why)


def _told(
    findings: Sequence[tuple[Draft, list[Finding]]],
    level: str,
    wanted: Callable[[Draft, Finding], bool] = lambda draft, finding: True,
    *,
    notes: bool = False,
) -> list[str]:
    """The findings of a level that are wanted, below the name of each model; with what was noted of its file."""
    lines: list[str] = []
    for draft, found in findings:
        told = [_explain(finding, draft) for finding in found if finding.level == level and wanted(draft, finding)]
        told += [
            f"  - line {note.line}: {note.field}: {note.text}."
            for note in (draft.original.notes if notes else ())
            if note.level == level and not is_set(note.field, draft.settings["overrides"])
        ]
        lines += _under(draft, told)
    return lines


def _unused(findings: Sequence[tuple[Draft, list[Finding]]]) -> list[str]:
    """The overrides that nothing reads, below the name of each model."""
    lines: list[str] = []
    for draft, found in findings:
        meant = draft.settings["overrides"]
        unread = [each for each in found if each.rule == lint_unread.RULE and is_set(each.field, meant)]
        lines += _under(draft, [_explain(each, draft) for each in unread])
    return lines


def _under(draft: Draft, told: Sequence[str]) -> list[str]:
    """What is told of a model, below its name; nothing if nothing is told."""
    return [f"models.{draft.name}, made from {draft.original.source}:", *told] if told else []


def _explain(finding: Finding, draft: Draft) -> str:
    """A finding with the line of its field in the file."""
    where = f"line {draft.original.place(finding.field).rpartition(':')[2]}"
    if is_set(finding.field, draft.settings["overrides"]):
        where = "overrides"
    return f"  - {where}: {finding.said}"
