"""How the mobile networks round the number of channels of a layer."""


def make_divisible(channels: float, divisor: int = 8, least: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, at least `least`, and not more than 10 % below `channels`."""
    rounded = max(least, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
