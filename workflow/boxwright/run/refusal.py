"""Everything that speaks against a run in one text, whatever notices it first: the file, the settings, the data.

Each stage needs the one before it, so it raises an error once it has found all of its own mistakes. `told` goes on from
there with what is sound.
"""

from boxwright.core.errors import UserError
from boxwright.run import config_file, plan, preflight, settings
from boxwright.run.identities import Identities


def told(error: UserError) -> str:
    """The text of an error that a stage before `preflight` raised, and below it what the later stages find."""
    mistakes, found = [str(error)], None
    try:
        if isinstance(error, config_file.UnreadableError) and isinstance(error.content, dict):
            found = _planned(error.content, mistakes)
        elif isinstance(error, settings.SettingsError) and error.sound:
            found = plan.RunPlan.of_sound(error)
    except plan.PlanError as further:
        mistakes.append(str(further))
        error = further
    if isinstance(error, plan.PlanError):
        found = error.plan
    if found:
        mistakes += preflight.mistakes(found, Identities(found))[0]
    return "\n".join(mistakes)


def _planned(config: dict, mistakes: list[str]) -> plan.RunPlan | None:
    """The plan of what is sound in a configuration, whose mistakes are added to `mistakes`; None if nothing is."""
    try:
        return plan.RunPlan(config, plan_data=True, write=False)
    except settings.SettingsError as further:
        mistakes.append(str(further))
        return plan.RunPlan.of_sound(further) if further.sound else None
