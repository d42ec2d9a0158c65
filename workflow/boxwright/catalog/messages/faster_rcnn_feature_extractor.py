"""The backbone of both stages of a Faster R-CNN."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.spec import LEFT_OUT, Break, Only, Spec, relation


@relation()
def _stride(message: Message) -> Iterator[Break]:
    row, found = EXTRACTORS.get(message.type), message.first_stage_features_stride
    if row is not None and found not in row.strides:
        why = f"{message.type} has the strides {' and '.join(map(str, row.strides))}"
        yield "first_stage_features_stride", found, why, row.strides[0]


# These belong to extractors of Keras layers: the OD API's ResNets do not look at them.
SPEC = Spec(
    fields={
        "conv_hyperparams": LEFT_OUT,
        "override_base_feature_extractor_hyperparams": Only(False),
        "fpn": LEFT_OUT,
        "pad_to_multiple": Only(32),
    },
    relations=(_stride,),
)
