"""What is known of the messages of a configuration: one module for each of which something is.

A module carries the message's name in snake case and has one `SPEC`. It is found by that name and imported when such a
message occurs, so no list of them exists and a plan pays for those in use only.
"""

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from boxwright.catalog.spec import UNKNOWN, Spec


def spec_of(name: str) -> Spec:
    """What is known of the messages of the type `name` (`SsdFeatureExtractor`)."""
    module = module_of(name)
    return UNKNOWN if module is None else module.SPEC


@cache
def module_of(name: str) -> ModuleType | None:
    """The module about the messages of the type `name`; None if nothing is known of them."""
    stem = _stems().get(name.lower())
    return None if stem is None else importlib.import_module(f"{__name__}.{stem}")


@cache
def _stems() -> dict[str, str]:
    """The names of the modules by those of their messages in small letters: MaskRCNNBoxPredictor is mask_rcnn_..."""
    stems = (path.stem for path in Path(__file__).parent.glob("*.py"))
    return {stem.replace("_", ""): stem for stem in stems if stem != "__init__"}
