"""Reads and patches the pipeline configurations of all models of a run, and finds all mistakes at once."""

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


def configure(models: Iterable[Wanted]) -> tuple[dict[str, Document], dict[str, Message], dict[str, list[str]]]:
    """The original documents and the patched configurations of all models, by name; and the mistakes, line by line, by
    the model's name in the configuration of the run.

    Of a model with mistakes in its overrides the configuration has the others; one whose file is wrong has none.
    """
    originals, configurations, mistakes = {}, {}, {}
    for name, shown, path, arguments in models:
        try:
            originals[name] = read_document(path)
            config, wrong = _patched(originals[name].config, shown, arguments)
        except UserError as error:
            config, wrong = None, str(error).splitlines()
        if config is not None:
            configurations[name] = config
        if wrong:
            mistakes[shown] = [f"models.{shown}, made from {path}:", *(f"  - {line}" for line in wrong)]
    return originals, configurations, mistakes


def _patched(original: Message, shown: str, arguments: Mapping[str, Any]) -> tuple[Message | None, list[str]]:
    """The patched configuration of a model, with the overrides that can be set, and what is wrong, line by line.

    That is what is wrong in the file, and overrides of what the run decides itself.
    """
    overrides = arguments.get("overrides") or {}
    config, wrong = _tried(original, arguments, overrides)
    without = _tried(original, arguments, {})[0] if overrides else None
    if without is not None:  # else the overrides are not what is wrong
        if config is None:
            applying = {
                path: value for path, value in overrides.items() if _tried(original, arguments, {path: value})[0]
            }
            config = _tried(original, arguments, applying)[0] or without
        refused = settled.mistakes(without, config, overrides, shown)
        told = tuple(f"{line.partition(':')[0]}:" for line in refused)
        wrong = [*(line for line in wrong if not line.startswith(told)), *refused]
    return config, wrong


def _tried(
    original: Message, arguments: Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[Message | None, list[str]]:
    """The configuration with some overrides, None if they cannot be set; and what is wrong, line by line."""
    try:
        return patch(original, **{**arguments, "overrides": overrides})[0], []
    except UserError as error:
        return None, str(error).splitlines()
