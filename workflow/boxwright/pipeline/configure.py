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
    """The patched configuration of a model.

    Raises UserError with what is wrong in it, and with overrides of what the run decides itself.
    """
    overrides = arguments.get("overrides") or {}
    config, wrong = _tried(original, arguments, overrides)
    without = _tried(original, arguments, {})[0] if overrides else None
    if without is not None:  # else the overrides are not what is wrong
        changed = config
        if changed is None:
            applying = {
                path: value for path, value in overrides.items() if _tried(original, arguments, {path: value})[0]
            }
            changed, _ = _tried(original, arguments, applying)
        refused = settled.mistakes(without, changed or without, overrides, shown)
        told = tuple(f"{line.partition(':')[0]}:" for line in refused)
        wrong = [*(line for line in wrong if not line.startswith(told)), *refused]
    if wrong:
        raise UserError("\n".join(wrong))
    return config


def _tried(
    original: Message, arguments: Mapping[str, Any], overrides: Mapping[str, Any]
) -> tuple[Message | None, list[str]]:
    """The configuration with some overrides, None if they cannot be set; and what is wrong, line by line."""
    try:
        return patch(original, **{**arguments, "overrides": overrides})[0], []
    except UserError as error:
        return None, str(error).splitlines()
