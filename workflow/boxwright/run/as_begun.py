"""The settings of a training that goes on as it began: `auto` and the value that it stood for are the same training.

A training with `precision: auto` or `tf_threads: auto` decides once, on its first machine. The receipts of its
checkpoints hold the settings it was made with and, in `conditions`, what they stood for. So nothing is trained again
because a setting becomes `auto` that had a value before, or gets the value that `auto` has found.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from boxwright import devices
from boxwright.console.checksums import Checksums
from boxwright.run import settings
from boxwright.run.plan import RunPlan

# The settings that may be `auto`.
_DECIDED = ("precision", "tf_threads")


def training(plan: RunPlan, name: str, others: Mapping[str, Any]) -> dict[str, Any]:
    """`settings.training` of a model, as the finished checkpoints have them where that is the same training.

    others: the rest of the training's identity. If it has changed, the training starts again, and decides again.
    """
    model = plan.model(name)
    wanted = settings.training(model)
    made_with = _receipt(plan, name)
    made, used = made_with.get("identity"), made_with.get("conditions")
    if not isinstance(made, dict):
        return wanted
    same = {key: made[key] for key in _DECIDED if key in made and _is_same(wanted[key], made[key], used, key)}
    began = settings.training({**model, **same})
    return began if {**others, **began} == made else wanted


def _is_same(wanted: Any, made: Any, used: Any, key: str) -> bool:
    if devices.AUTO not in (wanted, made):
        return False
    return wanted == devices.AUTO or (isinstance(used, dict) and used.get(key) == wanted)


def _receipt(plan: RunPlan, name: str) -> Mapping[str, Any]:
    """What the first checkpoint with a receipt was made with; empty if there is none."""
    checksums = Checksums(plan.results)
    if not (checksums.folder / Path("models", name, "train")).is_dir():
        return {}
    found = (checksums.made_with(plan.checkpoint(name, step)[0]) for step in plan.steps(name))
    return next(filter(None, found), {})
