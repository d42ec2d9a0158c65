"""Finished checkpoints that are no longer there, removed by `keep` or by hand, and what follows from that for the run.

A checkpoint that was measured and is not the exported one is needed only by a segment that continues from it, or if it
has to be measured again. So it is not made again just because it is gone. With `keep` it is not made again to be
measured either: where the evaluation changes, it is left out of the comparison, as measurements of two kinds cannot be
compared.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.core.wording import few
from boxwright.evaluation import choose, stopping, thin
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

_MEASURED = ("metrics.json", "analysis.json", "detections.json")


class Thinned:
    """The checkpoints of one model that are gone, by their steps.

    gone: finished by the training as it is configured now, and no longer there.
    left_out: those of them that the run no longer takes for measured.
    dispensable: those of them that are not made again unless a segment continues from them.
    chosen: the step that will be exported as far as the measurements tell it now, or None. As long as one is to be made
        again, the step that is exported already.
    """

    def __init__(
        self, plan: RunPlan, name: str, identities: Identities, checksums: Checksums, on_disk: bool = True
    ) -> None:
        self._plan, self._name, self._identities, self._checksums = plan, name, identities, checksums
        self._on_disk = on_disk
        self._folder = Path(plan.results) / "models" / name
        self._keep = plan.model(name)["keep"]

    @cached_property
    def gone(self) -> set[int]:
        return {step for step, made in self._finished.items() if made == self._training}

    @cached_property
    def left_out(self) -> set[int]:
        if not self._keep:
            return set()
        found = {step for step in self.gone if self._was_measured(step) and not self._is_measured(step)}
        return found if found < set(self._plan.steps(self._name)) else set()

    @cached_property
    def dispensable(self) -> set[int]:
        measured = {step for step in self.gone if self._is_measured(step)} | self.left_out
        return measured - {self.chosen}

    @cached_property
    def reached(self) -> list[int]:
        """The steps of the checkpoints that the run makes, as far as the measurements tell how early stopping decides.

        What is left out is among them.
        """
        steps, found = self._plan.steps(self._name), []
        for step in self._plan.steps_to_judge(self._name):
            if step in self.left_out:
                continue
            if not self._is_measured(step):
                break
            found.append(_read(self._folder / f"eval/{step}/metrics.json"))
            try:
                if not stopping.decide(found, **self._plan.early_stopping(self._name))["go_on"]:
                    return steps[: steps.index(step) + 2]
            except (UserError, KeyError, TypeError):  # an undefined metric or damaged files: the jobs tell it
                break
        return steps

    @cached_property
    def chosen(self) -> int | None:
        if not self.gone:
            return None
        wanted = self._plan.settings["export"]
        compared = [step for step in self.reached if step not in self.left_out]
        steps = [step for step in compared if self._is_measured(step)]
        if wanted["checkpoint"] == "best":
            if any(step in self.gone or self._index(step).is_file() for step in compared if step not in steps):
                return self._exported.get("step") if self._exported.get("step") in compared else None
            found = [content for step in steps if (content := _read(self._folder / f"eval/{step}/metrics.json"))]
            try:
                return choose.choose(found, "best", wanted["metric"])["step"]
            except UserError:  # nothing is measured, or the metric is undefined: the jobs tell it
                return None
        step = self.reached[-1] if wanted["checkpoint"] == "last" else wanted["checkpoint"]
        return step if step in {*steps, *self.left_out} else None

    def paths(self) -> set[str]:
        """The files that are missing without being damaged results, as the rules name them.

        Those of the dispensable checkpoints, and those of another training: this one replaces them anyway.
        """
        steps = self.dispensable | (self._finished.keys() - self.gone)
        return {path for step in steps for path in self._plan.checkpoint(self._name, step)}

    def mistake(self) -> str:
        """Why `keep` or the choice of the checkpoint cannot be followed, and what to do; "" if they can."""
        if self._keep and not self._on_disk:
            return (
                f"models.{self._plan.shown(self._name)}.keep removes checkpoints from a file system, but the results "
                "of this run are in an object store. Leave `keep` out, and let rules of the store delete old objects."
            )
        step = self.chosen
        exported, metric = (self._exported.get(key) for key in ("step", "metric"))
        if step not in self.gone or (step == exported and step not in self.left_out):
            return ""  # what is exported already is made again like any other result that was lost
        shown, wanted = self._plan.shown(self._name), self._plan.settings["export"]
        key = "metric" if wanted["checkpoint"] == "best" else "checkpoint"
        there = [one for one in self.reached if self._index(one).is_file()]
        ways = []
        if key == "metric" and exported in there and metric != wanted["metric"]:
            ways.append(f"set `export.metric` back to {metric}, which chose step {exported}")
        ways += [f"set `export.checkpoint` to a step that is there ({few(list(map(str, there)), 8)})"] if there else []
        ways.append(
            f"to train it again, set `models.{shown}.keep: null` and delete {self._folder}/eval/{step} (`keep` may be "
            "set again after that run)"
        )
        return (
            f"models.{shown}: `export.{key}` is {wanted[key]}, which chooses the checkpoint at step {step}. It is gone "
            f"({'`keep` removed it' if self._keep else 'deleted'} after it was measured), so it cannot be exported. "
            f"Either {'; or '.join(ways)}."
        )

    def _index(self, step: int) -> Path:
        return Path(self._plan.checkpoint(self._name, step)[0])

    def _is_missing(self, step: int) -> bool:
        """Whether a checkpoint is gone: whole, or as `keep` leaves it if it is interrupted."""
        index, data = map(Path, self._plan.checkpoint(self._name, step))
        return not index.is_file() and (not data.is_file() or self._is_left_over(step))

    def _is_left_over(self, step: int) -> bool:
        return bool(self._keep) and step in self._removed

    @cached_property
    def _removed(self) -> set[int]:
        """The steps that `keep` has removed or was about to remove: those that do not stay of all measured ones."""
        wanted = self._plan.settings["export"]
        found = {step: _read(self._folder / f"eval/{step}/metrics.json") for step in self._plan.steps(self._name)}
        values = {step: content["metrics"].get(wanted["metric"]) for step, content in found.items() if content}
        return (
            values.keys() - thin.kept(values, self._keep, wanted["checkpoint"], wanted.get("also", ()))
            if values
            else set()
        )

    def _was_measured(self, step: int) -> bool:
        """Whether the checkpoint of this training was ever measured."""
        made = self._checksums.made_with(self._folder / f"eval/{step}/metrics.json").get("identity")
        return isinstance(made, dict) and made.get("training") == self._evaluation["training"]

    def _is_measured(self, step: int) -> bool:
        """Whether a checkpoint's measurement is there as a whole, and is that of the evaluation as it is now."""
        outputs = [self._folder / f"eval/{step}/{name}" for name in _MEASURED]
        current = self._checksums.made_with(outputs[0]).get("identity") == self._evaluation
        return current and not any(map(self._checksums.complaint, outputs))

    @cached_property
    def _finished(self) -> dict[int, Any]:
        """The checkpoints that were finished and are missing: the identity of the training of each."""
        steps = self._plan.steps(self._name) if self._on_disk else []
        made = {step: self._checksums.made_with(self._index(step)) for step in steps if self._is_missing(step)}
        return {step: one["identity"] for step, one in made.items() if "identity" in one}

    @cached_property
    def _exported(self) -> Mapping[str, Any]:
        """The content of choice.json; empty if there is none."""
        return _read(self._folder / "choice.json") or {}

    @cached_property
    def _training(self) -> Any:
        return _plain(self._identities.train_segment(self._name))

    @cached_property
    def _evaluation(self) -> Mapping[str, Any]:
        return _plain(self._identities.evaluate_checkpoint(self._name))


def of_all(plan: RunPlan, identities: Identities, on_disk: bool) -> dict[str, Thinned]:
    """The checkpoints that are gone, by model. on_disk: whether the results are files here, not in an object store."""
    checksums = Checksums(plan.results)
    return {name: Thinned(plan, name, identities, checksums, on_disk) for name in plan.models}


def check(thinned: Mapping[str, Thinned]) -> None:
    """Raise UserError if a checkpoint would be exported that is gone, or if `keep` has no effect."""
    if mistakes := list(filter(None, (one.mistake() for one in thinned.values()))):
        raise UserError("\n".join(dict.fromkeys(mistakes)))


def _plain(identity: Mapping[str, Any]) -> Any:
    """An identity as it comes back from a receipt."""
    return json.loads(json.dumps(identity))


def _read(path: Path) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
