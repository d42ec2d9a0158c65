"""A form that is added to the list in a copy of the code; further checkpoints, zips, and forms of other runtimes."""

import json
import zipfile

import pytest

from boxwright.catalog import forms
from boxwright.export import program
from tests.workflow.work import COMPARISON, form, planned

FOLDER = "results/models/small/fine_tuned_model"
TOY = {"Writing the toy of small", "Measuring the toy of small", "Comparing the exported forms of small"} | COMPARISON

ENTRY = """

FORMS = (*FORMS, Form("toy", "toy", "toys/detector.toy", ("toys/detector.toy",), made_from="frozen_graph"))
"""
WRITER = '''"""The frozen graph backwards."""


def write(source, target):
    target.parent.mkdir()
    target.write_bytes(source.read_bytes()[::-1])
'''
RUNTIME = '''"""The toy at work."""

from boxwright.runtimes import frozen_graph


def load(path, threads=None):
    return frozen_graph.FrozenGraph(frozen_graph.GraphDef.FromString(path.read_bytes()[::-1]), threads)
'''


@pytest.fixture
def project(finished, tmp_path, checkout):
    """A copy of the finished project, worked on by code with one form more."""
    library = checkout / "workflow/boxwright"
    with (library / "catalog/forms.py").open("a") as file:
        file.write(ENTRY)
    schema = checkout / "workflow/schemas/config.schema.yaml"
    known = "items: {enum: [frozen_graph, saved_model,"
    text = schema.read_text()
    assert known in text
    schema.write_text(text.replace(known, f"{known} toy,"))
    (library / "export/forms/toy.py").write_text(WRITER)
    (library / "runtimes/toy.py").write_text(RUNTIME)
    project = finished.copy(tmp_path / "project")
    project.checkout = checkout
    project.config["export"] = {"forms": ["frozen_graph", "saved_model", "toy"]}
    return project


def exported(project) -> dict[str, tuple[bytes, int]]:
    """Bytes and times of the exported files."""
    found = [path for path in (project / FOLDER).rglob("*") if path.is_file()]
    return {str(path.relative_to(project / FOLDER)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_a_new_form_writes_only_itself(project):
    assert planned(project) == TOY
    before = exported(project)
    assert project.snakemake().work == TOY
    after = exported(project)
    assert set(after) - set(before) == {"toys/detector.toy"}
    assert {name for name in before if after[name] != before[name]} == {"export.json", "forms.json"}
    said = json.loads(after["export.json"][0])["forms"]["toy"]
    assert said["bytes"] == len(after["toys/detector.toy"][0]) and said["same_detections"]["share"] == 1
    page = (project / "results/comparison/exports.html").read_text()
    assert "toy" in page and "SavedModel" in page
    assert planned(project) == set()
    with (project.checkout / "workflow/boxwright/runtimes/toy.py").open("a") as file:
        file.write("\n_ADDED = 1\n")
    assert planned(project) == TOY


def test_a_further_checkpoint_is_exported_beside_the_first(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    before = exported(project)
    project.config["export"] = {"checkpoint": ["best", 3], "bundle": True}
    done = (
        "Writing the {} of small-3",
        "Measuring the {} of small-3",
        "Packing the {} of small-3",
        "Packing the {} of small",
    )
    work = {one.format(title) for one in done for title in ("frozen graph", "SavedModel")}
    assert project.snakemake().work == work | {"Exporting small-3", "Comparing the exported forms of small-3"}
    too = project / f"{FOLDER}-3"
    made = {str(path.relative_to(too)) for path in too.rglob("*") if path.is_file()}
    assert made == {*before, *(f"bundles/small-3-{name}.zip" for name in ("frozen_graph", "saved_model"))}
    assert json.loads((too / "export.json").read_text())["forms"]["frozen_graph"]["same_detections"]["share"] == 1.0
    evaluated = json.loads((project / "results/models/small/eval/3/metrics.json").read_text())
    for name, measured in json.loads((too / "forms.json").read_text())["forms"].items():
        assert measured["mAP"] == pytest.approx(evaluated["metrics"]["DetectionBoxes_Precision/mAP"], abs=1e-6), name
    with zipfile.ZipFile(too / "bundles/small-3-saved_model.zip") as archive:
        assert "step 3" in archive.read("small-3-saved_model/README.md").decode()
    after = exported(project)
    assert {name: after[name] for name in before} == before
    assert planned(project) == set()


def test_zips_are_packed_from_what_is_there(finished, tmp_path):
    project = finished.copy(tmp_path / "project")
    project.config["export"] = {"bundle": True}
    wanted = {f"Packing the {title} of small" for title in ("frozen graph", "SavedModel")}
    assert planned(project) == wanted
    before = exported(project)
    assert project.snakemake().work == wanted
    after = exported(project)
    zips = {f"bundles/small-{name}.zip" for name in ("frozen_graph", "saved_model")}
    assert set(after) - set(before) == zips and before.items() <= after.items()
    with zipfile.ZipFile(project / FOLDER / "bundles/small-saved_model.zip") as archive:
        page = archive.read("small-saved_model/README.md").decode()
        assert "small-saved_model/saved_model/saved_model.pb" in archive.namelist()
    assert page.startswith("# small: SavedModel") and "MB" in page
    assert planned(project) == set()


# The two of OpenVINO lie in one folder.
OTHERS = ("tflite_int8", "onnx", "openvino", "openvino_float16")


@pytest.mark.slow
def test_forms_of_other_runtimes_are_written_measured_and_packed(finished, tmp_path):
    some = [forms.named(name) for name in OTHERS]
    if missing := sorted({name for one in some for name in one.missing}):
        pytest.skip(f"not installed here: {', '.join(missing)}")
    project = finished.copy(tmp_path / "project")
    project.config["export"] = {"forms": list(OTHERS), "bundle": True, "gate": "warn"}
    work = form(*OTHERS) | {f"Packing the {one.title} of small" for one in some}
    # The first form that detects makes the predictions.
    assert project.snakemake().work == work | COMPARISON | {"Predicting with small"}
    files, pages = exported(project), {}
    for one in some:
        assert {*one.files, program.name(one), f"bundles/small-{one.name}.zip"} <= files.keys()
        with zipfile.ZipFile(project / FOLDER / f"bundles/small-{one.name}.zip") as archive:
            packed = {*one.files, "detect.py", "README.md", forms.LABELS, forms.LABEL_MAP}
            assert set(archive.namelist()) == {f"small-{one.name}/{name}" for name in packed}
            pages[one.name] = archive.read(f"small-{one.name}/README.md").decode()
    told = json.loads(files["forms.json"][0])
    assert told["forms"].keys() == {*OTHERS, "checkpoint"}
    whole = told["forms"]["checkpoint"]
    for one in some:
        measured = told["forms"][one.name]
        assert measured["images"] == told["images"] > 0 and measured["ms"].keys() == {"1", "2"}
        assert all(times["median"] > 0 for times in measured["ms"].values())
        assert f"{measured['ms']['2']['median']:.1f} ms with 2 threads" in pages[one.name], "figures of forms.json"
        assert measured["bytes"] == sum(len(files[name][0]) for name in one.files)
        if one.precision == "float32":
            assert measured["mAP"] == pytest.approx(whole["mAP"], abs=1e-3), one.name
            assert measured["found_again"]["share"] >= 0.98 and measured["complaints"] == [], one.name
    assert json.loads(files["export.json"][0])["main"] == "tflite_int8"
    assert planned(project) == set()
