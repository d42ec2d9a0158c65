"""The backbone of an SSD and the extra feature maps on top of it."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import EXTRACTORS, PYRAMIDS, other_than_only
from boxwright.catalog.ranges import CHANNELS, LARGEST_SIDE, Range
from boxwright.catalog.spec import LACKS, Break, NoEffect, Only, Spec, relation


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


@relation("min_depth", "bifpn")
def _filters(message: Message) -> Iterator[Break]:
    """The maps of a BiFPN have at least min_depth channels."""
    row, filters = EXTRACTORS.get(message.type), message.bifpn.num_filters
    if row is not None and row.neck == "bifpn" and message.HasField("bifpn") and filters < message.min_depth:
        why = f"{message.type} has at least min_depth channels there, which is {message.min_depth}"
        yield "bifpn.num_filters", filters, why, message.min_depth


@relation()
def _only(message: Message) -> Iterator[Break]:
    """Some extractors have one value of a field only."""
    yield from other_than_only(message)


def _pyramid(message: Message) -> Iterator[Break]:
    """The block of a pyramid belongs to the extractors that have it, and a BiFPN has no sizes without it."""
    row = EXTRACTORS.get(message.type)
    if row is not None and row.neck == "bifpn" and not message.HasField("bifpn"):
        yield "bifpn", None, f"{message.type} needs this block", None
    for name in ("fpn", "bifpn"):
        if row is not None and name != PYRAMIDS.get(row.neck) and message.HasField(name):
            with_it = [other.type for other in EXTRACTORS.values() if PYRAMIDS.get(other.neck) == name]
            why = f"{message.type} has no such pyramid; leave it out" if with_it else f"{LACKS}; leave it out"
            yield name, "set", why, None


def _architecture(message: Message) -> Iterator[Break]:
    """The name of a network belongs to the extractor that has several."""
    row, name = EXTRACTORS.get(message.type), message.spaghettinet_arch_name
    if name and row is not None and name not in row.architectures:
        yield "spaghettinet_arch_name", name, LACKS, row.architectures[0] if row.architectures else ""


def _layers_unread(message: Message) -> bool:
    """A pyramid has its number of maps from its levels, and some extractors always have the same."""
    row = EXTRACTORS.get(message.type)
    return row is not None and (row.neck in PYRAMIDS or "num_layers" in row.ignored)


def _no_such_layers(message: Message) -> bool:
    """Whether the backbone has its own settings and no neck adds layers with those of the message."""
    row = EXTRACTORS.get(message.type)
    return row is not None and not (
        "conv_hyperparams" in row.unread or row.overridden(message) or row.adds_layers(message)
    )


SPEC = Spec(
    fields={
        "depth_multiplier": Range(0, 16, above=True),
        "min_depth": Range(-(2**31), CHANNELS),
        "pad_to_multiple": Range(1, LARGEST_SIDE),
        "replace_preprocessor_with_placeholder": Only(False),
        "use_hardswish": Only(False),
    },
    refusals=(_pyramid, _architecture),
    relations=(_channels, _maps, _filters, _only),
    unread={"num_layers": _layers_unread},
    no_effect={
        "conv_hyperparams": NoEffect(
            "the backbone has its own settings unless override_base_feature_extractor_hyperparams is true, and no "
            "layers are added to it",
            _no_such_layers,
        )
    },
)
