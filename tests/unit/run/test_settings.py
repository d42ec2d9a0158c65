"""The configuration: defaults from the schema alone, and mistakes told with key, value and what is allowed."""

import pytest
import yaml

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.run import config_file, refusal, settings

MINIMAL = """
dataset: {images: photos, annotations: labels}
models:
  first: {pipeline: pipeline.config, num_steps: 10, checkpoint_every: 4}
"""


@pytest.fixture
def minimal(tmp_path, monkeypatch):
    """The least configuration, in a folder where all that it names exists."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "labels").mkdir()
    (tmp_path / "pipeline.config").touch()
    return yaml.safe_load(MINIMAL)


def mistakes(config):
    with pytest.raises(UserError) as caught:
        settings.load(config)
    return [line.removeprefix("  - ") for line in str(caught.value).splitlines()[1:]]


def test_defaults_are_filled_in(minimal):
    loaded = settings.load(minimal)
    assert loaded["results"] == "results"
    assert loaded["dataset"] == {
        "demo": False,
        "images": ["photos"],
        "annotations": ["labels"],
        "format": "auto",
        "sources": None,
        "records": None,
        "label_map": None,
        "split": {
            "eval_fraction": 0.2,
            "test_fraction": None,
            "seed": 0,
            "train": None,
            "eval": None,
            "test": None,
            "source": False,
            "group_by": None,
        },
        "shards": {"train": 4, "eval": 1, "test": 1},
        "policies": {},
        "max_pixels": 178_956_970,
        "classes": {"rename": {}, "ignore": []},
        "near_duplicates": True,
        "verify": "headers",
    }
    assert loaded["models"]["first"] == {
        "pipeline": "pipeline.config",
        "num_steps": 10,
        "checkpoint_every": 4,
        "checkpoint": None,
        "batch_size": None,
        "rescale_learning_rate": True,
        "rescale_schedule": True,
        "seed": 0,
        "gpus": 0,
        "precision": "auto",
        "inference_precision": "float32",
        "loss_scale": "dynamic",
        "jit_compile": False,
        "gpu_memory_mb": {"train": None, "evaluate": None},
        "tf_threads": 2,
        "save_every_s": 300,
        "early_stopping": None,
        "keep": None,
        "overrides": {},
        "repeat_of": None,
    }
    assert loaded["export"] == {
        "checkpoint": "best",
        "also": [],
        "metric": "DetectionBoxes_Precision/mAP@.50IOU",
        "forms": ["frozen_graph", "saved_model"],
        "gate": "warn",
        "int8": {"images": 300, "seed": 0},
        "bundle": False,
    }
    assert loaded["predict"] == {"images": None, "score_threshold": 0.5, "line_thickness": 4}


EVERY_KEY = """
results: results
dataset:
  images: photos
  annotations: labels
  label_map: null
  split: {eval_fraction: 0.2, seed: 0}
  shards: {train: 4, eval: 1}
  policies: {}
models:
  first:
    pipeline: pipeline.config
    checkpoint: null
    num_steps: 10
    checkpoint_every: 4
    batch_size: null
    rescale_learning_rate: true
    rescale_schedule: true
    seed: 0
    gpus: 0
    tf_threads: 2
    save_every_s: 300
    early_stopping: null
    overrides: {}
export: {checkpoint: best, metric: DetectionBoxes_Precision/mAP@.50IOU}
predict: {images: null, score_threshold: 0.5, line_thickness: 4}
"""


def test_every_key_written_out_with_its_default_is_the_same(minimal):
    assert settings.load(yaml.safe_load(EVERY_KEY)) == settings.load(minimal)


def test_the_given_configuration_is_not_changed(minimal):
    before = yaml.safe_dump(minimal)
    settings.load(minimal)
    assert yaml.safe_dump(minimal) == before


def test_two_loads_do_not_share_defaults(minimal):
    settings.load(minimal)["dataset"]["policies"]["truncated"] = "fail"
    assert settings.load(minimal)["dataset"]["policies"] == {}


def test_all_mistakes_are_told_at_once(minimal):
    minimal["modles"] = {}
    minimal["dataset"]["imges"] = "x"
    minimal["models"]["first"]["num_steps"] = "10"
    minimal["predict"] = {"score_threshold": 2}
    told = mistakes(minimal)
    assert len(told) == 4
    assert "`modles` is not a key of boxwright; did you mean `models`?" in told
    assert "`dataset.imges` is not a key of boxwright; did you mean `images`?" in told
    assert any(
        '`models.first.num_steps` is "10"' in text and "but must be a whole number of at least 1 (" in text
        for text in told
    )
    assert any("`predict.score_threshold` is 2" in text and "from 0 to 1" in text for text in told)


@pytest.mark.parametrize(
    ("key", "wrong", "allowed"),
    [
        ("tf_threads", 0, "auto or a whole number from 1 to 1024"),
        ("loss_scale", "static", "dynamic or a number above 0"),
    ],
)
def test_a_word_beside_numbers_is_named(minimal, key, wrong, allowed):
    minimal["models"]["first"][key] = wrong
    (told,) = mistakes(minimal)
    assert f"but must be {allowed} (" in told
    minimal["models"]["first"][key] = allowed.split()[0]
    assert settings.load(minimal)["models"]["first"][key] == allowed.split()[0]


@pytest.mark.parametrize("key", ["pipeline", "num_steps", "checkpoint_every"])
def test_a_missing_key_is_named(minimal, key):
    del minimal["models"]["first"][key]
    (told,) = mistakes(minimal)
    assert told.startswith(f"`models.first.{key}` is missing (")


def test_missing_sections_are_named():
    assert [text.split(" is ")[0] for text in mistakes({})] == ["`dataset`", "`models`"]


def test_paths_that_are_not_there(minimal):
    minimal["dataset"] |= {"images": ["photos", "fotos"], "label_map": "map.pbtxt"}
    minimal["models"]["first"] |= {"pipeline": "other.config", "checkpoint": "zoo/model.ckpt"}
    told = mistakes(minimal)
    assert [text.split()[0] for text in told] == [
        "`dataset.images`",
        "`dataset.label_map`",
        "`models.first.pipeline`",
        "`models.first.checkpoint`",
    ]
    assert all("there is no such" in text for text in told)


def test_a_checkpoint_may_be_a_folder_a_prefix_or_a_graph(minimal, tmp_path):
    (tmp_path / "zoo").mkdir()
    minimal["models"]["first"]["checkpoint"] = "zoo"
    assert "holds no checkpoint" in mistakes(minimal)[0]
    (tmp_path / "zoo" / "model.ckpt.index").touch()
    (tmp_path / "graph.pb").write_bytes(b"\x0a\0")
    for source in ("zoo", "zoo/model.ckpt", "graph.pb"):
        minimal["models"]["first"]["checkpoint"] = source
        assert settings.load(minimal)["models"]["first"]["checkpoint"] == source


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("yolov8n.pt", "a PyTorch model"),
        ("model.PTH", "a PyTorch model"),
        ("model.h5", "Keras's weights (HDF5)"),
        ("model.keras", "a Keras model"),
        ("model.onnx", "an ONNX model"),
        ("model.safetensors", "weights in the safetensors format"),
        ("model.tflite", "a TensorFlow Lite model"),
        ("model.tar.gz", ""),
        ("model.ckpt-9", ""),
        ("frozen.pb", ""),
    ],
)
def test_a_missing_checkpoint_of_another_program_would_not_do_either(minimal, name, kind):
    minimal["models"]["first"]["checkpoint"] = f"nowhere/{name}"
    (told,) = mistakes(minimal)
    assert "but there is no such folder, frozen graph or checkpoint" in told
    assert (f"A file with this ending is {kind}" in told and "which would not do either. Training starts" in told) == (
        kind != ""
    )


def test_a_checkpoint_of_the_zoo_brings_its_pipeline(minimal):
    model = minimal["models"]["first"]
    model["checkpoint"] = "zoo:ssd_mobilenet_v1_coco_2018_01_28"
    del model["pipeline"]
    assert settings.load(minimal)["models"]["first"]["pipeline"] is None
    model["checkpoint"] = "graph.pb"
    (told, _) = mistakes(minimal)
    assert "only a checkpoint `zoo:<name>` comes with its own" in told


def test_an_unknown_name_of_the_zoo_comes_with_the_nearest(minimal):
    minimal["models"]["first"]["checkpoint"] = "zoo:faster_rcnn_resnet_coco"
    (told,) = mistakes(minimal)
    assert told.startswith(
        "`models.first.checkpoint` is zoo:faster_rcnn_resnet_coco: there is no faster_rcnn_resnet_coco"
    )
    assert "faster_rcnn_resnet50_coco_2018_01_28" in told


def test_data_is_given_or_the_demo(minimal):
    minimal["dataset"] = {}
    assert all("dataset.demo: true" in text for text in mistakes(minimal))
    minimal["dataset"] = {"demo": True, "images": "photos"}
    assert "together with `dataset.demo: true`" in mistakes(minimal)[0]
    minimal["dataset"] = {"demo": True, "records": {"train": "train.tfrecord"}}
    assert "`dataset.records` is set together with `dataset.demo: true`" in mistakes(minimal)[0]
    minimal["dataset"] = {"demo": True}
    assert settings.load(minimal)["dataset"]["demo"]


def test_lists_of_a_split_come_together(minimal, tmp_path):
    (tmp_path / "train.txt").touch()
    minimal["dataset"]["split"] = {"train": "train.txt"}
    assert "`dataset.split`" in mistakes(minimal)[0]


def test_export_step_must_be_a_checkpoint(minimal):
    minimal["export"] = {"checkpoint": 5}
    assert "saved only at steps 4, 8 and 10." in mistakes(minimal)[0]
    minimal["export"] = {"checkpoint": 8}
    assert settings.load(minimal)["export"]["checkpoint"] == 8


@pytest.mark.parametrize(
    ("num_steps", "every", "steps"), [(10, 4, [4, 8, 10]), (8, 4, [4, 8]), (3, 10, [3]), (1, 1, [1])]
)
def test_checkpoint_steps(num_steps, every, steps):
    assert settings.checkpoint_steps({"num_steps": num_steps, "checkpoint_every": every}) == steps


def test_a_list_of_seeds_is_one_model_for_each(minimal):
    minimal["models"]["second"] = {**minimal["models"]["first"], "seed": [3, 7], "overrides": {"a": 1}}
    models = settings.load(minimal)["models"]
    assert [(name, model["seed"], model["repeat_of"]) for name, model in models.items()] == [
        ("first", 0, None),
        ("second-seed3", 3, "second"),
        ("second-seed7", 7, "second"),
    ]
    assert models["second-seed3"]["overrides"] == {"a": 1}
    assert models["second-seed3"]["overrides"] is not models["second-seed7"]["overrides"]


def test_a_single_seed_in_a_list_repeats_too(minimal):
    minimal["models"]["first"]["seed"] = [5]
    assert list(settings.load(minimal)["models"]) == ["first-seed5"]


@pytest.mark.parametrize("seed", [-1, [], [1, 1], ["a"], 1.5, None])
def test_what_is_no_seed(minimal, seed):
    minimal["models"]["first"]["seed"] = seed
    (told,) = mistakes(minimal)
    assert told.startswith("`models.first.seed` is ") and "but must be a whole number of at least 0" in told


def test_a_repetition_may_not_take_the_name_of_another_model(minimal):
    minimal["models"]["first-seed2"] = {**minimal["models"]["first"]}
    minimal["models"]["first"]["seed"] = [1, 2]
    (told,) = mistakes(minimal)
    assert "first-seed2 twice" in told


def test_early_stopping_has_defaults_once_it_is_wanted(minimal):
    minimal["models"]["first"]["early_stopping"] = {"patience": 2}
    assert settings.load(minimal)["models"]["first"]["early_stopping"] == {
        "patience": 2,
        "metric": None,
        "min_delta": 0,
    }
    minimal["models"]["first"]["early_stopping"] = {"metric": "mAP"}
    assert mistakes(minimal)[0].startswith("`models.first.early_stopping.patience` is missing (")
    minimal["models"]["first"]["early_stopping"] = 2
    assert mistakes(minimal)[0].startswith("`models.first.early_stopping` is 2, but must be a block of keys such as ")


def test_a_test_side_is_drawn_or_listed_and_leaves_something_to_train_on(minimal, tmp_path):
    (tmp_path / "test.txt").write_text("a.jpg\n")
    split = minimal["dataset"]["split"] = {"test": "test.txt", "test_fraction": 0.1}
    assert mistakes(minimal) == [
        "`dataset.split` has both `test` and `test_fraction`; the test images are either listed or drawn."
    ]
    del split["test_fraction"]
    settings.load(minimal)
    split["test"] = "nowhere.txt"
    assert "`dataset.split.test` names nowhere.txt" in mistakes(minimal)[0]
    minimal["dataset"]["split"] = {"eval_fraction": 0.5, "test_fraction": 0.5}
    assert "which leaves nothing to train on" in mistakes(minimal)[0]
    minimal["dataset"]["split"] = {"test_fraction": 0}
    assert "`dataset.split.test_fraction` is 0" in mistakes(minimal)[0]


def test_what_stays_of_the_checkpoints(minimal):
    first = minimal["models"]["first"]
    first["keep"] = {}
    assert settings.load(minimal)["models"]["first"]["keep"] == {"best": 1, "last": 1, "every": None}
    first["keep"] = {"best": 0, "last": 0, "every": 0}
    assert len(mistakes(minimal)) == 2
    first["keep"] = {"worst": 1}
    assert "`models.first.keep.worst` is not a key of boxwright" in mistakes(minimal)[0]


def test_records_as_they_are_stand_alone(minimal, tmp_path):
    for name in ("train.record-00000-of-00002", "train.record-00001-of-00002", "eval.record"):
        (tmp_path / name).touch()
    minimal["dataset"] = {"records": {"eval": "eval.record", "train": "train.record-*"}}
    loaded = settings.load(minimal)["dataset"]
    assert loaded["records"] == {
        "train": ["train.record-00000-of-00002", "train.record-00001-of-00002"],
        "eval": ["eval.record"],
    }
    assert (loaded["shards"]["train"], loaded["shards"]["eval"]) == (2, 1)
    minimal["dataset"] |= {"images": "photos", "policies": {"box_outside": "fail"}, "split": {"test_fraction": 0.1}}
    assert [text.split(" ")[0] for text in mistakes(minimal)] == [
        "`dataset.images`",
        "`dataset.policies`",
        "`dataset.split.test_fraction`",
    ]
    minimal["dataset"] = {"records": {"train": "none.record", "eval": None}}
    assert [text.split(" ")[0] for text in mistakes(minimal)] == ["`dataset.records.eval`", "`dataset.records.train`"]


def test_sources_stand_alone(minimal):
    sources = [{"images": "photos", "annotations": "labels", "format": "coco"}, {"annotations": ["labels"]}]
    minimal["dataset"] = {"sources": sources}
    loaded = settings.load(minimal)["dataset"]["sources"]
    assert [(one["images"], one["format"]) for one in loaded] == [(["photos"], "coco"), (None, "auto")]
    minimal["dataset"]["annotations"] = "labels"
    sources[0]["format"], sources[1]["annotations"] = "cocos", "nowhere"
    told = mistakes(minimal)
    assert len(told) == 3 and "`dataset.annotations` is set together with `dataset.sources`" in told[0]
    assert any("`format` in entry 1 of `dataset.sources` is" in text and "did you mean" in text for text in told)
    assert any(text.startswith("`annotations` in entry 2 of `dataset.sources` names nowhere") for text in told)


def test_a_seed_that_becomes_a_list_keeps_what_was_trained_with_it(minimal, tmp_path):
    minimal["models"]["first"]["seed"] = [0, 1, 2]
    assert list(settings.load(minimal)["models"]) == ["first-seed0", "first-seed1", "first-seed2"]
    index = tmp_path / "results/models/first/train/model.ckpt-4.index"
    index.parent.mkdir(parents=True)
    index.write_bytes(b"index")
    assert list(settings.load(minimal)["models"]) == ["first-seed0", "first-seed1", "first-seed2"]  # of no known seed
    Checksums("results").write([index], made_with={"identity": {"seed": 1}})
    models = settings.load(minimal)["models"]
    assert list(models) == ["first-seed0", "first", "first-seed2"]
    assert [(one["seed"], one["repeat_of"]) for one in models.values()] == [(0, "first"), (1, "first"), (2, "first")]
    minimal["models"]["first"]["seed"] = [5, 6]  # another seed than the trained one
    assert list(settings.load(minimal)["models"]) == ["first-seed5", "first-seed6"]
    minimal["models"]["first"]["seed"] = [1, 2]
    (tmp_path / "results/models/first-seed1").mkdir()  # it has results of its own already
    assert list(settings.load(minimal)["models"]) == ["first-seed1", "first-seed2"]


def test_further_checkpoints_to_export(minimal):
    assert settings.load(minimal)["export"]["also"] == []
    minimal["export"] = {"checkpoint": ["best", 4, 8]}
    export = settings.load(minimal)["export"]
    assert (export["checkpoint"], export["also"]) == ("best", [4, 8])
    minimal["export"] = {"checkpoint": [8]}
    export = settings.load(minimal)["export"]
    assert (export["checkpoint"], export["also"]) == (8, [])
    minimal["export"] = {"checkpoint": ["last", 5, 4]}
    assert mistakes(minimal) == ["`export.checkpoint` is 5, but models.first is saved only at steps 4, 8 and 10."]
    for wrong in ([4, "best"], [], ["best", "best"], ["worst"]):
        minimal["export"] = {"checkpoint": wrong}
        (told,) = mistakes(minimal)
        assert told.startswith("`export.checkpoint`") and "a list of one of these and of further steps" in told, told


def of_first(**keys):
    return {"models": {"first": {"pipeline": "pipeline.config", "num_steps": 10, "checkpoint_every": 4, **keys}}}


SPELLED = [
    # lists, and their entries
    (
        {"export": {"forms": "tflite"}},
        [
            '`export.forms` is "tflite", but must be a list of frozen_graph, saved_model, raw_graph, tflite, ',
            " or openvino_float16 ",
            "without repetition",
            "Write `[tflite]`.",
        ],
    ),
    ({"export": {"forms": "tflite, onnx"}}, ["Write `[tflite, onnx]`."]),
    (
        {"dataset": {"images": "photos", "annotations": "labels", "classes": {"ignore": "no"}}},
        ['Write `["no"]`.'],
    ),
    ({"export": {"forms": "TFLight"}}, ["Did you mean `[tflite]`?"]),
    (
        {"dataset": {"images": "photos", "annotations": "labels", "classes": {"ignore": "WBC"}}},
        ['`dataset.classes.ignore` is "WBC", but must be a list of texts without repetition (', "Write `[WBC]`."],
    ),
    (
        {"dataset": {"images": "photos", "annotations": "labels", "classes": {"ignore": "a, b"}}},
        ['`dataset.classes.ignore` is "a, b", but must be a list of texts', "Write `[a, b]`."],
    ),
    ({"export": {"forms": ["tflite", "int8"]}}, ["entry 2 of `export.forms` is", "Did you mean `tflite_int8`?"]),
    ({"export": {"forms": ["onx"]}}, ["entry 1 of `export.forms` is", "Did you mean `onnx`?"]),
    ({"export": {"forms": ["float16"]}}, ["Did you mean `tflite_float16` or `openvino_float16`?"]),
    ({"export": {"forms": ["edgetpu"]}}, ["entry 1 of `export.forms` is", "!Did you mean"]),
    (
        {"dataset": {"sources": [{"images": "photos", "annotations": "labels", "formt": "coco"}]}},
        ["`formt` in entry 1 of"],
    ),
    # words and numbers
    ({"export": {"gate": "wran"}}, ["Did you mean `warn`?"]),
    (of_first(tf_threads="aut"), ["Did you mean `auto`?"]),
    (of_first(num_steps="1e3"), ["YAML reads 1e3 as a text; write 1000."]),
    (of_first(num_steps="1.5e0"), ["but must be a whole number", "!write"]),
    (of_first(save_every_s="1e999"), ["!write"]),
    (of_first(loss_scale="1e3"), ["YAML reads 1e3 as a text; write 1000."]),
    (of_first(save_every_s="15e-1"), ["write 1.5."]),
    (of_first(early_stopping={"patience": 2, "min_delta": "1e-5"}), ["write 1.0e-05."]),
    # keys that belong elsewhere
    (of_first(patience=3), ["`models.first.patience` is not a key", "did you mean `early_stopping: {patience: 3}`?"]),
    (of_first(forms=["tflite"]), ["did you mean `export: {forms: ...}`?"]),
    ({"batch_size": 4}, ["did you mean `models: {<name>: {batch_size: 4}}`?"]),
    ({"export": {"checkpoint": [20, "best"]}}, ["Write `[best, 20]`: only the first can be best."]),
    ({"export": {"checkpoint": [20, "best", "x"]}}, ['Wrong in it: "best", "x".']),
    ({"export": {"checkpoint": ["best", 20, "x"]}}, ['Wrong in it: "x".']),
    (of_first(seed=[0, "one", -3]), ["repetition", 'Wrong in it: "one", -3.']),
    ({"polices": {}}, ["`polices` is not a key", "did you mean `dataset: {policies: ...}`?"]),
    (of_first(images="x"), ["`models.first.images`", "the keys here are pipeline, "]),
    # a model without a name
    (
        {"models": {"pipeline": "pipeline.config", "num_steps": 10, "checkpoint_every": 4}},
        [
            "`models` has the fields of a model, but not its name: put a name above them, as in `models: {my_model: "
            "{pipeline: pipeline.config}}`."
        ],
    ),
    (
        {"models": {"cells": None, "num_steps": 10, "pipeline": "pipeline.config", "checkpoint_every": 4}},
        [
            "`models.cells` is empty, and its fields lie beside it, not below it: indent them further, as in `models: "
            "{cells: {num_steps: 10}}`."
        ],
    ),
]


@pytest.mark.parametrize(("given", "words"), SPELLED)
def test_what_to_write_instead(minimal, given, words):
    (told,) = mistakes({**minimal, **given})
    for word in words:
        assert (word.removeprefix("!") in told) != word.startswith("!"), told


def test_a_field_beside_the_models(minimal):
    minimal["models"]["num_steps"] = 5
    assert mistakes(minimal) == [
        "`models.num_steps` is a field of a model, but lies beside the models: indent it below the name of one."
    ]


def test_what_else_is_wrong_with_a_model_without_a_name(minimal):
    minimal["models"] = {"pipeline": "gone.config", "num_stepz": 10, "checkpoint_every": 0, "keep": {}}
    told = mistakes(minimal)
    assert [text.split(" ")[0] for text in told] == [
        "`models`",
        "`models.my_model.num_stepz`",
        "`models.my_model.checkpoint_every`",
        "`models.my_model.pipeline`",
    ]


def test_what_is_refused_later_is_told_with_the_other_mistakes(minimal, tmp_path):
    (tmp_path / "empty").mkdir()
    minimal["export"] = {"metric": "mAP", "checkpoint": 5}
    minimal["predict"] = {"images": ["empty", "nowhere"]}
    told = [line.removeprefix("  - ") for line in all_told(minimal).splitlines()]
    for text in (
        "`export.checkpoint` is 5,",
        "`predict.images` names nowhere,",
        "`predict.images` is empty,",
        "`export.metric` is mAP,",
    ):
        assert len([line for line in told if line.startswith(text)]) == 1, text
    minimal["export"]["metric"] = "DetectionBoxes_PerformanceByCategory/mAP/cat"  # what classes there are shows later
    del minimal["dataset"]["images"], minimal["dataset"]["annotations"]
    assert "export.metric" not in all_told(minimal)


def all_told(config):
    with pytest.raises(UserError) as caught:
        settings.load(config)
    return refusal.told(caught.value)


def test_an_unknown_format_is_told_beside_the_demo(minimal):
    minimal["dataset"] |= {"demo": True, "format": "yolov8"}
    told = mistakes(minimal)
    assert len(told) == 3 and told[-1].startswith('`dataset.format` is "yolov8"; ')


PLAIN = ("my images", "./a/b", "café", "C:\\x", "<model>")
QUOTED = ("", "yes", ".5", "null", "a: b", "a #b", "x, y", "{a}", " a", "a\nb", "~", "2001-01-01", '!!float ""')


@pytest.mark.parametrize("text", PLAIN + QUOTED)
def test_a_text_in_yaml_is_read_as_it_was(text):
    written = config_file.as_yaml(text)
    assert yaml.safe_load(f"a: {{b: [{written}], c: {written}}}") == {"a": {"b": [text], "c": text}}
    assert (written == text) == (text in PLAIN)
