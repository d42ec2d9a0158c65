"""The rules for the messages of a configuration: one module for each message that has rules.

A module has the message's name in snake case and one `SPEC`. It is found by that name and imported when such a message
occurs. So no list of them is needed, and a plan loads only those in use.
"""

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from boxwright.catalog.spec import UNKNOWN, Spec


def spec_of(name: str) -> Spec:
    """The rules for messages of the type `name` (`SsdFeatureExtractor`)."""
    module = module_of(name)
    return UNKNOWN if module is None else module.SPEC


@cache
def module_of(name: str) -> ModuleType | None:
    """The module for messages of the type `name`; None if they have no rules."""
    stem = _stems().get(name.lower())
    return None if stem is None else importlib.import_module(f"{__name__}.{stem}")


@cache
def _stems() -> dict[str, str]:
    """The names of the modules by message name in lower case: maskrcnnboxpredictor -> mask_rcnn_box_predictor."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return {stem.replace("_", ""): stem for stem in stems if stem != "__init__"}
