"""The backbone of both stages of a Faster R-CNN."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.spec import Break, NoEffect, Spec, always, relation


@relation()
def _stride(message: Message) -> Iterator[Break]:
    row, found = EXTRACTORS.get(message.type), message.first_stage_features_stride
    if row is not None and found not in row.strides:
        why = f"{message.type} supports the strides {' and '.join(map(str, row.strides))}"
        yield "first_stage_features_stride", found, why, row.strides[0]


# Fields of extractors that the engine does not have; the OD API reads them for no other.
_OF_PYRAMIDS = NoEffect("only extractors with a feature pyramid read it")

SPEC = Spec(
    relations=(_stride,),
    unread=dict.fromkeys(("conv_hyperparams", "fpn", "pad_to_multiple"), always),
    no_effect=dict.fromkeys(
        ("conv_hyperparams", "override_base_feature_extractor_hyperparams", "fpn", "pad_to_multiple"), _OF_PYRAMIDS
    ),
)
