"""A recorded case: its configuration, the rule that fills its weights, its inputs and outputs, and the checks' form."""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf

from boxwright.boxes.losses import weighted_sigmoid_focal
from boxwright.boxes.losses.loss import ClassificationLoss
from boxwright.checkpoints import checkpoint_files
from boxwright.detector.backbones import spaghettinet
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.layers import Convolution, Normalizer
from boxwright.detector.preprocessing import Preprocessing
from boxwright.detector.protocol import Detector
from boxwright.images import loader
from boxwright.pipeline import text
from boxwright.protos import model_of

# A folder that says it was made with a checkpoint names it relative to itself, with remarks after the path.
WEIGHTS = "weights"
# Of the largest change of an average in one step.


@dataclass(frozen=True)
class Check:
    """One tensor compared: the largest difference found, the bar, and what the difference is measured in."""

    name: str
    difference: float
    bar: float
    unit: str = "of the recorded std"

    @property
    def passed(self) -> bool:
        """Whether the difference is a finite number up to the bar, which may be infinite: nothing else passes any."""
        return bool(np.isfinite(self.difference) and self.difference <= self.bar)

    def __str__(self) -> str:
        verdict = "pass" if self.passed else "FAIL"
        return f"{verdict}  {self.name:<58} {self.difference:>10.3g}  (bar {self.bar:.0e}, {self.unit})"


@dataclass(frozen=True)
class Note:
    """What is said about a case beside its checks."""

    name: str
    passed: bool = True

    def __str__(self) -> str:
        return f"note  {self.name}"


def relative(name: str, ours: Any, recorded: Any, bar: float, std: float | None = None) -> Check:
    """The largest difference over the recorded standard deviation (of the recorded values unless given).

    It is NaN, which passes no bar, if the shapes differ.
    """
    ours, recorded = np.asarray(ours), np.asarray(recorded)
    if ours.shape != recorded.shape:
        return Check(f"{name} {list(ours.shape)} for {list(recorded.shape)}", np.nan, bar, "shape")
    scale = std if std is not None else float(recorded.std())
    return Check(name, float(np.abs(ours - recorded).max(initial=0)) / (scale or 1.0), bar)


def absolute(name: str, ours: Any, recorded: Any, bar: float) -> Check:
    """The largest difference as it is."""
    check = relative(name, ours, recorded, bar, std=1.0)
    return Check(check.name, check.difference, bar, "absolute")


def equal(name: str, ours: Any, recorded: Any) -> Check:
    """How many elements differ; none may."""
    ours, recorded = np.asarray(ours), np.asarray(recorded)
    if ours.shape != recorded.shape:
        return Check(f"{name} {list(ours.shape)} for {list(recorded.shape)}", np.nan, 0, "shape")
    return Check(name, float((ours != recorded).sum()), 0, "elements that differ")


def ratio(name: str, ours: Any, recorded: float, bar: float) -> Check:
    """The difference of two scalars over the recorded one."""
    return Check(name, abs(float(ours) - recorded) / max(abs(recorded), 1e-12), bar, "of the recorded value")


def mean_square(name: str, ours: Any, recorded: Any, bar: float, std: float | None = None) -> Check:
    """The root mean square of the differences over the recorded standard deviation."""
    check = relative(name, ours, recorded, bar, std)
    if not np.isfinite(check.difference):
        return check
    scale = std if std is not None else float(np.std(recorded))
    differences = np.asarray(ours, np.float64) - recorded
    return Check(name, float(np.sqrt(np.mean(differences**2))) / (scale or 1.0), bar, "rms, of the recorded std")


def worst(errors: Mapping[str, float]) -> tuple[str, float]:
    """The largest of the errors and its name; NaN is larger than all numbers. ("", 0) if there is none."""
    name = max(errors, key=lambda name: np.inf if np.isnan(errors[name]) else errors[name], default="")
    return name, float(errors.get(name, 0.0))


def filled(variable: dict) -> np.ndarray:
    """The value of a variable by the fill rule: normal noise seeded by the CRC of the name, or the listed values."""
    if variable.get("values") is not None:
        return np.asarray(variable["values"], np.float32).reshape(variable["shape"])
    random = np.random.Generator(np.random.PCG64(zlib.crc32(variable["name"].encode())))
    noise = random.standard_normal(tuple(variable["shape"]), dtype=np.float32)
    value = np.float32(variable["mean"]) + np.float32(variable["std"]) * noise
    return np.abs(value) if variable.get("abs") else value


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """The input image of a case, uint8 [height, width, 3]: 7/8 noise in cells of 8x8, 1/8 noise per pixel."""
    random = np.random.Generator(np.random.PCG64(seed))
    coarse = random.integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    fine = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coarse = coarse.repeat(8, 0).repeat(8, 1)[:height, :width].astype(np.uint16)
    return ((coarse * 7 + fine) // 8).astype(np.uint8)


@dataclass(frozen=True)
class Run:
    """One batch of images [H, W, 3] with its outputs: a recorded inference. `entry` holds its `subsampled`."""

    name: str
    images: list[np.ndarray]
    outputs: Any
    entry: dict


class Case:
    """The case in `folder`, with all that is in its golden.json."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.golden = json.loads((self.folder / "golden.json").read_text())

    @cached_property
    def config(self) -> Any:
        """Its pipeline.config."""
        return text.parse(self.golden["pipeline_config"], str(self.folder / "golden.json"))

    @property
    def architecture(self) -> str:
        """ssd, faster_rcnn, ..."""
        return model_of(self.config)[1]

    @property
    def extractor(self) -> str:
        """The type of its feature extractor."""
        return model_of(self.config)[0].feature_extractor.type

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Every variable by its recorded name."""
        if WEIGHTS in self.golden:
            reader = checkpoint_files.read(self.folder / self.golden[WEIGHTS].split(" ")[0])
            return {variable["name"]: reader.value(variable["name"]) for variable in self.golden["variables"]}
        return {variable["name"]: filled(variable) for variable in self.golden["variables"]}

    def detector(self, model: Any = None) -> tuple[Detector, list[Check]]:
        """The detector of `model` (or of the case's own configuration), filled, and the check of its variables."""
        detector = build(self.config.model if model is None else model)
        names = self.recorded_names(detector)
        ours = {names[name]: tuple(variable.shape) for name, variable in detector.variables.items()}
        recorded = {variable["name"]: tuple(variable["shape"]) for variable in self.golden["variables"]}
        # Scalars that the OD API's training adds: what it needs to follow a range of values.
        recorded |= {name: () for _, entry, _ in self.losses() for name in entry.get("variables_only_in_one_graph", [])}
        differing = set(ours.items()) ^ set(recorded.items())
        for name, variable in detector.variables.items():
            if names[name] in self.weights and recorded.get(names[name]) == tuple(variable.shape):
                variable.assign(self.weights[names[name]])
        listed = "".join(f" {name}{list(shape)}" for name, shape in sorted(differing)[:4])
        return detector, [Check(f"variables{listed}", len(differing), 0, "names and shapes that differ")]

    def recorded_names(self, detector: Detector) -> dict[str, str]:
        """The recorded name of each variable of the detector: paths in the object graph where the case is TF2's."""
        if self.golden["mode"] == "tf2":
            return detector.object_graph_keys()
        return {name: name for name in detector.variables}

    def runs(self) -> Iterator[Run]:
        """The recorded inferences."""
        if "images" in self.golden:
            for name, entry in self.golden["images"].items():
                image = loader.load_rgb(self.folder / entry["file"])
                yield Run(name, [image], np.load(self.folder / entry["outputs"]), entry)
        else:
            outputs = np.load(self.folder / "outputs.npz")
            yield Run("", _images(outputs), outputs, self.golden)

    def losses(self) -> Iterator[tuple[str, dict, Any]]:
        """Kind, entry and arrays of every recorded training step."""
        for kind, entry in self.golden.items():
            if kind.startswith("loss") and isinstance(entry, dict) and "file" in entry:
                yield kind, entry, np.load(self.folder / entry["file"])

    def model_of_losses(self, entry: dict) -> Any:
        """The DetectionModel that a recorded training step ran."""
        written = entry["pipeline_config_model"]
        if written.startswith("same"):
            return self.config.model
        return text.parse(written, str(self.folder / "golden.json"), kind="DetectionModel")

    @staticmethod
    def batch(detector: Detector, entry: dict) -> tuple[tf.Tensor, tf.Tensor]:
        """Preprocessed images [B, h, w, 3] and true shapes [B, 3] of a recorded training step."""
        given = entry["input"]
        sizes = given.get("sizes_hw") or [(given["H"], given["W"])] * len(given["seeds"])
        return preprocessed(detector, [picture(seed, *size) for seed, size in zip(given["seeds"], sizes, strict=True)])

    @staticmethod
    def groundtruth(entry: dict, images: tf.Tensor, shapes: tf.Tensor) -> Groundtruth:
        """The ground truth of a recorded training step on `images` [B, h, w, c] with true `shapes` [B, 3].

        Its boxes are recorded relative to the padded images; the result is relative to the true ones.
        """
        counts = [len(image["boxes"]) for image in entry["gt"]]
        boxes = np.zeros((len(counts), max(counts), 4), np.float32)
        classes, weights = np.zeros(boxes.shape[:2], np.int32), np.zeros(boxes.shape[:2], np.float32)
        padding = np.array(images.shape[1:3]) / np.asarray(shapes)[:, :2]
        for row, (count, image) in enumerate(zip(counts, entry["gt"], strict=True)):
            boxes[row, :count] = np.reshape(image["boxes"], (count, 4)) * np.tile(padding[row], 2)
            classes[row, :count] = image["classes"]
            weights[row, :count] = image["weights"]
        regions = np.zeros((len(counts), 0, 4), np.float32)
        return Groundtruth(*map(tf.constant, (boxes, classes, weights, np.array(counts, np.int32), regions)))


def _images(outputs: Any) -> list[np.ndarray]:
    """The input images [H, W, 3]: one, a batch of one size, or image_0, image_1, ... of different sizes."""
    if "image" in outputs:
        image = outputs["image"]
        return list(image) if image.ndim == 4 else [image]
    count = sum(name.startswith("image_") and name[6:].isdigit() for name in outputs)
    return [outputs[f"image_{index}"] for index in range(count)]


def preprocessed(detector: Detector, images: Iterable[np.ndarray]) -> tuple[tf.Tensor, tf.Tensor]:
    """Preprocessed images [B, h, w, c], padded to the largest as in training, and true shapes [B, 3]."""
    each = [detector.preprocess(image) for image in images]
    height, width = (max(pixels.shape[axis] for pixels, _ in each) for axis in (0, 1))
    padding = np.broadcast_to(np.float32(detector.padding_value), [height, width, each[0][0].shape[-1]])
    batch = np.stack([padding] * len(each))
    for row, (pixels, _) in zip(batch, each, strict=True):
        row[: pixels.shape[0], : pixels.shape[1]] = pixels
    return tf.constant(batch), tf.stack([shape for _, shape in each])


@contextmanager
def recorded_order() -> Iterator[None]:
    """Inside, the engine works in the order of the OD API.

    An SSD normalises pixels, then resizes; a layer convolves, then normalises. Outside, the engine resizes first and
    folds batch norm into the kernel: the same numbers for less work. But an activation at rounding distance from an end
    of ReLU6 may then lie on its other side, which moves the gradient of a variable by a thousandth, and by more in a
    network that is ill-conditioned. In the recorded order no such rounding is left.
    """

    def preprocess(self: Preprocessing, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        if self.black_padding:
            return as_built(self, image)
        return self.resizer.resize(self.normalize(tf.cast(image, tf.float32)))

    as_built = Preprocessing.__call__

    def normalised(self: Convolution, x: tf.Tensor, batch_norm: Normalizer) -> tf.Tensor:
        y = self._biased(self._convolve(x, self.weights))
        gamma = tf.ones([self.channels_out]) if batch_norm.gamma is None else batch_norm.gamma
        beta = tf.zeros([self.channels_out]) if batch_norm.beta is None else batch_norm.beta
        averages = batch_norm.mean, batch_norm.variance
        fused = tf.compat.v1.nn.fused_batch_norm
        return fused(y, gamma, beta, *averages, epsilon=batch_norm.epsilon, is_training=False)[0]

    patched = ((Preprocessing, "__call__", preprocess), (Convolution, "_folded", normalised))
    with ExitStack() as stack:
        for place, name, function in patched:
            stack.enter_context(mock.patch.object(place, name, function))
        yield


@contextmanager
def as_recorded(case: Case) -> Iterator[None]:
    """Inside, the engine does not round where the case was recorded without: it only clips to the same range."""
    if not case.folder.name.endswith("_unrounded"):
        yield
        return
    with mock.patch.object(spaghettinet, "rounded", tf.clip_by_value):
        yield


def counted(rows: Any, counts: np.ndarray) -> np.ndarray:
    """The rows [B, N, ...] of all images that are detections; with use_static_shapes, others are recorded too."""
    return np.concatenate([image[:count] for image, count in zip(np.asarray(rows), counts, strict=True)])


def sampled(entry: dict, name: str, value: Any) -> tuple[np.ndarray, float | None]:
    """`value` as it was stored (flat and strided if it was large), and the recorded std of the whole, if known.

    If any element of the whole is not finite, or the whole has another shape, all of the result is NaN: the samples
    alone may not show it.
    """
    note = entry.get("subsampled", {}).get(name)
    value = np.asarray(value)
    if not np.isfinite(value).all() or (note is not None and list(value.shape) != note["shape"]):
        value = np.full(value.shape, np.nan)
    return (value, None) if note is None else (value.ravel()[:: note["stride"]], note["std"])


def large(entry: dict, key: str, value: Any, recorded: Any, bar: float, compared: Callable = relative) -> Check:
    """The check of a tensor that may be stored by samples, `compared` by `relative` or `mean_square`."""
    ours, std = sampled(entry, key, value)
    return compared(key, ours, recorded[key], bar, std)


def loss_checks(ours: Mapping[str, Any], penalty: Any, entry: dict, bar: float, of_penalty: float) -> Iterator[Check]:
    """The terms of the loss by tag and the regularization loss, `penalty`."""
    yield Check("loss terms", len(set(ours) ^ set(entry["losses"])), 0, "names that differ")
    for tag, value in entry["losses"].items():
        yield ratio(tag, ours.get(tag, np.nan), value, bar)
    yield ratio("regularization_loss", penalty, entry["regularization_loss"], of_penalty)


def gradient_checks(kind: str, ours: Mapping[str, float], entry: dict, bar: float, least: float) -> Iterator[Check]:
    """The norm of the whole gradient, and the worst of all variables, whose norm counts as `least` where it is less."""
    recorded = entry["grad_norms"]
    yield ratio(f"{kind}global gradient norm", np.linalg.norm(list(ours.values())), entry["global_grad_norm"], bar)
    errors = {name: abs(ours.get(name, np.inf) - norm) / max(norm, least) for name, norm in recorded.items()}
    name, error = worst(errors)
    yield Check(f"{kind}gradient norms, worst {name[-36:]}", error, bar, "of the recorded norm")


def average_checks(case: Case, detector: Detector, entry: dict, bar: float, chaotic: str = "(?!)") -> Iterator[Check]:
    """Which moving averages one step has moved, and where to; of those named like `chaotic`, that they are numbers."""
    names = case.recorded_names(detector)
    moved = entry["moving_average_after_one_step"]
    ours = {names[name]: variable.numpy() for name, variable in detector.variables.items()}
    averages = {name: value for name, value in ours.items() if "moving_" in name and name in case.weights}
    changed = [name for name, value in averages.items() if (value != case.weights[name]).any()]
    counted = [name for name in changed if "moving_variance" not in name] if "bn_layers" in moved else changed
    yield Check("moving averages moved", abs(len(counted) - moved["count_changed"]), 0, "difference of their number")
    errors = {name: np.inf for name, value in ours.items() if not np.isfinite(value).all()}
    for name, sample in moved["sample"].items():
        if re.search(chaotic, name):
            continue
        variance = name.replace("moving_mean", "moving_variance")
        for average, key in ((name, "first4_after"), (variance, "var_first4_after")):
            if key in sample:
                after = ours.get(average, np.full(4, np.nan)).ravel()[: len(sample[key])]
                errors[average] = errors.get(average, np.abs(after - sample[key]).max() / sample["max_change"])
    yield Check("moving averages after one step", worst(errors)[1], bar, "of the largest change")


def by_entry(loss: ClassificationLoss) -> ClassificationLoss:
    """The loss of every entry, as it is recorded, for the focal loss, which is that of every anchor; others as are."""
    if getattr(loss, "func", None) is weighted_sigmoid_focal.sigmoid_focal_of_anchors:
        return partial(weighted_sigmoid_focal.sigmoid_focal, **loss.keywords)
    return loss


def by_inference(entry: dict) -> bool:
    """Whether batch norm used its moving averages in a recorded training step."""
    return entry["batch_norm_mode"].startswith("inference")


def trains(entry: dict) -> bool:
    """Whether the network of a recorded training step ran as in training.

    If no field of the configuration freezes all batch norm, the whole network was in inference mode.
    """
    note = entry.get("note", "")
    return not by_inference(entry) or ("learning phase 0" not in note)


def every_check(
    case: Case,
    inference: Callable[[Any, Run], Iterator[Check]],
    training: Callable[[Case, dict, Any], Iterator[Check]],
) -> Iterator[Check | Note]:
    """The names of the variables, then `inference` on every recorded run and `training` on every recorded loss."""
    detector, names = case.detector()
    yield from names
    for run in case.runs():
        prefix = f"{run.name} " if run.name else ""
        for check in inference(detector, run):
            yield replace(check, name=prefix + check.name)
    compared = False
    for kind, entry, recorded in case.losses():
        compared = True
        for check in training(case, entry, recorded):
            yield replace(check, name=f"{kind} {check.name}")
    if not compared:
        yield Note("no training was compared: the case has no losses")
