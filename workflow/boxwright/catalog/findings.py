"""What a check of a pipeline configuration says, and what it may know beside the file."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from boxwright.core.errors import UserError

LEVELS = ("info", "warning", "error")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a configuration, or worth knowing of it.

    level: one of `LEVELS`. rule: which check found it. field: its dotted path from the root. value: what it is; None:
    not set. why: a clause. use: the value to set instead; None where there is no one value.
    """

    level: str
    rule: str
    field: str
    value: Any
    why: str
    use: Any = None

    @property
    def said(self) -> str:
        """The finding as everybody words it: field, value, why, and the better value."""
        value = "not set" if self.value is None else repr(self.value)
        use = "" if self.use is None else f" Use {self.use!r}."
        return f"{self.field} is {value}: {self.why}.{use}"

    def __str__(self) -> str:
        return f"{self.level} {self.rule}: {self.said}"


class RefusedError(UserError):
    """A configuration that the engine cannot follow; `findings` says why, field by field."""

    def __init__(self, findings: Sequence[Finding]):
        self.findings = list(findings)
        super().__init__("\n".join(finding.said for finding in findings))


@dataclass(frozen=True)
class Facts:
    """What is known of the data and the checkpoint; None leaves the checks that need it out.

    num_classes: of the label map. max_boxes: the most boxes in one image. anchor_coverage: share of the boxes which
    some anchor meets at IoU 0.5. anchorless: height and width of an image, as the network gets it, with no anchor
    inside. checkpoint_names: its variables' names, or a TF2 checkpoint's keys.
    """

    num_classes: int | None = None
    max_boxes: int | None = None
    anchor_coverage: float | None = None
    anchorless: tuple[int, int] | None = None
    checkpoint_names: Collection[str] | None = None


NOTHING = Facts()
