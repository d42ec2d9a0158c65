"""The parts of the box package, each alone, against outputs recorded from the OD API."""

import json

import numpy as np
import pytest
import tensorflow as tf
from golden_case import by_entry

from boxwright.boxes import geometry, mining, nms, similarity, targets
from boxwright.boxes.coders.faster_rcnn_box_coder import FasterRcnnBoxCoder
from boxwright.boxes.matchers.argmax_matcher import ArgmaxMatcher
from boxwright.pipeline import parts, text

SSD = ["ssd_mobilenet_v1", "ssd_mobilenet_v2", "ssdlite_mobilenet_v2", "tf2_ssd_mobilenet_v2_320"]
SSD_TRAINED = "ssd_mobilenet_v1_0.75_coco_trained"
FASTER_RCNN = ["faster_rcnn_resnet50", "faster_rcnn_resnet101_atrous"]
SSD_FEATURES = [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]
FASTER_RCNN_FEATURES = {"faster_rcnn_resnet50": (19, 25), "faster_rcnn_resnet101_atrous": (38, 50)}
BOX_CODER = FasterRcnnBoxCoder()
PROPOSAL_MATCHER = ArgmaxMatcher(0.7, 0.3, force_match_for_each_row=True)
DETECTION_MATCHER = ArgmaxMatcher(0.5, 0.5)


class Case:
    """A recorded case: its configuration, ground truth and arrays."""

    def __init__(self, folder, file):
        self.golden = json.loads((folder / "golden.json").read_text())
        self.arrays = np.load(folder / file)
        self.model = text.parse(self.golden["pipeline_config"]).model

    def __getitem__(self, name):
        return tf.constant(self.arrays[name])

    def ground_truth(self, columns, scale=(1, 1)):
        """Padded boxes, one-hot labels with a background column, weights and counts of the recorded loss."""
        images = self.golden["loss"]["gt"]
        most = max(len(image["boxes"]) for image in images)
        boxes = np.zeros([len(images), most, 4], np.float32)
        labels = np.zeros([len(images), most, columns], np.float32)
        weights = np.zeros([len(images), most], np.float32)
        for i, image in enumerate(images):
            count = len(image["boxes"])
            boxes[i, :count] = image["boxes"]
            labels[i, range(count), np.add(image["classes"], 1) if columns > 1 else 0] = 1
            weights[i, :count] = image["weights"]
        counts = [len(image["boxes"]) for image in images]
        boxes = boxes * np.float32([*scale, *scale])
        return tf.constant(boxes), tf.constant(labels), tf.constant(weights), tf.constant(counts)


def close(ours, recorded, tolerance):
    np.testing.assert_allclose(ours, recorded, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", [*SSD, SSD_TRAINED])
def test_ssd_anchors(shared, name):
    file = "outputs_image1.npz" if name == SSD_TRAINED else "outputs.npz"
    case = Case(shared / "parity" / name, file)
    ours = parts.make(case.model.ssd.anchor_generator).generate(SSD_FEATURES, (300, 300))
    close(ours, case["pred_anchors"], 1e-6)


@pytest.mark.parametrize("name", FASTER_RCNN)
def test_grid_anchors(shared, name):
    case = Case(shared / "parity" / name, "outputs.npz")
    generator = parts.make(case.model.faster_rcnn.first_stage_anchor_generator)
    ours = generator.generate([FASTER_RCNN_FEATURES[name]], (300, 400))
    clipped = geometry.clip_to_window(ours, tf.constant([0.0, 0.0, 300.0, 400.0]))
    close(clipped, case["pred_anchors"], 1e-4)

    # In training, anchors that reach out of the image are pruned instead.
    loss = Case(shared / "parity" / name, "loss.npz")
    inside = geometry.inside_window(ours, tf.constant([0.0, 0.0, 300.0, 400.0]))
    close(tf.boolean_mask(ours, inside), loss["pred_anchors"], 1e-4)


def check_targets(ours, case, prefix):
    np.testing.assert_array_equal(ours.match, case[f"{prefix}_match"])
    np.testing.assert_array_equal(ours.class_targets, case[f"{prefix}_cls_targets"])
    recorded = case[f"{prefix}_cls_weights"]
    np.testing.assert_array_equal(tf.broadcast_to(ours.class_weights[..., None], recorded.shape), recorded)
    np.testing.assert_array_equal(ours.box_weights, case[f"{prefix}_reg_weights"])
    close(ours.box_targets, case[f"{prefix}_reg_targets"], 1e-5)


def ssd_targets(case):
    ssd = case.model.ssd
    columns = ssd.num_classes + 1
    background = tf.one_hot(0, columns) * (0.0 if ssd.encode_background_as_zeros else 1.0)
    return targets.assign(
        case["pred_anchors"],
        *case.ground_truth(columns),
        matcher=parts.make(ssd.matcher),
        background=background,
        box_coder=parts.make(ssd.box_coder),
        similarity=similarity.make(parts.choice(ssd.similarity_calculator)),
        negative_class_weight=ssd.negative_class_weight,
    )


@pytest.mark.parametrize("name", SSD)
def test_ssd_targets_and_losses(shared, name):
    case = Case(shared / "parity" / name, "loss.npz")
    loss = case.model.ssd.loss
    assigned = ssd_targets(case)
    check_targets(assigned, case, "tgt")

    classify = parts.make(loss.classification_loss)
    localize = parts.make(loss.localization_loss)
    logits, codes = case["pred_class_predictions_with_background"], case["pred_box_encodings"]
    of_classes = logits, assigned.class_targets, assigned.class_weights
    per_entry = by_entry(classify)(*of_classes)
    per_anchor = localize(codes, assigned.box_targets, assigned.box_weights)
    if "per_anchor_localization_loss" in case.arrays:
        close(per_entry, case["per_anchor_classification_loss"], 1e-5)
        close(per_anchor, case["per_anchor_localization_loss"], 1e-5)

    per_entry = tf.reduce_sum(per_entry, axis=-1) if by_entry(classify) is classify else classify(*of_classes)
    if loss.HasField("hard_example_miner"):
        weights = {key: getattr(loss, key) for key in ("classification_weight", "localization_weight")}
        miner = parts.fill(mining.make, loss.hard_example_miner, **weights)
        boxes = BOX_CODER.decode(codes, case["pred_anchors"])
        mined = tf.function(mining.mine)(miner, per_entry, per_anchor, boxes, assigned.match)
        np.testing.assert_array_equal(mined.num_positives, case.golden["loss"]["miner"]["num_positives"])
        np.testing.assert_array_equal(mined.num_negatives, case.golden["loss"]["miner"]["num_negatives"])
        chosen = tf.cast(mined.selected, tf.float32)
        per_entry, per_anchor = per_entry * chosen, per_anchor * chosen

    matches = tf.reduce_sum(assigned.box_weights)
    code_size = 4 if case.model.ssd.normalize_loc_loss_by_codesize else 1
    recorded = case.golden["loss"]["losses"]
    sums = {
        "Loss/classification_loss": loss.classification_weight * tf.reduce_sum(per_entry) / matches,
        "Loss/localization_loss": loss.localization_weight * tf.reduce_sum(per_anchor) / (matches * code_size),
    }
    for tag, value in sums.items():
        assert float(value) == pytest.approx(recorded[tag], rel=1e-6), tag


@pytest.mark.parametrize("name", FASTER_RCNN)
def test_faster_rcnn_targets(shared, name):
    case = Case(shared / "parity" / name, "loss.npz")
    image = case["true_image_shapes"][0, :2].numpy()
    boxes, _, weights, counts = case.ground_truth(1, image)
    first = targets.assign(
        case["pred_anchors"],
        boxes,
        tf.ones_like(weights)[..., None],
        weights,
        counts,
        matcher=PROPOSAL_MATCHER,
        box_coder=BOX_CODER,
        background=[0.0],
    )
    check_targets(first, case, "tgt0")
    columns = case.model.faster_rcnn.num_classes + 1
    second = targets.assign(
        case["pred_proposal_boxes"],
        *case.ground_truth(columns, image),
        matcher=DETECTION_MATCHER,
        box_coder=BOX_CODER,
        background=tf.one_hot(0, columns),
    )
    check_targets(second, case, "tgt1")


@pytest.mark.parametrize(
    ("name", "file"),
    [(name, "outputs.npz") for name in SSD]
    + [(SSD_TRAINED, "outputs_image1.npz"), (SSD_TRAINED, "outputs_image2.npz")],
)
def test_ssd_detections(shared, name, file):
    case = Case(shared / "parity" / name, file)
    post = case.model.ssd.post_processing
    boxes = BOX_CODER.decode(case["pred_box_encodings"], case["pred_anchors"])
    scores = parts.fill(nms.score_converter, post)(case["pred_class_predictions_with_background"])
    close(boxes, case["det_raw_detection_boxes"], 1e-6)
    close(scores, case["det_raw_detection_scores"], 1e-6)
    settings = parts.fill(nms.Settings, post.batch_non_max_suppression)
    suppress = tf.function(lambda b, s: nms.multiclass(b[:, :, None], s[:, :, 1:], settings, [0.0, 0.0, 1.0, 1.0]))
    found = suppress(boxes, scores)
    np.testing.assert_array_equal(found.num, case["det_num_detections"])
    np.testing.assert_array_equal(found.anchors, case["det_detection_anchor_indices"])
    np.testing.assert_array_equal(found.classes, case["det_detection_classes"])
    close(found.scores, case["det_detection_scores"], 1e-6)
    close(found.boxes, case["det_detection_boxes"], 1e-6)


@pytest.mark.parametrize("name", FASTER_RCNN)
def test_proposals(shared, name):
    case = Case(shared / "parity" / name, "outputs.npz")
    model = case.model.faster_rcnn
    found = nms.proposals(
        BOX_CODER.decode(case["pred_rpn_box_encodings"], case["pred_anchors"]),
        tf.nn.softmax(case["pred_rpn_objectness_predictions_with_background"])[..., 1],
        max_proposals=model.first_stage_max_proposals,
        iou_threshold=model.first_stage_nms_iou_threshold,
        score_threshold=model.first_stage_nms_score_threshold,
        windows=[0.0, 0.0, 300.0, 400.0],
    )
    np.testing.assert_array_equal(found.num, case["pred_num_proposals"])
    close(found.boxes, case["pred_proposal_boxes"], 1e-4)


@pytest.mark.parametrize("name", FASTER_RCNN)
def test_faster_rcnn_detections(shared, name):
    case = Case(shared / "parity" / name, "outputs.npz")
    post = case.model.faster_rcnn.second_stage_post_processing
    proposals = case["pred_proposal_boxes"][:, :, None]
    boxes = BOX_CODER.decode(case["pred_refined_box_encodings"][None], proposals)
    scores = parts.fill(nms.score_converter, post)(case["pred_class_predictions_with_background"])[None]
    settings = parts.fill(nms.Settings, post.batch_non_max_suppression)
    windows = tf.constant([[0.0, 0.0, 300.0, 400.0]])
    found = nms.multiclass(boxes, scores[..., 1:], settings, windows, num_valid=case["pred_num_proposals"])
    np.testing.assert_array_equal(found.num, case["det_num_detections"])
    np.testing.assert_array_equal(found.anchors, case["det_detection_anchor_indices"])
    np.testing.assert_array_equal(found.classes, case["det_detection_classes"])
    close(found.scores, case["det_detection_scores"], 1e-6)
    close(found.boxes, case["det_detection_boxes"], 1e-5)
    rows = tf.gather(scores, found.anchors, batch_dims=1)
    close(rows, case["det_detection_multiclass_scores"], 1e-6)
