"""The Mask R-CNN box predictor in its boxes-only form: two fully connected layers over the mean of each region.

He et al. 2017, https://arxiv.org/abs/1703.06870, without the mask branch, which makes it Faster R-CNN's second stage
(Ren et al. 2015, https://arxiv.org/abs/1506.01497).
"""

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector import object_graph
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import FullyConnected, Variables, dropout


class MaskRcnnBoxPredictor:
    """Class logits and box encodings of each region.

    scope: checkpoint name of the predictor. channels_in: of the regions' features.
    keep_probability: of a feature, in dropout; None: no dropout. shared: one box for all classes instead of one for
    each. keras: whether the head is TF2's.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        channels_in: int,
        num_classes: int,
        hyperparams: Hyperparams,
        *,
        keep_probability: float | None,
        shared: bool,
        keras: bool = False,
    ):
        self._keras = keras
        self.keep_probability = keep_probability
        self.boxes_per_region = 1 if shared else num_classes
        self._names = {"boxes": f"{scope}/BoxEncodingPredictor", "classes": f"{scope}/ClassPredictor"}
        self.boxes = FullyConnected(
            variables, self._names["boxes"], channels_in, self.boxes_per_region * CODE_SIZE, hyperparams.linear()
        )
        self.classes = FullyConnected(
            variables, self._names["classes"], channels_in, num_classes + 1, hyperparams.linear()
        )

    def __call__(
        self, regions: tf.Tensor, training: bool = False, seed: tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """[N, h, w, channels_in] -> box encodings [N, classes or 1, 4] and logits [N, 1 + classes], background first.

        In training, dropout is drawn separately for the two layers; `seed` is int32 [2].
        """
        means = tf.reduce_mean(tf.cast(regions, tf.float32), axis=[1, 2])
        for_boxes = for_classes = means
        if training and self.keep_probability is not None:
            seeds = tf.random.split(seed, 2)
            for_boxes = dropout(means, self.keep_probability, seeds[0])
            for_classes = dropout(means, self.keep_probability, seeds[1])
        encodings = tf.reshape(self.boxes(for_boxes), [-1, self.boxes_per_region, CODE_SIZE])
        return encodings, self.classes(for_classes)

    def class_columns(self) -> dict[str, ClassColumns]:
        """The weights and biases of both layers; of the box layer only if each class has its own box."""
        columns = {self._names["classes"]: ClassColumns(background=True)}
        if self.boxes_per_region > 1:
            columns[self._names["boxes"]] = ClassColumns(background=False, each=CODE_SIZE)
        return {f"{name}/{part}": each for name, each in columns.items() for part in ("weights", "biases")}

    def object_graph_keys(self) -> dict[str, str]:
        """Keys of TF2 by name; {} for TF1."""
        if not self._keras:
            return {}
        # The list of layers begins with one that flattens, then one that drops.
        place = 1 if self.keep_probability is None else 2
        root = "model/_mask_rcnn_box_predictor"
        paths = {
            self._names["boxes"]: f"{root}/_box_prediction_head/_box_encoder_layers/{place}",
            self._names["classes"]: f"{root}/_class_prediction_head/_class_predictor_layers/{place}",
        }
        return {
            f"{name}/{part}": f"{path}/{key}{object_graph.SUFFIX}"
            for name, path in paths.items()
            for part, key in (("weights", "kernel"), ("biases", "bias"))
        }


def make(
    variables: Variables,
    scope: str,
    channels_in: int,
    num_classes: int,
    *,
    fc_hyperparams: Hyperparams,
    use_dropout: bool = False,
    dropout_keep_probability: float = 0.5,
    share_box_across_classes: bool = False,
    keras: bool = False,
) -> MaskRcnnBoxPredictor:
    """The head on regions with `channels_in` channels. keras: whether it is TF2's, which ignores `fc_hyperparams`."""
    return MaskRcnnBoxPredictor(
        variables,
        scope,
        channels_in,
        num_classes,
        Hyperparams() if keras else fc_hyperparams,
        keep_probability=dropout_keep_probability if use_dropout else None,
        shared=share_box_across_classes,
        keras=keras,
    )
