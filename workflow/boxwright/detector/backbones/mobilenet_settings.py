"""Settings that the layers of all MobileNets share."""

import tensorflow as tf

from boxwright.detector import initializers
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer

# How the MobileNets of TF-Slim were trained.
PUBLISHED = Hyperparams(
    activation=tf.nn.relu6,
    initializer=initializers.truncated_normal(stddev=0.09),
    regularizer=Regularizer("l2", 4e-5),
    batch_norm=BatchNorm(decay=0.9997, center=True, scale=True, epsilon=0.001),
)
