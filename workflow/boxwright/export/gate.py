"""How much a form of a detector may lose against the checkpoint, by the precision that it computes with.

A form is what its user runs, so a form that finds other objects is another detector than the one that was measured.
Forms in float32 differ only by the order of sums. Float16 and int8 round the weights, and int8 all that is computed
from them, so they are judged by what they find.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class Gate(NamedTuple):
    """What a form of one precision may lose.

    tolerance: a detection of the checkpoint is found again if the form has one of the same class whose box (sides of
    the image are 1) and score differ by at most this. least: the least share of the checkpoint's detections that is
    found again. most_lost: the most that the mAP at IoU 0.5 (from 0 to 1) may be below the checkpoint's; None: no
    limit.
    """

    tolerance: float
    least: float
    most_lost: float | None = None


GATES = {
    # Suppression may decide near-ties either way: the OD API itself finds 98.7 % again with other kernels of the CPU.
    "float32": Gate(1e-4, 0.98),
    "float16": Gate(1e-2, 0.99, 0.003),
    "int8": Gate(0.1, 0.0, 0.02),
}


def complaints(precision: str, found: Mapping[str, Any] | None, lost: float | None = None) -> Iterator[str]:
    """What a form does not keep of its gate, as clauses.

    found: {share, ...}, measured with the gate's tolerance; None if it was not. lost: mAP at IoU 0.5 of the checkpoint,
    minus the form's.
    """
    gate = GATES[precision]
    if found is not None and found["share"] < gate.least:
        yield (
            f"{found['share']:.2%} of the checkpoint's detections are found again within {gate.tolerance:g}, and at "
            f"least {gate.least:.0%} must be"
        )
    if lost is not None and gate.most_lost is not None and lost > gate.most_lost:
        yield (
            f"its mAP@.50IOU is {100 * lost:.2f} points below the checkpoint's, and at most {100 * gate.most_lost:g} "
            "are allowed"
        )
