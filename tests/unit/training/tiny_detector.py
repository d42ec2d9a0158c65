"""A detector with all that a training segment must carry through: weights, biases, moving averages, dropout."""

from types import MappingProxyType

import numpy as np
import tensorflow as tf
from training_data import resize


class TinyDetector:
    """Predicts one box and one class score per image. Its first values depend on the seed."""

    num_classes = 2
    backbone_scopes = ("Feature",)
    classifier_names = MappingProxyType({})
    padding_value = 0.0
    static_size = None

    def __init__(self, seed: int = 0):
        rng = np.random.default_rng(seed)

        def variable(name: str, *shape: int, trainable: bool = True) -> tf.Variable:
            value = rng.normal(0, 0.3, shape).astype(np.float32)
            return tf.Variable(value, trainable=trainable, name=name)

        self.variables = {
            "Feature/weights": variable("Feature/weights", 3, 3, 3, 8),
            "Feature/BatchNorm/moving_mean": variable("Feature/BatchNorm/moving_mean", 8, trainable=False),
            "Head/weights": variable("Head/weights", 8, 5),
            "Head/biases": variable("Head/biases", 5),
        }
        self.trainable = ["Feature/weights", "Head/weights", "Head/biases"]

    def preprocess(self, image):
        return resize(image)

    def predict(self, images, true_shapes, training=False, seed=None):
        features = tf.nn.conv2d(images, self.variables["Feature/weights"], 2, "SAME")
        mean = self.variables["Feature/BatchNorm/moving_mean"]
        if training:
            mean.assign_sub(0.1 * (mean - tf.reduce_mean(features, [0, 1, 2])))
            features = tf.nn.experimental.stateless_dropout(features, 0.2, seed)
        pooled = tf.reduce_mean(tf.nn.relu6(features - mean), [1, 2])
        return {"out": pooled @ self.variables["Head/weights"] + self.variables["Head/biases"]}

    def losses(self, predictions, groundtruth, seed=None):
        boxes = tf.reduce_sum(groundtruth.boxes * groundtruth.weights[..., None], 1)
        labels = tf.cast(tf.reduce_any(groundtruth.classes > 0, 1), tf.float32)
        out = predictions["out"]
        return {
            "Loss/localization_loss": tf.reduce_mean(tf.square(out[:, :4] - boxes)),
            "Loss/classification_loss": tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=out[:, 4])
            ),
        }

    def regularization_loss(self):
        return 1e-3 * tf.nn.l2_loss(self.variables["Feature/weights"])
