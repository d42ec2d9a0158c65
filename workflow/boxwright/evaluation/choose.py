"""The choice of a checkpoint: the best by a metric, the last, or a given step, with the reason."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.files import read_json, write_json
from boxwright.core.wording import nearest

# COCO's numbers come first; the metrics of each class would make the list long.
_SHOWN = 12


def choose(
    evaluations: Sequence[Mapping[str, Any]],
    checkpoint: str | int,
    metric: str,
    decisions: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The choice among evaluations of one model (contents of metrics.json files), in any order.

    `checkpoint` is "best" (the largest value of `metric`; the earliest step if several are equal; checkpoints where it
    is undefined are skipped), "last" or a step. `decisions` are the decisions of early stopping (see
    `stopping.decide`). Returns `{model, step, checkpoint, metric, value, reason, considered, stopped}`, where
    `considered` is a list of `{step, value}` by step and `stopped` is the decision that ended the training early, or
    None. Raises UserError for a step that was not evaluated, an unknown metric, and a metric that is undefined at every
    checkpoint.
    """
    ordered = sorted(evaluations, key=lambda evaluation: evaluation["step"])
    if not ordered:
        raise UserError("There is no evaluated checkpoint to choose from.")
    known = list(ordered[0]["metrics"])
    if metric not in known:
        raise UserError(unknown_metric("export.metric", metric, known))
    values = {evaluation["step"]: evaluation["metrics"][metric] for evaluation in ordered}
    defined = {step: value for step, value in values.items() if value is not None}
    steps = list(values)
    if checkpoint == "best":
        if not defined:
            usable = [name for name in known if any(other["metrics"][name] is not None for other in ordered)]
            raise UserError(
                f"No checkpoint can be chosen by {metric}, because it is undefined at all of them: "
                f"{ordered[0]['undefined'].get(metric, 'no ground truth')}. Set `export.metric` to one of: "
                f"{', '.join(usable)}; or `export.checkpoint: last`."
            )
        step = max(defined, key=lambda candidate: (defined[candidate], -candidate))
        reason = _why_best(metric, step, values, defined)
    elif checkpoint == "last":
        step = steps[-1]
        reason = f"the last of {_count(steps)}, as `export.checkpoint: last` asks"
    else:
        step = checkpoint
        if step not in values:
            raise UserError(
                f"`export.checkpoint` is {checkpoint}, but the evaluated checkpoints are at step "
                f"{', '.join(map(str, steps))}."
            )
        reason = f"step {step}, as `export.checkpoint` asks, of {_count(steps)}"
    return {
        "model": ordered[0]["model"],
        "step": step,
        "checkpoint": checkpoint,
        "metric": metric,
        "value": values[step],
        "reason": reason,
        "considered": [{"step": number, "value": value} for number, value in values.items()],
        "stopped": next((dict(decision) for decision in decisions if not decision["go_on"]), None),
    }


def run(
    metrics: Iterable[str | Path],
    checkpoint: str | int,
    metric: str,
    out: str | Path,
    decisions: Iterable[str | Path] = (),
) -> dict[str, Any]:
    """Choose among the given metrics.json files and write the choice to `out` (choice.json); `decisions` are files."""
    found, decided = ([read_json(path) for path in paths] for paths in (metrics, decisions))
    choice = choose(found, checkpoint, metric, decided)
    write_json(out, choice)
    return choice


def unknown_metric(key: str, metric: str, known: Iterable[str]) -> str:
    """The message about a metric that the configuration's `key` names and that an evaluation does not have."""
    known = list(known)
    near = [name for name in known if metric.lower() in name.lower()]
    meant = near[0] if near else nearest(metric, known, cutoff=0.3)
    more = f" and {len(known) - _SHOWN} more of single classes and of VOC" if len(known) > _SHOWN else ""
    return (
        f"`{key}` is {metric}, which is not a metric of the evaluation"
        f"{f'; did you mean {meant}?' if meant else '.'} The metrics are {', '.join(known[:_SHOWN])}{more}."
    )


def _why_best(metric: str, step: int, values: Mapping[int, float | None], defined: Mapping[int, float]) -> str:
    reason = f"largest {metric} ({defined[step]:.4f}) of {_count(list(values))}"
    equal = [other for other, value in defined.items() if value == defined[step] and other != step]
    if equal:
        reason += f"; the earliest of equals (also step {', '.join(map(str, equal))})"
    if len(defined) < len(values):
        missing = [str(other) for other in values if other not in defined]
        reason += f"; undefined at step {', '.join(missing)}"
    return reason


# Does not use `core.wording`, which no code identity covers, because this text is part of choice.json.
def _count(steps: Sequence[int]) -> str:
    return "1 checkpoint" if len(steps) == 1 else f"{len(steps)} checkpoints"
