"""A small detector with drawn weights and its checkpoint, for the tests of evaluation and export."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

SSD = """
model { ssd {
  num_classes: 3
  image_resizer { fixed_shape_resizer { height: 96 width: 96 } }
  feature_extractor {
    type: "ssd_mobilenet_v1" depth_multiplier: 0.25 min_depth: 8
    conv_hyperparams {
      regularizer { l2_regularizer { weight: 4e-5 } }
      initializer { truncated_normal_initializer { stddev: 0.3 } }
      activation: RELU_6
      batch_norm { decay: 0.9 center: true scale: true epsilon: 0.001 train: true }
    }
  }
  box_coder { faster_rcnn_box_coder { y_scale: 10 x_scale: 10 height_scale: 5 width_scale: 5 } }
  matcher { argmax_matcher { matched_threshold: 0.5 unmatched_threshold: 0.5 } }
  similarity_calculator { iou_similarity {} }
  box_predictor { convolutional_box_predictor {
    kernel_size: 1
    conv_hyperparams {
      regularizer { l2_regularizer { weight: 4e-5 } }
      initializer { truncated_normal_initializer { stddev: 0.3 } }
      activation: RELU_6
    }
  } }
  anchor_generator { ssd_anchor_generator { num_layers: 6 aspect_ratios: [1.0, 2.0, 0.5] } }
  post_processing {
    batch_non_max_suppression {
      score_threshold: 1e-8 iou_threshold: 0.6 max_detections_per_class: 20 max_total_detections: 20
    }
    score_converter: SIGMOID
  }
  loss {
    localization_loss { weighted_smooth_l1 {} }
    classification_loss { weighted_sigmoid {} }
  }
} }
eval_config { num_visualizations: 2 min_score_threshold: 0.3 }
"""

LABEL_MAP = {"cat": 1, "dog": 2, "owl": 3}


@pytest.fixture(scope="session")
def config():
    from boxwright.pipeline import text

    return text.parse(SSD)


@pytest.fixture(scope="session")
def prefix(tmp_path_factory, config) -> str:
    """A checkpoint of step 30, with moving averages that differ from the weights."""
    from boxwright.checkpoints import checkpoint_files
    from boxwright.detector.build import build

    random = np.random.default_rng(1)
    values = {}
    for name, variable in build(config.model, seed=3).variables.items():
        value = variable.numpy()
        if name.endswith(("moving_mean", "beta", "biases")):
            value = random.normal(0, 0.3, value.shape).astype(np.float32)
        elif name.endswith(("moving_variance", "gamma")):
            value = random.uniform(0.5, 1.5, value.shape).astype(np.float32)
        values[name] = value
        values[f"{name}/ExponentialMovingAverage"] = value * np.float32(0.9)
    values["global_step"] = np.int64(30)
    path = str(tmp_path_factory.mktemp("train") / "model.ckpt-30")
    checkpoint_files.write(path, values)
    return path
