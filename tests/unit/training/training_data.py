"""Records, a detector's preprocess and a configuration, small enough for a test."""

import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from boxwright import tfrecord
from boxwright.dataset.samples import Box, Sample
from boxwright.records import example

LABEL_MAP = {"disc": 1, "square": 2}

TINY_SSD = """
model {
  ssd {
    num_classes: 2
    image_resizer { fixed_shape_resizer { height: 64 width: 64 } }
    feature_extractor {
      type: "ssd_mobilenet_v1"
      depth_multiplier: 0.25
      min_depth: 4
      conv_hyperparams {
        regularizer { l2_regularizer { weight: 4e-05 } }
        initializer { truncated_normal_initializer { stddev: 0.03 } }
        activation: RELU_6
        batch_norm { decay: 0.97 center: true scale: true epsilon: 0.001 train: true }
      }
    }
    box_coder { faster_rcnn_box_coder { y_scale: 10 x_scale: 10 height_scale: 5 width_scale: 5 } }
    matcher { argmax_matcher { matched_threshold: 0.5 unmatched_threshold: 0.5 force_match_for_each_row: true } }
    similarity_calculator { iou_similarity { } }
    box_predictor {
      convolutional_box_predictor {
        conv_hyperparams {
          regularizer { l2_regularizer { weight: 4e-05 } }
          initializer { truncated_normal_initializer { stddev: 0.03 } }
          activation: RELU_6
        }
        use_dropout: true
        dropout_keep_probability: 0.8
        kernel_size: 1
        box_code_size: 4
      }
    }
    anchor_generator { ssd_anchor_generator { num_layers: 6 min_scale: 0.2 max_scale: 0.95 aspect_ratios: 1 } }
    post_processing { batch_non_max_suppression { iou_threshold: 0.6 } score_converter: SIGMOID }
    normalize_loss_by_num_matches: true
    loss {
      localization_loss { weighted_smooth_l1 { } }
      classification_loss { weighted_sigmoid { } }
      classification_weight: 1
      localization_weight: 1
    }
  }
}
train_config {
  batch_size: 3
  data_augmentation_options { random_horizontal_flip { } }
  data_augmentation_options { ssd_random_crop { } }
  data_augmentation_options { random_adjust_hue { } }
  optimizer {
    rms_prop_optimizer {
      learning_rate {
        exponential_decay_learning_rate { initial_learning_rate: 0.004 decay_steps: 4 decay_factor: 0.9 }
      }
      momentum_optimizer_value: 0.9
      decay: 0.9
      epsilon: 1
    }
    use_moving_average: true
    moving_average_decay: 0.9
  }
}
train_input_reader { }
"""

TINY_FASTER_RCNN = """
model {
  faster_rcnn {
    num_classes: 2
    image_resizer { keep_aspect_ratio_resizer { min_dimension: 64 max_dimension: 96 } }
    feature_extractor { type: "faster_rcnn_resnet50" first_stage_features_stride: 16 }
    first_stage_anchor_generator {
      grid_anchor_generator {
        height_stride: 16 width_stride: 16 scales: [0.1, 0.2] aspect_ratios: [0.5, 1.0, 2.0]
      }
    }
    first_stage_box_predictor_conv_hyperparams {
      op: CONV
      regularizer { l2_regularizer { weight: 0.0 } }
      initializer { truncated_normal_initializer { stddev: 0.01 } }
    }
    first_stage_nms_score_threshold: 0.0
    first_stage_nms_iou_threshold: 0.7
    first_stage_max_proposals: 16
    first_stage_localization_loss_weight: 2.0
    first_stage_objectness_loss_weight: 1.0
    initial_crop_size: 4
    maxpool_kernel_size: 2
    maxpool_stride: 2
    second_stage_batch_size: 8
    second_stage_box_predictor {
      mask_rcnn_box_predictor {
        use_dropout: true
        dropout_keep_probability: 0.5
        fc_hyperparams {
          op: FC
          regularizer { l2_regularizer { weight: 0.0 } }
          initializer { variance_scaling_initializer { factor: 1.0 uniform: true mode: FAN_AVG } }
        }
      }
    }
    second_stage_post_processing {
      batch_non_max_suppression { score_threshold: 0.0 iou_threshold: 0.6 }
      score_converter: SOFTMAX
    }
    second_stage_localization_loss_weight: 2.0
    second_stage_classification_loss_weight: 1.0
  }
}
train_config {
  batch_size: 2
  data_augmentation_options { random_horizontal_flip { } }
  optimizer {
    momentum_optimizer {
      learning_rate { constant_learning_rate { learning_rate: 0.0003 } }
      momentum_optimizer_value: 0.9
    }
    use_moving_average: false
  }
  gradient_clipping_by_norm: 10.0
}
train_input_reader { }
"""


def encode(pixels: np.ndarray, image_format: str = "JPEG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format)
    return file.getvalue()


def write_records(folder: Path, count: int, shards: int, classes: tuple[str, ...] = ("disc", "square")) -> list[Path]:
    """`count` small JPEGs, image i with i % 3 boxes, as records in `shards` files."""
    rng = np.random.default_rng(0)
    paths = [folder / f"train-{shard:05d}-of-{shards:05d}.tfrecord" for shard in range(shards)]
    for shard, path in enumerate(paths):
        with path.open("wb") as file:
            for number in range(shard, count, shards):
                height, width = 40 + number, 50 + 2 * number
                pixels = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
                pixels = pixels.repeat(8, 0).repeat(8, 1)[:height, :width]
                boxes = tuple(
                    Box(classes[box % len(classes)], 5 + 9 * box, 4 + 6 * box, 25 + 9 * box, 30 + 4 * box)
                    for box in range(number % 3)
                )
                sample = Sample(
                    name=f"image-{number:03d}.jpg",
                    image=f"image-{number:03d}.jpg",
                    sha256="",
                    width=width,
                    height=height,
                    format="jpeg",
                    fixes=(),
                    boxes=boxes,
                )
                labels = {name: label for label, name in enumerate(sorted(set(classes) | LABEL_MAP.keys()), start=1)}
                tfrecord.write(file, example.to_example(sample, encode(pixels), labels))
    return paths


def resize(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """A detector's preprocess: to 16x24, -1 to 1."""
    resized = tf.image.resize(tf.cast(image, tf.float32), (16, 24)) / 127.5 - 1.0
    return tf.ensure_shape(resized, (16, 24, 3)), tf.constant([16, 24, 3])
