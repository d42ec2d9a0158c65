"""Batch norm's moving averages: whether they can forget their initial values in a run of some steps.

They start at 0 and 1 and lose these values only by their decay; evaluation and the exported graph use them.
"""

# The largest share of their initial values that does no harm.
MOST_KEPT = 0.02


def kept(decay: float, steps: int) -> float:
    """The share of their initial values that averages with this decay per step still have after some steps, 0 to 1."""
    return min(max(decay, 0.0), 1.0) ** steps


def are_too_slow(decay: float, steps: int) -> bool:
    """Whether averages still hold so much of their initial values at the end that evaluation detects almost nothing."""
    return kept(decay, steps) > MOST_KEPT


def decay_for(steps: int) -> float | None:
    """A decay, rounded down, with which averages lose their initial values in a run of some steps.

    None for a run that is too short: such averages would be those of the last few batches.
    """
    return round(1 - 5 / steps, 3) if steps > 50 else None
