"""Fields that are not set and mean something else than their default, or that the extractor does not read."""

import pytest
from tests.unit.catalog.buildable import BUILDABLE

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.pipeline import extractor_fields, text
from boxwright.pipeline.lint import lint
from boxwright.pipeline.patch import patch

OVERRIDE = "override_base_feature_extractor_hyperparams"
BASE = "model.ssd.feature_extractor"
OLDER = [row.type for row in EXTRACTORS.values() if row.unset]
_REFUSED = (check.UNSUPPORTED, check.IMPOSSIBLE)
RESET = [(row.type, name) for row in EXTRACTORS.values() for name in row.unread if name in row.only]
UNREAD = [(row.type, name) for row in EXTRACTORS.values() if row.family == "ssd" for name in row.fields_unread()]


def config_of(type_, fields=""):
    """A configuration of which nothing else is refused, with an extractor of this type."""
    config = text.parse(BUILDABLE["ssd"])
    row, ssd = EXTRACTORS[type_], config.model.ssd
    ssd.feature_extractor.CopyFrom(text.parse(f'type: "{type_}" {fields}', kind="SsdFeatureExtractor"))
    ssd.image_resizer.fixed_shape_resizer.height = ssd.image_resizer.fixed_shape_resizer.width = 256
    levels = row.map_levels(ssd.feature_extractor)
    generator = f"multiscale_anchor_generator {{ min_level: {levels[0]} max_level: {levels[-1]} aspect_ratios: 1 }}"
    if not row.neck.endswith(("fpn", "bifpn")):
        generator = f"ssd_anchor_generator {{ num_layers: {len(levels)} aspect_ratios: 1 }}"
    ssd.anchor_generator.CopyFrom(text.parse(generator, kind="AnchorGenerator"))
    return config


def patched(config, overrides=None):
    places = {"label_map_path": "map", "train_records": "train", "eval_records": "eval"}
    new, changes = patch(config, num_classes=3, num_steps=10, overrides=overrides, **places)
    return new, {change.field: (change.before, change.after) for change in changes}


def of(config, rule):
    return {each.field: (each.level, each.value, each.use) for each in lint(config) if each.rule == rule}


@pytest.mark.parametrize("type_", OLDER)
def test_a_field_that_an_older_configuration_leaves_out_is_written_out(type_):
    config = config_of(type_)
    # The engine takes what is written: the older file alone is not enough.
    assert not check.sound(config.model)
    new, changes = patched(config)
    assert check.sound(new.model)
    told = of(config, "written-out")
    assert told and not of(new, "written-out") and not [each for each in lint(config) if each.rule in _REFUSED]
    for name, value in EXTRACTORS[type_].unset.items():
        wanted = (
            {f"{name}.{inner}": of_it for inner, of_it in value.items()} if isinstance(value, dict) else {name: value}
        )
        for path, meant in wanted.items():
            assert changes[f"{BASE}.{path}"][1] == meant
            assert told[f"{BASE}.{path}"] == ("info", None, meant)


def test_the_sizes_of_bifpn_without_a_block_grow_with_the_network():
    sizes = []
    for number in range(8):
        block = patched(config_of(f"ssd_efficientnet-b{number}_bifpn_keras"))[0].model.ssd.feature_extractor.bifpn
        assert (block.min_level, block.max_level) == (3, 7)
        assert block.combine_method == ("sum" if number > 5 else "fast_attention")
        sizes.append((block.num_iterations, block.num_filters))
    assert sizes == sorted(sizes) and sizes[0] == (3, 64) and sizes[-1] == (8, 384)


def test_what_is_set_stays_and_is_refused_if_it_cannot_be():
    new, _ = patched(config_of("ssd_efficientnet-b1_bifpn_keras", "bifpn { num_iterations: 2 num_filters: 24 }"))
    block = new.model.ssd.feature_extractor.bifpn
    assert (block.num_iterations, block.num_filters, block.combine_method) == (2, 24, "fast_attention")
    new, changes = patched(config_of("ssd_inception_v2", f"{OVERRIDE}: false"))
    assert f"{BASE}.{OVERRIDE}" not in changes
    assert [each.field for each in lint(new) if each.rule in _REFUSED] == [f"{BASE}.{OVERRIDE}"]


@pytest.mark.parametrize(("type_", "name"), RESET)
def test_a_field_that_only_a_shared_part_would_read_is_reset(type_, name):
    config = config_of(type_, f"{name}: true")
    assert not check.sound(config.model)
    new, changes = patched(config)
    assert changes[f"{BASE}.{name}"] == (True, False) and check.sound(new.model)
    new, _ = patched(config_of(type_), {f"{BASE}.{name}": True})
    assert check.sound(new.model)


@pytest.mark.parametrize(("type_", "name"), UNREAD)
def test_a_field_that_the_extractor_does_not_read_is_told(type_, name):
    field = config_of(type_).model.ssd.feature_extractor.DESCRIPTOR.fields_by_name[name]
    value = "{ op: CONV }" if field.message_type else ": true" if field.type == field.TYPE_BOOL else ": 9"
    found = of(config_of(type_, name + value), "ignored-field")
    assert found[f"{BASE}.{name}"][0] == "info"
    assert f"{BASE}.{name}" not in of(config_of(type_), "ignored-field")


@pytest.mark.parametrize(
    ("type_", "fields", "wrong", "use"),
    [
        ("ssd_efficientnet-b0_bifpn_keras", "use_depthwise: true", "use_depthwise", False),
        ("ssd_efficientnet-b3_bifpn_keras", "depth_multiplier: 0.5", "depth_multiplier", 1.0),
        ("ssd_efficientnet-b0_bifpn_keras", "bifpn { num_iterations: 1 num_filters: 8 }", "bifpn.num_filters", 16),
        ("ssd_mobilenet_v3_small", "use_explicit_padding: true", "use_explicit_padding", False),
        ("ssd_mobilenet_edgetpu", "use_explicit_padding: true", "use_explicit_padding", False),
        ("ssd_mobiledet_cpu", "use_explicit_padding: true", "use_explicit_padding", False),
        ("ssd_resnet50_v1_fpn", "use_explicit_padding: true", "use_explicit_padding", False),
    ],
)
def test_what_an_extractor_cannot_have_is_refused(type_, fields, wrong, use):
    found = {each.field: each.use for each in lint(patched(config_of(type_, fields))[0]) if each.rule in _REFUSED}
    assert found == {f"{BASE}.{wrong}": use}


def test_an_extractor_that_an_override_chooses_is_completed_too():
    config = config_of("ssd_efficientnet-b2_bifpn_keras")
    new, _ = patched(config, {f"{BASE}.type": "ssd_efficientnet-b4_bifpn_keras", f"{BASE}.bifpn": None})
    assert check.sound(new.model) and new.model.ssd.feature_extractor.bifpn.num_filters == 224
    new, _ = patched(config, {f"{BASE}.bifpn.num_filters": 40})
    assert check.sound(new.model) and new.model.ssd.feature_extractor.bifpn.num_iterations == 5


DOWNSCALE = "train_config { data_augmentation_options { random_downscale_to_target_pixels { %s } } }"
MOST = "train_config.data_augmentation_options.0.random_downscale_to_target_pixels.max_target_pixels"


@pytest.mark.parametrize(
    ("fields", "most"), [("", 800_000), ("min_target_pixels: 600000", 800_000), ("max_target_pixels: 500000", None)]
)
def test_a_default_of_the_od_api_that_is_not_that_of_the_schema_is_written_out(fields, most):
    config = text.parse(BUILDABLE["ssd"] + DOWNSCALE % fields)
    new, changes = patched(config)
    (option,) = new.train_config.data_augmentation_options
    assert option.random_downscale_to_target_pixels.max_target_pixels == (most or 500_000)
    assert changes.get(MOST, (None, None))[1] == most
    assert of(config, "written-out") == ({MOST: ("info", None, most)} if most else {})
    assert not [each for each in lint(config) if each.rule in _REFUSED]
    new, _ = patched(config, {"train_config.data_augmentation_options": [{"random_downscale_to_target_pixels": {}}]})
    assert new.train_config.data_augmentation_options[0].random_downscale_to_target_pixels.max_target_pixels == 800_000


def test_other_families_are_left_alone():
    config = text.parse(BUILDABLE["faster_rcnn"])
    assert extractor_fields.as_written(config) == config
