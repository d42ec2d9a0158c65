"""A small SSD to test with."""

import pytest

from boxwright.pipeline import text

SSD = """
ssd {
  num_classes: 2
  image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
  feature_extractor {
    type: "ssd_mobilenet_v1" depth_multiplier: 0.25 min_depth: 8
    conv_hyperparams {
      regularizer { l2_regularizer { weight: 0.0001 } }
      initializer { truncated_normal_initializer { stddev: 0.05 } }
      activation: RELU_6
      batch_norm { decay: 0.9 scale: true epsilon: 0.001 }
    }
  }
  box_coder { faster_rcnn_box_coder { } }
  matcher { argmax_matcher { force_match_for_each_row: true } }
  similarity_calculator { iou_similarity { } }
  box_predictor {
    convolutional_box_predictor {
      use_dropout: false
      conv_hyperparams {
        regularizer { l2_regularizer { weight: 0.0001 } }
        initializer { truncated_normal_initializer { stddev: 0.05 } }
      }
    }
  }
  anchor_generator { ssd_anchor_generator { aspect_ratios: [1, 2, 0.5] } }
  post_processing {
    batch_non_max_suppression { score_threshold: 0.001 max_detections_per_class: 5 max_total_detections: 10 }
    score_converter: SIGMOID
  }
  loss {
    localization_loss { weighted_smooth_l1 { } }
    classification_loss { weighted_sigmoid { } }
  }
}
"""


@pytest.fixture
def model():
    """A `DetectionModel` message; each test may change its own."""
    return text.parse(SSD, "test", kind="DetectionModel")
