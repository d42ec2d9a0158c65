"""Every row of the catalogue keeps what it promises: maps, names, gradients, checkpoints, export."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from boxwright.catalog.extractors import EXTRACTORS, Extractor
from boxwright.catalog.families import FAMILIES
from boxwright.checkpoints import checkpoint_files, restore
from boxwright.core import code
from boxwright.detector import inference, precision
from boxwright.detector.build import build
from boxwright.detector.groundtruth import Groundtruth
from boxwright.detector.protocol import Detector
from boxwright.pipeline import parts, text
from boxwright.protos import DetectionModel, model_of
from boxwright.training.gradients import fast_convolutions, pairwise_gradients

ROOT = Path(__file__).resolve().parents[3]
# Height and width of images for most extractors, and for those that need larger ones.
SIZE, LARGER = (64, 96), (160, 192)
# One network of each kind is enough for every day.
SLOW = re.compile(
    "101|152|inception_(resnet|v3)|efficientnet-b[1-7]|mobiledet_(dsp|edgetpu|gpu)|resnet50_(v1_fpn|keras)"
    "|embedded|mnasfpn|minimalistic|mobilenet_v1_(fpn|keras)|ssd_mobilenet_v2_fpn$|v3_large|mobilenet_edgetpu"
    "|faster_rcnn_inception|hourglass|^resnet_v|sep_conv"
)
SEED = tf.constant([3, 4])
# One box of the first class.
TRUTH = Groundtruth(
    boxes=tf.constant([[[0.1, 0.2, 0.8, 0.7]]]),
    classes=tf.constant([[0]]),
    weights=tf.ones([1, 1]),
    num_boxes=tf.constant([1]),
)


def size_of(row: Extractor) -> tuple[int, int]:
    if row.only_side or row.multiple > min(SIZE):
        return (row.only_side or row.multiple,) * 2
    if row.neck == "mnasfpn":
        return 64, 128  # multiples of 2^6
    return SIZE if row.smallest_side <= min(SIZE) else LARGER


def model_of_row(row: Extractor) -> DetectionModel:
    """The row's template for small images, one class, few proposals."""
    config = text.read(ROOT / row.template)
    message, family = model_of(config)
    assert family == row.family
    if row.type != message.feature_extractor.type:
        message.feature_extractor.type = row.type
        if family == "ssd":
            message.feature_extractor.use_depthwise = False  # with some pyramids it makes the backbone narrower
    message.num_classes = 1
    size = dict(zip(("height", "width"), size_of(row), strict=True))
    message.image_resizer.CopyFrom(type(message.image_resizer)(fixed_shape_resizer=size))
    if family == "ssd" and message.anchor_generator.HasField("ssd_anchor_generator"):
        message.anchor_generator.ssd_anchor_generator.num_layers = len(row.map_levels(message.feature_extractor))
    if row.neck == "mnasfpn":
        message.feature_extractor.fpn.max_level = message.anchor_generator.multiscale_anchor_generator.max_level = 6
    if row.neck == "bifpn":
        message.feature_extractor.bifpn.max_level = message.anchor_generator.multiscale_anchor_generator.max_level = 5
    if family == "faster_rcnn":
        message.first_stage_max_proposals = message.second_stage_batch_size = 4
    return config.model


def params(rows: Iterable[Extractor]) -> list:
    return [pytest.param(row, id=row.type, marks=[pytest.mark.slow] if SLOW.search(row.type) else []) for row in rows]


@pytest.fixture(scope="module", params=params(EXTRACTORS.values()))
def row(request) -> Extractor:
    return request.param


@pytest.fixture(scope="module")
def detector(row):
    return build(model_of_row(row), seed=1)


@pytest.fixture(scope="module")
def images(row, detector):
    image = np.random.default_rng(0).integers(0, 256, (1, *size_of(row), 3), dtype=np.uint8)
    return detector.preprocess_batch(tf.constant(image))


def test_it_is_a_detector(detector):
    for name in [*Detector.__annotations__, *vars(Detector)]:
        assert name.startswith("_") or hasattr(detector, name), name
    for name, columns in detector.class_columns().items():
        slots = detector.num_classes + columns.background
        assert detector.variables[name].shape[-1] % (slots * columns.each) == 0, name


def test_the_maps_of_the_backbone_are_those_of_the_row(row, detector, images):
    backbone = detector.backbone
    assert {level: (fact.stride, fact.channels) for level, fact in row.levels.items()} == {
        level: (backbone.strides[level], backbone.channels[level]) for level in backbone.channels
    }
    # SpaghettiNet's last map is said to be one level coarser than it is.
    last = 7 if row.backbone == "spaghettinet" else max(backbone.strides)
    assert backbone.strides == {level: 2 ** min(level, last) for level in backbone.strides}
    for level, features in backbone(images[0]).items():
        cells = [row.levels[level].cells(side) for side in size_of(row)]
        assert features.shape == (1, *cells, backbone.channels[level])


def test_the_neck_and_the_features_of_proposals_have_their_channels(row, detector, images):
    if row.neck:
        message = getattr(model_of_row(row), row.family)
        maps = detector.neck(detector.backbone(images[0]))
        assert {level: features.shape[-1] for level, features in maps.items()} == detector.neck.channels
        assert list(maps) == list(row.map_levels(message.feature_extractor))
    if row.box_features:
        assert detector.second.features.channels == row.box_features
        (channels,) = detector.backbone.channels.values()
        assert detector.second.features(tf.zeros([2, 7, 7, channels])).shape[-1] == row.box_features


def test_names_of_the_backbone_begin_with_the_scopes_of_the_row(row, detector):
    assert tuple(detector.backbone_scopes) == row.scopes
    assert detector.classifier_names == row.classifier_names
    assert all(any(name.startswith(prefix) for name in detector.variables) for prefix in row.classifier_names)
    own = f"{row.scope}_m" if row.architectures else row.scope
    places = [own] if row.scope.startswith(row.scopes[0]) else [f"{scope}/{row.scope}" for scope in row.scopes]
    names = [name for name in detector.variables if name.split("/")[0] in row.scopes]
    if row.neck == "mnasfpn":  # which lies beside the backbone
        names = [name for name in names if not name.startswith("FeatureExtractor/MnasFPN/")]
    assert all(name.startswith(tuple(f"{place}/" for place in places)) for name in names)
    assert all(any(name.startswith(f"{place}/") for name in names) for place in places)
    assert detector.class_columns().keys() <= detector.variables.keys() - set(names)


def test_a_gradient_reaches_every_trainable_variable(detector, images):
    with tf.GradientTape() as tape:
        predictions = detector.predict(*images, training=True, seed=SEED)
        losses = detector.losses(predictions, TRUTH, SEED)
        total = tf.add_n([*losses.values(), detector.regularization_loss()])
    gradients = tape.gradient(total, {name: detector.variables[name] for name in detector.trainable})
    assert detector.trainable
    assert [name for name, gradient in gradients.items() if gradient is None] == []
    assert [name for name, gradient in gradients.items() if not np.isfinite(gradient).all()] == []


@pytest.mark.parametrize(
    "row", params(row for row in EXTRACTORS.values() if row.rounded_features), indirect=True, scope="module"
)
def test_a_cpu_has_the_kernels_of_a_step_in_bfloat16(row, images):
    detector = build(model_of_row(row), seed=1, precision=precision.of("bfloat16", gpu=False))

    @tf.function(autograph=False)
    def losses_and_gradients() -> tuple[dict[str, tf.Tensor], dict[str, tf.Tensor]]:
        with fast_convolutions():
            losses = detector.losses(detector.predict(*images, training=True, seed=SEED), TRUTH, SEED)
            trained = {name: detector.variables[name] for name in detector.trainable}
            return losses, pairwise_gradients(tf.add_n(list(losses.values())), trained)

    losses, gradients = losses_and_gradients()
    found = losses | gradients
    assert {one.dtype for one in found.values()} == {tf.float32}
    assert [name for name, value in found.items() if not np.isfinite(value).all()] == []


def test_every_variable_is_saved_and_restored(row, detector, tmp_path):
    before = {name: variable.numpy() for name, variable in detector.variables.items()}
    checkpoint_files.write(tmp_path / "tf1", {name: value + 1 for name, value in before.items()})
    report = restore.restore(detector, tmp_path / "tf1", checkpoint_type="full")
    assert report.restored == list(before)
    for name, value in before.items():
        np.testing.assert_array_equal(detector.variables[name], value + 1)

    keys = detector.object_graph_keys()
    assert bool(keys) == (row.dialect == "tf2")
    if keys:
        assert keys.keys() == before.keys()
        assert len(set(keys.values())) == len(keys)
        values = {keys[name]: value for name, value in before.items()}
        checkpoint_files.write(tmp_path / "tf2", values | {checkpoint_files.OBJECT_GRAPH: np.float32(0)})
        restore.restore(detector, tmp_path / "tf2", checkpoint_type="full")
    else:
        for name, value in before.items():
            detector.variables[name].assign(value)
    for name, value in before.items():
        np.testing.assert_array_equal(detector.variables[name], value)


def test_its_export_can_be_traced(detector):
    """The graph that an export is made of takes images of any size and has the OD API's outputs."""
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    exported = tf.function(lambda image: inference.on_images(detector, image), autograph=False)
    outputs = exported.get_concrete_function(spec).structured_outputs
    assert {"detection_boxes", "detection_scores", "detection_classes", "num_detections"} <= outputs.keys()
    assert all(output.dtype == tf.float32 for output in outputs.values())
    boxes = outputs["detection_boxes"].shape
    assert boxes.rank == 3 and boxes[2] == 4


@pytest.mark.parametrize(
    "type_", ["ssd_mobilenet_v1", "ssd_mobilenet_v2_fpn_keras", "faster_rcnn_resnet50", "mobilenet_v2_fpn"]
)
def test_the_code_identity_reaches_all_that_is_loaded(type_):
    """What building imports by name is what the row and the message name: nothing that decides a result is left out."""
    model = model_of_row(EXTRACTORS[type_])
    program = (
        "import sys\n"
        "from boxwright.catalog import check\n"
        "from boxwright.protos import DetectionModel\n"
        f"model = DetectionModel.FromString({model.SerializeToString()!r})\n"
        "check.require(model, 'model')\n"
        "refusing = set(sys.modules)\n"
        "from boxwright.detector.build import build\n"
        "build(model)\n"
        "print(*(name for name in set(sys.modules) - refusing if name.split('.')[0] == 'boxwright'))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name for name in run.stdout.split() if not f"{name}.".startswith(tuple(f"{o}." for o in code.OUTSIDE))}
    message = getattr(model, EXTRACTORS[type_].family)
    field = FAMILIES[EXTRACTORS[type_].family].box_predictor
    predictor = parts.choice(getattr(message, field)) if field else ""
    used = EXTRACTORS[type_].modules(predictor)
    assert len(used) == len(set(used))
    reached = code.reach("boxwright.detector.build", *used, *parts.in_use(model))
    modules = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in reached}
    assert loaded - {f"boxwright.{module}" for module in modules} == set()


@pytest.mark.parametrize("kind", ["classification", "detection"])
def test_what_each_kind_of_tf2_checkpoint_restores(kind, tmp_path):
    """A classifier fills the backbone; a detector also the neck, and the head only if all is asked for."""
    detector = build(model_of_row(EXTRACTORS["ssd_mobilenet_v2_fpn_keras"]), seed=1)
    keys = detector.object_graph_keys()
    backbone = "model/_feature_extractor/classification_backbone/"
    values = {keys[name]: variable.numpy() + 1 for name, variable in detector.variables.items()}
    if kind == "classification":
        values = {
            f"feature_extractor/{key.removeprefix(backbone)}": value
            for key, value in values.items()
            if key.startswith(backbone)
        }
    checkpoint_files.write(tmp_path / kind, values | {checkpoint_files.OBJECT_GRAPH: np.float32(0)})
    report = restore.restore(detector, tmp_path / kind, checkpoint_type=kind)
    scope = "FeatureExtractor/MobilenetV2/"
    neck = {name for name in detector.variables if name.startswith(f"{scope}fpn/")}
    body = {name for name in detector.variables if name.startswith(scope)} - neck
    assert neck and set(report.restored) == (body if kind == "classification" else body | neck)
