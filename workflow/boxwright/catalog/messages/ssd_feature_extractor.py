"""The backbone of an SSD and the extra feature maps on top of it."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.messages.hyperparams import CONVOLUTIONS
from boxwright.catalog.ranges import CHANNELS, LARGEST_SIDE, Range
from boxwright.catalog.spec import LEFT_OUT, Break, Only, Spec, relation


@relation("min_depth", "depth_multiplier")
def _channels(message: Message) -> Iterator[Break]:
    """The narrowest layer has 32 channels at width 1.0 and must keep at least one."""
    if message.min_depth < 1 and int(32 * message.depth_multiplier) < 1:
        why = f"with depth_multiplier {message.depth_multiplier:g} a layer would have no channels"
        yield "min_depth", message.min_depth, why, 8


@relation("num_layers")
def _maps(message: Message) -> Iterator[Break]:
    """The neck can add only a limited number of maps to the backbone's."""
    row = EXTRACTORS.get(message.type)
    if row is not None and message.num_layers not in (counts := row.num_layers()):
        why = f"it must be {counts[0]} to {counts[-1]}, as {message.type} gives {len(row.levels)} feature maps"
        yield "num_layers", message.num_layers, f"{why} and at most {row.most_extra_maps} can be added", counts[-1]


@relation()
def _settings(message: Message) -> Iterator[Break]:
    """A backbone without published settings has only those of the configuration."""
    row = EXTRACTORS.get(message.type)
    if row is not None and row.configured and not message.override_base_feature_extractor_hyperparams:
        why = f"{message.type} builds all its layers from conv_hyperparams, so it must be set"
        yield "override_base_feature_extractor_hyperparams", False, why, True


SPEC = Spec(
    fields={
        "depth_multiplier": Range(0, 16, above=True),
        "min_depth": Range(-(2**31), CHANNELS),
        "conv_hyperparams": CONVOLUTIONS,
        "pad_to_multiple": Range(1, LARGEST_SIDE),
        "fpn": LEFT_OUT,
        "bifpn": LEFT_OUT,
        "replace_preprocessor_with_placeholder": Only(False),
        "spaghettinet_arch_name": Only(""),
        "use_hardswish": Only(False),
    },
    relations=(_channels, _maps, _settings),
)
