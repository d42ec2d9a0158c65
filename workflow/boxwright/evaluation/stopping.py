"""Early stopping: whether the training of a model goes on, decided between segments by patience on one metric."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.files import read_json, write_json
from boxwright.evaluation.choose import unknown_metric


def decide(
    evaluations: Sequence[Mapping[str, Any]], metric: str, *, patience: int, min_delta: float = 0.0
) -> dict[str, Any]:
    """Judge the evaluations of one model so far (contents of metrics.json files), in any order.

    Training stops when none of the last `patience` evaluations is better, by more than `min_delta`, than the best one
    before them. Returns `{step, go_on, metric, patience, min_delta, best_step, best, reason}`, where `step` is the step
    of the last evaluation. Raises UserError for a metric that is unknown or undefined, because it would stay so.
    """
    ordered = sorted(evaluations, key=lambda evaluation: evaluation["step"])
    last = ordered[-1]
    if metric not in last["metrics"]:
        raise UserError(unknown_metric("early_stopping.metric", metric, last["metrics"]))
    undefined = [evaluation for evaluation in ordered if evaluation["metrics"][metric] is None]
    if undefined:
        raise UserError(
            f"Early stopping of {last['model']} uses {metric}, which is undefined at step {undefined[0]['step']}: "
            f"{undefined[0]['undefined'].get(metric, 'no ground truth')}. Set `early_stopping.metric` to another "
            "metric, or set `early_stopping: null`."
        )
    best_step, best, since = ordered[0]["step"], ordered[0]["metrics"][metric], 0
    for evaluation in ordered[1:]:
        since += 1
        if evaluation["metrics"][metric] > best + min_delta:
            best_step, best, since = evaluation["step"], evaluation["metrics"][metric], 0
    return {
        "step": last["step"],
        "go_on": since < patience,
        "metric": metric,
        "patience": patience,
        "min_delta": min_delta,
        "best_step": best_step,
        "best": best,
        "reason": _reason(metric, best_step, best, since, patience, min_delta),
    }


def run(metrics: Iterable[str | Path], out: str | Path, **settings: Any) -> dict[str, Any]:
    """Decide by the given metrics.json files and write the decision to `out`."""
    decision = decide([read_json(path) for path in metrics], **settings)
    write_json(out, decision)
    return decision


def goes_on(decision: str | Path) -> bool:
    """Whether training goes on, according to a written decision; raises UserError if it is damaged."""
    content = read_json(decision)
    if not isinstance(content, dict) or not isinstance(content.get("go_on"), bool):
        raise UserError(f"{decision} is damaged: it has no decision. Delete it and run again to recreate it.")
    return content["go_on"]


def _reason(metric: str, best_step: int, best: float, since: int, patience: int, min_delta: float) -> str:
    found = f"best {metric} {best:.4f} at step {best_step}"
    if not since:
        return found
    # Does not use `core.wording`, which no code identity covers, because this text is part of decision.json.
    count = "1 evaluation" if since == 1 else f"{since} evaluations"
    more = f" by more than {min_delta:g}" if min_delta else ""
    return f"{found}, not exceeded{more} in {count} since (patience {patience})"
