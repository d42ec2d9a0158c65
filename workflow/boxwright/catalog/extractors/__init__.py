"""The feature extractors that the engine supports: one row each, with all facts about it.

A row names the modules with the extractor's code. They are imported only when the row is used. The rows of a family are
in the module that is named like it.
"""

import functools
import re
from collections.abc import Iterable, Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import center_net, faster_rcnn, ssd
from boxwright.catalog.extractors.row import PREDICTORS, PYRAMIDS, TO_ONE_MAP, Extractor, Level, head_of, predictor_of
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.relations import plain
from boxwright.catalog.spec import Break

__all__ = [
    "EXTRACTORS",
    "PREDICTORS",
    "PYRAMIDS",
    "ROWS",
    "TO_ONE_MAP",
    "Extractor",
    "Level",
    "forced_biases",
    "head_of",
    "is_tf1",
    "is_tf2",
    "lacking",
    "nearest",
    "of_other_layers",
    "other_than_only",
    "predictor_of",
    "row_of",
    "synchronised",
    "whole",
]

# The first row of all is the usual one for unsupported families.
ROWS = (*faster_rcnn.ROWS, *ssd.ROWS, *center_net.ROWS)
EXTRACTORS: dict[str, Extractor] = {row.type: row for row in ROWS}


def row_of(model: Message, family: str) -> Extractor | None:
    """The row of the extractor in a model's message of the family `family`; None if the engine does not have it."""
    if family not in FAMILIES:
        return None
    row = EXTRACTORS.get(model.feature_extractor.type)
    return row if row is not None and row.family == family else None


def is_tf1(model: Message, family: str) -> bool:
    """Whether a model's message of the family `family` has an extractor of TF1."""
    row = row_of(model, family)
    return row is not None and row.dialect == "tf1"


def is_tf2(model: Message, family: str) -> bool:
    """Whether a model's message of the family `family` has an extractor of TF2."""
    row = row_of(model, family)
    return row is not None and row.dialect == "tf2"


def forced_biases(model: Message, family: str, *settings: str) -> Iterator[Break]:
    """The breaks of a TF1 model whose `Hyperparams`, at the paths `settings` below its message, force a bias."""
    for path, layers in _in_tf1(model, family, settings):
        if layers.force_use_bias:
            yield f"{path}.force_use_bias", True, _of_tf2_alone(model), False


def synchronised(model: Message, family: str, *settings: str) -> Iterator[Break]:
    """The breaks of a TF1 model whose `Hyperparams`, at these paths below its message, synchronise batch norm."""
    for path, layers in _in_tf1(model, family, settings):
        if layers.HasField("sync_batch_norm"):
            yield f"{path}.sync_batch_norm", "set", f"{_of_tf2_alone(model)}; use `batch_norm`", None


def of_other_layers(model: Message, family: str, op: str, *settings: str) -> Iterator[Break]:
    """The breaks of a TF1 model whose `Hyperparams`, at these paths below its message, have another `op` than `op`.

    In the OD API they then apply to none of its layers. TF2 models do not read it.
    """
    for path, layers in _in_tf1(model, family, settings):
        field = layers.DESCRIPTOR.fields_by_name["op"]
        found = field.enum_type.values_by_number[layers.op].name
        if found != op:
            default = ", which it is by default," if layers.op == field.default_value else ""
            kind = {"CONV": "convolution", "FC": "fully connected layer"}[op]
            yield f"{path}.op", found, f"with this{default} these settings apply to no {kind}", op


def _in_tf1(model: Message, family: str, settings: Iterable[str]) -> Iterator[tuple[str, Message]]:
    """The messages at the paths `settings` below that of a TF1 model, with their paths; none of any other model."""
    for path in settings if is_tf1(model, family) else ():
        yield path, functools.reduce(getattr, path.split("."), model)


def _of_tf2_alone(model: Message) -> str:
    return f"only TF2 models have it, and {model.feature_extractor.type} is TF1's"


def lacking(model: Message, family: str, depthwise: bool = False) -> Iterator[Break]:
    """The break if the engine does not have the extractor in a model's message of the family `family`.

    depthwise: whether the model's heads are depthwise separable.
    """
    type_ = model.feature_extractor.type
    if row_of(model, family) is None:
        near = nearest(family, type_)
        why = f"the engine does not have this feature extractor; {whole(near, depthwise)}"
        yield "feature_extractor.type", type_ or None, why, near.type


def other_than_only(extractor: Message) -> Iterator[Break]:
    """The fields of a feature extractor's message whose values differ from the only ones that it can have."""
    row = EXTRACTORS.get(extractor.type)
    for path, value in (row.only if row is not None else {}).items():
        block, _, name = path.rpartition(".")
        if block and not extractor.HasField(block):
            continue
        found = getattr(getattr(extractor, block) if block else extractor, name)
        if found != value:
            shown = str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"
            yield path, plain(found), f"{extractor.type} has no other than {shown}", value


def whole(row: Extractor, depthwise: bool = False) -> str:
    """A clause that names a complete configuration with the nearest extractor, `row`."""
    template = row.depthwise_template if depthwise and row.depthwise_template else row.template
    return f"{template} is a complete configuration with the nearest one"


def nearest(family: str, type_: str) -> Extractor:
    """The row nearest to an extractor that the engine does not have, by family, backbone, depth and dialect.

    An SSD gets an SSD's row. An unsupported family gets a row with a similar backbone, usually a Faster R-CNN's.
    """
    here = [row for row in ROWS if row.family == family] or list(ROWS)
    usual = [row for row in here if (row.backbone, row.arguments) == (here[0].backbone, here[0].arguments)]
    alike = [row for row in here if re.search(row.like, type_)] or usual
    dialect = "tf2" if type_.endswith("_keras") else "tf1"
    return next((row for row in alike if row.dialect == dialect), alike[0])
