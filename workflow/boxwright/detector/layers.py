"""Convolutions whose variables carry the OD API's checkpoint names.

A layer is built once, from the number of its input channels, and called many times. Its variables go into a
`Variables` registry under `<name>/weights`, `<name>/depthwise_weights`, `<name>/biases` and
`<name>/BatchNorm/{gamma,beta,moving_mean,moving_variance}`. All tensors are NHWC.

Variables are float32. The registry's `precision` says in which types the layers compute (see that module); statistics
and sums are float32 in any case (Micikevicius et al. 2018, https://arxiv.org/abs/1710.03740).

Batch norm that uses its moving averages (in inference, or frozen while training) is folded into the kernel:
conv(x, w * s) + (beta - mean * s) with s = gamma / sqrt(variance + epsilon) costs nothing per pixel, and gradients
still reach w, gamma and beta.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import tensorflow as tf

from boxwright.detector import initializers
from boxwright.detector.hyperparams import BatchNorm, Hyperparams, Regularizer
from boxwright.detector.initializers import Initializer
from boxwright.detector.precision import FLOAT32, Precision, biased
from boxwright.devices import replicas

# TensorFlow's fused kernels reject smaller values; TF1 raised them to this one without a warning.
SMALLEST_EPSILON = 1.001e-5


class Variables:
    """All variables of a detector by checkpoint name.

    `by_name` keeps the order of creation, `trainable` lists the names of the variables that gradients reach. Initial
    values depend only on `seed` and the name. `precision`: the types that the layers compute in.
    """

    def __init__(self, seed: int = 0, precision: Precision = FLOAT32):
        self.seed = seed
        self.precision = precision
        self.by_name: dict[str, tf.Variable] = {}
        self.trainable: list[str] = []
        self.regularized: dict[str, Regularizer] = {}

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer,
        *,
        trainable: bool = True,
        regularizer: Regularizer | None = None,
    ) -> tf.Variable:
        """Create the variable `name`; raises ValueError if it exists already."""
        if name in self.by_name:
            raise ValueError(f"variable {name} is added twice")
        value = initializer(tuple(shape), initializers.generator(self.seed, name))
        self.by_name[name] = tf.Variable(value, trainable=trainable, name=name, dtype=tf.float32)
        if trainable:
            self.trainable.append(name)
        if regularizer is not None:
            self.regularized[name] = regularizer
        return self.by_name[name]

    @contextmanager
    def rounded_between_layers(self, wanted: bool = True) -> Iterator[None]:
        """A context in which layers are added that keep rounded tensors between them, if that is wanted."""
        before = self.precision
        self.precision = before.between_layers_too() if wanted else before
        yield
        self.precision = before

    def penalise(self, name: str, regularizer: Regularizer | None) -> None:
        """Put a penalty on a variable that its layer adds without one, such as a bias."""
        if regularizer is not None:
            self.regularized[name] = regularizer

    def leave_out(self, names: Iterable[str]) -> None:
        """Take variables that nothing is computed with out of the training."""
        left = set(names)
        self.trainable = [name for name in self.trainable if name not in left]

    def regularization_loss(self) -> tf.Tensor:
        """The sum of all penalties, float32 scalar."""
        if not self.regularized:
            return tf.zeros([])
        return tf.reduce_sum(tf.stack([penalty(self.by_name[name]) for name, penalty in self.regularized.items()]))


class Normalizer:
    """Batch norm over the last axis (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167).

    name: of the layer, before `/gamma` and the like.
    """

    def __init__(self, variables: Variables, name: str, channels: int, settings: BatchNorm):
        ones, zeros = initializers.constant(1), initializers.constant(0)
        self.train = settings.train
        self.unbiased = settings.unbiased
        self.decay = settings.decay
        self.epsilon = max(settings.epsilon, SMALLEST_EPSILON)
        self.channels = channels
        self.name = name
        self.gamma = variables.add(f"{name}/gamma", (channels,), ones) if settings.scale else None
        self.beta = variables.add(f"{name}/beta", (channels,), zeros) if settings.center else None
        self.mean = variables.add(f"{name}/moving_mean", (channels,), zeros, trainable=False)
        self.variance = variables.add(f"{name}/moving_variance", (channels,), ones, trainable=False)

    @property
    def names(self) -> list[str]:
        """The names of its variables."""
        learned = {"gamma": self.gamma, "beta": self.beta}
        parts = [part for part, variable in learned.items() if variable is not None]
        return [f"{self.name}/{part}" for part in (*parts, "moving_mean", "moving_variance")]

    def by_batch(self, x: tf.Tensor) -> tf.Tensor:
        """Normalise [B, H, W, C] by its own mean and variance and move the averages towards them.

        The moving variance follows the unbiased variance (over n - 1), as with TensorFlow's fused kernels, unless the
        settings say otherwise. Replicas normalise by the statistics of the whole batch.
        """
        ones, zeros = tf.ones([self.channels]), tf.zeros([self.channels])
        gamma, beta = (ones if self.gamma is None else self.gamma), (zeros if self.beta is None else self.beta)
        if replicas.count() == 1:
            y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=self.epsilon)
        else:
            y, mean, variance = _batch_norm_of_replicas(x, gamma, beta, self.epsilon)
        if not self.unbiased:
            n = _count(x)
            variance *= (n - 1) / n
        for average, value in ((self.mean, mean), (self.variance, variance)):
            replicas.assign_sub(average, (average - value) * (1 - self.decay))
        return y

    def scale_and_shift(self) -> tuple[tf.Tensor, tf.Tensor]:
        """(s, t), each [C]: at inference, batch norm is s * x + t."""
        scale = tf.math.rsqrt(self.variance + self.epsilon)
        if self.gamma is not None:
            scale = scale * self.gamma
        shift = -self.mean * scale
        return scale, shift if self.beta is None else shift + self.beta


def _batch_norm_of_replicas(
    x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """As `fused_batch_norm` on the whole batch: this replica's part of y, the mean, the unbiased variance."""
    wide = tf.cast(x, tf.float32)
    # The total variance is the mean of the parts' variances plus the variance of their means: no large numbers cancel.
    moments = replicas.gather(tf.stack(tf.nn.moments(wide, [0, 1, 2])))
    means, variances = moments[:, 0], moments[:, 1]
    mean = tf.reduce_mean(means, axis=0)
    variance = tf.reduce_mean(variances + tf.math.squared_difference(means, mean), axis=0)
    y = tf.nn.batch_normalization(wide, mean, variance, beta, gamma, epsilon)
    n = _count(x)
    return tf.cast(y, x.dtype), mean, variance * (n / tf.maximum(n - 1, 1))


def _count(x: tf.Tensor) -> tf.Tensor:
    """The number of values per channel, float32, in [B, H, W, C] of all replicas."""
    return tf.cast(tf.size(x) // tf.shape(x)[-1] * replicas.count(), tf.float32)


class Convolution:
    """A 2-D convolution with its batch norm or bias and its activation.

    name: checkpoint name of the layer, without the variable.
    channels_in, channels_out: channels of input and output.
    kernel: side of the square kernel, or (height, width).
    stride, rate: stride and dilation (atrous rate); one of them must be 1.
    padding: "SAME" and "VALID" as in TensorFlow; "EXPLICIT" pads by the effective kernel size less one, half of
        it (rounded down) at the top left, whatever the stride, and then convolves without padding.
    bias: initial value of the biases; with batch norm there are none unless `hyperparams.bias` is true.
    """

    # What the kernels are called in the checkpoints of TF1, and in those of TF2.
    kernels: Mapping[str, str] = {"weights": "kernel"}

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels_out: int,
        hyperparams: Hyperparams,
        *,
        kernel: int | tuple[int, int] = 3,
        stride: int = 1,
        rate: int = 1,
        padding: str = "SAME",
        bias: float = 0.0,
    ):
        self.name = name
        self.precision = variables.precision
        self.kernel = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        self.stride, self.rate, self.padding = stride, rate, padding
        self.channels_in, self.channels_out = channels_in, channels_out
        self.activation = hyperparams.activation
        self.weights = self._add_weights(variables, hyperparams)
        self.normalizer = self.biases = None
        if hyperparams.batch_norm is None if hyperparams.bias is None else hyperparams.bias:
            self.biases = variables.add(f"{name}/biases", (channels_out,), initializers.constant(bias))
        if hyperparams.batch_norm is not None:
            self.normalizer = Normalizer(variables, f"{name}/BatchNorm", channels_out, hyperparams.batch_norm)

    def _add_weights(self, variables: Variables, hyperparams: Hyperparams) -> tf.Variable:
        shape = (*self.kernel, self.channels_in, self.channels_out)
        name = f"{self.name}/weights"
        return variables.add(name, shape, hyperparams.initializer, regularizer=hyperparams.regularizer)

    def __call__(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """[B, H, W, channels_in] -> [B, H', W', channels_out]; in training, batch norm moves its averages."""
        with tf.name_scope(f"{self.name}/"):
            return self._apply(x, training)

    def _apply(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        y = self.normalised(x, self.normalizer, training)
        return y if self.activation is None else self.activation(y)

    def normalised(self, x: tf.Tensor, normalizer: Normalizer | None, training: bool) -> tf.Tensor:
        """The convolution with its bias and with a batch norm, not necessarily its own, but without the activation."""
        if self.padding == "EXPLICIT":
            x = pad_explicitly(x, self.kernel, self.rate)
        if normalizer is None:
            return self._biased(self._convolve(x, self.weights))
        if training and normalizer.train:
            return normalizer.by_batch(self._biased(self._convolve(x, self.weights)))
        return self._folded(x, normalizer)

    def _biased(self, y: tf.Tensor) -> tf.Tensor:
        # After a rounded product became float32 again: the logits of rare classes are small differences from a bias.
        return biased(y, self.biases)

    def _folded(self, x: tf.Tensor, normalizer: Normalizer) -> tf.Tensor:
        """The convolution and the batch norm with moving averages, as one convolution with a bias."""
        scale, shift = normalizer.scale_and_shift()
        if self.biases is not None:
            shift += self.biases * scale
        return self._convolve(x, self._scaled(scale), shift)

    def _scaled(self, scale: tf.Tensor) -> tf.Tensor:
        """The kernel with each output channel multiplied by its element of `scale`."""
        return self.weights * scale

    @property
    def _padding_left(self) -> str:
        """The padding that the convolution itself has to add."""
        return "VALID" if self.padding == "EXPLICIT" else self.padding

    def _convolve(self, x: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor | None = None) -> tf.Tensor:
        return self.precision.convolution(x, weights, self.stride, self._padding_left, self.rate, biases)


class DepthwiseConvolution(Convolution):
    """A convolution of each channel with its own filter, with batch norm or bias and activation.

    The variable is `<name>/depthwise_weights` [height, width, channels, 1]; otherwise like Convolution.
    """

    kernels: Mapping[str, str] = {"depthwise_weights": "depthwise_kernel"}

    def __init__(self, variables: Variables, name: str, channels: int, hyperparams: Hyperparams, **settings):
        super().__init__(variables, name, channels, channels, hyperparams, **settings)

    def _add_weights(self, variables: Variables, hyperparams: Hyperparams) -> tf.Variable:
        shape = (*self.kernel, self.channels_in, 1)
        name = f"{self.name}/depthwise_weights"
        return variables.add(name, shape, hyperparams.initializer, regularizer=hyperparams.regularizer)

    def _scaled(self, scale: tf.Tensor) -> tf.Tensor:
        return self.weights * scale[:, tf.newaxis]

    def _convolve(self, x: tf.Tensor, weights: tf.Tensor, biases: tf.Tensor | None = None) -> tf.Tensor:
        return self.precision.depthwise_convolution(x, weights, self.stride, self._padding_left, self.rate, biases)


class FullyConnected:
    """y = x @ weights + biases, then the activation. Variables `<name>/weights` [in, out] and `<name>/biases` [out]."""

    def __init__(
        self,
        variables: Variables,
        name: str,
        channels_in: int,
        channels_out: int,
        hyperparams: Hyperparams,
        *,
        bias: float = 0.0,
    ):
        self.activation = hyperparams.activation
        self.precision = variables.precision
        shape = (channels_in, channels_out)
        self.weights = variables.add(
            f"{name}/weights", shape, hyperparams.initializer, regularizer=hyperparams.regularizer
        )
        self.biases = variables.add(f"{name}/biases", (channels_out,), initializers.constant(bias))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """[N, in] -> [N, out], float32."""
        product = self.precision.product(x, self.weights)
        y = tf.nn.bias_add(tf.cast(product, tf.float32), self.biases)
        return y if self.activation is None else self.activation(y)


def pad_explicitly(x: tf.Tensor, kernel: tuple[int, int], rate: int = 1) -> tf.Tensor:
    """Zero padding of [B, H, W, C] that depends only on the kernel, not on size and stride as "SAME" does."""
    total = [(side - 1) * rate for side in kernel]
    before = [side // 2 for side in total]
    return tf.pad(x, [[0, 0], *[[b, t - b] for b, t in zip(before, total, strict=True)], [0, 0]])


def subsampled(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Every `stride`-th row and column of [B, H, W, C], the first included.

    A pooling of single places: a slice with strides takes 10 to 20 times as long on a CPU, and so does its gradient.
    """
    return x if stride == 1 else tf.nn.avg_pool2d(x, 1, stride, "SAME")


def dropout(x: tf.Tensor, keep_probability: float, seed: tf.Tensor) -> tf.Tensor:
    """Keep each element with `keep_probability`, scaled so that the mean stays the same; `seed` is int32 [2]."""
    rate = 1 - keep_probability
    if replicas.count() == 1 and x.dtype == tf.float32:
        return tf.nn.experimental.stateless_dropout(x, rate=rate, seed=seed)
    kept = replicas.uniform(tf.shape(x), seed) >= rate
    return tf.where(kept, x * tf.cast(1 / (1 - rate), x.dtype), tf.zeros([], x.dtype))
