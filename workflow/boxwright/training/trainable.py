"""The choice of the variables that a training changes."""

import re
from collections.abc import Sequence

from boxwright.core.errors import UserError


def trained(
    names: Sequence[str], *, update_trainable_variables: Sequence[str] = (), freeze_variables: Sequence[str] = ()
) -> list[str]:
    """The `names` of trainable variables that are trained, in their order.

    `update_trainable_variables` keeps the names in which one of its regular expressions is found (all if it is empty);
    then `freeze_variables` drops the names in which one of its expressions is found.
    Raises UserError if a pattern is not a regular expression, if it matches nothing, or if nothing is left.
    """
    keep = _patterns("update_trainable_variables", update_trainable_variables, names)
    drop = _patterns("freeze_variables", freeze_variables, names)
    chosen = [
        name
        for name in names
        if (not keep or any(pattern.search(name) for pattern in keep))
        and not any(pattern.search(name) for pattern in drop)
    ]
    if not chosen:
        raise UserError(
            "train_config: update_trainable_variables and freeze_variables together leave no variable to train. "
            f"The model has {len(names)}, the first is {names[0]}."
        )
    return chosen


def _patterns(field: str, patterns: Sequence[str], names: Sequence[str]) -> list[re.Pattern]:
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise UserError(f"train_config.{field}: {pattern!r} is not a regular expression: {error}.") from None
        if not any(compiled[-1].search(name) for name in names):
            raise UserError(
                f"train_config.{field}: {pattern!r} is found in none of the model's {len(names)} trainable variables. "
                f"Their names look like {names[0]} and {names[-1]}."
            )
    return compiled
