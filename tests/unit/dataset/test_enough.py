"""When a training is too short, and when the images are too few."""

import pytest

from boxwright.dataset import enough


@pytest.mark.parametrize(
    ("steps", "batch", "images", "told"),
    [
        (1000, 8, 160, ""),
        (60, 8, 60, "60 steps are too few to learn well, with any number of images"),
        (100, 8, 100, ""),
        (
            100,
            8,
            253,
            "100 steps with 8 images each show each of the 253 training images 3.2 times, too little to learn well",
        ),
        (
            60,
            4,
            100,
            "60 steps with 4 images each show each of the 100 training images 2.4 times, too little to learn well",
        ),
        (100, 1, 160, "100 steps with 1 image each show only 100 of the 160 training images, too little to learn well"),
        (10, 8, 4, "10 steps are too few to learn well, with any number of images"),
        (1, 1, 1, "1 step with 1 image each shows the only training image 1 time, too little to learn well"),
        (
            500,
            8,
            118_000,
            "500 steps with 8 images each show only 4,000 of the 118,000 training images, too little to learn well",
        ),
        (enough.MOST_STEPS, 8, 118_000, ""),  # as `init` has it
    ],
)
def test_too_few_steps(steps, batch, images, told):
    assert enough.too_few_steps(steps, batch, images, scratch=False) == told


def test_steps_from_random_weights():
    assert enough.too_few_steps(400, 4, 160, scratch=True) == enough.too_few_steps(1500, 8, 240, scratch=True) == ""
    told = "100 steps are too few to learn well, with any number of images and from random weights"
    assert enough.too_few_steps(100, 8, 40, scratch=True) == told


@pytest.mark.parametrize(
    ("train", "held_out", "told"),
    [
        (10, 20, ""),
        (
            2,
            1,
            "there are only 2 images to learn from and 1 image to measure with, and so few train no detector that is "
            "useful on other images",
        ),
        (1, 20, "there is only 1 image to learn from, and so few train no detector that is useful on other images"),
        (16, 19, "there are only 19 images to measure with, and so few do not tell how good a detector is"),
    ],
)
def test_too_few_images(train, held_out, told):
    assert enough.too_few_images(train, held_out) == told


@pytest.mark.parametrize(("images", "batch", "steps"), [(81, 4, 1000), (141, 4, 1800), (987, 4, 12_000)])
def test_the_usual_number_of_steps_is_a_round_one(images, batch, steps):
    assert enough.usual_steps_within_limits(images, batch, scratch=False) == steps


def test_from_random_weights_a_training_usually_takes_longer():
    assert enough.usual_steps(160, 8, scratch=False) == 1000
    assert enough.usual_steps(160, 8, scratch=True) == enough.usual_steps_within_limits(160, 8, scratch=True) == 3000
    assert enough.usual_steps_within_limits(1, 8, scratch=True) == enough.FEWEST_FROM_SCRATCH
    assert enough.usual_steps_within_limits(10**6, 8, scratch=False) == enough.MOST_STEPS
