"""The Mask R-CNN box predictor in its boxes-only form: two fully connected layers over the mean of each region.

He et al. 2017, https://arxiv.org/abs/1703.06870, without the mask branch, which makes it Faster R-CNN's second stage
(Ren et al. 2015, https://arxiv.org/abs/1506.01497).
"""

import tensorflow as tf

from boxwright.detector import hyperparams
from boxwright.detector.layers import FullyConnected, Variables, dropout

CODE_SIZE = 4


class MaskRcnnBoxPredictor:
    """Class logits and box encodings of each region.

    message: `MaskRCNNBoxPredictor`; field: its dotted path, for errors. scope: checkpoint name of the predictor.
    channels_in: of the regions' features.
    """

    def __init__(self, variables: Variables, scope: str, channels_in: int, num_classes: int, message, field: str):
        settings = hyperparams.from_message(message.fc_hyperparams, f"{field}.fc_hyperparams")
        self.keep_probability = message.dropout_keep_probability if message.use_dropout else 1.0
        # One box for all classes, or one for each of them.
        self.boxes_per_region = 1 if message.share_box_across_classes else num_classes
        self.boxes = FullyConnected(
            variables,
            f"{scope}/BoxEncodingPredictor",
            channels_in,
            self.boxes_per_region * CODE_SIZE,
            settings.linear(),
        )
        self.classes = FullyConnected(
            variables, f"{scope}/ClassPredictor", channels_in, num_classes + 1, settings.linear()
        )

    def __call__(
        self, regions: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """[N, h, w, channels_in] -> box encodings [N, classes or 1, 4] and logits [N, 1 + classes], background first.

        In training with dropout, each of the two layers drops features of its own; `seed` is int32 [2].
        """
        means = tf.reduce_mean(tf.cast(regions, tf.float32), axis=[1, 2])
        for_boxes = for_classes = means
        if training and self.keep_probability < 1:
            seeds = tf.random.split(seed, 2)
            for_boxes = dropout(means, self.keep_probability, seeds[0])
            for_classes = dropout(means, self.keep_probability, seeds[1])
        encodings = tf.reshape(self.boxes(for_boxes), [-1, self.boxes_per_region, CODE_SIZE])
        return encodings, self.classes(for_classes)
