"""The TFLite forms: what a runtime of devices finds in them, read back from their bytes."""

import io
import json
import runpy
import zipfile

import numpy as np
import pytest
from small_detector import LABEL_MAP

pytest.importorskip("ai_edge_litert")
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from flatbuffers import flexbuffers
from PIL import Image

from boxwright import cli
from boxwright.catalog import forms
from boxwright.checkpoints import checkpoint_files
from boxwright.core.errors import UserError
from boxwright.dataset import label_map
from boxwright.detector.build import build
from boxwright.evaluation import any_images
from boxwright.export import check, program
from boxwright.export.forms import checkpoint, tflite_int8
from boxwright.export.forms import tflite as float_form
from boxwright.export.tflite import metadata, network
from boxwright.export.tflite.model import Model
from boxwright.pipeline import overrides, text
from boxwright.runtimes import find, tflite
from boxwright.runtimes.resizing import Input

from . import flatbuffer

NAMES = ("tflite", "tflite_float16", "tflite_int8")
# Height and width of the small detector's images.
SIZE = (96, 96)


@pytest.fixture(scope="module")
def written(mobile):
    """The three files of the small detector, by form, and their checks."""
    folder, checks = mobile
    return {name: ((folder / forms.named(name).path).read_bytes(), checks[name]) for name in NAMES}


def file_of(written, name, tmp_path):
    path = tmp_path / forms.named(name).path
    path.write_bytes(written[name][0])
    return path


def model_of(written, name):
    return flatbuffer.read(written[name][0])


def test_the_file_in_float_gives_the_checkpoints_detections(written):
    _, checked = written["tflite"]
    same = checked["same_detections"]
    assert same["share"] == 1 and same["detections"] >= 20
    assert max(same["max_box"], same["max_score"]) < 1e-5


def test_the_files_with_fewer_bits_give_nearly_the_same(written):
    assert written["tflite_float16"][1]["same_detections"]["share"] >= 0.99
    assert written["tflite_int8"][1]["same_detections"]["share"] >= 0.8
    whole, half, int8 = (len(written[name][0]) for name in NAMES)
    assert half < 0.6 * whole and int8 < 0.4 * whole


SUPPRESSION = "model.ssd.post_processing.batch_non_max_suppression."
RESIZER = "model.ssd.image_resizer.keep_aspect_ratio_resizer."
PADDED = {f"{RESIZER}min_dimension": 96, f"{RESIZER}max_dimension": 96, f"{RESIZER}pad_to_max_dimension": True}


@pytest.mark.parametrize(
    "changes",
    [
        {"model.ssd.num_classes": 1},
        {
            "model.ssd.num_classes": 1,
            f"{SUPPRESSION}use_class_agnostic_nms": True,
            f"{SUPPRESSION}max_detections_per_class": 5,
        },
        {f"{SUPPRESSION}iou_threshold": 0.0},
        {f"{SUPPRESSION}score_threshold": 0.6},
        PADDED,
        {**PADDED, "model.ssd.num_classes": 1},
        {"model.ssd.num_classes": 1, f"{SUPPRESSION}max_detections_per_class": 7},
    ],
    ids=["one class", "one class, agnostic", "no overlap", "few", "padded", "padded, one class", "one class, limited"],
)
def test_other_suppressions_give_the_checkpoints_detections(config, images, tmp_path, changes):
    changed = type(config)()
    changed.CopyFrom(config)
    overrides.apply(changed, changes)
    random = np.random.default_rng(1)
    weights = {
        name: random.normal(0, 0.3, variable.shape).astype(np.float32)
        if name.endswith(("moving_mean", "beta", "biases"))
        else variable.numpy()
        for name, variable in build(changed.model, seed=3).variables.items()
    }
    checkpoint_files.write(tmp_path / "model.ckpt", weights)
    (tmp_path / forms.PIPELINE).write_text(text.to_text(changed))
    (tmp_path / forms.LABELS).write_text("thing\n" * changed.model.ssd.num_classes)
    float_form.write(tmp_path / "model.ckpt", tmp_path / "detector.tflite")
    engine, detect = checkpoint.load(tmp_path / "model.ckpt"), tflite.load(tmp_path / "detector.tflite")
    pairs = [(engine(image[np.newaxis]), detect(image[np.newaxis])) for image in images]
    same = check.compare(pairs, 1e-4)
    assert same["share"] == 1 and same["detections"] >= 10
    assert [len(set(map(float, (one["num_detections"][0] for one in pair)))) for pair in pairs] == [1] * len(images)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_class_is_lost_with_any_number_of_threads(written, images, exported, tmp_path, threads):
    """LiteRT's own suppression of several classes leaves out the one with the number of threads."""
    from boxwright.runtimes import frozen_graph

    whole = frozen_graph.load(exported / "frozen_inference_graph.pb")
    one = tflite.load(file_of(written, "tflite", tmp_path), threads)
    pairs = [(whole(image[np.newaxis]), one(image[np.newaxis])) for image in images]
    assert {number for wanted, _ in pairs for number in np.unique(wanted["detection_classes"])} == {1, 2, 3}
    assert check.compare(pairs, 1e-4)["share"] == 1


def test_the_labels_in_the_file_count(written, tmp_path, images, capsys, monkeypatch):
    path = file_of(written, "tflite", tmp_path)
    label_map.write(tmp_path / forms.LABEL_MAP, LABEL_MAP)
    own = find.find(path)
    assert not own.has_foreign_label_map and own.names() == {1: "cat", 2: "dog", 3: "owl"}
    label_map.write(tmp_path / forms.LABEL_MAP, {"emu": 1, "gnu": 5})
    Image.fromarray(images[0]).save(tmp_path / "a.png")
    assert cli.main(["detect", str(path), str(tmp_path / "a.png"), "--score-threshold", "0.2"]) == 0
    said = capsys.readouterr()
    assert {one["class"] for one in json.loads(said.out)["detections"]} <= {"cat", "dog", "owl"}
    assert "is the label map of another detector; the class names are those in" in said.err
    with pytest.raises(UserError, match="has the classes cat, dog, owl"):
        any_images.prepare(find.find(path), [str(tmp_path)], [str(tmp_path)])


def program_of(form, folder):
    """The detector as the program beside a form loads it."""
    (folder / program.name(form)).write_text(program.text(form))
    return runpy.run_path(str(folder / program.name(form)))["load"](str(folder / form.path))


KEEPS = {"min_dimension": 64, "max_dimension": 96}


@pytest.mark.parametrize("resizer", [{}, KEEPS], ids=["stretched", "aspect kept"])
@pytest.mark.parametrize("name", NAMES)
def test_a_program_computes_what_the_runtime_does(written, images, name, resizer, tmp_path):
    path, model = file_of(written, name, tmp_path), Model(written[name][0])
    given = tflite.read_input(written[name][0])._replace(padding=(0.0, 0.5, 1.0), **resizer)
    model.whole.metadata = [one for one in model.whole.metadata if one.name.decode() != tflite.INPUT]
    model.describe(tflite.INPUT, json.dumps(given._asdict()).encode())
    path.write_bytes(model.to_bytes())
    runtime, detect = tflite.load(path), program_of(forms.named(name), tmp_path)
    for image in (*images, images[0][:2], images[1][:, :3].repeat(10, axis=0)):
        wanted, found = runtime(image[np.newaxis]), detect(image)
        count = int(wanted["num_detections"][0])
        for rows, what in zip(found, ("boxes", "scores", "classes"), strict=True):
            np.testing.assert_array_equal(rows, wanted[f"detection_{what}"][0, :count])
            assert rows.dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_the_operation_is_in_the_file_with_its_settings(written, config, name):
    model = model_of(written, name)
    kinds = flatbuffer.kinds(model)
    assert kinds.count("TFLite_Detection_PostProcess") == 1
    graph = model.subgraphs[0]
    operator = graph.operators[kinds.index("TFLite_Detection_PostProcess")]
    said = flexbuffers.Loads(bytes(operator.customOptions))
    wanted = config.model.ssd.post_processing.batch_non_max_suppression
    # Boxes outside the image are left out afterwards.
    assert said["max_detections"] == 2 * wanted.max_total_detections
    assert not said["use_regular_nms"]  # which starts threads for its one class
    assert said["nms_iou_threshold"] == pytest.approx(wanted.iou_threshold)
    assert (said["y_scale"], said["x_scale"], said["h_scale"], said["w_scale"]) == (10, 10, 5, 5)


@pytest.mark.parametrize("name", NAMES)
def test_outputs_have_their_order_and_their_names(written, name, tmp_path):
    graph = model_of(written, name).subgraphs[0]
    names = [graph.tensors[index].name.decode() for index in graph.outputs]
    assert names == [f"TFLite_Detection_PostProcess{ending}" for ending in ("", ":1", ":2", ":3")]
    assert [list(graph.tensors[index].shape) for index in graph.outputs] == [[1, 20, 4], [1, 20], [1, 20], [1]]
    runner = Interpreter(model_content=written[name][0]).get_signature_runner("serving_default")
    details = runner.get_input_details()["image"]
    assert details["shape"].tolist() == [1, *SIZE, 3]
    found = runner(image=np.full(details["shape"], 1, details["dtype"]))
    assert set(found) == {"detection_boxes", "detection_classes", "detection_scores", "num_detections"}
    assert set(np.unique(found["detection_classes"])) <= {0, 1, 2}
    assert all(value.dtype == np.float32 for value in found.values())


def test_all_before_the_suppression_is_int8_and_of_fixed_shape(written):
    flatbuffer.is_int8_of_fixed_shape(written["tflite_int8"][0])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_normalised_in_the_network(written, name):
    """The program does it, or the scale of int8 stands for it: operations would take longer than several layers."""
    assert not {"SUB", "DIV"} & set(flatbuffer.kinds(model_of(written, name))[:4])


@pytest.mark.parametrize(
    ("mean", "std", "network_does", "network_does_of_pixels"),
    [
        ((127.5,) * 3, (127.5,) * 3, False, False),
        ((0.0,) * 3, (255.0,) * 3, False, False),
        ((-5.0,) * 3, (127.5,) * 3, False, True),
        ((123.7, 116.3, 103.5), (1.0,) * 3, True, True),
    ],
    ids=["alike", "shares", "zero beyond the pixels", "by channel"],
)
def test_who_normalises(mean, std, network_does, network_does_of_pixels, images):
    trained = Input(96, 96, mean, std, (0.0,) * 3)
    for pixels, does in ((False, network_does), (True, network_does_of_pixels)):
        given = network._given(trained, pixels)
        assert given == (network._of_pixels(trained) if does else trained)
        (first,), *_ = network.samples(network.Convertible(None, trained, given), images)
        wanted = np.float32([0, 255]) if does else (np.float32([0, 255]) - np.float32(mean[0])) / np.float32(std[0])
        np.testing.assert_allclose([first[0, 0, 0, 0], first[0, -1, -1, 0]], wanted, rtol=1e-6)


def test_pixels_that_the_network_normalises_become_what_it_was_trained_on(images):
    trained = Input(96, 96, (123.7, 116.3, 103.5), (58.4, 57.1, 57.4), (-2.1, -2.0, 1.8), 64, 96)
    pixels = network._of_pixels(trained)
    for image in images:
        normalized = (pixels.normalized(image) - np.float32(trained.mean)) / np.float32(trained.std)
        np.testing.assert_allclose(normalized, trained.normalized(image), atol=1e-5)


@pytest.mark.slow
def test_the_layers_that_lose_most_are_named(exported, images):
    loaded = network.load(exported / forms.CHECKPOINT.path, pixels=True)
    found = network.lossiest(loaded, images, images[:2], most=1000)
    losses = [loss for _, loss in found]
    assert losses == sorted(losses, reverse=True)
    # Rounding alone is 0.29 steps; what a layer gets is rounded too, so some lose more and none much less.
    assert losses[0] > 0.29
    assert {"FeatureExtractor", "BoxPredictor_0"} <= {name.split("/")[0] for name, _ in found}
    said = tflite_int8.lossiest(exported / forms.CHECKPOINT.path, images, images[:2])
    assert said.startswith(f"{found[0][0].split(';')[0]} ({losses[0]:.1f} steps), ")
    assert said.count("steps") == 5


@pytest.mark.parametrize("name", NAMES)
def test_constants_are_aligned(written, name):
    content = written[name][0]
    model = schema.Model.GetRootAsModel(content, 0)
    for number in range(model.BuffersLength()):
        buffer = model.Buffers(number)
        if buffer.DataLength():
            vector = buffer._tab.Vector(buffer._tab.Offset(4))
            assert vector % 16 == 0, number


@pytest.mark.parametrize("name", NAMES)
def test_labels_label_map_and_metadata_say_the_same(written, exported, name):
    content = written[name][0]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        labels = archive.read(forms.LABELS).decode()
    assert labels == (exported / forms.LABELS).read_text()
    assert {label: number for number, label in enumerate(labels.splitlines(), start=1)} == LABEL_MAP
    entries = {entry.name.decode(): entry.buffer for entry in model_of(written, name).metadata}
    read = Described(bytes(model_of(written, name).buffers[entries[metadata.NAME]].data))
    assert read.data[4:8] == b"M001"
    (graph,) = read.tables(read.root, 3)
    (image,) = read.tables(graph, 2)
    (unit,) = read.tables(image, 4)
    normalization = read.table(unit, 1)
    assert read.floats(normalization, 0) == read.floats(normalization, 1) == [127.5] * 3
    size = read.table(read.table(read.table(image, 3), 1), 1)
    assert (read.number(size, 0), read.number(size, 1)) == SIZE[::-1]
    outputs = read.tables(graph, 3)
    assert [read.text(one, 0) for one in outputs] == ["location", "category", "score", "number of detections"]
    (file,) = read.tables(outputs[1], 6)
    assert read.text(file, 0) == forms.LABELS and read.byte(file, 2) == 3
    said = json.loads(bytes(model_of(written, name).buffers[entries[tflite.INPUT]].data))
    assert (said["height"], said["width"], said["min_dimension"]) == (*SIZE, None)


class Described:
    """A flatbuffer read by the numbers of its fields, without the code that wrote it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.root = self._number(0, 4)

    def _number(self, at: int, size: int, signed: bool = False) -> int:
        return int.from_bytes(self.data[at : at + size], "little", signed=signed)

    def _field(self, table: int, number: int) -> int:
        layout = table - self._number(table, 4, signed=True)
        place = 4 + 2 * number
        offset = self._number(layout + place, 2) if place < self._number(layout, 2) else 0
        assert offset, f"field {number} is not set"
        return table + offset

    def _referred(self, table: int, number: int) -> int:
        at = self._field(table, number)
        return at + self._number(at, 4)

    def number(self, table: int, number: int) -> int:
        return self._number(self._field(table, number), 4)

    def byte(self, table: int, number: int) -> int:
        return self.data[self._field(table, number)]

    def table(self, table: int, number: int) -> int:
        return self._referred(table, number)

    def tables(self, table: int, number: int) -> list[int]:
        at = self._referred(table, number)
        places = [at + 4 + 4 * one for one in range(self._number(at, 4))]
        return [place + self._number(place, 4) for place in places]

    def text(self, table: int, number: int) -> str:
        at = self._referred(table, number)
        return self.data[at + 4 : at + 4 + self._number(at, 4)].decode()

    def floats(self, table: int, number: int) -> list[float]:
        at = self._referred(table, number)
        return np.frombuffer(self.data, np.float32, self._number(at, 4), at + 4).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_equal_checkpoints_and_images_give_equal_bytes(written, exported, images, tmp_path, name):
    import importlib

    one = forms.named(name)
    given = (images,) if one.calibrated else ()
    importlib.import_module(one.module).write(exported / forms.CHECKPOINT.path, tmp_path / one.path, *given)
    assert (tmp_path / one.path).read_bytes() == written[name][0]


@pytest.mark.parametrize("name", ["tflite", "tflite_float16"])
def test_the_program_beside_it_detects_the_same(name, written, images, tmp_path):
    """In int8 one pixel that is rounded the other way may change boxes."""
    path, one = file_of(written, name, tmp_path), forms.named(name)
    beside = {"__name__": "program", "__file__": str(tmp_path / program.name(one))}
    exec(program.text(one), beside)
    detect, wanted = beside["load"](str(path)), tflite.load(path)
    for image in images:
        boxes, scores, classes = detect(image)
        found = wanted(image[None])
        count = int(found["num_detections"][0])
        np.testing.assert_allclose(scores[:count], found["detection_scores"][0, :count], atol=1e-4)
        assert boxes.shape == (len(scores), 4) and set(classes.tolist()) <= {1, 2, 3}
