"""How the detector refuses what it cannot do: an error that names the field, its value and what is supported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from boxwright.catalog.engine import differing
from boxwright.core.errors import UserError
from boxwright.pipeline.text import Document


class UnsupportedError(UserError):
    """A field of the model's configuration has a value that this engine does not implement.

    `field` is the dotted path from the root of pipeline.config; `located` adds the line.
    """

    def __init__(self, field: str, value: object, supported: str):
        self.field = field
        super().__init__(f"{field} is {value!s}, which is not supported. Supported: {supported}.")


@contextmanager
def located(document: Document) -> Iterator[None]:
    """Let an UnsupportedError raised inside say in which line of `document` the field stands."""
    try:
        yield
    except UnsupportedError as error:
        raise UserError(f"{document.place(error.field)}: {error}") from None


def chosen(message, oneof: str, field: str, supported: tuple[str, ...]) -> str:
    """The name of the alternative that is set in `message`'s `oneof`; UnsupportedError unless it is in `supported`.

    `field` is the dotted path of `message` itself.
    """
    name = message.WhichOneof(oneof)
    if name not in supported:
        value = "not set" if name is None else name
        raise UnsupportedError(f"{field}.{oneof}" if name is None else field, value, ", ".join(supported))
    return name


def require(message, field: str, supported: Mapping[str, object]) -> None:
    """Refuse any field of `message` whose value differs from the only one that is implemented, as `supported` has it.

    See `pipeline.engine.differing`.
    """
    for name, value, only in differing(message, supported):
        raise UnsupportedError(f"{field}.{name}", value, "leaving it out" if only is None else str(only))
