"""pipeline.config: read, print, patch for a data set, override, lint, and tell what decides a training."""

from google.protobuf.message import Message

from boxwright.errors import UserError


def model_of(config: Message) -> tuple[Message, str]:
    """The message of the meta-architecture in `config.model` and its name: ssd, faster_rcnn, center_net, ...

    Raises UserError if the model block is missing or empty.
    """
    name = config.model.WhichOneof("model")
    if name is None:
        members = ", ".join(field.name for field in config.model.DESCRIPTOR.oneofs_by_name["model"].fields)
        raise UserError(f"The pipeline configuration has no model: `model {{ ... }}` must hold one of {members}.")
    return getattr(config.model, name), name
