"""Boxes follow the pixels through every augmentation, and each of the rarer ones does what its name says."""

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from boxwright import protos
from boxwright.catalog import check
from boxwright.catalog.messages import spec_of
from boxwright.training.augmentations.example import TrainingExample
from boxwright.training.inputs import build_augmentation

HEIGHT, WIDTH = 48, 64
BOX = (12, 16, 36, 40)  # rows 12 to 36 and columns 16 to 40 are bright
DARK, BRIGHT = 40, 220

# Settings that leave the bright box in sight, by step. With the defaults most of them do little or nothing.
SETTINGS = {
    "adjust_gamma": "gamma: 0.8",
    "drop_label_probabilistically": "label: 2",
    "random_absolute_pad_image": "max_height_padding: 9 max_width_padding: 9",
    "random_black_patches": "size_to_image_ratio: 0.05",
    "random_crop_image": "min_object_covered: 1 min_area: 0.4",
    "random_crop_pad_image": "min_object_covered: 1 min_area: 0.4",
    "random_crop_to_aspect_ratio": "aspect_ratio: 0.9 overlap_thresh: 0.1",
    "random_downscale_to_target_pixels": "min_target_pixels: 1500 max_target_pixels: 2500",
    "random_horizontal_flip": "probability: 1",
    "random_jitter_boxes": "ratio: 0.02",
    "random_jpeg_quality": "min_jpeg_quality: 60",
    "random_patch_gaussian": "max_patch_size: 20 max_gaussian_stddev: 0.05",
    "random_resize_method": "target_height: 60 target_width: 50",
    "random_rgb_to_gray": "probability: 1",
    "random_rotation90": "probability: 1",
    "random_scale_crop_and_pad_to_square": "output_size: 70 scale_min: 0.7 scale_max: 1",
    "random_square_crop_by_scale": "max_border: 8 scale_min: 0.9 scale_max: 1.3 num_scales: 4",
    "random_vertical_flip": "probability: 1",
    "remap_labels": "original_labels: 3 new_label: 2",
    "resize_image": "new_height: 70 new_width: 33 method: AREA",
    "ssd_random_crop_pad": "operations { min_object_covered: 1 min_aspect_ratio: 0.5 max_aspect_ratio: 2 "
    "min_area: 0.4 max_area: 1 overlap_thresh: 0.5 random_coef: 0.1 pad_color_r: 20 }",
    "ssd_random_crop_pad_fixed_aspect_ratio": "aspect_ratio: 1.5",
}


def build(option: str):
    return tf.function(
        build_augmentation([text_format.Parse(option, protos.PreprocessingStep())]), reduce_retracing=True
    )


def example(boxes=(BOX,), regions=()) -> TrainingExample:
    image = np.full((HEIGHT, WIDTH, 3), DARK, np.uint8)
    for ymin, xmin, ymax, xmax in boxes:
        image[ymin:ymax, xmin:xmax] = BRIGHT
    sides = np.array([HEIGHT, WIDTH] * 2, np.float32)
    return TrainingExample(
        tf.constant(image),
        tf.constant(np.reshape(boxes, (-1, 4)) / sides, tf.float32),
        tf.zeros([len(boxes)], tf.int32),
        tf.ones([len(boxes)]),
        tf.constant(np.reshape(regions, (-1, 4)), tf.float32),
    )


def seeds(count: int):
    return [tf.constant([5, number], tf.int64) for number in range(count)]


def bright(image: np.ndarray) -> np.ndarray:
    """The rectangle around the bright pixels, in pixels."""
    rows, columns = (np.flatnonzero((image.mean(axis=-1) > 130).any(axis=axis)) for axis in (1, 0))
    return np.array([rows[0], columns[0], rows[-1] + 1, columns[-1] + 1])


@pytest.mark.parametrize("step", sorted(set(spec_of("PreprocessingStep").choices) - {"random_self_concat_image"}))
def test_boxes_follow_the_pixels(step):
    change = build(f"{step} {{ {SETTINGS.get(step, '')} }}")
    seen = 0
    for seed in seeds(6):
        after = change(example(), seed)
        image = after.image.numpy().astype(float)
        assert image.min() >= 0 and image.max() <= 255
        if not len(after.boxes):
            continue
        height, width = image.shape[:2]
        found = after.boxes.numpy()[0] * [height, width, height, width]
        # Resizing blurs the edge; compression and jitter move it a little.
        np.testing.assert_allclose(found, bright(image), atol=2.1)
        seen += 1
    assert seen >= 4


def test_turned_counterclockwise():
    after = build("random_rotation90 { probability: 1 }")(example([(0, 40, 10, 64)]), seeds(1)[0])
    assert after.image.shape == (WIDTH, HEIGHT, 3)
    np.testing.assert_array_equal(bright(after.image.numpy()), [0, 0, 24, 10])


def test_a_flip_top_to_bottom_also_flips_ignore_regions():
    after = build("random_vertical_flip { probability: 1 }")(example(regions=[(0, 0.1, 0.25, 1)]), seeds(1)[0])
    np.testing.assert_allclose(after.regions, [[0.75, 0.1, 1, 1]])


@pytest.mark.parametrize("step", ["random_vertical_flip", "random_rotation90", "random_rgb_to_gray"])
def test_as_often_as_asked(step):
    colored = example()._replace(image=tf.constant(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3))))
    change = build(f"{step} {{ probability: 0.25 }}")
    changed = [not np.array_equal(change(colored, seed).image, colored.image) for seed in seeds(100)]
    assert np.mean(changed) == pytest.approx(0.25, abs=0.15)


def test_an_image_beside_itself_has_its_objects_twice():
    change = build("random_self_concat_image { concat_vertical_probability: 1 concat_horizontal_probability: 1 }")
    after = change(example(regions=[(0, 0, 0.5, 0.5)]), seeds(1)[0])
    assert after.image.shape == (2 * HEIGHT, 2 * WIDTH, 3) and len(after.boxes) == len(after.regions) == 4
    assert len(after.classes) == len(after.weights) == 4
    for ymin, xmin, ymax, xmax in np.round(after.boxes.numpy() * ([2 * HEIGHT, 2 * WIDTH] * 2)).astype(int):
        assert (after.image.numpy()[ymin:ymax, xmin:xmax] == BRIGHT).all()


@pytest.mark.parametrize(
    ("mode", "sides"),
    [
        ("EXPAND", [-1, -1, 1, 1]),
        ("SHRINK", [1, 1, -1, -1]),
        ("EXPAND_SYMMETRIC", [-1, -1, 1, 1]),
        ("SHRINK_SYMMETRIC_XY", [1, 1, -1, -1]),
    ],
)
def test_jitter_moves_sides_as_its_mode_says(mode, sides):
    change = build(f"random_jitter_boxes {{ ratio: 0.1 jitter_mode: {mode} }}")
    before = example()
    for seed in seeds(10):
        after = change(before, seed)
        moved = (after.boxes - before.boxes).numpy()[0] / (np.array([24, 24, 24, 24]) / [HEIGHT, WIDTH, HEIGHT, WIDTH])
        assert (moved * sides >= -1e-6).all() and 0 < np.abs(moved).max() <= 0.1 / 2 + 1e-6
        if "SYMMETRIC" in mode:
            np.testing.assert_allclose(moved[:2], -moved[2:], atol=1e-6)
        if mode.endswith("XY"):
            np.testing.assert_allclose(np.abs(moved), np.abs(moved[0]), atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "ratios"),
    [("EXPAND", (1, 1.9)), ("SHRINK_SYMMETRIC", (0.1, 1)), ("EXPAND_SYMMETRIC_XY", (1, 1.9)), ("DEFAULT", (0.1, 1.9))],
)
def test_jitter_changes_sizes_by_up_to_its_ratio(mode, ratios):
    """Each side by up to half of it, since it is measured from the center."""
    boxes = tf.tile([[0.3, 0.4, 0.5, 0.5]], [2000, 1])
    change = build(f"random_jitter_boxes {{ ratio: 0.9 jitter_mode: {mode} }}")
    after = change(example()._replace(boxes=boxes), seeds(1)[0]).boxes.numpy()
    for first, last, center, size in ((0, 2, 0.4, 0.2), (1, 3, 0.45, 0.1)):
        for distances in (center - after[:, first], after[:, last] - center):
            shares = distances / (size / 2)
            np.testing.assert_allclose([shares.min(), shares.max()], ratios, atol=0.02)


def test_jitter_keeps_centers_at_the_edge():
    """A box at the top edge cannot grow upwards, so its height stays; with one amount for both, its width does too."""
    before = example()._replace(boxes=tf.constant([[0, 0.3, 0.4, 0.5]]))
    for mode, widens in (("EXPAND_SYMMETRIC", True), ("EXPAND_SYMMETRIC_XY", False)):
        change = build(f"random_jitter_boxes {{ ratio: 0.5 jitter_mode: {mode} }}")
        after = np.concatenate([change(before, seed).boxes.numpy() for seed in seeds(10)])
        np.testing.assert_allclose(after[:, ::2], [[0, 0.4]] * 10, atol=1e-6)
        assert (np.ptp(after[:, 1]) > 0.01) == widens


def test_labels_are_ids_of_the_label_map():
    before = example([BOX, (0, 0, 4, 4), (40, 40, 44, 44)])._replace(classes=tf.constant([0, 1, 2]))
    np.testing.assert_array_equal(
        build("drop_label_probabilistically { label: 2 }")(before, seeds(1)[0]).classes, [0, 2]
    )
    remapped = build("remap_labels { original_labels: 1 original_labels: 3 new_label: 2 }")(before, seeds(1)[0])
    np.testing.assert_array_equal(remapped.classes, [1, 1, 1])


def test_patches_are_black_and_no_larger_than_asked():
    change = build("random_black_patches { max_black_patches: 1 probability: 1 size_to_image_ratio: 0.25 }")
    for seed in seeds(5):
        assert (change(example(), seed).image.numpy() == 0).all(axis=-1).sum() == 12 * 12


@pytest.mark.parametrize(
    ("given", "color"), [("pad_color_r: 7 pad_color_g: 8 pad_color_b: 9", [7, 8, 9]), ("", [0, 0, 0])]
)
def test_padding_has_the_size_and_the_colour_that_are_asked(given, color):
    operation = (
        "min_object_covered: 0.5 min_aspect_ratio: 0.5 max_aspect_ratio: 2 min_area: 0.3 max_area: 1 random_coef: 0 "
        f"min_padded_size_ratio: [1.5, 1.5] max_padded_size_ratio: [1.6, 1.6] {given}"
    )
    change = build(f"ssd_random_crop_pad {{ operations {{ {operation} }} }}")
    for seed in seeds(5):
        image = change(example(), seed).image.numpy().round()
        assert 72 <= image.shape[0] < 77 and 96 <= image.shape[1] < 103
        assert (image == color).all(axis=-1).sum() > 1000


def test_padding_to_an_aspect_ratio():
    change = build("ssd_random_crop_pad_fixed_aspect_ratio { aspect_ratio: 2 }")
    for seed in seeds(10):
        height, width = change(example(), seed).image.shape[:2]
        assert width == pytest.approx(2 * height, abs=2)


@pytest.mark.parametrize(("most", "side"), [("[2, 1.25]", 80), ("[0.5, 0.5]", 64)])
def test_where_ratios_of_padding_contradict_each_other(most, side):
    """An image of 48 x 64 becomes a square of at least 64, and then as large as `max_padded_size_ratio` allows."""
    padded = f"aspect_ratio: 1 min_padded_size_ratio: [1.5, 1.5] max_padded_size_ratio: {most}"
    kept = "random_coef: 1 min_aspect_ratio: 0.5 max_aspect_ratio: 2 min_area: 0.3 max_area: 1"
    change = build(f"ssd_random_crop_pad_fixed_aspect_ratio {{ {padded} operations {{ {kept} }} }}")
    assert {change(example(), seed).image.shape for seed in seeds(5)} == {(side, side, 3)}


def test_large_images_become_as_large_as_asked_and_small_ones_stay():
    change = build("random_downscale_to_target_pixels { min_target_pixels: 1000 max_target_pixels: 1500 }")
    assert all(850 < np.prod(change(example(), seed).image.shape[:2]) <= 1500 for seed in seeds(5))
    change = build("random_downscale_to_target_pixels { }")
    assert change(example(), seeds(1)[0]).image.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("step", "of", "least"),
    [
        ("random_downscale_to_target_pixels", "target_pixels", 1260),  # one pixel more gives a column more
        ("random_jpeg_quality", "jpeg_quality", 30),
        ("random_patch_gaussian", "patch_size", 30),
    ],
)
def test_the_upper_end_of_a_range_of_whole_numbers_is_never_drawn(step, of, least):
    """With one number left, all seeds change the image alike, but for the place of the noise."""
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    change = build(f"{step} {{ min_{of}: {least} max_{of}: {least + 1} }}")
    results = [change(example()._replace(image=tf.constant(image)), seed).image.numpy() for seed in seeds(8)]
    if step == "random_patch_gaussian":
        changed = [(result != image).any(axis=-1) for result in results]
        assert max(max(each.any(axis=1).sum(), each.any(axis=0).sum()) for each in changed) == least
    else:
        assert all(np.array_equal(result, results[0]) for result in results)
    empty = text_format.Parse(f"{step} {{ min_{of}: {least} max_{of}: {least} }}", protos.PreprocessingStep())
    (found,) = check.findings(empty)
    assert found.field == f"{step}.min_{of}" and f"it must be below max_{of}, which is {least}" in found.said


@pytest.mark.parametrize(
    ("step", "never", "always"),
    [
        (
            "random_downscale_to_target_pixels",
            "random_coef: 1",
            "random_coef: 0 min_target_pixels: 1000 max_target_pixels: 1001",
        ),
        ("random_patch_gaussian", "random_coef: 1", "random_coef: 0"),
        ("random_jpeg_quality", "random_coef: 1", "random_coef: 0"),
        ("random_rgb_to_gray", "probability: 0", "probability: 1"),
    ],
)
def test_pixels_keep_their_fractions(step, never, always):
    """The image is float32 from here on, as it is throughout in the OD API, also where it stays as it is."""
    given = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    kept, changed = (
        build(f"{step} {{ {settings} }}")(example()._replace(image=given), seeds(1)[0]).image
        for settings in (never, always)
    )
    assert kept.dtype == changed.dtype == tf.float32
    np.testing.assert_array_equal(kept, given)
    fractions = (changed.numpy() % 1 > 0).any()
    assert fractions != (step == "random_jpeg_quality"), "JPEG has none"


def test_fractions_are_cut_off_before_a_compression():
    change = build("random_jpeg_quality { min_jpeg_quality: 90 max_jpeg_quality: 91 }")
    whole = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.float32)
    pictures = [change(example()._replace(image=whole + more), seeds(1)[0]).image for more in (0.0, 0.9)]
    np.testing.assert_array_equal(*pictures)


def test_equal_seeds_give_equal_pixels():
    for step in ("random_patch_gaussian { }", "random_pixel_value_scale { }", "random_jpeg_quality { }"):
        change, (one, other) = build(step), seeds(2)
        np.testing.assert_array_equal(change(example(), one).image, change(example(), one).image)
        assert not np.array_equal(change(example(), one).image, change(example(), other).image)
