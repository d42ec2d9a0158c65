"""Faster R-CNN on small images with a short backbone: what the configuration decides, stage by stage."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from boxwright.core.errors import UserError
from boxwright.detector.backbones import resnet_v1
from boxwright.detector.build import build as build_model
from boxwright.detector.families.faster_rcnn import FasterRcnn
from boxwright.detector.groundtruth import Groundtruth
from boxwright.pipeline import text

MODEL = """
faster_rcnn {
  num_classes: 3
  image_resizer { keep_aspect_ratio_resizer { min_dimension: 96 max_dimension: 128 pad_to_max_dimension: true } }
  feature_extractor { type: "faster_rcnn_resnet50" first_stage_features_stride: 16 }
  first_stage_anchor_generator {
    grid_anchor_generator { height: 64 width: 64 scales: [0.25, 0.5, 1.0] aspect_ratios: [0.5, 1.0, 2.0] }
  }
  first_stage_box_predictor_conv_hyperparams {
    regularizer { l2_regularizer { weight: 0.5 } }
    initializer { truncated_normal_initializer { stddev: 0.01 } }
  }
  first_stage_max_proposals: 20
  initial_crop_size: 6
  maxpool_kernel_size: 2
  maxpool_stride: 2
  second_stage_batch_size: 8
  second_stage_box_predictor {
    mask_rcnn_box_predictor {
      fc_hyperparams {
        op: FC
        regularizer { l2_regularizer { weight: 0.0 } }
        initializer { variance_scaling_initializer { factor: 1.0 uniform: true mode: FAN_AVG } }
      }
    }
  }
  second_stage_post_processing {
    batch_non_max_suppression { iou_threshold: 0.6 max_detections_per_class: 5 max_total_detections: 12 }
    score_converter: SOFTMAX
  }
  first_stage_localization_loss_weight: 2.0
}
"""
SEED = tf.constant([3, 4])


@pytest.fixture(scope="module", autouse=True)
def small() -> None:
    """One unit per block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resnet_v1.UNITS, 50, (1, 1, 1, 1))
        yield


def build(**changes: object) -> FasterRcnn:
    """The detector of MODEL with fields changed: dotted paths, `__` for the dots."""
    model = text.parse(MODEL, "test", kind="DetectionModel")
    for path, value in changes.items():
        *parents, name = path.split("__")
        target = model.faster_rcnn
        for parent in parents:
            target = getattr(target, parent)
        if isinstance(value, str) and value.startswith("{"):
            getattr(target, name).SetInParent()
        else:
            setattr(target, name, value)
    return build_model(model)


@pytest.fixture(scope="module")
def detector() -> FasterRcnn:
    """As configured."""
    return spread(build())


def spread(detector: FasterRcnn) -> FasterRcnn:
    """Give the network weights of a size that makes predictions differ between places without saturating them."""
    for index, (name, variable) in enumerate(detector.variables.items()):
        if name.endswith("Predictor/weights"):
            variable.assign(tf.random.stateless_normal(variable.shape, [index, 0], stddev=0.01))
        elif name.endswith("resnet_v1_50/conv1/weights"):
            # Pixels have a standard deviation near 70, and batch norm has no averages that would take it out.
            variable.assign(variable / 100)
    return detector


def batch(detector: FasterRcnn, *sizes: tuple[int, int]) -> tuple[tf.Tensor, tf.Tensor]:
    """Preprocessed noise of these heights and widths."""
    random = np.random.default_rng(0)
    images = [detector.preprocess(random.integers(0, 256, (*size, 3), np.uint8)) for size in sizes]
    return tuple(tf.stack(column) for column in zip(*images, strict=True))


def groundtruth(*images: list[tuple[float, float, float, float]]) -> Groundtruth:
    """Boxes of each image, of the classes 0, 1, 2, 0, ... and weight 1."""
    most = max(1, *map(len, images))
    boxes = np.zeros((len(images), most, 4), np.float32)
    for row, image in enumerate(images):
        boxes[row, : len(image)] = np.reshape(image, (-1, 4))
    counts = np.array([len(image) for image in images], np.int32)
    real = np.arange(most) < counts[:, np.newaxis]
    classes = np.tile(np.arange(most, dtype=np.int32) % 3, (len(images), 1))
    return Groundtruth(*map(tf.constant, (boxes, classes, real.astype(np.float32), counts)))


BOX = (0.1, 0.2, 0.8, 0.7)


def test_padding_is_minus_the_mean_and_true_shapes_leave_it_out(detector: FasterRcnn) -> None:
    image, shape = detector.preprocess(np.full((50, 100, 3), 200, np.uint8))
    assert image.shape == (128, 128, 3)
    assert shape.numpy().tolist() == [64, 128, 3]
    np.testing.assert_allclose(image[100, 0], [-123.68, -116.779, -103.939], rtol=1e-6)
    np.testing.assert_allclose(image[0, 0], [76.32, 83.221, 96.061], rtol=1e-5)


def test_gray_images_keep_their_values_and_have_one_channel() -> None:
    detector = build(image_resizer__keep_aspect_ratio_resizer__convert_to_grayscale=True)
    image, shape = detector.preprocess(np.full((50, 100, 3), 200, np.uint8))
    assert image.shape == (128, 128, 1)
    assert shape.numpy().tolist() == [64, 128, 1]
    np.testing.assert_allclose(image[:64], 200, rtol=1e-3)
    assert detector.variables["FirstStageFeatureExtractor/resnet_v1_50/conv1/weights"].shape == (7, 7, 1, 64)


def test_detections_have_the_limits_of_the_configuration_and_stay_in_the_true_image(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (50, 100), (100, 50))
    predictions = detector.predict(images, shapes)
    assert predictions["anchors"].shape == (8 * 8 * 9, 4)
    assert predictions["rpn_box_encodings"].shape == (2, 8 * 8 * 9, 4)
    assert predictions["refined_box_encodings"].shape == (2 * 20, 3, 4)
    assert predictions["class_predictions_with_background"].shape == (2 * 20, 4)
    sides = shapes.numpy()[:, :2]
    assert (predictions["proposal_boxes"].numpy().max(axis=1)[:, 2:] <= sides + 1e-4).all()
    assert predictions["proposal_boxes_normalized"].numpy()[0].max(axis=0)[2] <= 0.5 + 1e-6
    detections = detector.postprocess(predictions, shapes)
    assert detections["detection_boxes"].shape == (2, 12, 4)
    assert detections["detection_multiclass_scores"].shape == (2, 12, 4)
    assert detections["raw_detection_boxes"].shape == (2, 20, 4)
    boxes = detections["detection_boxes"].numpy()
    assert boxes.min() >= 0 and 0.9 < boxes.max() <= 1 + 1e-6
    scores = detections["detection_scores"].numpy()
    assert (np.diff(scores, axis=1) <= 0).all()
    for image, count in enumerate(detections["num_detections"].numpy().astype(int)):
        classes = detections["detection_classes"].numpy()[image, :count].astype(int)
        assert np.bincount(classes, minlength=3).max() <= 5
        by_class = detections["detection_multiclass_scores"].numpy()[image, np.arange(count), classes + 1]
        np.testing.assert_array_equal(by_class, scores[image, :count])


def test_an_image_gives_the_same_detections_alone_and_in_a_batch(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (50, 100), (100, 50))
    together = detector.postprocess(detector.predict(images, shapes), shapes)
    alone = detector.postprocess(detector.predict(images[1:], shapes[1:]), shapes[1:])
    for key, value in alone.items():
        np.testing.assert_allclose(together[key][1:], value, atol=1e-3, err_msg=key)


def test_anchors_are_clipped_in_inference_and_pruned_in_training(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))
    clipped = detector.predict(images, shapes)["anchors"].numpy()
    assert clipped.min() == 0 and clipped.max() == 128
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    kept = predictions["anchors"].numpy()
    assert 0 < len(kept) < len(clipped)
    assert kept.min() >= 0 and kept.max() <= 128
    assert predictions["rpn_objectness_predictions_with_background"].shape == (1, len(kept), 2)


def test_an_image_that_no_anchor_fits_into_is_learned_from_all(detector: FasterRcnn) -> None:
    large = spread(
        build(
            first_stage_anchor_generator__grid_anchor_generator__height=1024,
            first_stage_anchor_generator__grid_anchor_generator__width=1024,
        )
    )
    images, shapes = batch(large, (96, 128))
    predictions = large.predict(images, shapes, training=True, seed=SEED)
    assert predictions["anchors"].shape[0] == large.predict(images, shapes)["anchors"].shape[0] > 0
    losses = large.losses(predictions, groundtruth([BOX]), seed=SEED)
    assert all(np.isfinite(loss) for loss in losses.values())


def test_clip_anchors_to_image_keeps_all_anchors_in_training() -> None:
    detector = build(clip_anchors_to_image=True)
    images, shapes = batch(detector, (96, 128))
    anchors = detector.predict(images, shapes, training=True, seed=SEED)["anchors"].numpy()
    assert len(anchors) == 8 * 8 * 9 and anchors.max() == 128


def test_anchors_and_proposals_on_ignore_regions_give_no_loss(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))  # padded to 128 x 128
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    truth = groundtruth([])
    whole = truth._replace(regions=tf.constant([[[0.0, 0.0, 128 / 96, 1.0]]]))
    assert all(loss.numpy() == 0 for loss in detector.losses(predictions, whole, SEED).values())
    plain, zero, half = (
        truth._replace(regions=regions)
        for regions in (None, tf.zeros([1, 1, 4]), tf.constant([[[0.0, 0.0, 128 / 96, 0.5], [0.0] * 4]]))
    )
    losses = [[loss.numpy() for loss in detector.losses(predictions, one, SEED).values()] for one in (plain, zero)]
    assert losses[0] == losses[1] and losses[0][1] > 0
    in_pixels = half._replace(regions=half.regions * tf.constant([96.0, 128, 96, 128]))
    match = detector.anchor_targets(predictions["anchors"], in_pixels).match.numpy()[0]
    left = predictions["anchors"].numpy()[:, [1, 3]].mean(axis=1) < 64
    assert (match[left] == -2).all() and (match[~left] == -1).any()


def test_losses_are_weighted_and_named_as_in_the_od_api(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    losses = detector.losses(predictions, groundtruth([BOX]), SEED)
    assert list(losses) == [
        "Loss/RPNLoss/localization_loss",
        "Loss/RPNLoss/objectness_loss",
        "Loss/BoxClassifierLoss/localization_loss",
        "Loss/BoxClassifierLoss/classification_loss",
    ]
    assert all(np.isfinite(float(loss)) and float(loss) >= 0 for loss in losses.values())
    weight = detector.numbers.first_stage_localization_loss_weight
    numbers = replace(detector.numbers, first_stage_localization_loss_weight=3 * weight)
    tripled = replace(detector, numbers=numbers).losses(predictions, groundtruth([BOX]), SEED)
    tag = "Loss/RPNLoss/localization_loss"
    np.testing.assert_allclose(tripled[tag], 3 * losses[tag], rtol=1e-6)


def test_an_image_without_boxes_has_background_losses_alone(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))
    losses = detector.losses(detector.predict(images, shapes, training=True, seed=SEED), groundtruth([]), SEED)
    assert float(losses["Loss/RPNLoss/localization_loss"]) == 0
    assert float(losses["Loss/BoxClassifierLoss/localization_loss"]) == 0
    assert float(losses["Loss/RPNLoss/objectness_loss"]) > 0


def test_samples_are_pure_functions_of_the_seed(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128), (128, 96))
    truth = groundtruth([BOX], [])
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    samples = [
        detector.classify_sample(predictions, truth, tf.constant([0, seed]))["proposal_boxes"].numpy()
        for seed in (1, 1, 2)
    ]
    assert samples[0].shape == (2, 8, 4)
    np.testing.assert_array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])


def test_ground_truth_is_relative_to_the_true_image(detector: FasterRcnn) -> None:
    """A proposal on the box of the true image is positive: all of its sample is where the padded image has the box."""
    images, shapes = batch(detector, (50, 100))
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    on_the_box = tf.constant([[[0.1 * 64, 0.2 * 128, 0.8 * 64, 0.7 * 128]]])
    predictions |= {"proposal_boxes": on_the_box, "num_proposals": tf.constant([1])}
    predictions |= detector.classify(predictions, on_the_box, training=True, seed=SEED)
    predictions["refined_box_encodings"] = tf.zeros([1, 3, 4])
    losses = detector.losses(predictions, groundtruth([BOX]), SEED)
    np.testing.assert_allclose(losses["Loss/BoxClassifierLoss/localization_loss"], 0, atol=1e-9)


def test_gradients_reach_what_is_trainable_and_nothing_else(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))
    with tf.GradientTape() as tape:
        predictions = detector.predict(images, shapes, training=True, seed=SEED)
        losses = detector.losses(predictions, groundtruth([BOX]), SEED)
        total = tf.add_n(list(losses.values()))
    found = tape.gradient(total, detector.variables)
    reached = {name for name, gradient in found.items() if gradient is not None}
    averages = {name for name in reached if "moving_" in name}
    assert set(detector.trainable) == reached - averages
    assert not any(name.startswith("FirstStageFeatureExtractor/resnet_v1_50/block4") for name in detector.trainable)


def test_the_sample_takes_no_gradient_through_its_boxes(detector: FasterRcnn) -> None:
    images, shapes = batch(detector, (96, 128))
    with tf.GradientTape() as tape:
        predictions = detector.predict(images, shapes, training=True, seed=SEED)
        losses = detector.losses(predictions, groundtruth([BOX]), SEED)
        second = losses["Loss/BoxClassifierLoss/classification_loss"]
    head = detector.variables["FirstStageBoxPredictor/BoxEncodingPredictor/weights"]
    assert tape.gradient(second, head) is None


def test_penalties_are_those_of_the_heads(detector: FasterRcnn) -> None:
    expected = sum(
        0.5 * tf.nn.l2_loss(detector.variables[f"{name}/weights"])
        for name in ("Conv", "FirstStageBoxPredictor/BoxEncodingPredictor", "FirstStageBoxPredictor/ClassPredictor")
    )
    np.testing.assert_allclose(detector.regularization_loss(), expected, rtol=1e-5)


def test_one_stage_gives_proposals_as_detections() -> None:
    detector = build(number_of_stages=1)
    assert not any(name.startswith("SecondStage") for name in detector.variables)
    images, shapes = batch(detector, (50, 100))
    predictions = detector.predict(images, shapes)
    detections = detector.postprocess(predictions, shapes)
    assert detections["detection_boxes"].shape == (1, 20, 4)
    assert detections["detection_boxes"].numpy().max(axis=(0, 1))[2] <= 0.5 + 1e-6  # of the padded image
    assert set(detections["detection_classes"].numpy().ravel()) == {0.0}
    assert detections["detection_multiclass_scores"].shape == (1, 20, 2)
    losses = detector.losses(detector.predict(images, shapes, training=True), groundtruth([BOX]), SEED)
    assert list(losses) == ["Loss/RPNLoss/localization_loss", "Loss/RPNLoss/objectness_loss"]


def test_a_box_shared_across_classes() -> None:
    path = "second_stage_box_predictor__mask_rcnn_box_predictor__share_box_across_classes"
    detector = build(**{path: True})
    assert detector.variables["SecondStageBoxPredictor/BoxEncodingPredictor/weights"].shape == (2048, 4)
    images, shapes = batch(detector, (96, 128))
    predictions = detector.predict(images, shapes)
    assert predictions["refined_box_encodings"].shape == (20, 1, 4)
    assert detector.postprocess(predictions, shapes)["detection_boxes"].shape == (1, 12, 4)
    training = detector.predict(images, shapes, training=True, seed=SEED)
    assert np.isfinite(sum(map(float, detector.losses(training, groundtruth([BOX]), SEED).values())))


def test_r_fcn_processes_the_map_as_a_whole() -> None:
    detector = spread(build(second_stage_box_predictor__rfcn_box_predictor="{}", initial_crop_size=0))
    images, shapes = batch(detector, (96, 128), (128, 96))
    predictions = detector.predict(images, shapes)
    whole = predictions["rpn_features_to_crop"]
    assert predictions["box_classifier_features"].shape == (*whole.shape[:3], 2048)
    assert predictions["refined_box_encodings"].shape == (2 * 20, 3, 4)
    # A proposal's prediction is that of its box in the features of its image, whatever the other proposals are.
    encodings, logits = detector.second.head(
        detector.second.features(whole[1:]), predictions["proposal_boxes_normalized"][1:, 4:5]
    )
    np.testing.assert_allclose(predictions["refined_box_encodings"][24:25], encodings, atol=1e-5)
    np.testing.assert_allclose(predictions["class_predictions_with_background"][24:25], logits, atol=1e-5)
    assert detector.postprocess(predictions, shapes)["detection_boxes"].shape == (2, 12, 4)

    with tf.GradientTape() as tape:
        training = detector.predict(images, shapes, training=True, seed=SEED)
        losses = detector.losses(training, groundtruth([BOX], [BOX]), SEED)
        total = tf.add_n(list(losses.values()))
    assert np.isfinite(total) and len(losses) == 4
    heads = [name for name in detector.trainable if name.startswith("SecondStage")]
    assert any("block4" in name for name in heads) and any("refined_locations" in name for name in heads)
    assert all(gradient is not None for gradient in tape.gradient(total, [detector.variables[name] for name in heads]))


@pytest.mark.parametrize("type_", ["faster_rcnn_inception_v2", "faster_rcnn_resnet50"])
def test_r_fcn_has_the_features_of_any_network_of_tf1(type_: str) -> None:
    detector = build(feature_extractor__type=type_, second_stage_box_predictor__rfcn_box_predictor="{}")
    images, shapes = batch(detector, (96, 128))
    predictions = detector.predict(images, shapes)
    assert predictions["class_predictions_with_background"].shape == (20, 4)
    assert detector.class_columns().keys() <= detector.variables.keys()


def test_dropout_acts_in_training_only_and_follows_the_seed() -> None:
    path = "second_stage_box_predictor__mask_rcnn_box_predictor__use_dropout"
    detector = build(**{path: True})
    regions = tf.random.stateless_uniform([5, 2, 2, 2048], [1, 2])
    predict = detector.second.head
    np.testing.assert_array_equal(predict(regions)[1], predict(regions)[1])
    first, again, other = (predict(regions, True, tf.constant([0, seed]))[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert not np.allclose(first, predict(regions)[1])


def test_the_miner_takes_all_proposals_but_counts_the_first_image_alone() -> None:
    detector = spread(build(hard_example_miner="{}"))
    miner = detector.second.miner._replace(num_hard_examples=4, iou_threshold=1.0)
    detector = replace(detector, second=replace(detector.second, miner=miner))
    images, shapes = batch(detector, (96, 128), (128, 96))
    predictions = detector.predict(images, shapes, training=True, seed=SEED)
    assert predictions["class_predictions_with_background"].shape == (2 * 20, 4)
    tag = "Loss/BoxClassifierLoss/classification_loss"
    mined = detector.losses(predictions, groundtruth([], [BOX]), SEED)[tag]
    logits = predictions["class_predictions_with_background"][:20]
    background = -tf.nn.log_softmax(logits)[:, 0].numpy()
    np.testing.assert_allclose(mined, np.sort(background)[-4:].sum() / 20 / 2, rtol=1e-5)


def test_fields_that_change_nothing_are_taken() -> None:
    names = list(build().variables)
    changes = {
        "inplace_batchnorm_update": True,
        "output_final_box_features": True,
        "output_final_box_rpn_features": True,
        "feature_extractor__conv_hyperparams": "{ group_norm { } }",
        "feature_extractor__override_base_feature_extractor_hyperparams": True,
        "feature_extractor__fpn": "{ max_level: 99 }",
        "feature_extractor__pad_to_multiple": 16,
    }
    assert list(build(**changes).variables) == names


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"feature_extractor__type": "faster_rcnn_nas"}, "feature_extractor.type is 'faster_rcnn_nas'"),
        ({"number_of_stages": 3}, "number_of_stages"),
        ({"second_stage_classification_loss__bootstrapped_sigmoid": "{}"}, "second_stage_classification_loss"),
        ({"context_config": "{}"}, "context_config"),
        ({"use_combined_nms_in_first_stage": True}, "use_combined_nms_in_first_stage"),
        (
            {
                "feature_extractor__type": "faster_rcnn_resnet50_keras",
                "second_stage_box_predictor__rfcn_box_predictor": "{}",
            },
            "second_stage_box_predictor",
        ),
        ({"second_stage_box_predictor__mask_rcnn_box_predictor__box_code_size": 5}, "box_code_size"),
        ({"first_stage_anchor_generator__ssd_anchor_generator": "{}"}, "first_stage_anchor_generator"),
    ],
)
def test_what_is_not_supported_is_named(changes: dict, named: str) -> None:
    with pytest.raises(UserError) as error:
        build(**changes)
    (line,) = str(error.value).splitlines()
    assert line.startswith("model.faster_rcnn") and named in line


def test_numbers_that_cannot_be_are_told_together() -> None:
    with pytest.raises(UserError) as error:
        build(num_classes=0, initial_crop_size=0, feature_extractor__first_stage_features_stride=32)
    for field in ("num_classes", "initial_crop_size", "feature_extractor.first_stage_features_stride"):
        assert f"model.faster_rcnn.{field} is" in str(error.value)


def test_settings_that_only_steer_a_tpu_change_nothing(detector: FasterRcnn) -> None:
    switched = build(
        use_matmul_crop_and_resize=True,
        use_matmul_gather_in_matcher=True,
        use_static_shapes_for_eval=True,
    )
    for name, variable in detector.variables.items():
        switched.variables[name].assign(variable)
    images, shapes = batch(detector, (96, 128))
    ours, theirs = (each.postprocess(each.predict(images, shapes), shapes) for each in (detector, switched))
    np.testing.assert_array_equal(ours["detection_boxes"], theirs["detection_boxes"])


def test_a_sample_of_fixed_size_takes_what_is_left() -> None:
    """Boxes outside the image are no proposals; a sampler of fixed size takes them nevertheless, as the OD API does."""
    static = {"use_static_balanced_label_sampler": True, "use_static_shapes": True}
    detector = spread(build(second_stage_batch_size=20, clip_anchors_to_image=True, **static))
    images, shapes = batch(detector, (40, 128))
    predictions = detector.predict(images, shapes, training=True)
    count = int(predictions["num_proposals"][0])
    assert 0 < count < 20
    rest = predictions["proposal_boxes"][0, count:].numpy()
    height = float(shapes[0, 0])
    assert len(rest) and ((rest[:, 0] == height) & (rest[:, 2] == height)).all()

    truth = groundtruth([BOX])
    sample = detector.classify_sample(predictions, truth, SEED)
    assert sample["num_proposals"].numpy().tolist() == [20]
    usual = spread(build(second_stage_batch_size=20, clip_anchors_to_image=True))
    predictions = usual.predict(images, shapes, training=True)
    assert not predictions["proposal_boxes"][0, count:].numpy().any()
    assert usual.classify_sample(predictions, truth, SEED)["num_proposals"].numpy().tolist() == [count]


@pytest.mark.parametrize(("shapes", "full"), [(False, False), (True, True)])
def test_samples_are_full_only_with_static_shapes(shapes: bool, full: bool) -> None:
    detector = build(use_static_balanced_label_sampler=True, use_static_shapes=shapes)
    assert detector.numbers.full_samples == full


def test_keys_of_tf2_follow_the_layers_of_the_head() -> None:
    """The list of the head's layers has one that flattens, and one that drops if there is dropout."""
    path = "second_stage_box_predictor__mask_rcnn_box_predictor__use_dropout"
    of_keras = {"feature_extractor__type": "faster_rcnn_resnet50_keras"}
    root = "model/_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers"
    for drops, place in ((False, 1), (True, 2)):
        detector = build(**of_keras, **{path: drops})
        keys = detector.object_graph_keys()
        assert keys["SecondStageBoxPredictor/ClassPredictor/weights"].startswith(f"{root}/{place}/kernel/")
        # TF2 ignores the settings of these layers.
        assert not [name for name in detector.registry.regularized if name.startswith("SecondStageBoxPredictor")]


def test_of_a_mask_rcnn_the_boxes_are_built() -> None:
    masks = {"second_stage_box_predictor__mask_rcnn_box_predictor__predict_instance_masks": True}
    detector, usual = build(number_of_stages=3, **masks), build()
    assert detector.stages == 2
    assert {name: value.shape for name, value in detector.variables.items()} == {
        name: value.shape for name, value in usual.variables.items()
    }
