"""The R-FCN box predictor: each part of a region reads maps of its own (Dai et al. 2016, arXiv:1605.06409).

All convolutions run once on the whole image. A region is cut into bins, and each bin reads a group of channels that no
other reads; the mean over the bins is the prediction. So what is left to do for each region costs little.
"""

import tensorflow as tf

from boxwright.boxes.coders.box_coder import CODE_SIZE
from boxwright.checkpoints.class_rows import ClassColumns
from boxwright.detector.hyperparams import Hyperparams
from boxwright.detector.layers import Convolution, Variables
from boxwright.detector.roi import INSIDE


class RfcnBoxPredictor:
    """Class logits and box encodings of each region, a box for each class.

    The variables are `<scope>/{reduce_depth,refined_locations,class_predictions}/*`.

    bins: the numbers of rows and columns that a region is cut into. samples: rows and columns of samples of a region,
    which `bins` divide. depth: channels between the features and the maps.
    """

    def __init__(
        self,
        variables: Variables,
        scope: str,
        channels_in: int,
        num_classes: int,
        hyperparams: Hyperparams,
        *,
        bins: tuple[int, int],
        samples: tuple[int, int],
        depth: int,
    ):
        self._bins, self._samples = bins, samples
        count, linear = bins[0] * bins[1], hyperparams.linear()
        self.reduce = Convolution(variables, f"{scope}/reduce_depth", channels_in, depth, hyperparams, kernel=1)
        self.boxes = Convolution(
            variables, f"{scope}/refined_locations", depth, count * num_classes * CODE_SIZE, linear, kernel=1
        )
        self.classes = Convolution(
            variables, f"{scope}/class_predictions", depth, count * (num_classes + 1), linear, kernel=1
        )

    def __call__(self, features: tf.Tensor, boxes: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Box encodings [B * P, classes, 4] and logits [B * P, 1 + classes], background first, of regions of the image.

        features: of the whole image, [B, h, w, channels_in]. boxes: [B, P, 4], normalised to what the map covers.
        """
        x = self.reduce(features, training)
        encodings, logits = (
            position_sensitive_means(layer(x, training), boxes, self._bins, self._samples)
            for layer in (self.boxes, self.classes)
        )
        return tf.reshape(encodings, [-1, encodings.shape[-1] // CODE_SIZE, CODE_SIZE]), logits

    def class_columns(self) -> dict[str, ClassColumns]:
        """The kernels and biases of both maps, which have the classes once for each bin."""
        columns = {self.classes: ClassColumns(background=True), self.boxes: ClassColumns(False, each=CODE_SIZE)}
        return {f"{layer.name}/{part}": each for layer, each in columns.items() for part in ("weights", "biases")}

    def object_graph_keys(self) -> dict[str, str]:
        """None: the head is TF1's."""
        return {}


def position_sensitive_means(
    maps: tf.Tensor, boxes: tf.Tensor, bins: tuple[int, int], samples: tuple[int, int]
) -> tf.Tensor:
    """The mean of bilinear samples of each box, where each of its bins is sampled in its own group of channels.

    maps: [B, h, w, bins * C], the groups in the order of the bins, row by row. boxes: [B, P, 4], normalised to the map;
    0 and 1 are the centers of the outer cells. A bin's samples form a regular grid that includes its border.
    Returns float32 [B * P, C].
    """
    rows, columns = bins
    batch, count = tf.unstack(tf.shape(boxes)[:2])
    image_of_box = tf.repeat(tf.range(batch), count)
    ymin, xmin, ymax, xmax = tf.unstack(tf.reshape(boxes, [-1, 4]), axis=1)
    height, width = (ymax - ymin) / rows, (xmax - xmin) / columns
    size = [samples[0] // rows, samples[1] // columns]
    groups = tf.split(tf.cast(maps, tf.float32), rows * columns, axis=3)
    means = []
    for index, group in enumerate(groups):
        y, x = divmod(index, columns)
        sides = [ymin + y * height, xmin + x * width, ymin + (y + 1) * height, xmin + (x + 1) * width]
        bin_ = tf.minimum(tf.stack(sides, axis=1), INSIDE)
        means.append(tf.reduce_mean(tf.image.crop_and_resize(group, bin_, image_of_box, size), axis=[1, 2]))
    return tf.add_n(means) / len(means)


def make(
    variables: Variables,
    scope: str,
    channels_in: int,
    num_classes: int,
    *,
    conv_hyperparams: Hyperparams,
    num_spatial_bins_height: int = 3,
    num_spatial_bins_width: int = 3,
    depth: int = 1024,
    crop_height: int = 12,
    crop_width: int = 12,
) -> RfcnBoxPredictor:
    """The head on features with `channels_in` channels."""
    return RfcnBoxPredictor(
        variables,
        scope,
        channels_in,
        num_classes,
        conv_hyperparams,
        bins=(num_spatial_bins_height, num_spatial_bins_width),
        samples=(crop_height, crop_width),
        depth=depth,
    )
