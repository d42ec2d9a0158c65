"""Anchors of SSD: one scale per feature map, spaced evenly, with several aspect ratios."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import LARGEST_SIDE, POSITIVE, Range
from boxwright.catalog.relations import plain, unordered
from boxwright.catalog.spec import Break, Spec, relation


def layers(message: Message) -> int:
    """How many feature maps the generator has anchors for."""
    return message.num_layers


@relation("num_layers", "scales", "min_scale", "max_scale")
def _scales(message: Message) -> Iterator[Break]:
    if message.scales and len(message.scales) < message.num_layers:
        why = f"num_layers is {message.num_layers}; list one scale per layer, or none for min_scale to max_scale"
        yield "scales", [plain(scale) for scale in message.scales], why, None
    if not message.scales and message.num_layers > 1:
        yield from unordered(message, "min_scale", "max_scale")


@relation("num_layers")
def _places(message: Message) -> Iterator[Break]:
    """Strides and offsets are given for every layer and for both axes, or not at all."""
    for what in ("stride", "offset"):
        given = {name: list(getattr(message, name)) for name in (f"height_{what}", f"width_{what}")}
        for name, values in given.items():
            other = next(key for key in given if key != name)
            if values and len(values) != message.num_layers:
                yield name, values, f"num_layers is {message.num_layers}; list one per layer, or none", None
            elif not values and len(given[other]) == message.num_layers:
                yield name, None, f"it goes together with {other}; give both or none", given[other]


@relation("num_layers", "aspect_ratios")
def _kinds(message: Message) -> Iterator[Break]:
    all_alike = message.num_layers > 1 or not message.reduce_boxes_in_lowest_layer
    if all_alike and not message.aspect_ratios and message.interpolated_scale_aspect_ratio <= 0:
        yield "aspect_ratios", None, "a layer has no anchors, since interpolated_scale_aspect_ratio is 0", [1.0]


SPEC = Spec(
    fields={
        # More halvings than any image has.
        "num_layers": Range(1, 30),
        "min_scale": POSITIVE,
        "max_scale": POSITIVE,
        "base_anchor_height": POSITIVE,
        "base_anchor_width": POSITIVE,
        "scales": POSITIVE,
        "aspect_ratios": POSITIVE,
        "height_stride": Range(1, LARGEST_SIDE),
        "width_stride": Range(1, LARGEST_SIDE),
    },
    relations=(_scales, _places, _kinds),
    unread=dict.fromkeys(("min_scale", "max_scale"), lambda message: bool(message.scales)),
)
