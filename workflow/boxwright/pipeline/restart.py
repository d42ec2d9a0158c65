"""Tells before a longer training starts whether it has to start again, and why."""

import re
from pathlib import Path

from google.protobuf.message import Message

from boxwright.core.errors import UserError
from boxwright.pipeline import schedule, text


def reason(folder: Path, wanted: Message) -> str:
    """Why the checkpoints in the model's results `folder` cannot be continued by the configuration `wanted`.

    Empty if there are no checkpoints, or if num_steps does not stretch a learning-rate schedule. The pipeline.config in
    the folder is the configuration that made them.
    """
    steps = [int(found[1]) for path in folder.glob("train/model.ckpt-*.index") if (found := _STEP.search(path.name))]
    if not steps:
        return ""
    try:
        made = text.read(folder / "pipeline.config")
    except (UserError, OSError):  # the rule that wrote it will write it again
        return ""
    old, _ = schedule.schedule_of(made)
    new, path = schedule.schedule_of(wanted)
    before, after = made.train_config.num_steps, wanted.train_config.num_steps
    if before == after or not (schedule.is_cosine(old) and schedule.is_cosine(new)) or old == new:
        return ""
    return (
        f"num_steps {before} -> {after} stretches the cosine schedule ({path}.total_steps {old.total_steps} -> "
        f"{new.total_steps}), which changes the learning rate from the first step on. So training starts again, and "
        f"the checkpoints up to step {max(steps)} are replaced. To keep them, give the longer training a name of its "
        "own. A constant, manual step or exponential schedule would be continued."
    )


_STEP = re.compile(r"-(\d+)\.index$")
