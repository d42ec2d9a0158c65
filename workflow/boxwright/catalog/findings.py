"""The findings of a check of a pipeline configuration, and the facts beside the file that it may use."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boxwright.core.errors import UserError

LEVELS = ("info", "warning", "error")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a configuration, or worth knowing about it.

    level: one of `LEVELS`. rule: the check that found it. field: its dotted path from the root. value: its value; None
    if not set, "set" for a block or a list, which is not shown. why: a clause. use: the value to set instead; None if
    there is no single value.
    """

    level: str
    rule: str
    field: str
    value: Any
    why: str
    use: Any = None

    @property
    def said(self) -> str:
        """The text of the finding, the same everywhere: field, value, why, and the better value."""
        use = "" if self.use is None else f" Use {self.use!r} for {self.field.rpartition('.')[2]}."
        if self.value == "set":
            return f"{self.field}: {self.why}.{use}"
        value = "not set" if self.value is None else repr(self.value)
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
    """Facts about the data and the checkpoint. Checks that need a fact that is None are skipped.

    num_classes: the last id of the label map. id_gaps: whether ids before it have no class. max_boxes: the largest
    number of boxes in one training image. max_measured: the same of the evaluation images. max_objects: the same of all
    images. max_objects_of_class: the largest number of boxes of one class in any image. anchor_coverage: share of the
    boxes that some anchor matches at IoU 0.5. anchor_classes: by class, how many boxes are matched and how many there
    are. anchor_images: of how many training images these are, if not of all, and how many images there are.
    anchor_proposal: what would match more of them, in words. anchorless: height and width of an image, as the network
    gets it, that has no anchor inside. checkpoint_names: the names of the checkpoint's variables, or the keys of a TF2
    checkpoint.
    """

    num_classes: int | None = None
    id_gaps: bool = False
    max_boxes: int | None = None
    max_measured: int | None = None
    max_objects: int | None = None
    max_objects_of_class: int | None = None
    anchor_coverage: float | None = None
    anchor_classes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    anchor_images: tuple[int, int] | None = None
    anchor_proposal: str = ""
    anchorless: tuple[int, int] | None = None
    checkpoint_names: Collection[str] | None = None


NOTHING = Facts()
