"""The kinds of anchors at each place of a feature map, scale and aspect ratio, read without TensorFlow."""

import math
from collections.abc import Iterable

from google.protobuf.message import Message

from boxwright.errors import UserError

Kinds = list[tuple[float, float]]

# The field of each meta-architecture that says what its anchors are.
GENERATORS = {"ssd": "anchor_generator", "faster_rcnn": "first_stage_anchor_generator"}
# More halvings than any image has, and more scales than any detector: the number is a mistake.
MOST_LAYERS = 30
MOST_SCALES = 100


def ssd_kinds(config: Message) -> list[Kinds]:
    """The (scale, aspect ratio) pairs of each layer of an `SsdAnchorGenerator` message, finest layer first.

    Scales run evenly from `min_scale` to `max_scale` over the layers (Liu et al., "SSD", equation 4) or are listed. A
    layer has one kind per aspect ratio, and one of scale sqrt(s * next s), where the scale after the last is 1, unless
    `interpolated_scale_aspect_ratio` is 0. The finest layer has three kinds only if `reduce_boxes_in_lowest_layer`.

    Raises:
        UserError: too few scales, another number of strides or offsets than layers, no kind for a layer, or a scale or
            a ratio that is not above 0.
    """
    layers = config.num_layers
    _within("ssd_anchor_generator.num_layers", layers, 1, MOST_LAYERS)
    _check_places(config)
    if config.scales:
        scales = [float(scale) for scale in config.scales]
    elif layers == 1:
        scales = [config.min_scale]
    else:
        step = (config.max_scale - config.min_scale) / (layers - 1)
        scales = [config.min_scale + step * layer for layer in range(layers)]
    if len(scales) < layers:
        raise UserError(
            f"ssd_anchor_generator.scales: {len(scales)} listed, but num_layers is {layers}; list one scale per layer, "
            "or none and use min_scale and max_scale."
        )
    scales = [*scales, 1.0]
    _positive("ssd_anchor_generator: the scales", scales)
    _positive("ssd_anchor_generator.aspect_ratios", config.aspect_ratios)
    kinds = []
    for layer in range(layers):
        scale = scales[layer]
        if layer == 0 and config.reduce_boxes_in_lowest_layer:
            kinds.append([(0.1, 1.0), (scale, 2.0), (scale, 0.5)])
            continue
        kinds.append([(scale, float(ratio)) for ratio in config.aspect_ratios])
        if config.interpolated_scale_aspect_ratio > 0:
            kinds[-1].append((math.sqrt(scale * scales[layer + 1]), config.interpolated_scale_aspect_ratio))
    if not all(kinds):
        raise UserError(
            "ssd_anchor_generator: a layer has no anchors; list aspect_ratios, or set "
            "interpolated_scale_aspect_ratio above 0."
        )
    return kinds


def _check_places(config: Message) -> None:
    """Strides and offsets are given for every layer of an `SsdAnchorGenerator` message and for both axes, or not."""
    for what in ("stride", "offset"):
        counts = {f"{side}_{what}": len(getattr(config, f"{side}_{what}")) for side in ("height", "width")}
        for name, count in counts.items():
            if count not in (0, config.num_layers):
                raise UserError(
                    f"ssd_anchor_generator: num_layers is {config.num_layers}, but there are {count} {name}."
                )
        if len(set(counts.values())) > 1:
            raise UserError(f"ssd_anchor_generator: {' and '.join(counts)} go together; give both or none.")


def grid_kinds(config: Message) -> Kinds:
    """The (scale, aspect ratio) pairs of a `GridAnchorGenerator` message: the aspect ratio is the outer loop.

    Raises UserError where it lists no scale or no aspect ratio, or one that is not above 0.
    """
    if not config.scales or not config.aspect_ratios:
        empty = "scales" if not config.scales else "aspect_ratios"
        raise UserError(f"grid_anchor_generator.{empty}: none listed; list at least one.")
    _positive("grid_anchor_generator.scales", config.scales)
    _positive("grid_anchor_generator.aspect_ratios", config.aspect_ratios)
    return [(scale, ratio) for ratio in config.aspect_ratios for scale in config.scales]


def pyramid_kinds(config: Message) -> Kinds:
    """The (scale, aspect ratio) pairs of a level of a `MultiscaleAnchorGenerator` message, aspect ratio outermost.

    The scales are those within an octave, from 1. Raises UserError for levels, scales or ratios that cannot be.
    """
    _within("multiscale_anchor_generator.scales_per_octave", config.scales_per_octave, 1, MOST_SCALES)
    _within("multiscale_anchor_generator.min_level", config.min_level, 0, MOST_LAYERS)
    _within("multiscale_anchor_generator.max_level", config.max_level, config.min_level, MOST_LAYERS)
    if not config.aspect_ratios:
        raise UserError("multiscale_anchor_generator.aspect_ratios: none listed; list at least one.")
    _positive("multiscale_anchor_generator.aspect_ratios", config.aspect_ratios)
    octave = [2 ** (step / config.scales_per_octave) for step in range(config.scales_per_octave)]
    return [(scale, ratio) for ratio in config.aspect_ratios for scale in octave]


def _positive(field: str, values: Iterable[float]) -> None:
    if wrong := [value for value in values if not 0 < value < math.inf]:
        raise UserError(f"{field} must be above 0, not {wrong[0]:g}.")


def _within(field: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise UserError(f"{field} is {value}; it must be {least} to {most}.")


def per_location(config: Message) -> list[int]:
    """Kinds of anchor per location of each feature map, of an `AnchorGenerator` message.

    Raises:
        UserError: the generator is not supported.
    """
    kind = config.WhichOneof("anchor_generator_oneof")
    if kind == "ssd_anchor_generator":
        return [len(kinds) for kinds in ssd_kinds(config.ssd_anchor_generator)]
    if kind == "grid_anchor_generator":
        return [len(grid_kinds(config.grid_anchor_generator))]
    if kind == "multiscale_anchor_generator":
        pyramid = config.multiscale_anchor_generator
        return [len(pyramid_kinds(pyramid))] * (pyramid.max_level - pyramid.min_level + 1)
    raise UserError(
        f"anchor_generator: {kind or 'nothing'} is not supported; use ssd_anchor_generator, grid_anchor_generator "
        "or multiscale_anchor_generator."
    )
