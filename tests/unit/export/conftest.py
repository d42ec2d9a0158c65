"""An export of the small detector, and photographs of several sizes."""

import numpy as np
import pytest
from PIL import Image
from small_detector import LABEL_MAP, config, prefix

from boxwright.dataset import label_map

__all__ = ["config", "prefix"]


@pytest.fixture(scope="session")
def photographs() -> list[np.ndarray]:
    """Smooth coloured pictures, uint8, each of another size."""
    random = np.random.default_rng(0)
    pictures = []
    for height, width in ((90, 140), (200, 150), (64, 64)):
        seed = Image.fromarray(random.integers(0, 255, (6, 8, 3), dtype=np.uint8))
        pictures.append(np.asarray(seed.resize((width, height), Image.Resampling.BICUBIC)))
    return pictures


@pytest.fixture(scope="session")
def label_map_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "label_map.pbtxt"
    label_map.write(path, LABEL_MAP)
    return path


@pytest.fixture(scope="session")
def exported(tmp_path_factory, config, prefix, label_map_file, photographs):
    """The folder of an export of the checkpoint."""
    from boxwright.export.freeze import freeze, whole_folder
    from boxwright.export.verify import verify

    folder = tmp_path_factory.mktemp("models") / "fine_tuned_model"
    with whole_folder(folder) as temporary:
        freeze(config, prefix, label_map_file, temporary)
        verify(temporary, photographs)
    return folder
