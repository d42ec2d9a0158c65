import hashlib
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tiny_detector import TinyDetector
from training_data import LABEL_MAP, TINY_FASTER_RCNN

from boxwright import devices, protos
from boxwright.checkpoints import checkpoint_files, conditions
from boxwright.core.errors import StoppedError, UserError
from boxwright.detector import precision
from boxwright.detector.build import build
from boxwright.devices import Compute
from boxwright.training import segment, state


def tensors(prefix: Path) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in sorted(reader.get_variable_to_shape_map())}


def digest(prefix: Path) -> str:
    """One hash of the names, types, shapes and bits of all tensors of a checkpoint."""
    sha256 = hashlib.sha256()
    for name, value in tensors(prefix).items():
        sha256.update(f"{name} {value.dtype} {value.shape} ".encode() + value.tobytes())
    return sha256.hexdigest()


@pytest.fixture
def tiny(monkeypatch):
    """Segments train the tiny detector instead of the configuration's model."""
    monkeypatch.setattr(segment, "build", lambda model, seed, precision: TinyDetector(seed))


@pytest.fixture
def train(config, records, tmp_path):
    """train("folder", steps...) trains a chain of segments and returns the last checkpoint."""

    def chain(folder: str, *steps: int, start: Path | None = None, **arguments) -> Path:
        train_dir = tmp_path / folder
        for step in steps:
            segment.train_segment(
                arguments.get("config", config),
                records,
                LABEL_MAP,
                train_dir,
                to_step=step,
                log_path=train_dir / f"log/{step}.jsonl",
                events_path=train_dir / f"events.out.tfevents.{step}",
                start=start,
                **{"tf_threads": 0, **{key: value for key, value in arguments.items() if key != "config"}},
            )
            start = train_dir / f"model.ckpt-{step}"
        return start

    return chain


def log_of(prefix: Path) -> list[dict]:
    step = prefix.name.removeprefix("model.ckpt-")
    return [json.loads(line) for line in (prefix.parent / f"log/{step}.jsonl").read_text().splitlines()]


def test_pieces_equal_the_whole_to_the_bit(tiny, train):
    whole = digest(train("one", 10))
    assert digest(train("again", 10)) == whole
    assert digest(train("two", 4, 10)) == whole
    assert digest(train("five", 1, 3, 4, 8, 10)) == whole
    assert digest(train("other seed", 10, seed=1)) != whole


def test_ssd_in_pieces_equals_the_whole_to_the_bit(train):
    assert digest(train("one", 5)) == digest(train("two", 2, 5))


def test_auto_is_decided_once_and_kept(train, monkeypatch, capfd):
    """With the instructions that its extractor asks for, a training begins in bfloat16, and goes on so without them."""
    built = []
    monkeypatch.setattr(segment, "build", lambda model, seed, kind: built.append(kind) or TinyDetector(seed))
    auto = Compute(precision="auto")
    with monkeypatch.context() as patch:
        patch.setattr(devices.instructions, "here", lambda: frozenset({"amx_bf16"}))
        begun = train("run", 2, compute=auto)
        assert "products in bfloat16" in capfd.readouterr().err
        interrupt(patch, 2, crash)
        with pytest.raises(RuntimeError):
            train("killed", 3, compute=auto, save_every_s=0)
    monkeypatch.setattr(devices.instructions, "here", frozenset)
    assert conditions.of(begun).precision == "bfloat16"
    train("run", 4, start=begun, compute=auto)
    train("killed", 3, compute=auto)
    assert built == [precision.of("bfloat16", gpu=False)] * 4
    train("elsewhere", 1, compute=auto)
    assert built[-1] == precision.FLOAT32
    assert "Computing on the CPU, in float32." in capfd.readouterr().err
    monkeypatch.setattr(devices.instructions, "here", lambda: frozenset({"avx512_bf16"}))
    train("on another", 1, compute=auto)
    assert "in float32, which `auto` is for this feature extractor here." in capfd.readouterr().err


def test_float16_without_a_gpu_is_float32(tiny, train, capfd):
    """The numbers and the checkpoint are those of float32, and the log says it once."""
    prefix = train("run", 2, compute=Compute(precision="float16"))
    assert digest(prefix) == digest(train("float32", 2))
    said = capfd.readouterr().err
    assert said.count("float16") == 1 and "Computing on the CPU, in float32 (float16 is for GPUs)." in said


def on_gpu(monkeypatch, gpus: int) -> None:
    """Trainings take so many GPUs; what the engine does with them is computed on the CPU."""
    monkeypatch.setattr(devices, "take", lambda compute: devices.Taken(["T4"] * gpus, compute))


def test_float16_goes_on_as_it_began_on_a_gpu(train, monkeypatch, capfd):
    """From GPU to CPU and back: the CPU computes in float32 and hands on the loss scale as it got it."""
    built = []
    monkeypatch.setattr(segment, "build", lambda model, seed, kind: built.append(kind) or TinyDetector(seed))
    half = {"compute": Compute(gpus=1, precision="float16")}
    on_gpu(monkeypatch, 1)
    first = train("run", 2, **half)
    scale = {name: tensors(first)[name] for name in ("loss_scale", "loss_scale_good_steps")}
    assert scale["loss_scale_good_steps"] == 2
    on_gpu(monkeypatch, 0)
    second = train("run", 4, start=first, **half)
    assert "in float32 (float16 is for GPUs)" in capfd.readouterr().err
    assert {name: tensors(second)[name] for name in scale} == scale
    on_gpu(monkeypatch, 1)
    third = train("run", 5, start=second, compute=Compute(gpus=1, precision="auto"))
    assert tensors(third)["loss_scale_good_steps"] == 3
    assert [kind.tensors for kind in built] == [tf.float16, tf.float32, tf.float16]
    assert all(conditions.of(prefix).precision == "float16" for prefix in (first, second, third))


def test_float16_that_began_on_a_cpu_stays_float32_on_a_gpu(tiny, train, monkeypatch, capfd):
    half = {"compute": Compute(gpus=1, precision="float16")}
    on_gpu(monkeypatch, 0)
    begun = train("run", 2, **half)
    capfd.readouterr()
    on_gpu(monkeypatch, 1)
    last = train("run", 4, start=begun, **half)
    assert "Computing on T4 in float32, in which the training began" in capfd.readouterr().err
    assert conditions.of(last).precision == "float32" and "loss_scale" not in tensors(last)


@pytest.mark.slow
def test_ssd_in_bfloat16_in_pieces_and_killed_equals_the_whole_to_the_bit(train, monkeypatch):
    rounded = {"compute": Compute(precision="bfloat16")}
    whole = digest(train("one", 5, **rounded))
    assert digest(train("two", 2, 5, **rounded)) == whole
    with monkeypatch.context() as patch:
        interrupt(patch, 4, crash)
        with pytest.raises(RuntimeError):
            train("killed", 5, save_every_s=0, **rounded)
    assert digest(train("killed", 5, **rounded)) == whole
    assert digest(train("float32", 5)) != whole


@pytest.mark.slow
def test_ssd_in_five_pieces_and_with_another_seed(train):
    whole = digest(train("one", 10))
    assert digest(train("five", 2, 4, 6, 8, 10)) == whole
    assert digest(train("other seed", 10, seed=1)) != whole


PYRAMID = """
  feature_extractor { type: "%s" use_depthwise: true fpn { min_level: 3 max_level: 6 additional_layer_depth: 32 } }
  box_predictor { weight_shared_convolutional_box_predictor {
    conv_hyperparams { batch_norm { scale: true decay: 0.97 } }
    depth: 8 num_layers_before_predictor: 2 share_prediction_tower: true use_dropout: true use_depthwise: true } }
  anchor_generator { multiscale_anchor_generator { max_level: 6 aspect_ratios: [1, 2] scales_per_octave: 1 } }
  loss { classification_loss { weighted_sigmoid_focal { } } }
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "extractor", ["ssd_mobilenet_v2_fpn_keras", "ssd_mobilenet_v1_fpn", "ssd_mobilenet_v2_mnasfpn"]
)
def test_a_pyramid_in_pieces_equals_the_whole_to_the_bit(train, config, extractor):
    config.model.ssd.MergeFrom(text_format.Parse(PYRAMID % extractor, protos.message("Ssd")()))
    whole = digest(train("one", 5, config=config))
    assert digest(train("two", 2, 5, config=config)) == whole
    assert digest(train("other seed", 5, config=config, seed=1)) != whole


@pytest.mark.slow
def test_ranges_that_are_followed_in_pieces_equal_the_whole_to_the_bit(train, config):
    config.model.ssd.feature_extractor.type = "ssd_spaghettinet"
    config.model.ssd.feature_extractor.spaghettinet_arch_name = "spaghettinet_edgetpu_s"
    config.model.ssd.anchor_generator.ssd_anchor_generator.num_layers = 5
    last = train("one", 4, config=config)
    assert digest(train("two", 1, 4, config=config)) == digest(last)
    steps = {name: value for name, value in tensors(last).items() if name.endswith("local_step")}
    assert len(steps) == 10 and set(map(float, steps.values())) == {4.0}


@pytest.mark.slow
@pytest.mark.parametrize("head", ["mask_rcnn_box_predictor", "rfcn_box_predictor"])
def test_faster_rcnn_in_pieces_equals_the_whole_to_the_bit(train, head):
    config = text_format.Parse(TINY_FASTER_RCNN, protos.TrainEvalPipelineConfig())
    if head == "rfcn_box_predictor":
        config.model.faster_rcnn.second_stage_box_predictor.rfcn_box_predictor.depth = 16
    whole = digest(train("one", 5, config=config))
    assert digest(train("two", 2, 5, config=config)) == whole
    assert digest(train("five", 1, 2, 3, 4, 5, config=config)) == whole
    assert digest(train("other seed", 5, config=config, seed=1)) != whole


def test_what_a_checkpoint_holds(tiny, train):
    found = tensors(train("run", 3))
    trained = ["Feature/weights", "Head/weights", "Head/biases"]
    slots = [f"{name}/{slot}" for name in trained for slot in ("RMSProp", "RMSProp_1", "ExponentialMovingAverage")]
    numbers = {"global_step": 3, "training/precision": tf.float32.as_datatype_enum, "training/threads": 0}
    assert set(found) == {*trained, "Feature/BatchNorm/moving_mean", *slots, *numbers}
    assert {name: found[name] for name in numbers} == numbers
    assert all(found[name].dtype == np.int64 for name in numbers)
    assert all(value.dtype == np.float32 for name, value in found.items() if name not in numbers)


def test_step_0_holds_the_start_weights(train, config):
    found = tensors(train("run", 0))
    fresh = build(config.model, 0)
    assert all(np.array_equal(found[name], variable) for name, variable in fresh.variables.items())
    assert found["global_step"] == 0


def test_the_log_says_what_happened(tiny, train):
    prefix = train("run", 4, 7)
    assert [record["step"] for record in log_of(prefix)] == [5, 6, 7]
    (first, *_) = log_of(prefix.with_name("model.ckpt-4"))
    assert first["learning_rate"] == pytest.approx(0.004)
    terms = [first[f"Loss/{name}_loss"] for name in ("localization", "classification", "regularization")]
    assert sum(terms) == pytest.approx(first["Loss/total_loss"], rel=1e-5)
    assert all(record["steps_per_sec"] > 0 and 0 <= record["input_wait_share"] <= 1 for record in log_of(prefix))


def test_frozen_variables_stay_and_have_no_slots(tiny, train, config):
    config.train_config.freeze_variables.append("Feature")
    found = tensors(train("run", 3))
    np.testing.assert_array_equal(found["Feature/weights"], TinyDetector(0).variables["Feature/weights"])
    assert "Feature/weights/RMSProp" not in found
    assert not np.array_equal(found["Head/biases"], TinyDetector(0).variables["Head/biases"])


def test_regularization_can_be_left_out(tiny, train, config):
    config.train_config.add_regularization_loss = False
    assert "Loss/regularization_loss" not in log_of(train("run", 1))[0]


def interrupt(monkeypatch, at: int, how) -> None:
    """Call `how` in the middle of step `at`."""
    original = segment.Log.step

    def step(self, number, *arguments):
        if number == at:
            how()
        original(self, number, *arguments)

    monkeypatch.setattr(segment.Log, "step", step)


def crash() -> None:
    raise RuntimeError("power cut")


def test_a_killed_segment_continues_from_its_autosave_to_the_same_bits(tiny, train, monkeypatch, capfd):
    whole = train("whole", 8)
    with monkeypatch.context() as patch:
        interrupt(patch, 6, crash)
        with pytest.raises(RuntimeError, match="power cut"):
            train("killed", 8, save_every_s=0, identity="abc")
    folder = whole.parent.parent / "killed"
    assert not list(folder.glob("model.ckpt*"))
    assert not (folder / "log/8.jsonl").exists()
    capfd.readouterr()

    again = train("killed", 8, identity="abc")
    assert "continued from the autosave at step 5" in capfd.readouterr().err
    assert digest(again) == digest(whole)
    assert [record["step"] for record in log_of(again)] == list(range(1, 9))
    assert not (folder / "autosave").exists()


@pytest.mark.parametrize("change", [{"identity": "other"}, {"identity": "abc", "seed": 3}])
def test_an_autosave_of_something_else_is_not_continued(tiny, train, monkeypatch, capfd, change):
    with monkeypatch.context() as patch:
        interrupt(patch, 3, crash)
        with pytest.raises(RuntimeError):
            train("run", 4, save_every_s=0, identity="abc")
    train("run", 4, **change)
    assert "autosave" not in capfd.readouterr().err


AUTO = {"compute": Compute(precision="auto"), "tf_threads": "auto"}


@pytest.mark.parametrize("damaged", ["data", "index"])
@pytest.mark.parametrize("settings", [{}, AUTO], ids=["set", "auto"])
def test_a_damaged_autosave_costs_only_time(tiny, train, monkeypatch, settings, damaged):
    monkeypatch.setattr(devices, "processors", lambda: 0)  # TensorFlow's threads cannot be set a second time
    whole = digest(train("whole", 4, **settings))
    with monkeypatch.context() as patch:
        interrupt(patch, 3, crash)
        with pytest.raises(RuntimeError):
            train("run", 4, save_every_s=0, **settings)
    autosave = train("unused", 0).parent.parent / "run/autosave"
    (file,) = autosave.glob(f"*.{damaged}*")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert digest(train("run", 4, **settings)) == whole


def test_an_autosave_that_cannot_be_read_decides_nothing(tiny, train, monkeypatch, capfd):
    """It began with other instructions; without what it says, this machine decides."""
    with monkeypatch.context() as patch:
        patch.setattr(devices.instructions, "here", lambda: frozenset({"amx_bf16"}))
        interrupt(patch, 3, crash)
        with pytest.raises(RuntimeError):
            train("run", 4, save_every_s=0, compute=AUTO["compute"])
    monkeypatch.setattr(devices.instructions, "here", frozenset)
    (data,) = (train("unused", 0).parent.parent / "run/autosave").glob("*.data-*")
    content = bytearray(data.read_bytes())
    content[0] ^= 1
    data.write_bytes(content)
    capfd.readouterr()
    assert conditions.of(train("run", 4, compute=AUTO["compute"])).precision == "float32"
    assert "autosave" not in capfd.readouterr().err


@pytest.mark.alone
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_stops(tiny, train, monkeypatch, number):
    whole = digest(train("whole", 6))
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        interrupt(patch, 3, lambda: signal.raise_signal(number))
        with pytest.raises(StoppedError, match=f"{number.name}: saved at step 3"):
            train("run", 6)
    assert signal.getsignal(number) is before
    assert digest(train("run", 6)) == whole


@pytest.mark.alone
def test_a_signal_at_the_very_end_lets_the_segment_finish(tiny, train, monkeypatch):
    whole = digest(train("whole", 3))
    save = segment.state.save

    def save_and_signal(*arguments):
        signal.raise_signal(signal.SIGTERM)
        save(*arguments)

    monkeypatch.setattr(segment.state, "save", save_and_signal)
    assert digest(train("run", 3)) == whole


@pytest.mark.alone
def test_a_signal_before_the_first_step_stops_at_once(tiny, train, monkeypatch):
    monkeypatch.setattr(segment, "_check_finite", lambda *_: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(StoppedError, match="SIGTERM: it had not begun"):
        train("run", 6)


def test_a_loss_that_is_not_finite_stops_before_anything_is_saved(tiny, train, config, tmp_path):
    schedule = config.train_config.optimizer.rms_prop_optimizer.learning_rate.exponential_decay_learning_rate
    schedule.initial_learning_rate = 1e30
    with pytest.raises(UserError) as error:
        train("run", 6, save_every_s=0)
    message = str(error.value)
    assert "Loss/localization_loss is" in message
    assert message.count("image-0") == 3
    assert "stopped at step" in message
    assert not list((tmp_path / "run").glob("model.ckpt*"))
    for prefix in (tmp_path / "run/autosave").glob("*.index"):
        assert all(np.isfinite(value).all() for value in tensors(prefix.with_suffix("")).values())


def test_what_cannot_be_trained_is_refused_before_anything_is_built(tiny, train, config, monkeypatch):
    monkeypatch.setattr(segment, "build", lambda *_: pytest.fail("built"))
    config.train_input_reader.num_epochs = 3
    config.train_config.merge_multiple_label_boxes = True
    config.train_config.data_augmentation_options.add().autoaugment_image.SetInParent()
    with pytest.raises(UserError) as error:
        train("run", 1)
    for field in ("num_epochs", "merge_multiple_label_boxes", "autoaugment_image"):
        assert field in str(error.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("data_augmentation_options { random_crop_image { min_area: 0 } }", "random_crop_image"),
        ("data_augmentation_options { ssd_random_crop { operations { } } }", "ssd_random_crop"),
        ("data_augmentation_options { random_absolute_pad_image { pad_color: [1, 2] } }", "pad_color"),
        ("optimizer { adam_optimizer { learning_rate { manual_step_learning_rate { } } } }", "schedule"),
        ("optimizer { adam_optimizer { } }", "learning_rate"),
        ("optimizer { }", "optimizer"),
    ],
)
def test_numbers_that_cannot_be_are_refused(tiny, train, config, change, named):
    changed = text_format.Parse(change, protos.TrainConfig())
    if changed.HasField("optimizer"):
        config.train_config.ClearField("optimizer")
    config.train_config.MergeFrom(changed)
    with pytest.raises(UserError, match=named):
        train("run", 1)


def test_a_damaged_checkpoint_is_named(tiny, train):
    prefix = train("run", 2)
    data = prefix.with_name("model.ckpt-2.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.ckpt-2 .*damaged"):
        train("run", 4, start=prefix)


def test_a_checkpoint_of_another_optimizer_is_refused(tiny, train, config):
    prefix = train("run", 2)
    config.train_config.optimizer.momentum_optimizer.learning_rate.constant_learning_rate.learning_rate = 0.1
    with pytest.raises(UserError, match=r"lacks .*Momentum"):
        train("run", 4, start=prefix)


def test_a_segment_cannot_go_back(tiny, train):
    prefix = train("run", 3)
    with pytest.raises(UserError, match="already at step 3"):
        train("run", 2, start=prefix)


def test_start_weights_come_from_the_fine_tune_checkpoint(train, config, capfd):
    source = train("source", 0, seed=5)
    config.train_config.fine_tune_checkpoint = str(source)
    config.train_config.fine_tune_checkpoint_type = "detection"
    found, given = tensors(train("run", 0)), tensors(source)
    assert "restored" in capfd.readouterr().err
    weights = [name for name in given if name.endswith("weights") and name in checkpoint_files.names(source)]
    backbone = [name for name in weights if name.startswith("FeatureExtractor/")]
    assert all(np.array_equal(found[name], given[name]) for name in backbone)
    head = "BoxPredictor_0/BoxEncodingPredictor/weights"
    assert not np.array_equal(found[head], given[head])
    # Moving averages start at the restored weights, not at those before.
    average = f"{backbone[0]}/ExponentialMovingAverage"
    np.testing.assert_array_equal(found[average], given[backbone[0]])


def test_state_refuses_other_shapes_before_it_changes_anything(tmp_path):
    state.save(tmp_path / "model.ckpt-1", {"a": tf.Variable([1.0]), "b": tf.Variable([2.0, 3.0])}, 1)
    a, b = tf.Variable([7.0]), tf.Variable([7.0])
    with pytest.raises(UserError, match=r"b is float32 \[2\]"):
        state.restore(tmp_path / "model.ckpt-1", {"a": a, "b": b})
    assert a.numpy() == [7.0]
