"""Load and call each exported form as a program without the engine would.

There is one module for each form, with a function `load(path) -> Detect`. Exports are measured through these modules.
"""

from collections.abc import Callable

import numpy as np

# From images, uint8 [B, H, W, 3], to those tensors of `core.signature.OUTPUTS` that the form has, by name.
Detect = Callable[[np.ndarray], dict[str, np.ndarray]]
