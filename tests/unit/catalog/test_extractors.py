"""The rows of the feature extractors."""

import importlib.util
import json
from pathlib import Path

import pytest

from boxwright.catalog import check, extractors
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.catalog.families import FAMILIES
from boxwright.pipeline import text
from boxwright.protos import model_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("family", "kind", "extractor", "template"),
    [
        ("ssd", "ssd_mobilenet_v1_ppn", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "embedded_ssd_mobilenet_v1", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "ssd_mobilenet_v1_fpnlite_keras", "ssd_mobilenet_v1_fpn_keras", "ssd_mobilenet_v2_fpnlite_320"),
        ("ssd", "ssd_mobilenet_v3_fpn", "ssd_mobilenet_v2_fpn", "ssd_mobilenet_v2_fpnlite_320"),
        ("ssd", "ssd_mobilnet_v1", "ssd_mobilenet_v1", "ssd_mobilenet_v1"),
        ("ssd", "ssd_mobilenet_v2_mnasfpn", "ssd_mobilenet_v2_fpn", "ssd_mobilenet_v2_fpnlite_320"),
        ("ssd", "ssd_mobilenet_v3_large", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_mobilenet_edgetpu", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_mobiledet_npu", "ssd_mobiledet_cpu", "ssdlite_mobilenet_v2"),
        ("ssd", "ssd_inception_v1", "ssd_inception_v2", "ssd_mobilenet_v2"),
        ("ssd", "ssd_inception_v4", "ssd_inception_v3", "ssd_mobilenet_v2"),
        ("ssd", "ssd_resnet101_v2_fpn", "ssd_resnet101_v1_fpn", "ssd_resnet50_v1_fpn_320"),
        ("ssd", "ssd_resnet34_v1_fpn_keras", "ssd_resnet50_v1_fpn_keras", "ssd_resnet50_v1_fpn_320"),
        ("ssd", "ssd_efficientnet-b8_bifpn_keras", "ssd_efficientnet-b0_bifpn_keras", "efficientdet_d0"),
        ("ssd", "ssd_spaghettinet_v2", "ssd_spaghettinet", "ssdlite_mobilenet_v2"),
        ("ssd", "ssd_pnasnet", "ssd_mobilenet_v2", "ssd_mobilenet_v2"),
        ("faster_rcnn", "faster_rcnn_inception_v3", "faster_rcnn_inception_v2", "faster_rcnn_inception_v2"),
        ("faster_rcnn", "faster_rcnn_mobilenet_v1", "faster_rcnn_inception_v2", "faster_rcnn_inception_v2"),
        (
            "faster_rcnn",
            "faster_rcnn_inception_resnet_v1_keras",
            "faster_rcnn_inception_resnet_v2_keras",
            "faster_rcnn_resnet101",
        ),
        ("faster_rcnn", "faster_rcnn_nas", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("faster_rcnn", "faster_rcnn_pnas", "faster_rcnn_resnet101", "faster_rcnn_resnet101"),
        ("faster_rcnn", "faster_rcnn_resnet50_fpn_keras", "faster_rcnn_resnet50_keras", "faster_rcnn_resnet50"),
        ("faster_rcnn", "faster_rcnn_resnet152_fpn_keras", "faster_rcnn_resnet152_keras", "faster_rcnn_resnet101"),
        ("center_net", "hourglass_52", "hourglass_104", "centernet_resnet50_v1_fpn"),
        ("center_net", "resnet_v1_34_fpn", "resnet_v1_50_fpn", "centernet_resnet50_v1_fpn"),
        ("center_net", "resnet_v1_152_fpn", "resnet_v1_101_fpn", "centernet_resnet50_v1_fpn"),
        ("center_net", "resnet_v2_152", "resnet_v2_101", "centernet_resnet50_v1_fpn"),
        ("center_net", "mobilenet_v2", "mobilenet_v2_fpn", "centernet_resnet50_v1_fpn"),
        ("center_net", "efficientnet", "resnet_v1_50_fpn", "centernet_resnet50_v1_fpn"),
        ("experimental_model", "", "faster_rcnn_resnet50", "faster_rcnn_resnet50"),
    ],
)
def test_the_nearest_extractor_and_a_configuration_with_it(family, kind, extractor, template):
    found = extractors.nearest(family, kind)
    assert found.type == extractor and found.template == f"config/pipelines/{template}.config"
    assert found.template in extractors.whole(found)


@pytest.mark.parametrize("row", EXTRACTORS.values(), ids=lambda row: row.type)
def test_templates_are_whole_and_are_taken(row):
    config = text.read(ROOT / row.template)
    named = extractors.row_of(*model_of(config))
    assert check.sound(config) and named.family == row.family
    levels_in = [extractors.PYRAMIDS.get(each.neck) for each in (named, row)]
    assert levels_in[0] == levels_in[1]
    # One template is for all of CenterNet: what differs is the extractor's type alone.
    alike = levels_in[0] or not row.neck or row.family == "center_net"
    assert named.backbone == row.backbone or named.neck == row.neck or alike
    if row.depthwise_template:
        config = text.read(ROOT / row.depthwise_template)
        assert check.sound(config) and row.depthwise_template in extractors.whole(row, depthwise=True)
        assert config.model.ssd.box_predictor.convolutional_box_predictor.use_depthwise


@pytest.mark.parametrize("row", EXTRACTORS.values(), ids=lambda row: row.type)
def test_a_row_names_what_there_is(row):
    assert EXTRACTORS[row.type] is row and row.family in FAMILIES and row.dialect in ("tf1", "tf2")
    assert all(importlib.util.find_spec(module) for module in row.modules())
    assert {level.stride for level in row.levels.values()} <= {2**level for level in row.levels}


def test_a_network_is_said_to_be_compared_if_numbers_of_it_are_recorded(shared):
    written = [json.loads(path.read_text()).get("pipeline_config") for path in shared.glob("parity/*/golden.json")]
    recorded = {model_of(text.parse(config))[0].feature_extractor.type for config in written if config}
    assert {row.type for row in EXTRACTORS.values() if row.compared} == recorded


def test_architectures_are_those_of_the_backbone():
    pytest.importorskip("tensorflow")
    from boxwright.detector.backbones import spaghettinet

    row = EXTRACTORS["ssd_spaghettinet"]
    assert row.architectures[0] == spaghettinet.DEFAULT
    assert set(row.architectures) == set(spaghettinet.ARCHITECTURES)
    assert [row.type for row in EXTRACTORS.values() if row.architectures] == ["ssd_spaghettinet"]
    (prefix,) = row.backbone_in_checkpoint("detection")
    assert all(f"FeatureExtractor/{name}/".startswith(prefix) for name in row.architectures)


def test_what_an_extractor_takes_instead_of_a_field():
    message = text.parse("pad_to_multiple: 32 num_layers: 3", kind="SsdFeatureExtractor")
    for type_, multiple, layers in (("ssd_spaghettinet", 1, 5), ("ssd_mobilenet_v1", 32, 3)):
        row = EXTRACTORS[type_]
        assert (row.taken(message, "pad_to_multiple"), row.taken(message, "num_layers")) == (multiple, layers)
    embedded = EXTRACTORS["embedded_ssd_mobilenet_v1"]
    assert embedded.map_levels(message) == range(4, 9)


def test_of_the_heads_only_the_chosen_one_is_in_use():
    row = EXTRACTORS["faster_rcnn_resnet101"]
    used = {predictor: set(row.modules(predictor)) for predictor in row.predictors()}
    assert used.keys() == {"mask_rcnn_box_predictor", "rfcn_box_predictor"}
    differing = used["rfcn_box_predictor"] ^ used["mask_rcnn_box_predictor"]
    assert differing == {"boxwright.detector.heads.rfcn", "boxwright.detector.heads.mask_rcnn"}


def test_what_decides_results_is_plain_and_leaves_out_what_helps_people():
    row = EXTRACTORS["ssd_mobilenet_v2_keras"]
    found = row.deciding()
    assert json.loads(json.dumps(found)) == found
    assert found["levels"] == {"4": [16, 576], "5": [32, 1280]} and found["scopes"] == ["FeatureExtractor"]
    assert (found["dialect"], found["extra_maps_key"]) == ("tf2", "feature_map_generator")
    other = row._replace(template="t", depthwise_template="d", checkpoint_mb=1, like="x")
    assert other.deciding() == found
    assert row._replace(scope="another").deciding() != found


def test_rows_are_identified_by_what_decides_results_wherever_they_stand():
    """These are in the identities of finished trainings, so they change only with what the network computes."""
    assert EXTRACTORS["ssd_mobilenet_v1"].deciding() == {
        "type": "ssd_mobilenet_v1",
        "family": "ssd",
        "backbone": "mobilenet_v1",
        "levels": {"4": [16, 512], "5": [32, 1024]},
        "normalization": "minus_one_to_one",
        "scopes": ["FeatureExtractor"],
        "scope": "FeatureExtractor/MobilenetV1",
        "neck": "extra_maps",
        "most_extra_maps": 4,
        "rounded_features": True,
    }
    assert EXTRACTORS["faster_rcnn_resnet101"].deciding() == {
        "type": "faster_rcnn_resnet101",
        "family": "faster_rcnn",
        "backbone": "resnet_v1",
        "levels": {"4": [16, 1024]},
        "normalization": "channel_means",
        "scopes": ["FirstStageFeatureExtractor", "SecondStageFeatureExtractor"],
        "scope": "resnet_v1_101",
        "arguments": {"depth": 101},
        "box_features": 2048,
        "strides": [16, 8],
        "black_padding": True,
        "rounded_features": True,
    }


def test_a_field_at_its_default_is_in_no_identity():
    """So that a field which is new changes the identity of the rows that use it, and of no other."""
    assert not {"dialect", "extra_maps_key", "arguments", "strides"} & set(EXTRACTORS["ssd_mobilenet_v1"].deciding())
    assert EXTRACTORS["faster_rcnn_resnet101"].deciding()["arguments"] == {"depth": 101}


def test_rows_of_a_model_are_those_of_its_family():
    model = text.parse('feature_extractor { type: "faster_rcnn_resnet50" }', kind="Ssd")
    assert extractors.row_of(model, "ssd") is None and extractors.row_of(model, "center_net") is None
    assert extractors.row_of(model, "experimental_model") is None
    model.feature_extractor.type = "ssd_mobilenet_v1"
    assert extractors.row_of(model, "ssd") is EXTRACTORS["ssd_mobilenet_v1"]


def test_the_backbones_forget_as_their_rows_say():
    pytest.importorskip("tensorflow")
    from boxwright.detector.backbones import hourglass, resnet_v1, resnet_v2
    from boxwright.detector.backbones.mobilenet_settings import PUBLISHED

    decays = {
        "mobilenet_v1": PUBLISHED.batch_norm.decay,
        "mobilenet_v2": PUBLISHED.batch_norm.decay,
        "resnet_v1": resnet_v1.DECAY,
        "resnet_v2": resnet_v2.BATCH_NORM.decay,
        "hourglass": hourglass.SETTINGS.batch_norm.decay,
    }
    of_keras = [row for row in EXTRACTORS.values() if row.backbone == "resnet_v1" and row.family == "center_net"]
    assert {row.batch_norm_decay for row in of_keras} == {resnet_v1.OF_KERAS.batch_norm.decay}
    known = [row for row in EXTRACTORS.values() if row.backbone in decays and row not in of_keras]
    assert len(known) >= 16
    assert all(row.batch_norm_decay == decays[row.backbone] for row in known)
