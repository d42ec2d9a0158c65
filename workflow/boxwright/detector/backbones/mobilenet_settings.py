"""Settings that the layers of all MobileNets share."""

from collections.abc import Mapping
from dataclasses import replace

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


def of_inverted_residuals(overridden: Hyperparams | None, *, freeze_batchnorm: bool) -> tuple[Hyperparams, Hyperparams]:
    """The settings of full and of depthwise convolutions in TF1's networks of inverted residual blocks.

    overridden: the configured settings, where they override the published ones.
    """
    published = PUBLISHED.with_batch_norm(train=not freeze_batchnorm)
    if overridden is None:
        return published, published.unpenalised()
    # The definitions of these networks fix these settings, whereas v1's leaves even batch norm open.
    base = replace(overridden, activation=tf.nn.relu6, batch_norm=overridden.batch_norm or published.batch_norm)
    base = base.with_batch_norm(center=True, scale=True)
    return base, base


def for_pyramid(end_points: Mapping[int, str], levels: range, keras: bool) -> dict[int, str]:
    """Those of the `end_points`, by level, that a pyramid of these levels may take.

    TF1's takes none beyond its last level, TF2's (`keras`) always the last ones (see `necks.fpn`).
    """
    return {level: name for level, name in end_points.items() if keras or level <= levels[-1]}
