"""An export of the small detector in its usual forms, and images of several sizes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_detector import LABEL_MAP, config, prefix

from boxwright.catalog import forms
from boxwright.dataset import label_map

__all__ = ["config", "prefix"]

# The forms of a run whose configuration names none.
USUAL = forms.chosen(("frozen_graph", "saved_model"))


@pytest.fixture(scope="session")
def images() -> list[np.ndarray]:
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
def export(label_map_file, images):
    """Exports a checkpoint in its usual forms: `export(config, prefix, folder)` gives the checks by their names."""

    def usual_forms(config, prefix: str, folder: Path) -> dict[str, dict]:
        from boxwright.export import detector, form

        kept = folder.with_name(f"{folder.name}.npz")
        checks = {"checkpoint": detector.export(config, prefix, label_map_file, images, folder, kept)}
        for one in USUAL:
            if one.made_from:
                source = folder / forms.named(one.made_from).path
                checks[one.name] = form.export(one, source, images, folder, kept)
        return checks

    return usual_forms


@pytest.fixture(scope="session")
def whole(tmp_path_factory, config, prefix, export):
    """The folder of an export of the checkpoint, and the checks of its forms."""
    folder = tmp_path_factory.mktemp("models") / "fine_tuned_model"
    return folder, export(config, prefix, folder)


@pytest.fixture(scope="session")
def exported(whole) -> Path:
    return whole[0]


@pytest.fixture(scope="session")
def checks(whole) -> dict[str, dict]:
    return whole[1]


@pytest.fixture(scope="session")
def standard(exported, images, tmp_path_factory):
    """A folder with the checkpoint, the ONNX model and both of OpenVINO's models, and the checks of these three."""
    return written_beside(exported, ("onnx", "openvino", "openvino_float16"), images, tmp_path_factory)


@pytest.fixture(scope="session")
def mobile(exported, images, tmp_path_factory):
    """A folder with the checkpoint and its three TFLite files, and the checks of these three."""
    pytest.importorskip("ai_edge_litert")
    return written_beside(exported, ("tflite", "tflite_float16", "tflite_int8"), images, tmp_path_factory)


def written_beside(exported: Path, names, images, tmp_path_factory) -> tuple[Path, dict[str, dict]]:
    """Write some forms into a folder of their own, with the checkpoint and its labels."""
    from boxwright.export import form

    folder = tmp_path_factory.mktemp(names[0]) / "fine_tuned_model"
    folder.mkdir()
    for path in exported.iterdir():
        if path.is_file() and path.suffix != ".pb":
            (folder / path.name).symlink_to(path)
    checks, kept = {}, exported.with_name(f"{exported.name}.npz")
    for one in map(forms.named, names):
        source = folder / forms.named(one.made_from).path
        checks[one.name] = form.export(one, source, images, folder, kept, images)
    return folder, checks
