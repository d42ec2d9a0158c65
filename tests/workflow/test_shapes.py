"""The whole workflow once with each option that changes the shape of what goes through it."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.workflow.conftest import small_model

MODEL = "results/models/small"
RESIZER = "model.ssd.image_resizer"


def gray(project) -> None:
    """The network has one channel. Half of the images are gray, too."""
    project.config["models"]["small"]["overrides"][f"{RESIZER}.fixed_shape_resizer.convert_to_grayscale"] = True
    for path in sorted((project / "photographs/images").rglob("*.jpg"))[::2]:
        Image.open(path).convert("L").save(path)


def keep_aspect(project) -> None:
    """Inputs of several shapes, which are padded to squares."""
    resizer = {"min_dimension": 64, "max_dimension": 96, "pad_to_max_dimension": True}
    project.config["models"]["small"]["overrides"] = {f"{RESIZER}.keep_aspect_ratio_resizer": resizer}
    for path in sorted((project / "photographs/images").rglob("*.jpg"))[::3]:
        image = Image.open(path)
        image.resize((image.width, image.height // 2)).save(path)  # the boxes follow the stated size


def keep_aspect_without_padding(project) -> None:
    """Inputs of several shapes, one at a time."""
    keep_aspect(project)
    resizer = project.config["models"]["small"]["overrides"][f"{RESIZER}.keep_aspect_ratio_resizer"]
    del resizer["pad_to_max_dimension"]
    project.config["models"]["small"]["batch_size"] = 1


def gray_keep_aspect(project) -> None:
    """One channel, padded."""
    keep_aspect(project)
    resizer = project.config["models"]["small"]["overrides"][f"{RESIZER}.keep_aspect_ratio_resizer"]
    resizer["convert_to_grayscale"] = True


def one_class(project) -> None:
    """All objects have the same class."""
    for path in (project / "photographs/annotations").rglob("*.xml"):
        head, *objects = path.read_text().split("<object>")
        renamed = [f"<name>thing</name>{one.partition('</name>')[2]}" for one in objects]
        path.write_text("<object>".join([head, *renamed]))


def one_image(project) -> None:
    """One image on each side of the split, on lists."""
    images = sorted((project / "photographs/images").rglob("*.jpg"))
    boxed = [path for path in images if "<object>" in annotation(project, path).read_text()][:2]
    split = {}
    for side, path in zip(("train", "eval"), boxed, strict=True):
        split[side] = f"{side}.txt"
        (project / split[side]).write_text(path.name)
    project.config["dataset"] |= {"split": split, "shards": {"train": 1, "eval": 1}}


def batch_of_one(project) -> None:
    """One image at a time."""
    project.config["models"]["small"]["batch_size"] = 1


def not_square(project) -> None:
    """An input that is wider than high."""
    sides = f"{RESIZER}.fixed_shape_resizer"
    project.config["models"]["small"]["overrides"] = {f"{sides}.height": 64, f"{sides}.width": 128}


def annotation(project, image):
    [found] = (project / "photographs/annotations").rglob(f"{image.stem}.xml")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        gray,
        keep_aspect,
        keep_aspect_without_padding,
        gray_keep_aspect,
        one_class,
        one_image,
        batch_of_one,
        not_square,
    ],
)
def test_the_whole_workflow(project, change):
    project.config["models"]["small"] = small_model(num_steps=2, checkpoint_every=1)
    change(project)
    project.snakemake()
    assert json.loads((project / MODEL / "eval/2/metrics.json").read_text())["boxes"] > 0
    forms = json.loads((project / MODEL / "fine_tuned_model/export.json").read_text())
    assert forms
    predicted = list((project / MODEL / "predictions").rglob("*.jpg"))
    assert predicted and np.asarray(Image.open(predicted[0])).ndim == 3
    assert project.snakemake("--dry-run").work == set()
