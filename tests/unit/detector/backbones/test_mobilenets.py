"""The MobileNets of SSD with their extra maps: widths, padding, and which layers train their batch norm."""

import pytest
import tensorflow as tf

from boxwright.core.errors import UserError
from boxwright.detector import build as builder
from boxwright.detector.backbones import mobilenet_v1, mobilenet_v2
from boxwright.detector.backbones.mobilenet_settings import PUBLISHED
from boxwright.detector.backbones.widths import make_divisible
from boxwright.detector.families.ssd import Ssd
from boxwright.detector.layers import Variables


def build(model, freeze: bool = False, **fields) -> Ssd:
    """The detector with fields of its feature extractor changed."""
    model.ssd.freeze_batchnorm = freeze
    for name, value in fields.items():
        setattr(model.ssd.feature_extractor, name, value)
    if "num_layers" in fields:
        model.ssd.anchor_generator.ssd_anchor_generator.num_layers = fields["num_layers"]
    return builder.build(model)


def trains_batch_norm(detector: Ssd) -> tuple[bool, bool]:
    """Whether one training call moves the averages of the base and of the extra maps."""
    before = {name: variable.numpy() for name, variable in detector.variables.items()}
    detector.feature_maps(tf.random.stateless_normal([2, 64, 64, 3], [0, 0]), training=True)
    moved = [name for name, value in before.items() if (detector.variables[name].numpy() != value).any()]
    assert all("moving_" in name for name in moved)
    extra = [name for name in moved if "pointwise_1_" in name or "pointwise_2_" in name or "layer_19_" in name]
    return len(moved) > len(extra), bool(extra)


@pytest.mark.parametrize(
    ("kind", "multiplier", "channels"),
    [
        ("ssd_mobilenet_v1", 1.0, [512, 1024, 512, 256, 256, 128]),
        ("ssd_mobilenet_v1", 0.75, [384, 768, 384, 192, 192, 96]),
        ("ssd_mobilenet_v1", 0.1, [51, 102, 51, 25, 25, 16]),
        ("ssd_mobilenet_v2", 1.0, [576, 1280, 512, 256, 256, 128]),
        ("ssd_mobilenet_v2", 1.4, [816, 1792, 716, 358, 358, 179]),
        # The multiplier squared in the base (512 * 0.75 * 0.75 = 288), once in the extra maps.
        ("ssd_mobilenet_v1_keras", 0.75, [288, 576, 384, 192, 192, 96]),
        ("ssd_mobilenet_v1_keras", 0.1, [16, 16, 51, 25, 25, 16]),
        ("ssd_mobilenet_v2_keras", 0.5, [288, 640, 256, 128, 128, 64]),
        ("ssd_mobilenet_v2_keras", 1.4, [816, 1280, 716, 358, 358, 179]),
    ],
)
def test_widths(model, kind, multiplier, channels):
    detector = build(model, type=kind, depth_multiplier=multiplier, min_depth=16)
    assert list(detector.neck.channels.values()) == channels
    assert list(detector.neck.channels) == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("size", ["large", "small"])
def test_the_minimalistic_v3_has_nothing_that_accelerators_are_slow_at(model, size):
    full, plain = (build(model, type=f"ssd_mobilenet_v3_{name}") for name in (size, f"{size}_minimalistic"))
    assert plain.backbone.channels == full.backbone.channels and plain.backbone.strides == full.backbone.strides
    left = [name for name in full.variables if "squeeze_excite" not in name]
    assert list(plain.variables) == left != list(full.variables)
    kernels = {tuple(plain.variables[name].shape[:2]) for name in left if name.endswith("depthwise_weights")}
    assert kernels == {(3, 3)}
    activations = {layer.activation for block in plain.backbone.blocks for layer in block.layers()}
    assert activations == {tf.nn.relu, None}


def test_the_embedded_one_ends_in_a_single_pixel(model):
    """Its backbone's depthwise kernels are not penalised, unless the configured settings replace the published ones."""
    model.ssd.image_resizer.fixed_shape_resizer.height = model.ssd.image_resizer.fixed_shape_resizer.width = 256
    model.ssd.anchor_generator.ssd_anchor_generator.num_layers = 5
    penalty = model.ssd.feature_extractor.conv_hyperparams.regularizer.l2_regularizer
    penalty.weight = 1e-3
    detector = build(model, type="embedded_ssd_mobilenet_v1", depth_multiplier=0.25)
    maps = detector.feature_maps(tf.zeros([1, 256, 256, 3]))
    assert [features.shape[1:] for features in maps.values()] == [
        *((16, 16, 128), (8, 8, 256), (4, 4, 128), (2, 2, 64), (1, 1, 64)),
    ]
    last = "FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_2_Conv2d_4_2x2_s2_64/weights"
    assert detector.variables[last].shape == (2, 2, 32, 64)

    def penalised(detector):
        return {name for name in detector.registry.regularized if name.endswith("depthwise_weights")}

    assert not penalised(detector)
    overridden = build(model, override_base_feature_extractor_hyperparams=True)
    assert len(penalised(overridden)) == 13


@pytest.mark.parametrize(
    ("kind", "shortcuts"),
    [
        # At a multiplier of 0.25, 16, 24 and 32 channels become 8, and min_depth makes them 16.
        ("ssd_mobilenet_v2", [0, 2, 4, 5, 7, 8, 9, 11, 12, 14, 15]),
        ("ssd_mobilenet_v2_keras", [7, 8, 9, 11, 12, 14, 15]),
    ],
)
def test_where_the_blocks_of_v2_have_a_shortcut(model, kind, shortcuts):
    detector = build(model, type=kind, depth_multiplier=0.25, min_depth=16)
    assert [index for index, block in enumerate(detector.backbone.blocks) if block.residual] == shortcuts


@pytest.mark.parametrize(("least", "expands"), [(16, False), (20, True)])
def test_a_block_of_v3_without_expansion_expands_to_a_multiple_of_eight(model, least, expands):
    detector = build(model, type="ssd_mobilenet_v3_large", depth_multiplier=0.5, min_depth=least)
    first = "FeatureExtractor/MobilenetV3/expanded_conv"
    assert (f"{first}/expand/weights" in detector.variables) == expands
    assert detector.variables[f"{first}/depthwise/depthwise_weights"].shape[2] == (24 if expands else 16)


def test_make_divisible_never_takes_away_more_than_a_tenth():
    assert [make_divisible(v) for v in (3, 12, 20, 33.6, 44.8)] == [8, 16, 24, 32, 48]
    assert make_divisible(11) == 16  # 8 would be 27 % less
    assert make_divisible(3, least=16) == 16


@pytest.mark.parametrize("kind", ["ssd_mobilenet_v1", "ssd_mobilenet_v2"])
def test_maps_halve_and_explicit_padding_keeps_their_sizes(model, kind):
    images = tf.zeros([1, 96, 96, 3])
    same = build(model, type=kind).feature_maps(images)
    sizes = {level: features.shape[1] for level, features in same.items()}
    assert sizes == {4: 6, 5: 3, 6: 2, 7: 1, 8: 1, 9: 1}
    explicit = build(model, type=kind, use_explicit_padding=True).feature_maps(images)
    assert {level: features.shape[1] for level, features in explicit.items()} == sizes


def test_padding_to_a_multiple_and_fewer_layers(model):
    maps = build(model, pad_to_multiple=32, num_layers=3).feature_maps(tf.zeros([1, 70, 96, 3]))
    assert [features.shape[1:3] for features in maps.values()] == [(6, 6), (3, 3), (2, 2)]


@pytest.mark.parametrize(
    ("module", "end_points", "channels"),
    [
        (mobilenet_v1, {2: "Conv2d_3_pointwise", 3: "Conv2d_5_pointwise", 5: "Conv2d_12_pointwise"}, [128, 256, 1024]),
        (mobilenet_v2, {1: "layer_1", 2: "layer_4", 4: "layer_14", 5: "layer_18"}, [32, 24, 96, 320]),
    ],
)
def test_any_of_the_layers_can_be_a_level(module, end_points, channels):
    backbone = module.features(Variables(), "x", conv_hyperparams=PUBLISHED, end_points=end_points)
    maps = backbone(tf.zeros([1, 64, 96, 3]))
    assert list(backbone.channels.values()) == channels
    assert backbone.strides == {level: 2**level for level in end_points}
    assert {level: features.shape[1:].as_list() for level, features in maps.items()} == {
        level: [64 >> level, 96 >> level, wide] for level, wide in backbone.channels.items()
    }


@pytest.mark.parametrize(
    ("kind", "freeze", "override", "train", "expected"),
    [
        ("ssd_mobilenet_v1", False, False, True, (True, True)),
        ("ssd_mobilenet_v1", True, False, True, (False, True)),
        ("ssd_mobilenet_v1", False, False, False, (True, False)),
        ("ssd_mobilenet_v2", True, True, True, (True, True)),
        ("ssd_mobilenet_v2", False, True, False, (False, False)),
        ("ssd_mobilenet_v2_keras", True, True, True, (False, False)),
        ("ssd_mobilenet_v2_keras", False, False, False, (True, True)),
    ],
)
def test_what_freezes_batch_norm(model, kind, freeze, override, train, expected):
    model.ssd.feature_extractor.conv_hyperparams.batch_norm.train = train
    detector = build(model, freeze, type=kind, override_base_feature_extractor_hyperparams=override)
    assert trains_batch_norm(detector) == expected


@pytest.mark.parametrize(
    ("kind", "override", "base", "depthwise"),
    [
        ("ssd_mobilenet_v1", False, 4e-5, 4e-5),
        ("ssd_mobilenet_v1", True, 1e-4, 1e-4),
        ("ssd_mobilenet_v2", False, 4e-5, None),
        ("ssd_mobilenet_v2", True, 1e-4, 1e-4),
        ("ssd_mobilenet_v2_keras", False, 4e-5, 4e-5),
    ],
)
def test_penalties_of_the_base(model, kind, override, base, depthwise):
    registry = build(model, type=kind, override_base_feature_extractor_hyperparams=override).registry
    weights = {name: penalty.weight for name, penalty in registry.regularized.items()}
    stem, filters = {
        "v1": ("MobilenetV1/Conv2d_0/weights", "MobilenetV1/Conv2d_1_depthwise/depthwise_weights"),
        "v2": ("MobilenetV2/Conv/weights", "MobilenetV2/expanded_conv/depthwise/depthwise_weights"),
    }[kind.split("_")[2]]
    assert weights[f"FeatureExtractor/{stem}"] == pytest.approx(base)
    assert weights.get(f"FeatureExtractor/{filters}") == (None if depthwise is None else pytest.approx(depthwise))


@pytest.mark.parametrize(("kind", "stem", "kept"), [("v1", "Conv2d_0", False), ("v2", "Conv", True)])
def test_an_overridden_base_without_batch_norm(model, kind, stem, kept):
    """Of v1 the settings decide everything; v2 has batch norm by its own definition."""
    model.ssd.feature_extractor.conv_hyperparams.ClearField("batch_norm")
    variables = build(model, type=f"ssd_mobilenet_{kind}", override_base_feature_extractor_hyperparams=True).variables
    layer = f"FeatureExtractor/Mobilenet{kind.upper()}/{stem}"
    assert (f"{layer}/BatchNorm/gamma" in variables) == kept
    assert (f"{layer}/biases" in variables) != kept


def test_depthwise_extra_maps(model):
    variables = build(model, use_depthwise=True, depth_multiplier=1.0).variables
    name = "FeatureExtractor/MobilenetV1/Conv2d_13_pointwise_2_Conv2d_2_3x3_s2_512"
    assert variables[f"{name}_depthwise/depthwise_weights"].shape == (3, 3, 256, 1)
    assert variables[f"{name}/weights"].shape == (1, 1, 256, 512)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "ssd_resnet50_v9_fpn"),
        ("use_hardswish", True),
        ("replace_preprocessor_with_placeholder", True),
        ("spaghettinet_arch_name", "s"),
    ],
)
def test_unsupported_fields_are_named(model, field, value):
    with pytest.raises(UserError, match=rf"model\.ssd\.feature_extractor\.{field}"):
        build(model, **{field: value})


def test_a_pyramid_needs_an_extractor_that_has_one(model):
    model.ssd.feature_extractor.fpn.min_level = 3
    with pytest.raises(UserError, match=r"feature_extractor\.fpn"):
        build(model)


def test_images_that_are_too_small(model):
    with pytest.raises(UserError, match="33x33"):
        build(model).feature_maps(tf.zeros([1, 32, 64, 3]))


@pytest.mark.parametrize(
    ("module", "keras", "last"),
    [
        (mobilenet_v1, False, [256, 128]),
        # Applied twice to 1024 channels, but once where depthwise convolutions make the layers narrower.
        (mobilenet_v1, True, [256, 128]),
        (mobilenet_v2, False, [320, 128]),
        (mobilenet_v2, True, [320, 640]),
    ],
)
def test_below_a_lite_pyramid_the_backbone_ends_narrower(module, keras, last):
    settings = {"conv_hyperparams": PUBLISHED, "pyramid": True, "keras": keras, "depth_multiplier": 0.5}
    wide = module.features(Variables(), "x", **settings)
    narrow = module.features(Variables(), "x", use_depthwise=True, **settings)
    assert list(narrow.strides) == [2, 3, 4, 5]
    assert narrow.channels[5] == last[1]
    assert narrow.channels[5] < wide.channels[5] or (module, keras) in ((mobilenet_v2, True), (mobilenet_v1, True))
    if module is mobilenet_v1:
        assert [layer.channels_out for layer in narrow._layers[-3::2]] == last


@pytest.mark.parametrize(
    ("module", "keras", "channels", "unused"),
    [
        (mobilenet_v1, False, {2: 32, 3: 64, 4: 128}, "Conv2d_13_pointwise"),
        (mobilenet_v2, False, {2: 16, 3: 16, 4: 24}, "Conv_1"),
        # TF2's pyramid takes the last maps whatever its levels are.
        (mobilenet_v1, True, {2: 16, 3: 16, 4: 32, 5: 64}, None),
        (mobilenet_v2, True, {2: 16, 3: 16, 4: 24, 5: 320}, None),
    ],
)
def test_below_a_pyramid_that_ends_early_the_last_layers_are_only_in_the_penalty(module, keras, channels, unused):
    settings = {"conv_hyperparams": PUBLISHED, "pyramid": True, "keras": keras, "levels": range(3, 5)}
    variables = Variables()
    network = module.features(variables, "x", depth_multiplier=0.25, **settings)
    assert network.channels == channels and list(network(tf.zeros([1, 64, 64, 3]))) == list(channels)
    idle = {name for name in variables.by_name if name.endswith(("gamma", "beta")) and name not in variables.trainable}
    assert (f"x/{unused}/BatchNorm/gamma" in idle) == (unused is not None) and bool(idle) == (unused is not None)
    assert unused is None or {f"x/{unused}/weights"} <= {*variables.trainable} & {*variables.regularized}
    assert not any(name.startswith(("x/Conv2d_11_", "x/expanded_conv_12/")) for name in idle)
