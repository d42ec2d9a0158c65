"""The rows of CenterNet."""

from typing import Any

from boxwright.catalog.extractors.row import Extractor, Level

_CENTER_NET: dict[str, Any] = {
    "family": "center_net",
    "heads": ("center",),
    "black_padding": True,
    "scopes": ("FeatureExtractor",),
    "dialect": "tf2",
    "batch_norm_decay": 0.99,
    "multiple": 32,
    "template": "config/pipelines/centernet_resnet50_v1_fpn.config",
}
# Of the fields that only the MobileNets read.
_PLAIN = {"depth_multiplier": 1.0, "use_separable_conv": False, "upsampling_interpolation": "nearest"}
_CENTER_NET_MOBILENET: dict[str, Any] = {
    **_CENTER_NET,
    "backbone": "mobilenet_v2",
    "neck": "top_down",
    "levels": {2: Level(4, 24), 3: Level(8, 32), 4: Level(16, 64), 5: Level(32, 1280)},
    "normalization": "minus_one_to_one",
    "scope": "FeatureExtractor/MobilenetV2",
    "batch_norm_decay": 0.9997,
    "checkpoint_mb": 60,
}


def _center_net_resnet_fpn(depth: int) -> Extractor:
    return Extractor(
        type=f"resnet_v1_{depth}_fpn",
        backbone="resnet_v1",
        arguments={"depth": depth, "widths": (256, 128, 64)},
        neck="top_down",
        levels={2: Level(4, 256), 3: Level(8, 512), 4: Level(16, 1024), 5: Level(32, 2048)},
        normalization="bgr_means",
        scope=f"FeatureExtractor/resnet_v1_{depth}",
        only=_PLAIN,
        like="v1_(101|152)" if depth == 101 else "v1(?!_(101|152))",
        compared=depth == 50,
        checkpoint_mb=700,
        **_CENTER_NET,
    )


def _center_net_resnet(depth: int) -> Extractor:
    return Extractor(
        type=f"resnet_v2_{depth}",
        backbone="resnet_v2",
        arguments={"depth": depth},
        neck="deconvolutions",
        levels={5: Level(32, 2048)},
        normalization="minus_one_to_one",
        scope=f"FeatureExtractor/resnet_v2_{depth}",
        only=_PLAIN,
        like="v2_(101|152)" if depth == 101 else "resnet_v2(?!_(101|152))",
        compared=depth == 50,
        checkpoint_mb=700,
        **_CENTER_NET,
    )


# The first row is the family's usual one.
ROWS = (
    *(_center_net_resnet_fpn(depth) for depth in (50, 101)),
    *(_center_net_resnet(depth) for depth in (50, 101)),
    Extractor(
        type="mobilenet_v2_fpn",
        arguments={"widths": (64, 32, 24)},
        like=r"mobilenet(?!\w*sep)",
        compared=True,
        **_CENTER_NET_MOBILENET,
    ),
    Extractor(
        type="mobilenet_v2_fpn_sep_conv",
        arguments={"widths": (64, 32, 24), "use_separable_conv": True},
        like=r"mobilenet\w*sep",
        **_CENTER_NET_MOBILENET,
    ),
    Extractor(
        type="hourglass_104",
        backbone="hourglass",
        levels={2: Level(4, 256)},
        normalization="unchanged",
        scope="FeatureExtractor/hourglass_104",
        only=_PLAIN,
        like="hourglass",
        compared=True,
        checkpoint_mb=2400,
        **{**_CENTER_NET, "batch_norm_decay": 0.1, "multiple": 128, "smallest_side": 128},
    ),
)
