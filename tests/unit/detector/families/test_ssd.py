"""The whole SSD on a small configuration; recorded cases are in tests/parity."""

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.core.errors import UserError
from boxwright.detector.build import build
from boxwright.detector.families.ssd import CLASSIFICATION, LOCALIZATION
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import text

SEED = tf.constant([3, 4])


def groundtruth(*images: list) -> Groundtruth:
    """Each image a list of (class, box)."""
    most = max(1, *(len(image) for image in images))
    boxes, classes = np.zeros((len(images), most, 4), np.float32), np.zeros((len(images), most), np.int32)
    weights = np.zeros((len(images), most), np.float32)
    for row, image in enumerate(images):
        for column, (label, box) in enumerate(image):
            boxes[row, column], classes[row, column], weights[row, column] = box, label, 1
    counts = np.array([len(image) for image in images], np.int32)
    return Groundtruth(*map(tf.constant, (boxes, classes, weights, counts)))


TRUTH = groundtruth([(0, (0.1, 0.1, 0.6, 0.5)), (1, (0.5, 0.4, 0.9, 0.9))], [])
IMAGES = tf.random.stateless_uniform([2, 64, 64, 3], [0, 1], -1, 1)


def test_equal_seeds_build_equal_detectors(model):
    first, second, other = (build(model, seed) for seed in (1, 1, 2))
    name = "BoxPredictor_0/ClassPredictor/weights"
    assert list(first.variables) == list(second.variables)
    np.testing.assert_array_equal(first.variables[name], second.variables[name])
    assert (first.variables[name].numpy() != other.variables[name].numpy()).any()


def test_predictions_belong_to_anchors(model):
    predictions = build(model).predict(IMAGES)
    anchors = predictions["anchors"].shape[0]
    assert predictions["box_encodings"].shape == (2, anchors, 4)
    assert predictions["class_predictions_with_background"].shape == (2, anchors, 3)
    assert predictions["image_size"].numpy().tolist() == [64, 64]


def test_preprocess_takes_bytes_and_floats_alike(model):
    detector = build(model)
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    pixels, shape = detector.preprocess(image)
    assert pixels.shape == (64, 64, 3)
    assert shape.numpy().tolist() == [64, 64, 3]
    np.testing.assert_allclose(detector.preprocess(image.astype(np.float32))[0], pixels, atol=1e-6)
    assert -1 <= pixels.numpy().min() < -0.9 < 0.9 < pixels.numpy().max() <= 1


def test_padding_is_zero_in_normalised_pixels(model):
    settings = model.ssd.image_resizer.keep_aspect_ratio_resizer
    settings.min_dimension, settings.max_dimension, settings.pad_to_max_dimension = 32, 64, True
    pixels, shape = build(model).preprocess(np.full((32, 64, 3), 255, np.uint8))
    assert shape.numpy().tolist() == [32, 64, 3]
    assert (pixels[:32].numpy() == 1).all()
    assert (pixels[32:].numpy() == 0).all()


def test_grayscale_images_change_the_first_layer(model):
    model.ssd.image_resizer.fixed_shape_resizer.convert_to_grayscale = True
    detector = build(model)
    assert detector.variables["FeatureExtractor/MobilenetV1/Conv2d_0/weights"].shape[2] == 1
    pixels, _ = detector.preprocess(np.zeros((10, 10, 3), np.uint8))
    assert detector.predict(pixels[tf.newaxis])["box_encodings"].shape[0] == 1


def test_losses_of_perfect_codes(model):
    detector = build(model)
    predictions = detector.predict(IMAGES)
    wanted = detector.targets(predictions, TRUTH)
    predictions["box_encodings"] = wanted.box_targets
    predictions["class_predictions_with_background"] = (wanted.class_targets - 0.5) * 40
    losses = detector.losses(predictions, TRUTH)
    assert losses[LOCALIZATION] == 0
    assert losses[CLASSIFICATION].numpy() == pytest.approx(0, abs=1e-4)


def test_losses_by_hand(model):
    """Codes off by one everywhere, logits 0: each matched anchor loses 4 * 0.5, each class entry ln 2."""
    detector = build(model)
    predictions = detector.predict(IMAGES)
    wanted = detector.targets(predictions, TRUTH)
    matched = int((wanted.match.numpy() >= 0).sum())
    assert matched >= 2
    predictions["box_encodings"] = wanted.box_targets + 1
    predictions["class_predictions_with_background"] *= 0
    entries = wanted.class_targets.numpy().size
    losses = detector.losses(predictions, TRUTH)
    assert losses[LOCALIZATION].numpy() == pytest.approx(2.0)
    assert losses[CLASSIFICATION].numpy() == pytest.approx(np.log(2) * entries / matched, rel=1e-5)

    model.ssd.normalize_loc_loss_by_codesize = True
    model.ssd.loss.localization_weight = 6
    assert build(model).losses(predictions, TRUTH)[LOCALIZATION].numpy() == pytest.approx(2 * 6 / 4)
    model.ssd.normalize_loss_by_num_matches = False
    assert build(model).losses(predictions, TRUTH)[LOCALIZATION].numpy() == pytest.approx(2 * 6 / 4 * matched)


def test_a_square_code_has_three_numbers(model):
    model.ssd.box_coder.square_box_coder.SetInParent()
    with pytest.raises(UserError, match=r"box_code_size is 4: square_box_coder has codes of 3 numbers\. Use 3"):
        build(model)
    model.ssd.box_predictor.convolutional_box_predictor.box_code_size = 3
    model.ssd.normalize_loc_loss_by_codesize = True
    detector = build(model)
    predictions = detector.predict(IMAGES)
    predictions["box_encodings"] = detector.targets(predictions, TRUTH).box_targets + 1
    # Each matched anchor loses 3 * 0.5.
    assert detector.losses(predictions, TRUTH)[LOCALIZATION].numpy() == pytest.approx(1.5 / 3)


def test_anchors_on_ignore_regions_give_no_loss(model):
    """Logits 0: each class entry of an anchor that counts loses ln 2."""
    detector = build(model)
    predictions = detector.predict(IMAGES)
    predictions["class_predictions_with_background"] *= 0
    regions = tf.constant([[[0.0, 0.0, 1.0, 1.0], [0.0] * 4], [[0.0, 0.0, 0.5, 1.0], [0.2, 0.2, 0.3, 0.3]]])
    plain, ignoring = (detector.targets(predictions, TRUTH._replace(regions=r)) for r in (None, regions))
    before, after = plain.match.numpy(), ignoring.match.numpy()
    assert np.array_equal(after[0], np.where(before[0] == -1, -2, before[0])), "the whole image is a region"
    assert 0 < (after[1] == -2).sum() < (after[1] == -1).sum() + (after[1] == -2).sum() == len(after[1])
    np.testing.assert_array_equal(plain.box_weights, ignoring.box_weights)
    losses = detector.losses(predictions, TRUTH._replace(regions=regions))
    entries = 3 * (after != -2).sum()
    assert losses[CLASSIFICATION].numpy() == pytest.approx(np.log(2) * entries / (before >= 0).sum(), rel=1e-5)
    without = [detector.losses(predictions, TRUTH._replace(regions=r)) for r in (None, tf.zeros([2, 0, 4]))]
    assert [loss.numpy() for loss in without[0].values()] == [loss.numpy() for loss in without[1].values()]


def test_an_image_without_objects_has_a_loss_and_gradients(model):
    model.ssd.loss.hard_example_miner.max_negatives_per_positive = 3
    model.ssd.loss.hard_example_miner.min_negatives_per_image = 2
    detector = build(model)
    trained = [detector.variables[name] for name in detector.trainable]
    with tf.GradientTape() as tape:
        losses = detector.losses(detector.predict(IMAGES, training=True), groundtruth([], []))
        total = tf.add_n([*losses.values(), detector.regularization_loss()])
    assert losses[LOCALIZATION] == 0
    assert losses[CLASSIFICATION] > 0
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(total, trained))


def test_background_of_targets(model):
    wanted = {}
    for zeros in (False, True):
        model.ssd.encode_background_as_zeros = zeros
        detector = build(model)
        wanted[zeros] = detector.targets(detector.predict(IMAGES), TRUTH)
    background = wanted[False].match.numpy() == -1
    assert (wanted[False].class_targets.numpy()[background] == [1, 0, 0]).all()
    assert (wanted[True].class_targets.numpy()[background] == 0).all()
    assert wanted[False].class_targets.numpy()[~background][:, 0].max() == 0


def test_a_model_without_a_background_class(model):
    model.ssd.add_background_class = False
    model.ssd.encode_background_as_zeros = True
    detector = build(model)
    predictions = detector.predict(IMAGES)
    assert predictions["class_predictions_with_background"].shape[2] == 2
    assert detector.targets(predictions, TRUTH).class_targets.shape[2] == 2
    assert detector.postprocess(predictions)["detection_multiclass_scores"].shape == (2, 10, 2)


def test_random_example_sampler_is_a_function_of_its_seed(model):
    model.ssd.loss.random_example_sampler.positive_sample_fraction = 0.5
    detector = build(model)
    predictions = detector.predict(IMAGES)
    shape = predictions["class_predictions_with_background"].shape
    predictions["class_predictions_with_background"] = tf.random.stateless_normal(shape, [0, 0])
    first, again, other = (
        detector.losses(predictions, TRUTH, seed)[CLASSIFICATION].numpy() for seed in (SEED, SEED, SEED + 1)
    )
    assert first == again != other
    unseeded, zero = (detector.losses(predictions, TRUTH, seed)[CLASSIFICATION].numpy() for seed in (None, SEED * 0))
    assert unseeded == zero


def test_a_box_with_swapped_sides_costs_what_its_code_defines(model):
    """Its height is negative: the code has no logarithm of it, and its three other numbers count."""
    model.ssd.normalize_loss_by_num_matches = False
    detector = build(model)
    predictions = detector.predict(IMAGES)
    truth = groundtruth([(0, (0.6, 0.1, 0.1, 0.5))], [])
    wanted = detector.targets(predictions, truth)
    assert np.isnan(wanted.box_targets).any(axis=-1).sum() == (wanted.match.numpy() >= 0).sum() == 1
    predictions["box_encodings"] = tf.where(tf.math.is_nan(wanted.box_targets), 7.0, wanted.box_targets + 1)
    assert detector.losses(predictions, truth)[LOCALIZATION].numpy() == pytest.approx(3 * 0.5)


def test_detections_lie_in_the_true_image(model):
    detector = build(model)
    predictions = detector.predict(IMAGES)
    found = detector.postprocess(predictions, tf.constant([[64, 32, 3], [64, 64, 3]]))
    boxes = found["detection_boxes"].numpy()
    assert boxes.shape == (2, 10, 4)
    assert boxes.min() >= 0
    assert boxes.max() <= 1 + 1e-6
    assert found["num_detections"].numpy().tolist() == [10, 10]
    assert (np.diff(found["detection_scores"]) <= 0).all()
    np.testing.assert_array_equal(
        found["raw_detection_scores"], tf.sigmoid(predictions["class_predictions_with_background"])
    )
    # Each row's class score stands among its multiclass scores, behind the background.
    rows = np.take_along_axis(
        found["detection_multiclass_scores"].numpy(), found["detection_classes"].numpy().astype(int)[..., None] + 1, 2
    )
    np.testing.assert_array_equal(rows[..., 0], found["detection_scores"])


def test_predict_works_in_a_graph_with_any_batch(model):
    detector = build(model)

    @tf.function(input_signature=[tf.TensorSpec([None, 64, 64, 3])])
    def detect(images):
        return detector.postprocess(detector.predict(images))["detection_scores"]

    np.testing.assert_allclose(detect(IMAGES)[:1], detect(IMAGES[:1]), atol=1e-5)


SOFTMAX = """ssd { loss { classification_loss { weighted_softmax { logit_scale: 2 } } }
    post_processing { score_converter: SOFTMAX logit_scale: 2 } }"""
FOCAL = (
    "ssd { loss { classification_loss { weighted_sigmoid_focal { alpha: 0.25 } } } encode_background_as_zeros: true }"
)


GRIDS = [
    f"anchor_grid {{ base_sizes: [{side}, 9] aspect_ratios: [1, 2] height_stride: {side} width_stride: {side} }}"
    for side in (16, 32, 64, 64, 64, 64)
]
FLEXIBLE = f"ssd {{ anchor_generator {{ flexible_grid_anchor_generator {{ {' '.join(GRIDS)} }} }} }}"


@pytest.mark.parametrize(
    "change",
    [
        SOFTMAX,
        FOCAL,
        "ssd { loss { classification_loss { weighted_logits_softmax { } } hard_example_miner { loss_type: BOTH } } }",
        "ssd { loss { localization_loss { weighted_l2 { } } hard_example_miner { loss_type: LOCALIZATION } } }",
        "ssd { loss { localization_loss { weighted_giou { } } } }",
        "ssd { feature_extractor { pad_to_multiple: 48 use_explicit_padding: true use_depthwise: true } }",
        "ssd { image_resizer { fixed_shape_resizer { height: 48 width: 80 } } }",
        "ssd { post_processing { batch_non_max_suppression { soft_nms_sigma: 0.5 } } }",
        "ssd { post_processing { batch_non_max_suppression { use_class_agnostic_nms: true } } }",
        "ssd { matcher { argmax_matcher { unmatched_threshold: 0.3 } } freeze_batchnorm: true }",
        "ssd { box_predictor { convolutional_box_predictor { use_dropout: true } } }",
        "ssd { box_predictor { convolutional_box_predictor { num_layers_before_predictor: 1 max_depth: 9 } } }",
        "ssd { box_coder { square_box_coder { } } box_predictor { convolutional_box_predictor { box_code_size: 3 } } }",
        "ssd { box_coder { square_box_coder { } } box_predictor { weight_shared_convolutional_box_predictor { "
        "box_code_size: 3 } } anchor_generator { ssd_anchor_generator { reduce_boxes_in_lowest_layer: false } } }",
        FLEXIBLE,
    ],
)
def test_a_step_and_detections_under_every_option(model, change):
    model.MergeFrom(text.parse(change, "test", kind="DetectionModel"))
    detector = build(model)
    trained = [detector.variables[name] for name in detector.trainable]
    pixels, shapes = zip(*(detector.preprocess(tf.cast((image + 1) * 127, tf.uint8)) for image in IMAGES), strict=True)
    images, shapes = tf.stack(pixels), tf.stack(shapes)
    with tf.GradientTape() as tape:
        losses = detector.losses(detector.predict(images, shapes, training=True, seed=SEED), TRUTH, SEED)
        total = tf.add_n(list(losses.values()))
    assert all(loss > 0 for loss in losses.values())
    gradients = tape.gradient(total, trained)
    assert all(np.isfinite(gradient).all() for gradient in gradients)
    assert any((gradient.numpy() != 0).any() for gradient in gradients)
    found = detector.postprocess(detector.predict(images, shapes), shapes)
    assert all(np.isfinite(value).all() for value in found.values())
    assert found["num_detections"].numpy().min() > 0


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda ssd: setattr(ssd, "explicit_background_class", True), "explicit_background_class is True"),
        (lambda ssd: setattr(ssd, "use_confidences_as_targets", True), "use_confidences_as_targets is True"),
        (lambda ssd: ssd.mask_head_config.SetInParent(), "mask_head_config: the engine does not have this"),
        (lambda ssd: setattr(ssd.loss, "expected_loss_weights", 1), "expected_loss_weights is 'EXPECTED_SAMPLING'"),
        (lambda ssd: ssd.box_predictor.rfcn_box_predictor.SetInParent(), "box_predictor is 'rfcn_box_predictor'"),
        (lambda ssd: setattr(ssd.anchor_generator.ssd_anchor_generator, "num_layers", 5), "has 5 layers"),
        (lambda ssd: ssd.ClearField("image_resizer"), "image_resizer is not set"),
    ],
)
def test_unsupported_fields_are_named(model, change, named):
    change(model.ssd)
    with pytest.raises(UserError, match=rf"model\.ssd.*{named}"):
        build(model)


def test_numbers_that_cannot_be_are_told_together(model):
    model.ssd.num_classes = 0
    model.ssd.loss.equalization_loss.weight = 1
    with pytest.raises(UserError, match=r"model\.ssd\.num_classes is 0.*\n.*loss\.equalization_loss\.weight is 1\.0"):
        build(model)


def test_another_architecture_is_refused():
    message = protos.DetectionModel()
    message.experimental_model.SetInParent()
    with pytest.raises(UserError, match=r"experimental_model"):
        build(message)


def test_ground_truth_of_a_padded_image_is_moved_into_its_frame(model):
    """A box of the upper left quarter of a padded image is what the same box is, larger, in the image alone."""
    detector = build(model)
    inside, whole = (0.2, 0.4, 0.8, 0.9), (0.1, 0.2, 0.4, 0.45)
    padded = detector.predict(IMAGES, tf.constant([[32, 32, 3], [64, 64, 3]]))
    plain = detector.predict(IMAGES)
    wanted = detector.targets(plain, groundtruth([(0, whole)], [(1, inside)]))
    found = detector.targets(padded, groundtruth([(0, inside)], [(1, inside)]))
    for name in ("match", "class_targets", "box_weights", "box_targets"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), atol=1e-5, err_msg=name)
    assert (wanted.match.numpy() >= 0).any(axis=1).all()
