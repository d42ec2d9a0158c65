"""Everything that speaks against a run in one text, whatever notices it first: the file, the settings, the data.

Each stage needs the one before it, so it raises an error once it has found all of its own mistakes. `told` goes on from
there with what is sound. It reads no large data set for that, which would have to be read again: nothing is stored.
"""

from contextlib import suppress
from typing import Any

from boxwright.core.errors import UserError
from boxwright.dataset import sources
from boxwright.run import config_file, paths, plan, preflight, settings
from boxwright.run.identities import Identities

# So many files take a while to read.
_MANY = 2000


def told(error: UserError) -> str:
    """The text of an error that a stage before `preflight` raised, and below it what the later stages find."""
    mistakes, later, found = [str(error)], [], None
    if isinstance(error, config_file.UnreadableError) and isinstance(error.content, dict):
        try:
            found = _planned(settings.load(error.content, error.files), error.files, True, mistakes, later)
        except settings.SettingsError as further:
            mistakes.append(str(further))
            error = further
    if isinstance(error, settings.SettingsError) and error.sound:
        found = _planned(error.sound, error.files, error.data_is_sound, mistakes, later)
    elif isinstance(error, plan.PlanError):
        found = error.plan
    if found:
        found.unsettled |= getattr(error, "unsettled", set())
        mistakes += preflight.mistakes(found, Identities(found))[0]
    return "\n".join([*mistakes, *later])


def _planned(
    sound: dict[str, Any], files: list[str], data_is_sound: bool, mistakes: list[str], later: list[str]
) -> plan.RunPlan:
    """The plan of sound settings, without what is wrong in the data and in the models, which `mistakes` gets.

    It is without the data if these are many and were never read, which `later` gets.
    """
    if data_is_sound and (unread := _unread(sound)) >= _MANY:
        later.append(f"The data set has {unread:,} files, which are read once this is corrected, and checked then.")
        data_is_sound = False
    try:
        return plan.RunPlan.of_sound(sound, files, with_data=data_is_sound)
    except plan.PlanError as error:
        mistakes.append(str(error))
        return error.plan


def _unread(sound: dict[str, Any]) -> int:
    """The number of images and annotations of a data set that no run has read yet, else 0."""
    dataset, facts = sound["dataset"], f"{sound['results']}/data/plan/facts.txt"
    if dataset["demo"] or dataset["records"] or paths.is_file(facts):
        return 0
    with suppress(UserError):  # a folder that cannot be read, which the plan tells
        return sum(map(len, sources.listings(sources.of(dataset), sound["results"])))
    return 0
