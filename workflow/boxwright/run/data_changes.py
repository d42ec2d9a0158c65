"""What changed in the data of a run since its records were written, in words."""

from collections import Counter
from pathlib import Path

from boxwright.dataset import changes
from boxwright.dataset.class_rules import ClassRules
from boxwright.run.plan import RunPlan


def told(plan: RunPlan, side: str = "") -> list[str]:
    """A line for each change of the data; `side`: only of this side of the split, without what others gain and lose."""
    counts = [plan.data.counts[one]["classes"] for one in plan.sides]
    boxes = dict(sum(map(Counter, counts), Counter()))
    dataset = plan.settings["dataset"]
    given = bool(dataset["label_map"] or dataset["records"])
    identities = {name: one for name, one in plan.data.identities.items() if name.startswith(side)}
    rules = ClassRules.of(dataset.get("classes"))
    return changes.told(Path(plan.results) / "data", plan.results, identities, plan.data.classes, boxes, given, rules)
