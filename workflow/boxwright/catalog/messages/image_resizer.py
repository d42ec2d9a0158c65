"""How images are resized for the network."""

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
    """The sides from a model's image resizer that are too small for its feature extractor."""
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if row is None or kind is None:
        return
    resizer = getattr(model.image_resizer, kind)
    for side in getattr(module_of(resizer.DESCRIPTOR.name), "sides", lambda resizer: ())(resizer):
        if 0 < (found := getattr(resizer, side)) < row.smallest_side:
            why = f"the feature extractor needs images of at least {row.smallest_side} pixels per side"
            yield f"image_resizer.{kind}.{side}", found, why, 300


def not_multiples(model: Message, multiple: int, padding: int) -> Iterator[Break]:
    """What in a model's image resizer gives images whose sides are no multiples of `multiple`, after `padding`.

    padding: the `pad_to_multiple` of the feature extractor. If the sides depend on the image, the padding is to blame.
    """
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if kind is None:
        return
    resizer = getattr(model.image_resizer, kind)
    fixed = getattr(module_of(resizer.DESCRIPTOR.name), "fixed", lambda resizer: ())(resizer)
    why = f"the feature pyramid needs sides that are multiples of {multiple}"
    if not fixed:
        yield "feature_extractor.pad_to_multiple", padding, f"{why}, and those of {kind} are not", multiple
    for side in fixed:
        found = getattr(resizer, side)
        padded = found + -found % padding
        if padded % multiple:
            yield f"image_resizer.{kind}.{side}", found, why, found + -found % multiple


def not_divisible(model: Message, multiple: int) -> Iterator[Break]:
    """What in a model's image resizer gives images whose sides are no multiples of `multiple`."""
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if kind is None:
        return
    resizer = getattr(model.image_resizer, kind)
    fixed = getattr(module_of(resizer.DESCRIPTOR.name), "fixed", lambda resizer: ())(resizer)
    why = f"the feature extractor needs sides that are multiples of {multiple}"
    if not fixed:
        name = "pad_to_max_dimension" if "pad_to_max_dimension" in resizer.DESCRIPTOR.fields_by_name else ""
        path = f"image_resizer.{kind}" + (f".{name}" if name else "")
        yield path, False if name else "set", f"{why}, and those of {kind} depend on the image", True if name else None
    for side in fixed:
        found = getattr(resizer, side)
        if found % multiple:
            yield f"image_resizer.{kind}.{side}", found, why, found + -found % multiple
