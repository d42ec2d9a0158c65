"""Finds images that show the same picture: encoded again, rescaled, cropped, mirrored, captioned, or taken in the same
moment.

The search has three steps, each on fewer pairs than the one before:

1. Banding. The signs of the low frequencies (DCT) of the middle of the coarse picture are the image's perceptual hash;
   captions and black bars lie outside the middle. Two images meet if all bits of one band agree. Each image is looked
   up as it is, as windows of 90 %, and mirrored. Bits that a small change would flip are tried both ways.
2. The correlation of these frequencies has to be at least `_COARSE`.
3. The correlation of the fine pictures, at the best shift of up to `_SHIFT` cells, has to be far above what two
   unrelated pictures of such texture reach by chance: at least `_FINE`, and `_CERTAIN` standard deviations.

The chance correlation of two random fields has the variance sum(a(lag) * b(lag)) / cells, where a and b are their
autocorrelations (Bartlett, "Some aspects of the time-correlation problem", JRSS 98(3), 1935). So soft pictures, which
resemble each other by chance, need a higher correlation than pictures full of texture.

The libraries of perceptual hashes (imagehash, pdqhash, dhash) give one hash of the whole image; the search among many
images and the third step, without which pictures of one kind are taken for each other, would still be ours. imagededup
needs PyTorch.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from boxwright.console.progress import say, track
from boxwright.core import code, hashing, kept
from boxwright.dataset.sets import Sets
from boxwright.images import fingerprint
from boxwright.images.fingerprint import COARSE, FINE

Link = tuple[str, str]
Window = tuple[float, float, float, float]

# Frequencies in each direction, without the mean, and the cells from which they are computed.
_FREQUENCIES, _CELLS = 8, 16
_COARSE = 0.6
_FINE, _CERTAIN = 0.36, 20.0
# Cells of the fine picture: the largest shift, the longest lag of the autocorrelation, and the blank margin, where a
# cell's surroundings are cut off.
_SHIFT, _LAG, _MARGIN = 8, 8, 2
_PADDED = FINE + _SHIFT
# Bands of the hash, and the bits of each that are tried both ways.
_BANDS, _DOUBTFUL = 12, 3
# Of images in one bucket more than this, each meets only its neighbours: a fixed camera fills a bucket with thousands.
_CROWD, _NEIGHBOURS = 200, 4
# Pairs that are handled at once: in the second step, and in the third; images whose pictures are unpacked at once.
_PORTION, _BATCH, _UNPACKED = 100_000, 1000, 5000

_WHOLE: Window = (0.0, 0.0, 1.0, 1.0)
_WINDOWS = [_WHOLE, *((x, y, x + 0.9, y + 0.9) for x in (0.05, 0.0, 0.1) for y in (0.05, 0.0, 0.1))]
# The share of each side that is cut off to get the middle.
_OUTER = 0.14


class _Hypothesis(NamedTuple):
    """`window` of one image, mirrored if `mirrored`, shows what the other image shows."""

    window: Window
    mirrored: bool


_HYPOTHESES = [_Hypothesis(window, mirrored) for window in _WINDOWS for mirrored in (False, True)]


class Finder:
    """Finds near-duplicates among images whose fingerprints are known by sha256, and remembers the last answer."""

    def __init__(self, fingerprints: Mapping[str, str], remembered: Path, write: bool) -> None:
        self._fingerprints, self._path, self._write = fingerprints, remembered, write

    def links(self, images: Iterable[str]) -> list[Link]:
        """Pairs of near-duplicates among images, given by sha256, as `links` gives them."""
        wanted = sorted({sha for sha in images if self._fingerprints.get(sha)})
        head = hashing.short(wanted, code.identity(__name__))
        try:
            first, *lines = kept.read(self._path).split("\n")
            if first == head:
                return [tuple(line.split("\t")) for line in lines]
        except OSError:
            pass
        except kept.DamagedError as error:
            say(f"{self._path} cannot be used ({error}), so near-duplicates are searched again.")
        found = [(wanted[i], wanted[j]) for i, j in links([self._fingerprints[sha] for sha in wanted])]
        if self._write:
            kept.write(self._path, "\n".join([head, *(f"{one}\t{other}" for one, other in found)]))
        return found


def links(fingerprints: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of near-duplicates among fingerprints, none of them empty.

    The pairs connect every group of near-duplicates, but they are not all the pairs in it: two images that are already
    connected are not compared.
    """
    first: dict[str, int] = {}
    found = [(first.setdefault(text, place), place) for place, text in enumerate(fingerprints)]
    found = [(one, other) for one, other in found if one != other]
    places = list(first.values())
    if len(places) < 2:
        return found
    rows = fingerprint.packed(first, len(first))
    pairs, hypotheses = _candidates(rows)
    compare = _Comparison(rows)
    connected = Sets()
    starts = range(0, len(pairs), _BATCH)
    for start in track(starts, label="Comparing similar images", unit="batches") if len(starts) > 50 else starts:
        batch = [
            (one, other, which)
            for (one, other), which in zip(
                pairs[start : start + _BATCH].tolist(), hypotheses[start : start + _BATCH].tolist(), strict=True
            )
            if connected.of(one) != connected.of(other)
        ]
        for one, other in compare.alike(batch):
            connected.unite(one, other)
            found.append((min(places[one], places[other]), max(places[one], places[other])))
    return sorted(set(found))


def _candidates(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs whose coarse pictures correlate, the best first, and the best hypothesis of each.

    rows: the packed fingerprints.
    """
    count = len(rows)
    known = _spectra(rows, _WHOLE)
    table = _Table(known)
    found = []
    shown = enumerate(_HYPOTHESES)
    if count > 5000:
        shown = track(shown, total=len(_HYPOTHESES), label="Searching for similar images", unit="ways")
    for number, (window, mirrored) in shown:
        asked = _spectra(rows, window) * (_MIRROR if mirrored else 1)
        for pairs in np.array_split(met := table.meet(asked), len(met) // _PORTION + 1):
            agree = np.einsum("ij,ij->i", asked[pairs // count], known[pairs % count])
            good = agree >= _COARSE
            found.append((pairs[good], agree[good], np.full(good.sum(), number)))
    pairs, agree, numbers = map(np.concatenate, zip(*found, strict=True))
    one, other = pairs // count, pairs % count
    key = np.minimum(one, other) * count + np.maximum(one, other)
    order = np.lexsort((numbers, -agree, key))
    order = order[np.flatnonzero(np.diff(key[order], prepend=-1))]  # the best hypothesis of each pair
    order = order[np.lexsort((key[order], -agree[order]))]
    return np.stack([one, other], axis=1)[order], numbers[order]


class _Table:
    """The images by the bits of each band, to find those that agree with others in one of them."""

    def __init__(self, spectra: np.ndarray) -> None:
        self._count = len(spectra)
        self._bits = int(np.clip(np.ceil(np.log2(self._count)) + 2, 8, 18))
        rng = np.random.default_rng(0)
        low = np.argsort(_ORDER, kind="stable")[: 2 * self._bits + 8]
        self._bands = [rng.permutation(low)[: self._bits] for _ in range(_BANDS)]
        self._signs = _signs(spectra)
        self._tables = []
        for band in self._bands:
            keys = self._keys(spectra[:, band])
            order = np.argsort(keys, kind="stable")
            starts = np.searchsorted(keys[order], np.arange((1 << self._bits) + 1))
            self._tables.append((order, starts, keys[order] * self._count + order))

    def meet(self, asked: np.ndarray) -> np.ndarray:
        """The pairs that meet, sorted: `i * count + j` for the image i that asks and j that answers."""
        signs = _signs(asked)
        everyone = np.arange(self._count)
        met = []
        for band, (order, starts, sorted_by_key) in zip(self._bands, self._tables, strict=True):
            values = asked[:, band]
            keys = self._keys(values)
            doubtful = np.argpartition(np.abs(values), _DOUBTFUL, axis=1)[:, :_DOUBTFUL]
            for chosen in range(1 << _DOUBTFUL):
                flips = sum((1 << doubtful[:, bit] for bit in range(_DOUBTFUL) if chosen >> bit & 1), np.int64(0))
                at = keys ^ flips
                start, end = starts[at], starts[at + 1]
                crowded = np.flatnonzero(end - start > _CROWD)
                if len(crowded):
                    place = np.searchsorted(sorted_by_key, at[crowded] * self._count + crowded)
                    start[crowded] = np.maximum(start[crowded], place - _NEIGHBOURS)
                    end[crowded] = np.minimum(end[crowded], place + _NEIGHBOURS + 1)
                sizes = end - start
                one = np.repeat(everyone, sizes)
                within = np.arange(len(one)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
                other = order[np.repeat(start, sizes) + within]
                near = (np.bitwise_count(signs[one] ^ self._signs[other]) <= _MOST_BITS) & (one != other)
                met.append(one[near] * self._count + other[near])
        pairs = np.sort(np.concatenate(met))  # numpy.unique takes five times as long
        return pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]

    def _keys(self, values: np.ndarray) -> np.ndarray:
        # in float32, which holds these numbers exactly and has a fast product
        return ((values > 0).astype(np.float32) @ np.exp2(np.arange(self._bits, dtype=np.float32))).astype(np.int64)


class _Comparison:
    """Compares the fine pictures of ternary cells of packed fingerprints."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = rows
        self._lags: dict[int, np.ndarray] = {}

    def alike(self, pairs: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int]]:
        """Those of the pairs (one, other, number of the hypothesis) that show the same."""
        by_number: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for one, other, number in pairs:
            by_number[number].append((one, other))
        for number, some in by_number.items():
            one, other = np.array(some).T
            window, mirrored = _HYPOTHESES[number]
            answers = _pictures(self._fine(other))
            value = _best_correlation(_pictures(self._fine(one), window, mirrored), answers)
            if window != _WHOLE:  # a shifted picture of the same scale may look like a window
                value = np.maximum(value, _best_correlation(_pictures(self._fine(one), _WHOLE, mirrored), answers))
            shared = (self._autocorrelation(one) * self._autocorrelation(other)).sum(axis=1)
            chance = np.sqrt(np.maximum(shared, 0) / FINE**2)
            certain = np.arctanh(np.minimum(value, 0.999)) / np.maximum(chance, 1 / FINE)
            for place in np.flatnonzero((value >= _FINE) & (certain >= _CERTAIN)):
                yield some[place]

    def _fine(self, which: Sequence[int] | np.ndarray) -> np.ndarray:
        return fingerprint.fine(self._rows[which])

    def _autocorrelation(self, which: np.ndarray) -> np.ndarray:
        """The autocorrelation of each picture over all lags up to `_LAG`, [len(which), lags]."""
        missing = [place for place in dict.fromkeys(which.tolist()) if place not in self._lags]
        if missing:
            spectra = np.fft.rfft2(_pictures(self._fine(missing)), (_PADDED, _PADDED))
            near = np.fft.irfft2((spectra * spectra.conj()).real, (_PADDED, _PADDED))
            self._lags |= zip(missing, (_around_zero(near, _LAG) / FINE**2).reshape(len(missing), -1), strict=True)
        return np.stack([self._lags[place] for place in which.tolist()])


def _best_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The highest correlation of two pictures, [N, FINE, FINE] each, over shifts of at most `_SHIFT` cells."""
    shape = (_PADDED, _PADDED)
    product = np.fft.irfft2(np.fft.rfft2(one, shape) * np.fft.rfft2(other, shape).conj(), shape)
    return (_around_zero(product, _SHIFT) / _OVERLAP).max(axis=(1, 2))


def _around_zero(values: np.ndarray, most: int) -> np.ndarray:
    """The part of periodic values [N, H, W] whose place is at most `most` from the origin."""
    near = _offsets(most)
    return values[:, near][:, :, near]


def _offsets(most: int) -> np.ndarray:
    return np.r_[0 : most + 1, -most:0]


def _pictures(fine: np.ndarray, window: Window = _WHOLE, mirrored: bool = False) -> np.ndarray:
    """A window of each fine picture, brought to the whole size, without its margin and of mean square 1."""
    pictures = fine.astype(np.float32)
    if window != _WHOLE:
        left, top, right, bottom = window
        pictures = _resampling(top, bottom, FINE, FINE) @ pictures @ _resampling(left, right, FINE, FINE).T
    if mirrored:
        pictures = pictures[:, :, ::-1]
    inner = np.zeros_like(pictures)
    place = slice(_MARGIN, -_MARGIN)
    inner[:, place, place] = pictures[:, place, place]
    return inner / (np.sqrt((inner * inner).mean(axis=(1, 2), keepdims=True)) + 1e-6)


def _spectra(rows: np.ndarray, window: Window) -> np.ndarray:
    """The spectrum of a window of each packed fingerprint, unpacked in portions."""
    parts = [rows[start : start + _UNPACKED] for start in range(0, len(rows), _UNPACKED)]
    return np.concatenate([_spectrum(fingerprint.coarse(part).astype(np.float32), window) for part in parts])


def _spectrum(coarse: np.ndarray, window: Window) -> np.ndarray:
    """The low frequencies of the middle of a window of coarse pictures, [N, frequencies], of length 1.

    Each is multiplied by its frequency, as the amplitudes of photographs fall with it.
    """
    left, top, right, bottom = window
    x, y = _OUTER * (right - left), _OUTER * (bottom - top)
    down = _DCT @ _resampling(top + y, bottom - y, COARSE, _CELLS)
    across = _DCT @ _resampling(left + x, right - x, COARSE, _CELLS)
    values = (down @ coarse @ across.T * _FREQUENCY).reshape(len(coarse), -1)[:, 1:]
    return (values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def _resampling(low: float, high: float, cells: int, wanted: int) -> np.ndarray:
    """The matrix that gives the means of `wanted` equal parts of the range low to high (0 to 1) of `cells` cells."""
    edges = np.linspace(low * cells, high * cells, wanted + 1)
    cell = np.arange(cells)
    shared = np.minimum(edges[1:, None], cell + 1) - np.maximum(edges[:-1, None], cell)
    shared = shared.clip(0, None)
    return (shared / shared.sum(axis=1, keepdims=True)).astype(np.float32)


def _signs(spectra: np.ndarray) -> np.ndarray:
    """The signs of the frequencies as the bits of one uint64 each."""
    return np.packbits(np.pad(spectra > 0, ((0, 0), (0, 1))), axis=1).view(np.uint64)[:, 0]


_number = np.arange(_FREQUENCIES)
_FREQUENCY = np.hypot(_number[:, None], _number).astype(np.float32)
_ORDER = _FREQUENCY.ravel()[1:]
_DCT = np.cos(np.pi * _number[:, None] * (np.arange(_CELLS) + 0.5) / _CELLS).astype(np.float32)
# Mirroring changes the sign of the odd frequencies.
_MIRROR = np.tile(np.where(_number % 2, -1, 1), _FREQUENCIES)[1:].astype(np.float32)
# Two hashes of 63 bits whose spectra correlate by `_COARSE` differ in 19 bits on average.
_MOST_BITS = 22
_OVERLAP = np.multiply.outer(FINE - np.abs(_offsets(_SHIFT)), FINE - np.abs(_offsets(_SHIFT))).astype(np.float32)
