"""The kinds of anchors at each place of a feature map, scale and aspect ratio, read without TensorFlow."""

import math

from google.protobuf.message import Message

from boxwright.catalog import check
from boxwright.core.errors import UserError

Kinds = list[tuple[float, float]]

# The field of each meta-architecture that says what its anchors are.
GENERATORS = {"ssd": "anchor_generator", "faster_rcnn": "first_stage_anchor_generator"}


def ssd_kinds(config: Message) -> list[Kinds]:
    """The (scale, aspect ratio) pairs of each layer of an `SsdAnchorGenerator` message, finest layer first.

    Scales run evenly from `min_scale` to `max_scale` over the layers (Liu et al., "SSD", equation 4) or are listed. A
    layer has one kind per aspect ratio, and one of scale sqrt(s * next s), where the scale after the last is 1, unless
    `interpolated_scale_aspect_ratio` is 0. The finest layer has three kinds only if `reduce_boxes_in_lowest_layer`.

    Raises UserError for numbers that cannot be (see `catalog.check`).
    """
    check.require(config, "ssd_anchor_generator")
    layers = config.num_layers
    if config.scales:
        scales = [float(scale) for scale in config.scales]
    elif layers == 1:
        scales = [config.min_scale]
    else:
        step = (config.max_scale - config.min_scale) / (layers - 1)
        scales = [config.min_scale + step * layer for layer in range(layers)]
    scales = [*scales, 1.0]
    kinds = []
    for layer in range(layers):
        scale = scales[layer]
        if layer == 0 and config.reduce_boxes_in_lowest_layer:
            kinds.append([(0.1, 1.0), (scale, 2.0), (scale, 0.5)])
            continue
        kinds.append([(scale, float(ratio)) for ratio in config.aspect_ratios])
        if config.interpolated_scale_aspect_ratio > 0:
            kinds[-1].append((math.sqrt(scale * scales[layer + 1]), config.interpolated_scale_aspect_ratio))
    return kinds


def grid_kinds(config: Message) -> Kinds:
    """The (scale, aspect ratio) pairs of a `GridAnchorGenerator` message: the aspect ratio is the outer loop.

    Raises UserError for numbers that cannot be (see `catalog.check`).
    """
    check.require(config, "grid_anchor_generator")
    return [(scale, ratio) for ratio in config.aspect_ratios for scale in config.scales]


def pyramid_kinds(config: Message) -> Kinds:
    """The (scale, aspect ratio) pairs of a level of a `MultiscaleAnchorGenerator` message, aspect ratio outermost.

    The scales are those within an octave, from 1. Raises UserError for numbers that cannot be.
    """
    check.require(config, "multiscale_anchor_generator")
    octave = [2 ** (step / config.scales_per_octave) for step in range(config.scales_per_octave)]
    return [(scale, ratio) for ratio in config.aspect_ratios for scale in octave]


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
