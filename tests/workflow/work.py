"""What the jobs of a project say that they do, and what follows from each kind of work."""

from boxwright.catalog import forms

# The forms of a run whose configuration names none.
USUAL = forms.chosen(("frozen_graph", "saved_model"))


def records(*shards: str) -> set[str]:
    return {f"Writing {shard.replace('-', ' records ', 1)}" for shard in shards}


ALL_SHARDS = ("train-00000-of-00002", "train-00001-of-00002", "eval-00000-of-00001")
GROUND_TRUTH = {"Writing the ground truth in COCO's format"}
SPLIT = {"Writing the split of the images"}


COMPARISON = {"Comparing the models"}
OPTIMISM = {"Measuring how much the choice flatters the figures"}


def described(model: str = "small") -> set[str]:
    """What shows the data set itself."""
    return {"Describing the data set", f"Matching the boxes with the anchors of {model}"} | COMPARISON


def form(*names: str, model: str = "small") -> set[str]:
    """Writing and measuring some forms of the detector, and what sets all forms side by side."""
    written = {
        f"{does} the {forms.named(name).title} of {model}" for name in names for does in ("Writing", "Measuring")
    }
    return written | {f"Comparing the exported forms of {model}"}


def measuring(model: str = "small") -> set[str]:
    """Measuring each usual form that is written from another one."""
    return {f"Measuring the {one.title} of {model}" for one in USUAL if one.made_from}


def from_frozen_graph(model: str = "small") -> set[str]:
    return form("frozen_graph", "saved_model", model=model) | {f"Predicting with {model}"} | COMPARISON


def from_export(model: str = "small") -> set[str]:
    others = form(*(one.name for one in USUAL if one.made_from), model=model)
    return {f"Exporting {model}", f"Predicting with {model}"} | others | COMPARISON


def from_choice(model: str = "small") -> set[str]:
    drawn = {f"Drawing what {model} learned, gets right and gets wrong"}
    return {f"Choosing the checkpoint of {model}"} | drawn | from_export(model) | OPTIMISM


def from_evaluation(*steps: int, model: str = "small") -> set[str]:
    return {f"Evaluating {model} at step {step}" for step in steps} | from_choice(model)


def from_training(*steps: int, model: str = "small") -> set[str]:
    segments = {f"Training {model} up to step {step}" for step in steps}
    return segments | {f"Collecting the training log of {model}"} | from_evaluation(*steps, model=model)


def everything(*steps: int, model: str = "small") -> set[str]:
    return {f"Configuring {model}"} | preview(model) | from_training(*steps, model=model)


def preview(model: str = "small") -> set[str]:
    return {f"Drawing training images of {model} with their boxes for TensorBoard"}


def planned(project, *arguments) -> set[str]:
    """What a dry run would do."""
    return project.snakemake("--dry-run", *arguments).work
