"""Which family of detectors the model is of."""

from collections.abc import Iterator

from google.protobuf.message import Message

from boxwright.catalog import extractors
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.spec import Break, Spec


def _family(message: Message) -> Iterator[Break]:
    name = message.WhichOneof("model")
    if name is None:
        yield "", None, f"it must hold one of {', '.join(FAMILIES)}", None
    elif name not in FAMILIES:
        model = getattr(message, name)
        named = name == "experimental_model"
        type_ = model.name if named else model.feature_extractor.type
        near = extractors.nearest(name, type_)
        why = f"the engine does not have the meta-architecture {name}; {extractors.whole(near)}"
        yield f"{name}.{'name' if named else 'feature_extractor.type'}", type_ or None, why, None


SPEC = Spec(refusals=(_family,))
