"""Hard swish, which the mobile networks compute in place of swish.

Howard et al. 2019, https://arxiv.org/abs/1905.02244, section 5.2.
"""

import tensorflow as tf


def hard_swish(x: tf.Tensor) -> tf.Tensor:
    """x * relu6(x + 3) / 6."""
    return x * tf.nn.relu6(x + 3.0) / 6.0
