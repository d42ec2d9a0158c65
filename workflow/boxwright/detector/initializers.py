"""Initial values of variables: pure functions of the detector's seed and the variable's name."""

import math
import zlib
from collections.abc import Callable

import numpy as np

# shape, generator -> float32 array
Initializer = Callable[[tuple[int, ...], np.random.Generator], np.ndarray]


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one variable, independent of other variables and of the order of building."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


def constant(value: float) -> Initializer:
    """Every element is `value`."""
    return lambda shape, _: np.full(shape, value, np.float32)


def random_normal(mean: float = 0.0, stddev: float = 1.0) -> Initializer:
    """Normally distributed."""
    return lambda shape, random: np.float32(mean) + np.float32(stddev) * random.standard_normal(shape, np.float32)


def truncated_normal(mean: float = 0.0, stddev: float = 1.0) -> Initializer:
    """Normally distributed, values beyond two standard deviations drawn again."""

    def draw(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        values = random.standard_normal(shape, np.float32)
        while (outside := np.abs(values) > 2).any():
            values[outside] = random.standard_normal(int(outside.sum()), np.float32)
        return np.float32(mean) + np.float32(stddev) * values

    return draw


def variance_scaling(factor: float = 2.0, mode: str = "FAN_IN", uniform: bool = False) -> Initializer:
    """Values whose variance is `factor` over the fan (He et al. 2015, https://arxiv.org/abs/1502.01852, for factor 2).

    `mode` is FAN_IN, FAN_OUT or FAN_AVG. Normal values are truncated at two standard deviations, which reduces the
    variance by 23 %; a factor of 1.3 makes up for it, as in TF-Slim.
    """

    def draw(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        area = math.prod(shape[:-2])
        fan_in, fan_out = area * shape[-2], area * shape[-1]
        fan = {"FAN_IN": fan_in, "FAN_OUT": fan_out, "FAN_AVG": (fan_in + fan_out) / 2}[mode]
        if uniform:
            limit = math.sqrt(3 * factor / fan)
            return random.uniform(-limit, limit, shape).astype(np.float32)
        return truncated_normal(0.0, math.sqrt(1.3 * factor / fan))(shape, random)

    return draw


# TensorFlow's default if a configuration names no initializer (Glorot and Bengio 2010).
GLOROT_UNIFORM = variance_scaling(1.0, "FAN_AVG", uniform=True)
