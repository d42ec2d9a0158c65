"""The pipeline.config of every model of a run: found, fetched where it lies in an archive of the zoo, read and patched.

Which jobs there are, what they depend on and whether the engine can train a model stands in that file, so nothing can
be planned before it is here.
"""

from collections.abc import Mapping
from typing import Any

from boxwright.core.errors import UserError
from boxwright.run import settings
from boxwright.zoo import catalogue
from boxwright.zoo.download import megabytes
from boxwright.zoo.fetch import fetch

Model = Mapping[str, Any]


def entry(model: Model) -> catalogue.Entry | None:
    """The detector of the zoo that a model with these settings starts from; None where it starts from elsewhere."""
    return catalogue.find(model["checkpoint"]) if settings.from_zoo(model) else None


def path(model: Model) -> str:
    """The pipeline.config that a model is made from."""
    return model["pipeline"] or str(entry(model).pipeline)


def start(model: Model) -> str | None:
    """The checkpoint that a model starts from; None where it starts from chance."""
    found = entry(model)
    return str(found.prefix) if found else model["checkpoint"]


def find(models: Mapping[str, Model], download: bool) -> None:
    """Have the archives of the zoo without whose pipeline.config nothing can be planned; a rule fetches all others.

    With `download` a missing one is fetched on the spot. Raises UserError for one that is not here without `download`,
    and for one that holds no pipeline.config.
    """
    for name, model in models.items():
        if model["pipeline"] is not None:
            continue
        found = entry(model)
        if download:
            fetch(found)
        elif not found.folder.is_dir():
            raise UserError(
                f"models.{name} takes the pipeline.config of {found.name}, which lies in an archive "
                f"({megabytes(found.size)}) that is not here yet, and a dry run downloads nothing. A real run gets "
                f"it, or `boxwright fetch {found.name}`; or name a `models.{name}.pipeline`."
            )
        if not found.pipeline.is_file():
            raise UserError(
                f"The archive of {found.name} came without a pipeline.config (there is no {found.pipeline}). "
                f"Name one as `models.{name}.pipeline`."
            )
