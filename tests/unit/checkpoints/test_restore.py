"""Checkpoints: written whole or not at all, read by name, restored with a full account."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from boxwright.checkpoints import checkpoint_files, checkpoint_state, restore
from boxwright.core.errors import UserError
from boxwright.detector.build import build

TENSORS = {
    "b/weights": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a/biases": np.ones(3, np.float32),
    "global_step": np.int64(7),
}


@pytest.fixture
def detector(model):
    return build(model, seed=1)


@pytest.fixture
def written(tmp_path, detector):
    """A checkpoint of `detector`, all values 1 more than at its start."""
    prefix = tmp_path / "old" / "model.ckpt-3"
    values = {name: variable.numpy() + 1 for name, variable in detector.variables.items()}
    checkpoint_files.write(prefix, values | {"global_step": np.int64(3)})
    return prefix


def restored(model, source, **arguments) -> tuple:
    detector = build(model, seed=2)
    before = {name: variable.numpy() for name, variable in detector.variables.items()}
    report = restore.restore(detector, source, **arguments)
    changed = {name for name, value in before.items() if (detector.variables[name].numpy() != value).any()}
    return detector, report, changed


def test_what_is_written_is_read(tmp_path):
    prefix = tmp_path / "folder" / "model.ckpt-7"
    checkpoint_files.write(prefix, TENSORS)
    assert sorted(path.name for path in prefix.parent.iterdir()) == [
        "model.ckpt-7.data-00000-of-00001",
        "model.ckpt-7.index",
    ]
    reader = tf.train.load_checkpoint(str(prefix))
    assert reader.get_variable_to_dtype_map()["global_step"] == tf.int64
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(checkpoint_files.read(prefix).value(name), value)
    assert checkpoint_files.names(prefix) == {"b/weights": (2, 3), "a/biases": (3,), "global_step": ()}


def test_equal_tensors_give_equal_bytes(tmp_path):
    checkpoint_files.write(tmp_path / "one", TENSORS)
    checkpoint_files.write(tmp_path / "two", dict(reversed(TENSORS.items())))
    for suffix in (".index", ".data-00000-of-00001"):
        assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_a_failed_write_leaves_nothing_and_says_what_it_needed(tmp_path, monkeypatch):
    def full(**arguments):
        (tmp_path / f"{arguments['prefix'].rsplit('/', 1)[1]}.data-00000-of-00001").write_bytes(b"x")
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.raw_ops, "SaveV2", full)
    with pytest.raises(UserError, match=r"needs 4,000,000 bytes"):
        checkpoint_files.write(tmp_path / "model.ckpt", {"a": np.zeros(1000_000, np.float32)})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_is_no_checkpoint(tmp_path, monkeypatch):
    """Killed between the data and the index: a reader finds nothing, not old names beside new bytes."""
    checkpoint_files.write(tmp_path / "model.ckpt", TENSORS)
    replace = checkpoint_files.Path.replace

    def kill(path, target):
        if str(target).endswith(".index"):
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(checkpoint_files.Path, "replace", kill)
    with pytest.raises(KeyboardInterrupt):
        checkpoint_files.write(tmp_path / "model.ckpt", {"a": np.zeros(5, np.float32)})
    with pytest.raises(UserError, match="There is no checkpoint"):
        checkpoint_files.read(tmp_path / "model.ckpt")


def test_the_state_file_is_read_by_tensorflow_and_moves_with_its_folder(tmp_path):
    folder = tmp_path / "train"
    prefixes = [folder / f"model.ckpt-{step}" for step in (10, 20)]
    for prefix in prefixes:
        checkpoint_files.write(prefix, TENSORS)
    checkpoint_state.write_state(folder, prefixes)
    moved = shutil.move(folder, tmp_path / "moved")
    assert tf.train.latest_checkpoint(str(moved)) == str(moved / "model.ckpt-20")
    assert tf.train.get_checkpoint_state(str(moved)).all_model_checkpoint_paths[0] == str(moved / "model.ckpt-10")
    assert checkpoint_files.read(moved).source == str(moved / "model.ckpt-20")


def test_sources_that_mean_the_same(written):
    for source in (written, f"{written}.index", f"{written}.data-00000-of-00001", written.parent):
        assert checkpoint_files.read(source).source == str(written)


def test_missing_sources_say_what_is_there(tmp_path, written):
    with pytest.raises(UserError, match=r"The folder .*old holds model\.ckpt-3"):
        checkpoint_files.read(written.parent / "model.ckpt")
    with pytest.raises(UserError, match="holds no checkpoint"):
        checkpoint_files.read(tmp_path)
    checkpoint_files.write(written.with_name("other"), TENSORS)
    with pytest.raises(UserError, match="holds 2 checkpoints"):
        checkpoint_files.read(written.parent)


@pytest.mark.parametrize("damage", ["flip", "cut data", "cut index", "no data"])
def test_damage_is_found_and_named_and_nothing_is_restored(model, written, damage):
    data, index = (written.with_name(f"{written.name}{end}") for end in (".data-00000-of-00001", ".index"))
    content = bytearray(data.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    elif damage == "cut data":
        data.write_bytes(content[:100])
    elif damage == "cut index":
        index.write_bytes(index.read_bytes()[:-20])
    else:
        data.unlink()
    detector = build(model, seed=2)
    before = {name: variable.numpy() for name, variable in detector.variables.items()}
    with pytest.raises(UserError, match=r"model\.ckpt-3 .* is damaged or incomplete"):
        restore.restore(detector, written, load_all=True)
    assert all((detector.variables[name].numpy() == value).all() for name, value in before.items())


def test_inspect_type(tmp_path, written):
    assert checkpoint_files.inspect_type(written) == "detection"
    checkpoint_files.write(tmp_path / "classifier", {"MobilenetV1/Conv2d_0/weights": np.zeros(1, np.float32)})
    assert checkpoint_files.inspect_type(tmp_path / "classifier") == "classification"
    checkpoint_files.write(tmp_path / "other", TENSORS)
    with pytest.raises(UserError, match="a/biases"):
        checkpoint_files.inspect_type(tmp_path / "other")


def test_detection_restores_the_feature_extractor_alone(model, written):
    detector, report, changed = restored(model, written)
    assert changed == {name for name in detector.variables if name.startswith("FeatureExtractor/")}
    assert set(report.restored) == changed
    assert all(name.startswith("BoxPredictor") for name in report.new)
    assert f"restored {len(changed)} of {len(detector.variables)} variables, " in str(report)


def test_weights_that_the_model_lacks_are_skipped_by_name(tmp_path, model):
    """Masks have weights of their own; slots of an optimizer are no weights."""
    detector = build(model, seed=1)
    masks = "SecondStageBoxPredictor/Conv/weights"
    extra = {masks: np.zeros([3, 3, 4, 2]), f"{masks}/Momentum": np.zeros([3, 3, 4, 2]), "global_step": np.int64(3)}
    values = {name: variable.numpy() for name, variable in detector.variables.items()}
    slots = {f"{name}/Momentum": value for name, value in values.items()}
    checkpoint_files.write(tmp_path / "masks", {**values, **slots, **extra})
    report = restore.restore(detector, tmp_path / "masks", load_all=True)
    assert report.skipped == [masks] and str(report).endswith(f"no such weights: {masks}")
    assert restore.restore(detector, tmp_path / "masks").skipped == []


def test_load_all_restores_all_that_fits(model, written):
    model.ssd.num_classes = 5
    detector, report, changed = restored(model, written, load_all=True)
    assert set(report.shape_differs) == {name for name in detector.variables if "ClassPredictor" in name}
    assert changed == set(detector.variables) - set(report.shape_differs)
    name = "BoxPredictor_0/ClassPredictor/biases"
    assert report.shape_differs[name] == ((9,), (18,))
    assert "; shape differs: " in str(report)
    lines = report.table().splitlines()
    assert len(lines) == len(detector.variables)
    assert f"{name}\t18\tshape (9,) in the checkpoint, (18,) here" in lines


def test_classification_adds_the_scope(model, written, tmp_path, detector):
    scope = "FeatureExtractor/"
    base = {
        name.removeprefix(scope): variable.numpy() + 1
        for name, variable in detector.variables.items()
        if name.startswith(scope) and "_1_Conv2d" not in name and "_2_Conv2d" not in name
    }
    checkpoint_files.write(tmp_path / "classifier", base | {"MobilenetV1/Logits/biases": np.zeros(3, np.float32)})
    _, report, changed = restored(model, tmp_path / "classifier", checkpoint_type="classification")
    assert changed == {scope + name for name in base}
    assert any("Conv2d_13_pointwise_1_Conv2d_2" in name for name in report.new)
    with pytest.raises(UserError, match="a detection checkpoint: set fine_tune_checkpoint_type to 'detection'"):
        restored(model, written, checkpoint_type="classification")


def test_a_classifier_is_enough_for_a_whole_ssd(model, tmp_path):
    """The extra maps of ssd_mobilenet_v2 hold more parameters than its base, which is all that a classifier has."""
    model.ssd.feature_extractor.type = "ssd_mobilenet_v2"
    model.ssd.feature_extractor.depth_multiplier = 1.0
    shapes = {name: variable.shape for name, variable in build(model).variables.items()}
    scope = "FeatureExtractor/"
    base = {name for name in shapes if name.startswith(scope) and "layer_19_" not in name}
    tensors = {name.removeprefix(scope): np.zeros(shapes[name], np.float32) for name in base}
    checkpoint_files.write(tmp_path / "mobilenet_v2_1.0_224.ckpt", tensors)
    _, report, _ = restored(model, tmp_path / "mobilenet_v2_1.0_224.ckpt", checkpoint_type="classification")
    assert set(report.restored) == base
    assert report.share < 0.5


def test_full_wants_everything(model, written):
    detector, _, changed = restored(model, written, checkpoint_type="full")
    assert changed == set(detector.variables)
    model.ssd.num_classes = 5
    with pytest.raises(UserError, match="num_classes"):
        restored(model, written, checkpoint_type="full")


def test_class_heads_are_kept_by_class_name(model, written):
    model.ssd.num_classes = 3
    maps = {"old_label_map": {"cat": 1, "dog": 2}, "new_label_map": {"dog": 1, "emu": 2, "cat": 3}}
    detector, report, _ = restored(model, written, load_all=True, **maps)
    old = checkpoint_files.read(written).value("BoxPredictor_1/ClassPredictor/weights").reshape(64 * 4, -1, 3)
    new = detector.variables["BoxPredictor_1/ClassPredictor/weights"].numpy().reshape(64 * 4, -1, 4)
    fresh = build(model, seed=2).variables["BoxPredictor_1/ClassPredictor/weights"].numpy()
    np.testing.assert_array_equal(new[..., [0, 3, 1]], old)
    np.testing.assert_array_equal(new[..., 2], fresh.reshape(64 * 4, -1, 4)[..., 2])
    assert set(report.partly) == {name for name in detector.variables if "ClassPredictor" in name}
    assert "by class name: cat, dog" in str(report)


def test_another_extractor_or_width_is_an_error_that_says_so(model, written):
    model.ssd.feature_extractor.depth_multiplier = 0.5
    with pytest.raises(UserError, match=r"Of another shape: .*Conv2d_0/weights is \(3, 3, 3, 8\) in the") as raised:
        restored(model, written)
    assert "Compare depth_multiplier" in str(raised.value)
    model.ssd.feature_extractor.type = "ssd_mobilenet_v2"
    with pytest.raises(UserError, match=r"MobilenetV2.*The checkpoint holds FeatureExtractor/MobilenetV1/\.\.\."):
        restored(model, written)


def test_an_unknown_type_is_an_error(model, written):
    with pytest.raises(UserError, match="fine_tune_checkpoint_type is 'whole'"):
        restored(model, written, checkpoint_type="whole")


def test_where_tf2_keeps_the_variables_of_mobilenet_v1(model):
    extractor = model.ssd.feature_extractor
    extractor.type = "ssd_mobilenet_v1_keras"
    names = set(build(model).object_graph_keys().values())
    path = "model/_feature_extractor/{}/.ATTRIBUTES/VARIABLE_VALUE"
    assert path.format("_feature_map_generator/convolutions/2/0/kernel") in names
    assert path.format("classification_backbone/layer_with_weights-1/gamma") in names
    # Without batch norm the layers of the base have their kernels alone, and those of the extra maps a bias.
    extractor.override_base_feature_extractor_hyperparams = True
    extractor.conv_hyperparams.ClearField("batch_norm")
    names = set(build(model).object_graph_keys().values())
    assert path.format("classification_backbone/layer_with_weights-1/depthwise_kernel") in names
    assert path.format("_feature_map_generator/convolutions/2/0/bias") in names
    assert not any("gamma" in name or ("backbone" in name and "bias" in name) for name in names)


@pytest.mark.parametrize(("kind", "load_all"), [("detection", False), ("detection", True), ("full", False)])
def test_tf2_checkpoints_by_object_graph(model, tmp_path, kind, load_all):
    model.ssd.feature_extractor.type = "ssd_mobilenet_v2_keras"
    source = build(model, seed=1)
    keys = source.object_graph_keys()
    assert set(keys) == set(source.variables)
    assert len(set(keys.values())) == len(keys)
    values = {keys[name]: variable.numpy() for name, variable in source.variables.items()}
    checkpoint_files.write(tmp_path / "ckpt-0", values | {checkpoint_files.OBJECT_GRAPH: np.float32(0)})
    detector, report, _ = restored(model, tmp_path / "ckpt-0", checkpoint_type=kind, load_all=load_all)
    wanted = {name for name in keys if kind == "full" or load_all or name.startswith("FeatureExtractor")}
    assert set(report.restored) == wanted
    for name in wanted:
        np.testing.assert_array_equal(detector.variables[name], source.variables[name])
    model.ssd.feature_extractor.type = "ssd_mobilenet_v2"
    with pytest.raises(UserError, match="TF2 checkpoint"):
        restored(model, tmp_path / "ckpt-0")
