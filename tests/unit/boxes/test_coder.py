import math

import numpy as np
import pytest
import tensorflow as tf

from boxwright import protos
from boxwright.boxes.coders.faster_rcnn_box_coder import FasterRcnnBoxCoder
from boxwright.boxes.coders.mean_stddev_box_coder import MeanStddevBoxCoder
from boxwright.boxes.coders.square_box_coder import SquareBoxCoder
from boxwright.core.errors import UserError
from boxwright.pipeline import parts


def test_code_of_a_shifted_larger_box():
    anchor = tf.constant([[0.0, 0.0, 10.0, 20.0]])
    # Center (5, 10) -> (6, 14), size 10 x 20 -> 20 x 10.
    box = tf.constant([[-4.0, 9.0, 16.0, 19.0]])
    code = FasterRcnnBoxCoder().encode(box, anchor)
    np.testing.assert_allclose(code, [[10 * 0.1, 10 * 0.2, 5 * math.log(2), -5 * math.log(2)]], rtol=1e-6)
    np.testing.assert_allclose(FasterRcnnBoxCoder(1, 1, 1, 1).encode(box, anchor)[0, :2], [0.1, 0.2], rtol=1e-6)


def test_decoding_undoes_encoding():
    low = tf.random.stateless_uniform([3, 50, 2], [0, 1])
    boxes = tf.concat([low, low + tf.random.stateless_uniform([3, 50, 2], [0, 2], 0.05, 0.5)], -1)
    anchors = tf.concat([low[0] - 0.1, low[0] + 0.2], -1)
    scaled = FasterRcnnBoxCoder(8, 9, 4, 3)
    np.testing.assert_allclose(scaled.decode(scaled.encode(boxes, anchors), anchors), boxes, atol=2e-6)


def test_an_empty_box_has_a_finite_code():
    code = FasterRcnnBoxCoder().encode(tf.zeros([1, 4]), tf.constant([[0.0, 0.0, 1.0, 1.0]]))
    np.testing.assert_allclose(code, [[-5, -5, 5 * math.log(1e-8), 5 * math.log(1e-8)]], rtol=1e-6)


def test_a_code_of_differences():
    anchor, box = tf.constant([[0.0, 0.0, 10.0, 20.0]]), tf.constant([[1.0, -1.0, 12.0, 20.5]])
    code = MeanStddevBoxCoder(0.5).encode(box, anchor)
    np.testing.assert_array_equal(code, [[2, -2, 4, 1]])
    np.testing.assert_array_equal(MeanStddevBoxCoder(0.5).decode(code, anchor), box)


def test_a_square_code_has_one_length():
    # Center (5, 10), length 10; center (6, 14), length 20, of a box of 40 x 10.
    anchor, box = tf.constant([[-5.0, 7.5, 15.0, 12.5]]), tf.constant([[-14.0, 9.0, 26.0, 19.0]])
    coder = SquareBoxCoder()
    code = coder.encode(box, anchor)
    np.testing.assert_allclose(code, [[10 * 0.1, 10 * 0.4, 5 * math.log(2)]], rtol=1e-6)
    np.testing.assert_allclose(coder.decode(code, anchor), [[-4, 4, 16, 24]], rtol=1e-5)
    assert coder.code_size == code.shape[-1] == 3
    assert FasterRcnnBoxCoder().code_size == MeanStddevBoxCoder(1).code_size == 4


def test_by_message():
    config = protos.BoxCoder(faster_rcnn_box_coder={"y_scale": 1, "height_scale": 2})
    assert parts.make(config) == FasterRcnnBoxCoder(1, 10, 2, 5)
    assert parts.make(protos.BoxCoder(mean_stddev_box_coder={})) == MeanStddevBoxCoder(pytest.approx(0.01))
    assert parts.make(protos.BoxCoder(square_box_coder={"length_scale": 2})) == SquareBoxCoder(10, 10, 2)
    with pytest.raises(
        UserError, match=r"keypoint_box_coder is not supported\. Supported: faster_rcnn_box_coder, mean"
    ):
        parts.make(protos.BoxCoder(keypoint_box_coder={}))
    with pytest.raises(UserError, match="box_coder_oneof is not set"):
        parts.make(protos.BoxCoder())
