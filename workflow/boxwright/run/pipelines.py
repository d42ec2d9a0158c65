"""Where each model of a run gets its pipeline.config and its start weights: its own files, or an archive of the zoo.

The pipeline.config decides which jobs exist, what they depend on and whether the engine can train the model, so nothing
can be planned without it.
"""

from collections.abc import Mapping
from typing import Any

from boxwright.core.errors import UserError
from boxwright.core.wording import command
from boxwright.run import settings
from boxwright.zoo import catalogue
from boxwright.zoo.download import megabytes
from boxwright.zoo.fetch import fetch, untrusted

Model = Mapping[str, Any]


def entry(model: Model) -> catalogue.Entry | None:
    """The detector of the zoo that a model with these settings starts from; None if it starts from something else."""
    return catalogue.find(model["checkpoint"]) if settings.from_zoo(model) else None


def path(model: Model) -> str:
    """The pipeline.config that a model is made from."""
    return model["pipeline"] or str(entry(model).pipeline)


def start(model: Model) -> str | None:
    """The checkpoint that a model starts from; None if it starts from random weights."""
    found = entry(model)
    return str(found.prefix) if found else model["checkpoint"]


def absent(models: Mapping[str, Model]) -> list[str]:
    """The detectors of the zoo whose pipeline.config is needed, and whose archives are not here yet."""
    needed = dict.fromkeys(entry(model) for model in models.values() if model["pipeline"] is None)
    return [found.name for found in needed if not found.folder.is_dir()]


def find(models: Mapping[str, Model], download: bool, trust: bool = False) -> None:
    """Make sure that the archives of the zoo whose pipeline.config is needed are here; a rule fetches all others.

    With `download` a missing archive is fetched at once. `trust`: see `fetch`.

    Raises UserError for a missing archive without `download`, and for archives that cannot be used (`require_usable`).
    """
    require_usable(models, trust)
    for name, model in models.items():
        if model["pipeline"] is not None:
            continue
        found = entry(model)
        if download:
            fetch(found, trust)
        elif not found.folder.is_dir():
            raise UserError(
                f"models.{name} takes the pipeline.config of {found.name}, which is in an archive "
                f"({megabytes(found.size)}) that is not here yet, and a dry run downloads nothing. Start a real run or "
                f"run `{command('fetch', found.name)}` to download it, or set `models.{name}.pipeline`."
            )
        if wrong := _without_pipeline(name, model):
            raise UserError(wrong)


def require_usable(models: Mapping[str, Model], trust: bool = False) -> None:
    """Raise UserError for archives of the zoo that cannot be used, here or not; nothing is downloaded.

    Those are archives that must not be downloaded as they are, those that a rule fetches among them, and unpacked ones
    without the pipeline.config that is needed.
    """
    entries = dict.fromkeys(found for model in models.values() if (found := entry(model)))
    wrong = [untrusted(found, trust) for found in entries]
    wrong += [_without_pipeline(name, model) for name, model in models.items()]
    if told := list(dict.fromkeys(filter(None, wrong))):
        raise UserError("\n".join(told))


def _without_pipeline(name: str, model: Model) -> str:
    """That the unpacked archive that a model takes its pipeline.config from has none; "" if it has, or is not here."""
    found = entry(model) if model["pipeline"] is None else None
    if not found or not found.folder.is_dir() or found.pipeline.is_file():
        return ""
    return (
        f"The archive of {found.name} has no pipeline.config (there is no {found.pipeline}). "
        f"Set `models.{model.get('repeat_of') or name}.pipeline` to one."
    )
