"""Everything that speaks against a run in one text, whatever notices it first: the file, the settings, the data.

Each stage needs the one before it, so it raises an error once it has found all of its own mistakes. `told` goes on from
there with what is sound.
"""

from typing import Any

from boxwright.core.errors import UserError
from boxwright.run import config_file, plan, preflight, settings
from boxwright.run.identities import Identities


def told(error: UserError) -> str:
    """The text of an error that a stage before `preflight` raised, and below it what the later stages find."""
    mistakes, found = [str(error)], None
    if isinstance(error, config_file.UnreadableError) and isinstance(error.content, dict):
        try:
            found = _planned(settings.load(error.content), True, mistakes)
        except settings.SettingsError as further:
            mistakes.append(str(further))
            error = further
    if isinstance(error, settings.SettingsError) and error.sound:
        found = _planned(error.sound, error.data_is_sound, mistakes)
    elif isinstance(error, plan.PlanError):
        found = error.plan
    if found:
        mistakes += preflight.mistakes(found, Identities(found))[0]
    return "\n".join(mistakes)


def _planned(sound: dict[str, Any], data_is_sound: bool, mistakes: list[str]) -> plan.RunPlan:
    """The plan of sound settings, without what is wrong in the data and in the models, which `mistakes` gets."""
    try:
        return plan.RunPlan.of_sound(sound, with_data=data_is_sound)
    except plan.PlanError as error:
        mistakes.append(str(error))
        return error.plan
