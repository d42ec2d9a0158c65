"""Reads and patches the pipeline configurations of all models of a run, and reports all mistakes at once."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from google.protobuf.message import Message

from boxwright.core.errors import UserError
from boxwright.pipeline import settled
from boxwright.pipeline.patch import patch
from boxwright.pipeline.text import Document, read_document


class Wanted(NamedTuple):
    """A model to configure.

    shown: its name in the configuration of the run, which repetitions share. path: of its pipeline.config. arguments:
    for `patch`.
    """

    name: str
    shown: str
    path: str
    arguments: Mapping[str, Any]


def configure(models: Iterable[Wanted]) -> tuple[dict[str, Document], dict[str, Message]]:
    """The original documents and the patched configurations of all models, by name.

    Raises one UserError with all mistakes.
    """
    originals, configurations, mistakes = {}, {}, {}
    for name, shown, path, arguments in models:
        try:
            originals[name] = read_document(path)
            configurations[name] = _patched(originals[name].config, shown, arguments)
        except UserError as error:
            mistakes[shown] = [
                f"models.{shown}, made from {path}:",
                *(f"  - {line}" for line in str(error).splitlines()),
            ]
    if mistakes:
        raise UserError("\n".join(line for lines in mistakes.values() for line in lines))
    return originals, configurations


def _patched(original: Message, shown: str, arguments: Mapping[str, Any]) -> Message:
    """The patched configuration of a model; raises UserError for overrides of what the run decides itself."""
    config, _ = patch(original, **arguments)
    if overrides := arguments.get("overrides"):
        without, _ = patch(original, **{**arguments, "overrides": {}})
        if wrong := settled.mistakes(without, config, overrides, shown):
            raise UserError("\n".join(wrong))
    return config
