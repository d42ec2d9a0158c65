"""How images get the size that the network takes."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import Extractor
from boxwright.catalog.messages import module_of
from boxwright.catalog.spec import Break, Spec

SPEC = Spec(
    choices=(
        "fixed_shape_resizer",
        "keep_aspect_ratio_resizer",
        "identity_resizer",
        "conditional_shape_resizer",
        "pad_to_multiple_resizer",
    )
)


def too_small(model: Message, row: Extractor | None) -> Iterator[Break]:
    """The sides that a model's image resizer gives and which are too small for its feature extractor."""
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if row is None or kind is None:
        return
    resizer = getattr(model.image_resizer, kind)
    for side in getattr(module_of(resizer.DESCRIPTOR.name), "sides", lambda resizer: ())(resizer):
        if 0 < (found := getattr(resizer, side)) < row.smallest_side:
            why = f"the feature extractor needs images of {row.smallest_side} pixels and more to a side"
            yield f"image_resizer.{kind}.{side}", found, why, 300
