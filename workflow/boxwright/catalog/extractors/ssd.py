"""The rows of SSD."""

from typing import Any

from boxwright.catalog.extractors.row import Extractor, Level

_OVERRIDE = "override_base_feature_extractor_hyperparams"
_SSD: dict[str, Any] = {
    "family": "ssd",
    "heads": ("convolutional", "weight_shared_convolutional"),
    "normalization": "minus_one_to_one",
    "scopes": ("FeatureExtractor",),
    "batch_norm_decay": 0.9997,
    "checkpoint_mb": 80,
}
_EXTRA_MAPS: dict[str, Any] = {"neck": "extra_maps", "most_extra_maps": 4}
_FPN: dict[str, Any] = {
    "neck": "fpn",
    "heads": ("weight_shared_convolutional", "convolutional"),
    "arguments": {"pyramid": True},
    "template": "config/pipelines/ssd_mobilenet_v2_fpnlite_320.config",
    "depthwise_template": "",
}
_MOBILENET_V1: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v1",
    "levels": {4: Level(16, 512), 5: Level(32, 1024)},
    "scope": "FeatureExtractor/MobilenetV1",
    "like": r"mob\w*_v1(?!\w*fpn)",
    "template": "config/pipelines/ssd_mobilenet_v1.config",
    "rounded_features": True,
}
_MOBILENET_V2: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v2",
    "levels": {4: Level(16, 576), 5: Level(32, 1280)},
    "scope": "FeatureExtractor/MobilenetV2",
    "like": r"mobilenet(?!\w*(_v1|fpn))",
    "template": "config/pipelines/ssd_mobilenet_v2.config",
    "depthwise_template": "config/pipelines/ssdlite_mobilenet_v2.config",
    "rounded_features": True,
}
_MOBILENET_V3: dict[str, Any] = {
    **_SSD,
    **_EXTRA_MAPS,
    "backbone": "mobilenet_v3",
    "scope": "FeatureExtractor/MobilenetV3",
    # With it the OD API pads twice, and the maps grow.
    "only": {"use_explicit_padding": False},
    "like": r"mobilenet_v3(?!\w*fpn)",
    "template": "config/pipelines/ssdlite_mobilenet_v2.config",
}


def _mobilenet_v3(size: str, minimalistic: bool) -> Extractor:
    name = f"{size}_minimalistic" if minimalistic else size
    channels = {"large": (672, 480), "small": (288, 288)}[size]
    return Extractor(
        type=f"ssd_mobilenet_v3_{name}",
        arguments={"size": name},
        levels={level: Level(2**level, wide) for level, wide in enumerate(channels, 4)},
        compared=not minimalistic,
        **{**_MOBILENET_V3, "like": "minimalistic" if minimalistic else _MOBILENET_V3["like"]},
    )


def _mobiledet(target: str, c4: int, c5: int) -> Extractor:
    return Extractor(
        type=f"ssd_mobiledet_{target.lower()}",
        backbone="mobiledet",
        arguments={"target": target},
        levels={4: Level(16, c4), 5: Level(32, c5)},
        scope=f"FeatureExtractor/MobileDet{target}",
        only={"use_explicit_padding": False},
        unread=(_OVERRIDE,),
        batch_norm_fixed=True,
        like="(?!)" if target != "CPU" else "mobiledet",
        compared=target in ("CPU", "EdgeTPU"),
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **{**_SSD, **_EXTRA_MAPS, "batch_norm_decay": 0.99},
    )


_INCEPTION: dict[str, Any] = {
    **_SSD,
    "neck": "extra_maps",
    "only": {_OVERRIDE: True},
    # Configurations of 2017, and of the model zoo, are older than the field.
    "unset": {_OVERRIDE: True},
    "checkpoint_mb": 300,
    "template": "config/pipelines/ssd_mobilenet_v2.config",
    "rounded_features": True,
}
# What TF2's ResNets have whatever `fpn` says.
_RETINANET = {"fpn": {"min_level": 3, "max_level": 7, "additional_layer_depth": 256}}
_MOBILENET_V1_FPN: dict[str, Any] = {
    **_SSD,
    **_FPN,
    "backbone": "mobilenet_v1",
    "levels": {2: Level(4, 128), 3: Level(8, 256), 4: Level(16, 512), 5: Level(32, 1024)},
    "bottom_up": "Conv2d_14",
    "scope": "FeatureExtractor/MobilenetV1",
    "like": r"mob\w*_v1\w*fpn",
}
_MOBILENET_V2_FPN: dict[str, Any] = {
    **_SSD,
    **_FPN,
    "backbone": "mobilenet_v2",
    "levels": {2: Level(4, 24), 3: Level(8, 32), 4: Level(16, 96), 5: Level(32, 1280)},
    "bottom_up": "Conv2d_20",
    "scope": "FeatureExtractor/MobilenetV2",
    "like": r"^(ssd(?!.*(mob.*_v1|resnet)).*|mobilenet_v2_)fpn",
    "rounded_features": True,
}
# The channels of the levels 1 to 5 of EfficientNet B0 to B7, with the factors of width and depth, and the iterations
# and the channels that BiFPN has on them without a `bifpn` block.
_EFFICIENTNETS = (
    ((16, 24, 40, 112, 320), 1.0, 1.0, 3, 64),
    ((16, 24, 40, 112, 320), 1.0, 1.1, 4, 88),
    ((16, 24, 48, 120, 352), 1.1, 1.2, 5, 112),
    ((24, 32, 48, 136, 384), 1.2, 1.4, 6, 160),
    ((24, 32, 56, 160, 448), 1.4, 1.8, 7, 224),
    ((24, 40, 64, 176, 512), 1.6, 2.2, 7, 288),
    ((32, 40, 72, 200, 576), 1.8, 2.6, 8, 384),
    ((32, 48, 80, 224, 640), 2.0, 3.1, 8, 384),
)


def _efficientdet(
    number: int, channels: tuple[int, ...], width: float, depth: float, iterations: int, filters: int
) -> Extractor:
    combined = "sum" if number > 5 else "fast_attention"
    return Extractor(
        type=f"ssd_efficientnet-b{number}_bifpn_keras",
        family="ssd",
        backbone="efficientnet",
        arguments={"width": width, "depth": depth},
        neck="bifpn",
        heads=("weight_shared_convolutional", "convolutional"),
        levels={level: Level(2**level, wide) for level, wide in enumerate(channels, 1)},
        normalization="channel_means_and_deviations",
        scopes=("FeatureExtractor",),
        scope="FeatureExtractor/EfficientNet",
        dialect="tf2",
        batch_norm_decay=0.99,
        batch_norm_fixed=True,
        smallest_side=129,
        only={"depth_multiplier": 1.0, "use_explicit_padding": False, "use_depthwise": False},
        unset={"bifpn": {"num_iterations": iterations, "num_filters": filters, "combine_method": combined}},
        like="(?!)" if number else "efficientnet",
        template="config/pipelines/efficientdet_d0.config",
        checkpoint_mb=(50, 70, 90, 120, 190, 300, 440, 440)[number],
        compared=not number,
    )


def _resnet_fpn(depth: int, dialect: str) -> Extractor:
    return Extractor(
        **{
            **_SSD,
            **_FPN,
            "type": f"ssd_resnet{depth}_v1_fpn{'_keras' if dialect == 'tf2' else ''}",
            "backbone": "resnet_v1",
            "arguments": {"depth": depth},
            "levels": {2: Level(4, 256), 3: Level(8, 512), 4: Level(16, 1024), 5: Level(32, 2048)},
            "bottom_up": "block5",
            "only": {"use_explicit_padding": False, "use_depthwise": False},
            "unread": ("use_depthwise", "use_explicit_padding") if dialect == "tf2" else ("use_depthwise",),
            "ignored": _RETINANET if dialect == "tf2" else {},
            "normalization": "channel_means",
            "scope": f"FeatureExtractor/resnet_v1_{depth}",
            "dialect": dialect,
            "smallest_side": 129,
            "rounded_features": True,
            "batch_norm_decay": 0.997,
            "like": f"ssd_resnet{depth}" if depth != 50 else r"ssd_resnet(?!101|152)",
            "compared": depth == 50,
            "template": "config/pipelines/ssd_resnet50_v1_fpn_320.config",
            "checkpoint_mb": 500,
        }
    )


# The first row is the family's usual one.
ROWS = (
    Extractor(type="ssd_mobilenet_v2", compared=True, **_MOBILENET_V2),
    Extractor(
        type="ssd_mobilenet_v2_keras",
        dialect="tf2",
        extra_maps_key="feature_map_generator",
        compared=True,
        **_MOBILENET_V2,
    ),
    Extractor(type="ssd_mobilenet_v1", bfloat16_with=("amx_bf16",), compared=True, **_MOBILENET_V1),
    Extractor(
        type="ssd_mobilenet_v1_ppn",
        compared=True,
        **{
            **_MOBILENET_V1,
            "arguments": {"end_points": {4: "Conv2d_11_pointwise"}},
            "levels": {4: Level(16, 512)},
            "neck": "pooling_pyramid",
            "most_extra_maps": 5,
            "heads": ("weight_shared_convolutional", "convolutional"),
            "like": "ppn",
        },
    ),
    Extractor(
        type="embedded_ssd_mobilenet_v1",
        compared=True,
        **{
            **_MOBILENET_V1,
            "arguments": {"regularize_depthwise": False},
            "most_extra_maps": 3,
            "extra_depths": (512, 256, 256),
            "extra_kernels": (3, 3, 2),
            "ignored": {"num_layers": 5},
            "only": {"pad_to_multiple": 1},
            "only_side": 256,
            "like": "(?!)",
        },
    ),
    *(_mobilenet_v3(size, minimalistic) for minimalistic in (False, True) for size in ("large", "small")),
    Extractor(
        type="ssd_mobilenet_edgetpu",
        backbone="mobilenet_edgetpu",
        levels={4: Level(16, 384), 5: Level(32, 192)},
        scope="FeatureExtractor/MobilenetEdgeTPU",
        only={"use_explicit_padding": False},
        like="edgetpu",
        compared=True,
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **_SSD,
        **_EXTRA_MAPS,
    ),
    Extractor(
        type="ssd_spaghettinet",
        backbone="spaghettinet",
        # The channels of the usual architecture; the last map has the size of the one before.
        levels={4: Level(16, 120), 5: Level(32, 168), 6: Level(64, 136), 7: Level(128, 136), 8: Level(128, 64)},
        architectures=tuple(f"spaghettinet_edgetpu_{size}" for size in "msl"),
        ignored={"num_layers": 5, "pad_to_multiple": 1, "depth_multiplier": 1.0},
        unread=("min_depth", "conv_hyperparams", "use_depthwise", _OVERRIDE),
        scope="FeatureExtractor/spaghettinet_edgetpu",
        like="spaghetti",
        compared=True,
        template="config/pipelines/ssdlite_mobilenet_v2.config",
        **{**_SSD, "batch_norm_decay": 0.97, "batch_norm_fixed": True},
    ),
    Extractor(
        type="ssd_inception_v2",
        backbone="inception_v2",
        levels={4: Level(16, 576), 5: Level(32, 1024)},
        most_extra_maps=4,
        scope="FeatureExtractor/InceptionV2",
        like=r"inception(?!_v[34])",
        compared=True,
        **_INCEPTION,
    ),
    Extractor(
        type="ssd_inception_v3",
        backbone="inception_v3",
        levels={3: Level(8, 288, 19), 4: Level(16, 768, 27), 5: Level(32, 2048, 43)},
        most_extra_maps=3,
        extra_depths=(512, 256, 128),
        scope="FeatureExtractor/InceptionV3",
        smallest_side=75,
        like=r"inception_v[34]",
        compared=True,
        **_INCEPTION,
    ),
    Extractor(type="ssd_mobilenet_v1_keras", dialect="tf2", extra_maps_key="_feature_map_generator", **_MOBILENET_V1),
    *[_efficientdet(number, *facts) for number, facts in enumerate(_EFFICIENTNETS)],
    _mobiledet("CPU", 72, 144),
    _mobiledet("DSP", 144, 240),
    _mobiledet("EdgeTPU", 96, 384),
    _mobiledet("GPU", 128, 384),
    Extractor(type="ssd_mobilenet_v2_fpn_keras", dialect="tf2", compared=True, **_MOBILENET_V2_FPN),
    Extractor(type="ssd_mobilenet_v2_fpn", compared=True, **_MOBILENET_V2_FPN),
    Extractor(
        **{
            **_MOBILENET_V2_FPN,
            "type": "ssd_mobilenet_v2_mnasfpn",
            "backbone": "mobilenet_v2_mnasfpn",
            "neck": "mnasfpn",
            "arguments": {},
            "levels": {3: Level(8, 32), 4: Level(16, 96), 5: Level(32, 320)},
            "bottom_up": "",
            "only": {"fpn.min_level": 3, "fpn.max_level": 6},
            "unread": ("conv_hyperparams", "use_depthwise", _OVERRIDE),
            "batch_norm_decay": 0.99,
            "batch_norm_fixed": True,
            "like": "mnasfpn",
            "compared": True,
        }
    ),
    Extractor(type="ssd_mobilenet_v1_fpn_keras", dialect="tf2", compared=True, **_MOBILENET_V1_FPN),
    Extractor(type="ssd_mobilenet_v1_fpn", compared=True, **_MOBILENET_V1_FPN),
    *(_resnet_fpn(depth, dialect) for depth in (50, 101, 152) for dialect in ("tf1", "tf2")),
)
