import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes import mining
from boxwright.pipeline import parts

# Six boxes: 0 and 1 the same, the others apart.
BOXES = tf.constant([[[y, 0.0, y + 1, 1.0] for y in (0.0, 0.0, 2.0, 4.0, 6.0, 8.0)]])
CLASS = tf.constant([[6.0, 5.0, 4.0, 3.0, 2.0, 1.0]])
BOX = tf.constant([[0.0, 10.0, 0.0, 0.0, 0.0, 0.0]])
MATCH = tf.constant([[0, 1, -1, -2, -1, 0]])


def mine(match=MATCH, num_valid=None, **fields):
    fields = {"num_hard_examples": None, "iou_threshold": 0.99, "localization_weight": 0.0, **fields}
    mined = mining.mine(mining.Miner(**fields), CLASS, BOX, BOXES, match, num_valid)
    return (
        np.flatnonzero(mined.selected[0]).tolist(),
        int(mined.num_positives[0]),
        int(mined.num_negatives[0]),
    )


def test_the_lower_of_two_equal_boxes_is_skipped():
    assert mine() == ([0, 2, 3, 4, 5], 2, 3)
    # With the localisation loss in, box 1 is the harder one.
    assert mine(localization_weight=1.0) == ([1, 2, 3, 4, 5], 2, 3)
    assert mine(classification_weight=0.0, localization_weight=1.0, num_hard_examples=1)[0] == [1]
    assert mine(iou_threshold=1.0)[0] == [0, 1, 2, 3, 4, 5]


def test_number_of_hard_examples():
    assert mine(num_hard_examples=3) == ([0, 2, 3], 1, 2)


def test_negatives_per_positive():
    # Positives 0 and 5, so 2 * 0.5 = 1 negative: 2. The ignored anchor 3 follows it and comes along, 4 is one too many.
    assert mine(max_negatives_per_positive=0.5) == ([0, 2, 3, 5], 2, 2)
    assert mine(max_negatives_per_positive=3.0) == ([0, 2, 3, 4, 5], 2, 3)


def test_an_image_without_positives_gets_the_minimum():
    negatives = tf.fill([1, 6], -1)
    assert mine(negatives, max_negatives_per_positive=3.0, min_negatives_per_image=2) == ([0, 2], 0, 2)
    assert mine(negatives, max_negatives_per_positive=3.0) == ([], 0, 0)


def test_padding_is_never_taken():
    assert mine(num_valid=tf.constant([4]))[0] == [0, 2, 3]


def test_without_a_match_negatives_are_not_limited():
    assert mine(None, max_negatives_per_positive=1.0)[0] == [0, 2, 3, 4, 5]


def greedy(boxes, losses, threshold):
    kept = tf.image.non_max_suppression(boxes, losses, boxes.shape[0], threshold)
    return np.isin(np.arange(boxes.shape[0]), kept)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("spread", [0.0, 0.002, 0.02, 0.3])
def test_suppression_is_the_greedy_one(threshold, spread):
    generator = np.random.default_rng(3)
    # Clusters of near copies, from equal boxes to no overlap worth the name, with ties among the losses.
    centers = generator.uniform(0, 1, [3, 20, 1, 2])
    sizes = generator.uniform(0.02, 0.8, [3, 20, 1, 2])
    boxes = np.concatenate([centers - sizes / 2, centers + sizes / 2], -1)
    boxes = (boxes + generator.normal(0, spread, [3, 20, 15, 4]) * sizes.mean()).reshape(3, 300, 4)
    boxes = tf.constant(np.concatenate([np.minimum(boxes[..., :2], boxes[..., 2:]), boxes[..., 2:]], -1), tf.float32)
    losses = tf.constant(generator.integers(0, 100, [3, 300]), tf.float32)
    ours = mining._unsuppressed(boxes, losses, tf.ones_like(losses, tf.bool), threshold)
    for image in range(3):
        np.testing.assert_array_equal(ours[image], greedy(boxes[image], losses[image], threshold))


def test_only_boxes_that_may_be_suppressed_are_compared():
    generator = np.random.default_rng(0)
    low = generator.uniform(0, 0.7, [1, 1000, 2])
    boxes = np.concatenate([low, low + generator.uniform(0.05, 0.3, [1, 1000, 2])], -1).astype(np.float32)
    boxes[0, 7] = boxes[0, 500] + 1e-4
    crowded = np.flatnonzero(mining._crowded(tf.constant(boxes), 0.99))
    assert {7, 500} <= set(crowded.tolist())
    assert len(crowded) < 30


def test_by_message():
    def of(**fields):
        message = protos.HardExampleMiner(**fields)
        return parts.fill(mining.make, message, classification_weight=2.0, localization_weight=3.0)

    assert of() == mining.Miner(64, of().iou_threshold, 2.0, 3.0, None, 0)
    assert of().iou_threshold == pytest.approx(0.7)
    kinds = protos.HardExampleMiner.LossType
    fields = {
        "num_hard_examples": 0,
        "iou_threshold": 0.5,
        "max_negatives_per_positive": 3,
        "min_negatives_per_image": 4,
    }
    assert of(loss_type=kinds.Value("CLASSIFICATION"), **fields) == mining.Miner(None, 0.5, 1.0, 0.0, 3, 4)
    assert of(loss_type=kinds.Value("LOCALIZATION"), **fields) == mining.Miner(None, 0.5, 0.0, 1.0, 3, 4)
