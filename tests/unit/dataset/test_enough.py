"""When a training is too short, and when the images are too few."""

import pytest

from boxwright.dataset import enough


@pytest.mark.parametrize(
    ("steps", "batch", "images", "told"),
    [
        (1000, 8, 160, ""),
        (60, 8, 160, "60 steps with 8 images each show each of the 160 training images 3 times"),
        (100, 8, 160, ""),
        (100, 1, 160, "100 steps with 1 image each show only 100 of the 160 training images"),
        (10, 8, 4, "10 steps with 8 images each show each of the 4 training images 20 times"),
        (1, 1, 1, "1 step with 1 image each shows the only training image 1 time"),
        (500, 8, 118_000, "500 steps with 8 images each show only 4,000 of the 118,000 training images"),
        (enough.MOST_STEPS, 8, 118_000, ""),  # as `init` has it
    ],
)
def test_too_few_steps(steps, batch, images, told):
    assert enough.too_few_steps(steps, batch, images) == told


@pytest.mark.parametrize(
    ("train", "held_out", "told"),
    [
        (10, 5, ""),
        (
            2,
            1,
            "there are only 2 images to learn from and 1 image to measure with, and so few train no detector that is "
            "useful on other images",
        ),
        (1, 5, "there is only 1 image to learn from, and so few train no detector that is useful on other images"),
        (16, 4, "there are only 4 images to measure with, and so few do not tell how good a detector is"),
    ],
)
def test_too_few_images(train, held_out, told):
    assert enough.too_few_images(train, held_out) == told


def test_from_random_weights_a_training_usually_takes_longer():
    assert enough.usual_steps(160, 8, scratch=False) == 1000
    assert enough.usual_steps(160, 8, scratch=True) == 3000
