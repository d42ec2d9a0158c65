"""The convolutions of a head before its last one."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import CHANNELS, Range
from boxwright.catalog.spec import Break, Spec, relation


@relation("num_filters", "kernel_sizes")
def _alike(message: Message) -> Iterator[Break]:
    """Without a list there is one convolution."""
    filters, kernels = len(message.num_filters) or 1, len(message.kernel_sizes) or 1
    if filters != kernels:
        why = f"it must have as many values as num_filters, {filters}"
        yield "kernel_sizes", list(message.kernel_sizes), why, [3] * filters


SPEC = Spec(
    fields={"num_filters": Range(1, CHANNELS, use=256), "kernel_sizes": Range(1, 100, use=3)}, relations=(_alike,)
)
