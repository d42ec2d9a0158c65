"""The OD API's configuration messages and tf.Example, as classes by attribute: `protos.TrainEvalPipelineConfig()`.

The .proto files in this folder are compiled during development into the committed descriptor set
(`python -m boxwright.protos.compile`). Classes are made from it at run time, so no generated code can go stale. They
have their own descriptor pool, so they do not conflict with an object_detection package in the same process. Nothing
here imports TensorFlow.
"""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

from boxwright.core.errors import UserError

DESCRIPTORS = Path(__file__).with_name("descriptors.binpb")
PACKAGES = ("object_detection.protos", "tensorflow")


@cache
def pool() -> descriptor_pool.DescriptorPool:
    """The pool that holds every file of the descriptor set."""
    own = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file:
        own.Add(file)
    return own


@cache
def message(name: str) -> type:
    """The message class `name` (a nested one is `Outer.Inner`). Raises KeyError if there is none."""
    for package in PACKAGES:
        try:
            return message_factory.GetMessageClass(pool().FindMessageTypeByName(f"{package}.{name}"))
        except KeyError:
            continue
    raise KeyError(f"no message {name} in {' or '.join(PACKAGES)}")


@cache
def enum(name: str) -> EnumTypeWrapper:
    """The enum `name` (`ResizeType`, `Hyperparams.Activation`), with `.Name(number)` and `.Value(name)`."""
    return EnumTypeWrapper(pool().FindEnumTypeByName(f"{PACKAGES[0]}.{name}"))


def model_of(config: Message) -> tuple[Message, str]:
    """The meta-architecture's message in `config.model`, and its name: ssd, faster_rcnn, center_net, ...

    Raises UserError if the model block is missing or empty.
    """
    name = config.model.WhichOneof("model")
    if name is None:
        members = ", ".join(field.name for field in config.model.DESCRIPTOR.oneofs_by_name["model"].fields)
        raise UserError(f"The pipeline configuration has no model: `model {{ ... }}` must hold one of {members}.")
    return getattr(config.model, name), name


def __getattr__(name: str) -> Any:
    for find in (message, enum):
        try:
            return find(name)
        except KeyError:
            continue
    raise AttributeError(f"module {__name__} has no message or enum {name}")
