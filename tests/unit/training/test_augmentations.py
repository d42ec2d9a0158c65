from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from boxwright import protos
from boxwright.catalog.messages import spec_of
from boxwright.pipeline import parts
from boxwright.pipeline import text as pipeline_text
from boxwright.training import augmentations
from boxwright.training.augmentations.crop_rules import SSD_RULES
from boxwright.training.augmentations.example import TrainingExample
from boxwright.training.inputs import build_augmentation

HEIGHT, WIDTH = 40, 60


def build(*options: str):
    messages = [text_format.Parse(option, protos.PreprocessingStep()) for option in options]
    return tf.function(build_augmentation(messages), reduce_retracing=True)


def example(boxes=((0.25, 0.2, 0.75, 0.5),), image=None) -> TrainingExample:
    """An image whose red channel is the row and green channel the column of each pixel: crops can be read off it."""
    if image is None:
        rows, columns = np.mgrid[:HEIGHT, :WIDTH]
        image = np.stack([rows, columns, np.full_like(rows, 200)], axis=-1).astype(np.uint8)
    count = len(boxes)
    return TrainingExample(
        tf.constant(image),
        tf.constant(np.reshape(np.array(boxes, np.float32), (count, 4))),
        tf.range(count),
        tf.linspace(0.5, 1.0, count)[:count] if count else tf.zeros([0]),
    )


def seeds(count: int):
    return [tf.constant([7, number], tf.int64) for number in range(count)]


def window_of(image: np.ndarray) -> tuple[int, int, int, int]:
    """Which rows and columns of the test image a crop of it shows: ymin, xmin, ymax, xmax in pixels."""
    return image[0, 0, 0], image[0, 0, 1], image[-1, -1, 0] + 1, image[-1, -1, 1] + 1


def check_boxes_follow_pixels(before: TrainingExample, after: TrainingExample, window) -> None:
    """Each remaining box, seen in the crop, is the old box cut at the crop's window."""
    ymin, xmin, ymax, xmax = map(float, window)
    for box, number in zip(after.boxes.numpy(), after.classes.numpy(), strict=True):
        old = before.boxes.numpy()[number] * [HEIGHT, WIDTH, HEIGHT, WIDTH]
        cut = np.clip(old, [ymin, xmin, ymin, xmin], [ymax, xmax, ymax, xmax])
        expected = (cut - [ymin, xmin, ymin, xmin]) / [ymax - ymin, xmax - xmin, ymax - ymin, xmax - xmin]
        np.testing.assert_allclose(box, expected, atol=1e-5)


def test_flip_mirrors_pixels_and_boxes():
    flipped = build("random_horizontal_flip { probability: 1 }")(example(), seeds(1)[0])
    np.testing.assert_array_equal(flipped.image[0, :, 1], np.arange(WIDTH)[::-1])
    np.testing.assert_allclose(flipped.boxes, [[0.25, 0.5, 0.75, 0.8]], rtol=1e-6)
    kept = build("random_horizontal_flip { probability: 0 }")(example(), seeds(1)[0])
    np.testing.assert_array_equal(kept.image, example().image)


@pytest.mark.parametrize("probability", [0.5, 0.2])
def test_flip_as_often_as_asked(probability):
    flip = build(f"random_horizontal_flip {{ probability: {probability} }}")
    flips = [flip(example(), seed).image[0, 0, 1].numpy() != 0 for seed in seeds(400)]
    assert np.mean(flips) == pytest.approx(probability, abs=3.5 * np.sqrt(probability * (1 - probability) / 400))


@pytest.mark.parametrize("option", ["brightness", "contrast", "hue", "saturation"])
def test_photometric_changes_pixels_within_range_and_no_box(option):
    rng = np.random.default_rng(0)
    before = example(image=rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    adjust = build(f"random_adjust_{option} {{ }}")
    images = []
    for seed in seeds(5):
        after = adjust(before, seed)
        assert after.image.dtype == tf.float32
        assert 0 <= np.min(after.image) <= np.max(after.image) <= 255
        np.testing.assert_array_equal(after.boxes, before.boxes)
        images.append(after.image.numpy())
    assert np.max(np.abs(images[0] - images[1])) > 0.5
    # The defaults are gentle: no image is far from the original.
    assert max(np.mean(np.abs(image - before.image.numpy())) for image in images) < 55


def test_brightness_adds_one_amount_up_to_its_limit():
    before = example(image=np.full((4, 4, 3), 100, np.uint8))
    amounts = [
        build("random_adjust_brightness { max_delta: 0.1 }")(before, seed).image.numpy() - 100.0 for seed in seeds(60)
    ]
    assert all(np.ptp(amount) < 1e-3 for amount in amounts)
    means = [amount.mean() for amount in amounts]
    assert -25.5 <= min(means) < -15 < 15 < max(means) <= 25.5


def test_contrast_moves_values_from_the_channel_mean():
    image = np.array([[[50] * 3, [150] * 3]], np.uint8)
    after = build("random_adjust_contrast { min_delta: 0.5 max_delta: 0.5 }")(example(image=image), seeds(1)[0])
    np.testing.assert_allclose(after.image[0, :, 0], [75, 125], atol=1e-3)


def test_crop_keeps_its_promises():
    limits = "min_object_covered: 0.5 min_area: 0.2 max_area: 0.6 min_aspect_ratio: 0.5 max_aspect_ratio: 2"
    crop = build(f"random_crop_image {{ {limits} }}")
    before = example(boxes=((0.25, 0.2, 0.75, 0.5), (0.8, 0.8, 1.0, 1.0)))
    dropped = 0
    for seed in seeds(60):
        after = crop(before, seed)
        window = window_of(after.image.numpy())
        height, width = after.image.shape[:2]
        assert 0.19 <= height * width / (HEIGHT * WIDTH) <= 0.62
        assert 0.45 <= width / height <= 2.2
        check_boxes_follow_pixels(before, after, window)
        covered = []
        for old in before.boxes.numpy() * [HEIGHT, WIDTH, HEIGHT, WIDTH]:
            side = np.maximum(np.minimum(old[2:], window[2:]) - np.maximum(old[:2], window[:2]), 0)
            covered.append(side.prod() / (old[2:] - old[:2]).prod())
        assert max(covered) >= 0.5 - 1e-6
        # overlap_thresh is 0.3 by default: less of a box than that, and it is gone with its class and weight.
        kept = [number for number, part in enumerate(covered) if part >= 0.3]
        np.testing.assert_array_equal(after.classes, kept)
        np.testing.assert_allclose(after.weights, [[0.5, 1.0][number] for number in kept])
        dropped += len(covered) - len(kept)
    assert dropped > 10


def test_boxes_may_stay_unclipped():
    crop = build("random_crop_image { min_object_covered: 0.1 max_area: 0.3 overlap_thresh: 0.1 clip_boxes: false }")
    found = [box for seed in seeds(30) for box in crop(example(), seed).boxes.numpy()]
    assert min(np.min(found), 1 - np.max(found)) < 0


def test_an_image_without_boxes_passes_through_crops():
    for option in ("random_crop_image { }", "ssd_random_crop { }", "ssd_random_crop_fixed_aspect_ratio { }"):
        after = build(option)(example(boxes=()), seeds(1)[0])
        assert after.boxes.shape == (0, 4)
        assert after.classes.shape == (0,)


def test_ssd_crop_keeps_the_image_as_often_as_its_rules_say():
    crop = build("ssd_random_crop { }")
    before = example(boxes=((0.4, 0.4, 0.6, 0.6),))
    shapes = [tuple(crop(before, seed).image.shape) for seed in seeds(300)]
    # 15 % by the rules, some more by crops that are the whole image
    whole = np.mean([shape == (HEIGHT, WIDTH, 3) for shape in shapes])
    assert 0.08 < whole < 0.3
    assert len(set(shapes)) > 100


def test_operations_replace_the_default_crops():
    operation = "min_object_covered: 1 min_aspect_ratio: 0.9 max_aspect_ratio: 1.1 min_area: 0.4 max_area: 0.5"
    crop = build(f"ssd_random_crop {{ operations {{ {operation} random_coef: 0 }} }}")
    for seed in seeds(20):
        after = crop(example(boxes=((0.45, 0.45, 0.55, 0.55),)), seed)
        height, width = after.image.shape[:2]
        assert 0.38 < height * width / (HEIGHT * WIDTH) < 0.53
        np.testing.assert_array_equal(after.classes, [0])


def test_fixed_aspect_ratio_holds_for_crops_and_whole_images():
    crop = build("ssd_random_crop_fixed_aspect_ratio { aspect_ratio: 2 }")
    for seed in seeds(40):
        before = example()
        after = crop(before, seed)
        height, width = after.image.shape[:2]
        assert abs(width - 2 * height) <= 2
        check_boxes_follow_pixels(before, after, window_of(after.image.numpy()))


def test_the_cut_to_one_aspect_ratio_drops_boxes_that_it_halves_too_far():
    # random_coef 1: no crop, only the cut of 40 x 60 to 40 x 20 pixels at a random column.
    operation = "min_area: 0.1 max_area: 1 random_coef: 1"
    crop = build(f"ssd_random_crop_fixed_aspect_ratio {{ aspect_ratio: 0.5 operations {{ {operation} }} }}")
    before = example(boxes=((0.2, 1 / 3, 0.6, 2 / 3),))  # columns 20 to 40
    kept = set()
    for seed in seeds(60):
        after = crop(before, seed)
        _, left, _, right = window_of(after.image.numpy())
        inside = (min(right, 40) - max(left, 20)) / 20
        if abs(inside - 0.3) > 1e-3:
            assert len(after.boxes) == (inside > 0.3)
            kept.add(len(after.boxes))
    assert kept == {0, 1}


def test_absolute_pad_places_the_image_in_a_larger_one():
    pad = build("random_absolute_pad_image { max_height_padding: 8 max_width_padding: 12 pad_color: [1, 2, 3] }")
    sizes = set()
    for seed in seeds(30):
        before = example()
        after = pad(before, seed)
        height, width = after.image.shape[:2]
        sizes.add((height, width))
        assert HEIGHT <= height < HEIGHT + 8
        assert WIDTH <= width < WIDTH + 12
        pixels = after.image.numpy().round()
        is_image = pixels[..., 2] == 200
        assert is_image.sum() == HEIGHT * WIDTH
        assert (pixels[~is_image] == [1, 2, 3]).all()
        top, left = np.argwhere(is_image)[0]
        expected = (before.boxes.numpy() * [HEIGHT, WIDTH, HEIGHT, WIDTH] + [top, left, top, left]) / (
            [height, width] * 2
        )
        np.testing.assert_allclose(after.boxes, expected, rtol=1e-5)
    assert len(sizes) > 10


def test_absolute_pad_takes_the_mean_colour():
    after = build("random_absolute_pad_image { max_height_padding: 30 max_width_padding: 30 }")(example(), seeds(1)[0])
    mean = example().image.numpy().reshape(-1, 3).mean(axis=0)
    corners = [after.image[0, 0], after.image[-1, -1]]
    assert any(np.allclose(corner, mean, atol=1e-2) for corner in corners)


def test_square_crop_is_square_and_black_outside():
    crop = build("random_square_crop_by_scale { max_border: 8 scale_min: 0.6 scale_max: 1.3 num_scales: 8 }")
    sides, outside = set(), 0
    for seed in seeds(60):
        before = example(boxes=((0.1, 0.1, 0.4, 0.3), (0.5, 0.6, 0.9, 0.95)))
        after = crop(before, seed)
        side = after.image.shape[0]
        assert after.image.shape[1] == side
        sides.add(side)
        pixels = after.image.numpy()
        inside = pixels[..., 2] == 200
        outside += not inside.all()
        assert (pixels[~inside] == 0).all()
        top, left = np.argwhere(inside)[0]
        row, column = pixels[top, left, :2].astype(int)
        window = (row - top, column - left, row - top + side, column - left + side)
        check_boxes_follow_pixels(before, after, window)
    np.testing.assert_allclose(sorted(sides), np.linspace(0.6, 1.3, 8) * 60, atol=1)
    assert outside > 20


def test_square_crop_never_shows_the_last_row_and_column():
    """At twice the longer side, with the border halved to 15 (of 30, not less than half of 40), all of it is inside."""
    crop = build("random_square_crop_by_scale { max_border: 30 scale_min: 2 scale_max: 2 num_scales: 1 }")
    before = example()
    rows, columns = before.image.shape[:2]
    for seed in seeds(5):
        inside = crop(before, seed).image.numpy()[..., 2] == 200
        assert (inside.any(axis=1).sum(), inside.any(axis=0).sum()) == (rows - 1, columns - 1)


def test_scale_crop_and_pad_gives_a_square_of_its_size():
    jitter = build("random_scale_crop_and_pad_to_square { output_size: 32 scale_min: 0.5 scale_max: 2 }")
    kept = []
    for seed in seeds(40):
        before = example(boxes=((0.0, 0.0, 1.0, 1.0), (0.95, 0.95, 1.0, 1.0)))
        after = jitter(before, seed)
        assert after.image.shape == (32, 32, 3)
        inside = after.image.numpy()[..., 2] > 1
        height, width = inside.any(axis=1).sum(), inside.any(axis=0).sum()
        # The first box is the whole image: what is seen of it is where the pixels are.
        np.testing.assert_allclose(after.boxes[0] * 32, [0, 0, height, width], atol=1e-3)
        kept.append(len(after.boxes))
    assert {1, 2} == set(kept)


def test_scale_crop_and_pad_samples_without_half_pixel_centers():
    # 40 x 60 pixels at twice the size: row y of the result is row y / 2 of the image.
    double = build("random_scale_crop_and_pad_to_square { output_size: 120 scale_min: 1 scale_max: 1 }")
    after = double(example(), seeds(1)[0])
    np.testing.assert_allclose(after.image[:5, 0, 0], [0, 0.5, 1, 1.5, 2], atol=1e-5)
    np.testing.assert_allclose(after.image[0, :5, 1], [0, 0.5, 1, 1.5, 2], atol=1e-5)


def test_order_and_seed_decide_everything():
    options = ["ssd_random_crop { }", "random_horizontal_flip { }", "random_adjust_hue { }"]
    one, again, other = build(*options), build(*options), build(*options[::-1])
    seed, another = seeds(2)
    np.testing.assert_array_equal(one(example(), seed).image, again(example(), seed).image)
    assert any(
        one(example(), seed).image.shape != changed.image.shape
        or np.any(one(example(), seed).image.numpy() != changed.image.numpy())
        for changed in (one(example(), another), other(example(), seed))
    )


def test_two_equal_options_draw_apart():
    twice = build("random_horizontal_flip { }", "random_horizontal_flip { }")
    flips = [twice(example(), seed).image[0, 0, 1].numpy() != 0 for seed in seeds(100)]
    assert 30 < sum(flips) < 70


def test_every_augmentation_of_the_catalogue_is_a_module_of_its_name():
    fields = protos.PreprocessingStep.DESCRIPTOR.fields_by_name
    found = {path.stem for path in Path(augmentations.__file__).parent.glob("*.py")} & set(fields.keys())
    assert found == set(spec_of("PreprocessingStep").choices)
    for name in found:
        message = protos.PreprocessingStep()
        text_format.Parse(f"{name} {{ {SIZES.get(name, '')} }}", message)
        assert callable(parts.make(message))


# Of the steps that have no size by default.
SIZES = {
    "random_resize_method": "target_height: 8 target_width: 9",
    "resize_image": "new_height: 8 new_width: 9",
}


def test_the_default_crops_are_the_papers():
    assert [rule.min_object_covered for rule in SSD_RULES] == [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]


def test_every_published_configuration_builds(shared):
    used = set()
    for path in sorted((shared / "odapi/configs").glob("*.config")):
        options = pipeline_text.read(path).train_config.data_augmentation_options
        build_augmentation(options)
        used |= {option.WhichOneof("preprocessing_step") for option in options}
    assert len(used) >= 5


def test_ignore_regions_are_seen_through_the_same_window_and_decide_nothing():
    box = (0.0, 0.1, 1.0, 0.9)
    with_region = example()._replace(regions=tf.constant([box, (0.0, 0.0, 0.01, 0.01)]))
    options = (
        "random_crop_image { min_object_covered: 0.5 min_area: 0.3 max_area: 0.6 }",
        "random_absolute_pad_image { max_height_padding: 9 max_width_padding: 9 }",
        "random_horizontal_flip { probability: 1 }",
    )
    for option in options:
        change = build(option)
        for seed in seeds(10):
            as_box, as_region, without = (change(one, seed) for one in (example([box]), with_region, example()))
            np.testing.assert_array_equal(as_region.image, without.image)
            np.testing.assert_array_equal(as_region.boxes, without.boxes)
            assert len(without.regions) == 0
            if "crop" not in option:  # a crop is drawn for the boxes, so it is another for another box
                np.testing.assert_allclose(as_region.regions[0], as_box.boxes[0], atol=1e-6)
            else:
                _, xmin, _, xmax = np.array(window_of(as_region.image.numpy()), float)
                low, high = max(xmin, 6), min(xmax, 54)
                expected = [0, (low - xmin) / (xmax - xmin), 1, (high - xmin) / (xmax - xmin)]
                np.testing.assert_allclose(as_region.regions[0], expected, atol=1e-5)
