"""Reads and patches the pipeline configurations of all models of a run, and reports all mistakes at once."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
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
    """The patched configuration of a model.

    Raises UserError with what is wrong in it, and with overrides of what the run decides itself.
    """
    wrong: list[str] = []
    config = None
    try:
        config, _ = patch(original, **arguments)
    except UserError as error:
        wrong.append(str(error))
    if overrides := arguments.get("overrides"):
        with suppress(UserError):  # what is wrong without them is told already
            without, _ = patch(original, **{**arguments, "overrides": {}})
            wrong += settled.mistakes(without, config or without, overrides, shown)
    if wrong:
        raise UserError("\n".join(wrong))
    return config
