"""How each exported form is loaded and called, as a program that knows nothing of the engine does it.

One module a form, `load(path) -> Detect`. What is exported is measured through these.
"""

from collections.abc import Callable

import numpy as np

# Images uint8 [B, H, W, 3] in, the tensors of `core.signature.OUTPUTS` that the form has out, by name.
Detect = Callable[[np.ndarray], dict[str, np.ndarray]]
