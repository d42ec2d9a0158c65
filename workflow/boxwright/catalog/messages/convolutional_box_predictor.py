"""A convolution per feature map, each with its own weights."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog.ranges import CHANNELS, LAYERS, PART, Range
from boxwright.catalog.spec import Break, Spec, relation


@relation("kernel_size")
def _depthwise(message: Message) -> Iterator[Break]:
    if message.use_depthwise and message.kernel_size == 1:
        yield "kernel_size", 1, "a depthwise convolution of one pixel sees no neighbours (use_depthwise is true)", 3


SPEC = Spec(
    fields={
        "min_depth": Range(0, CHANNELS),
        "max_depth": Range(0, CHANNELS),
        "num_layers_before_predictor": Range(-(2**31), LAYERS),
        "dropout_keep_probability": PART,
        "kernel_size": Range(1, 100),
    },
    relations=(_depthwise,),
    unread={"dropout_keep_probability": lambda message: not message.use_dropout},
)
