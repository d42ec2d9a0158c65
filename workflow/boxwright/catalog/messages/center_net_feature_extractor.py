"""The backbone of a CenterNet and the normalisation of its input."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.extractors import other_than_only
from boxwright.catalog.ranges import Range
from boxwright.catalog.relations import listed
from boxwright.catalog.spec import Break, Only, Spec, relation

INTERPOLATIONS = ("nearest", "bilinear")


@relation()
def _only(message: Message) -> Iterator[Break]:
    yield from other_than_only(message)


@relation()
def _interpolation(message: Message) -> Iterator[Break]:
    found = message.upsampling_interpolation
    if found not in INTERPOLATIONS:
        yield "upsampling_interpolation", found, f"it must be {' or '.join(INTERPOLATIONS)}", INTERPOLATIONS[0]


@relation("channel_stds")
def _divisors(message: Message) -> Iterator[Break]:
    for index, value in enumerate(message.channel_stds):
        if not value:
            yield f"channel_stds.{index}", 0, "pixels are divided by it", 1


SPEC = Spec(
    fields={"depth_multiplier": Range(0, 16, above=True), "use_depthwise": Only(False)},
    relations=(
        _only,
        _interpolation,
        _divisors,
        listed("channel_means", 0, 3),
        listed("channel_stds", 0, 3),
    ),
)
