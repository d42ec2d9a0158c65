"""Make an image brighter or darker."""

from boxwright.training.augmentations.example import Augmentation
from boxwright.training.augmentations.photometric import photometric


def make(*, max_delta: float) -> Augmentation:
    """Adds one amount to all pixels (0 to 1), uniform between -max_delta and max_delta."""
    return photometric(-max_delta, max_delta, lambda image, amount: image + amount)
