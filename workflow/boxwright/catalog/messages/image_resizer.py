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


def too_small(model: Message, row: Extractor | None, multiple: int = 1) -> Iterator[Break]:
    """The sides from a model's image resizer that are too small for its feature extractor.

    multiple: of how many pixels a side has to be a multiple besides; what is advised is one.
    """
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if row is None or kind is None:
        return
    resizer = getattr(model.image_resizer, kind)
    for side in getattr(module_of(resizer.DESCRIPTOR.name), "sides", lambda resizer: ())(resizer):
        if 0 < (found := getattr(resizer, side)) < row.smallest_side:
            why = f"the feature extractor needs images of at least {row.smallest_side} pixels per side"
            yield f"image_resizer.{kind}.{side}", found, why, 300 + -300 % multiple


def of_another_size(model: Message, row: Extractor) -> Iterator[Break]:
    """What in a model's image resizer gives images of another size than the only one of its feature extractor."""
    kind = model.image_resizer.WhichOneof("image_resizer_oneof")
    if kind is None:
        return
    why = f"the feature extractor takes images of {row.only_side}x{row.only_side} pixels only"
    if kind != "fixed_shape_resizer":
        yield "image_resizer", kind, f"{why}; use a fixed_shape_resizer", "fixed_shape_resizer"
        return
    for side in ("height", "width"):
        found = getattr(model.image_resizer.fixed_shape_resizer, side)
        if found not in (0, row.only_side):
            yield f"image_resizer.{kind}.{side}", found, why, row.only_side


def not_halving(model: Message, first: int, last: int, padding: int) -> Iterator[Break]:
    """What in a model's image resizer gives images of which a map has not half of the cells of the one before.

    first, last: the levels of the maps; one of level n has a cell for each 2^n pixels or part of them. padding: the
    `pad_to_multiple` of the feature extractor. If the sides depend on the image, the padding is to blame.
    """
    kind, multiple = model.image_resizer.WhichOneof("image_resizer_oneof"), 2**last
    if kind is None or padding % multiple == 0:
        return
    resizer = getattr(model.image_resizer, kind)
    fixed = getattr(module_of(resizer.DESCRIPTOR.name), "fixed", lambda resizer: ())(resizer)
    if not fixed:
        why = f"the feature pyramid needs sides that are multiples of {multiple}, and those of {kind} are not"
        yield "feature_extractor.pad_to_multiple", padding, why, multiple
    for side in fixed:
        found = getattr(resizer, side)
        padded = found + -found % padding
        cells = -(-padded // 2**first)
        # Images of a multiple can have any number of cells that the multiple allows.
        if padded % multiple if kind == "pad_to_multiple_resizer" else cells % 2 ** (last - first):
            why = f"the maps of the feature pyramid have to halve exactly, as they do with multiples of {multiple}"
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
