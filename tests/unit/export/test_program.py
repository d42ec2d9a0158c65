"""The program beside a form, where its runtime, numpy and Pillow are all there is; and the zip of a form."""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import venv
import zipfile
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from PIL import Image

from boxwright import cli
from boxwright.catalog import forms
from boxwright.export import bundle, program
from boxwright.images import loader
from boxwright.runtimes.resizing import Input

# The first lines of a process in which everything but some distributions cannot be imported.
HIDE = """
import importlib.abc, runpy, sys
class Hidden(importlib.abc.MetaPathFinder):
    names = frozenset({hidden!r})
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"{{name}} is hidden")
sys.meta_path.insert(0, Hidden())
sys.argv = {arguments!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def needed(distribution: str) -> set[str]:
    """The distributions that one needs, and itself."""
    found, waiting = set(), [distribution]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def run_alone(path, distribution: str, *arguments: str, cwd) -> list[dict]:
    """What a program prints where only a distribution, numpy and Pillow can be imported."""
    allowed = needed(distribution) | {"numpy", "pillow"}
    hidden = {
        module
        for module, owners in metadata.packages_distributions().items()
        if not allowed & {owner.lower().replace("_", "-") for owner in owners}
    }
    hidden.add("boxwright")
    assert {"matplotlib", "snakemake", "yaml"} <= hidden
    text = HIDE.format(hidden=hidden, arguments=[str(path), *arguments])
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-P", "-c", text], cwd=cwd, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    if distribution.startswith("tensorflow"):  # it says nothing of itself
        assert all(line.startswith("Left out: ") for line in done.stderr.splitlines()), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def pictures(tmp_path, images):
    """A folder of images with one below, one that its camera stored on its side, and one that cannot be read."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    Image.fromarray(images[0]).save(folder / "one.png")
    turned = Image.fromarray(np.rot90(images[1]))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(folder / "below/two.png", exif=exif)
    (folder / "notes.txt").write_text("no image")
    (folder / "zebra.jpg").write_bytes(b"no image either")
    return folder


def is_what_the_form_finds(found: list[dict], form, folder, pictures, images) -> None:
    """Whether a program printed the detections of a form's runtime."""
    detect = import_module(form.runtime).load(folder / form.path)
    assert [one["image"] for one in found] == ["below/two.png", "one.png"]
    for one, image in zip(found, (images[1], images[0]), strict=True):
        wanted = detect(image[None])
        assert one.keys() == {"image", "width", "height", "detections"}
        assert (one["height"], one["width"]) == image.shape[:2]
        shown = wanted["detection_scores"][0] >= 0.2
        assert 0 < shown.sum() == len(one["detections"])
        for row, index in zip(one["detections"], np.flatnonzero(shown), strict=True):
            assert row["id"] == wanted["detection_classes"][0, index]
            assert row["class"] == ("cat", "dog", "owl")[row["id"] - 1]
            assert abs(row["score"] - wanted["detection_scores"][0, index]) < 1e-3
            np.testing.assert_allclose(row["box"], wanted["detection_boxes"][0, index], atol=1e-3)


@pytest.fixture
def beside(name, request):
    """The folder with the form `name`, and the checks of its forms."""
    return request.getfixturevalue("mobile" if name.startswith("tflite") else "standard")


@pytest.mark.parametrize("name", ["onnx", "openvino", "openvino_float16", "tflite", "tflite_float16", "tflite_int8"])
def test_a_program_needs_its_runtime_numpy_and_pillow_alone(name, beside, pictures, images, tmp_path):
    folder, form = beside[0], forms.named(name)
    path = folder / program.name(form)
    arguments = [str(pictures), "--score-threshold", "0.2", "--out", "drawn"]
    found = run_alone(path, form.packages[-1][0], *arguments, cwd=tmp_path)
    is_what_the_form_finds(found, form, folder, pictures, images)
    drawn = sorted(one.relative_to(tmp_path / "drawn").as_posix() for one in (tmp_path / "drawn").rglob("*.*"))
    assert drawn == ["below/two.jpg", "one.jpg"]
    assert np.any(np.asarray(Image.open(tmp_path / "drawn/one.jpg")) != images[0])


@pytest.mark.parametrize(
    "kind", ["gray16.png", "gray16.tif", "rgba.png", "palette.png", "gray_alpha.png", "turned.jpg"]
)
def test_a_program_sees_the_pixels_that_boxwright_sees(kind, images, tmp_path):
    path, picture = tmp_path / kind, Image.fromarray(images[0])
    shades = np.linspace(0, 255, images[0].shape[1]).astype(np.uint8)
    layer = Image.fromarray(np.broadcast_to(shades, images[0].shape[:2]))
    if kind.startswith("gray16"):
        Image.fromarray(images[0][..., 0].astype(np.uint16) * 256 + 200).save(path)
    elif kind == "palette.png":
        picture.quantize(16).save(path, transparency=bytes(range(0, 256, 16)))
    elif kind == "turned.jpg":
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(path, exif=exif)
    else:
        picture = picture.convert("L" if kind == "gray_alpha.png" else "RGB")
        picture.putalpha(layer)
        picture.save(path)
    (tmp_path / "detect.py").write_text(program.text(forms.named("onnx")))
    opened = runpy.run_path(str(tmp_path / "detect.py"))["opened"]
    np.testing.assert_array_equal(np.asarray(opened(path)), loader.load_rgb(path))


def of_plain_python(path, *arguments, cwd) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, path, *arguments], cwd=cwd, capture_output=True, text=True)


def test_a_program_reads_what_it_drew_no_second_time_and_any_file_name(standard, images, tmp_path):
    name = os.fsdecode(b"owl\xe9.png")
    (tmp_path / "owls").mkdir()
    Image.fromarray(images[0]).save(tmp_path / "owls" / name)
    for _ in range(2):
        done = of_plain_python(standard[0] / "detect_onnx.py", "owls", "--out", "owls/found", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert [json.loads(line)["image"] for line in done.stdout.splitlines()] == [name]


def test_a_program_names_its_results_as_boxwright_does(standard, images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for path in ("a/one.png", "a/b/two.png", "c/one.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[0]).save(tmp_path / path)

    def of(*arguments):
        """What both print and draw of some images."""
        done = of_plain_python(standard[0] / "detect_onnx.py", *arguments, "--out", "drawn", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert cli.main(["detect", str(standard[0] / "detector.onnx"), *arguments, "--out", "found"]) == 0
        capsys.readouterr()
        assert cli.main(["detect", str(standard[0] / "detector.onnx"), *arguments]) == 0
        printed = [[json.loads(line) for line in text.splitlines()] for text in (done.stdout, capsys.readouterr().out)]
        assert [one.keys() for one in printed[0]] == [one.keys() for one in printed[1]]
        files = [
            sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.jpg"))
            for folder in ("drawn", "found")
        ]
        for folder in ("drawn", "found"):
            shutil.rmtree(folder)
        return [sorted(one["image"] for one in of_one) for of_one in printed], files

    for arguments in (["a"], ["a", "c"], ["a/one.png"], ["a/one.png", "c"]):
        for mine, boxwrights in of(*arguments):
            assert mine == boxwrights, arguments
    (mine, _), (drawn, _) = of("a/one.png", "c/one.png")  # where names are the same, each has a place
    assert len(set(mine)) == len(drawn) == 2
    Image.fromarray(images[1]).save(tmp_path / "a/one.jpg")
    (mine, boxwrights), (drawn, _) = of("a")
    assert mine == boxwrights and len(drawn) == 3


def test_a_program_draws_over_no_image_that_it_reads(standard, images, tmp_path):
    for name in ("a.jpg", "a.png", "b.jpg"):
        Image.fromarray(images[0]).save(tmp_path / name)
    before = {name: (tmp_path / name).read_bytes() for name in ("a.jpg", "a.png", "b.jpg")}
    done = of_plain_python(standard[0] / "detect_onnx.py", *before, "--out", ".", cwd=tmp_path)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 3, done.stderr
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert sorted(path.name for path in tmp_path.glob("*.*.jpg")) == ["a.jpg.jpg", "a.png.jpg", "b.jpg.jpg"]


@pytest.mark.parametrize(
    ("arguments", "labels", "said"),
    [
        (["nowhere"], "cat\ndog\nowl\n", "There is no file or folder nowhere."),
        (["empty"], "cat\ndog\nowl\n", "No image was read."),
        (["notes.txt"], "cat\ndog\nowl\n", "Left out: notes.txt (cannot identify image file 'notes.txt').\nNo image"),
        (["one.png", "--score-threshold", "nan"], "cat\ndog\nowl\n", "The score threshold is no number from 0 to 1."),
        (["one.png"], "", "labels.txt."),
        (["one.png", "--score-threshold", "0.2"], "cat\n", "labels.txt has too few classes (1): "),
    ],
)
def test_a_program_says_what_is_wrong(arguments, labels, said, standard, images, tmp_path):
    Image.fromarray(images[0]).save(tmp_path / "one.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "empty").mkdir()
    for name in ("detect_onnx.py", "detector.onnx"):
        shutil.copy(standard[0] / name, tmp_path)
    if labels:
        (tmp_path / "labels.txt").write_text(labels)
    done = of_plain_python("detect_onnx.py", *arguments, cwd=tmp_path)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["frozen_graph", "saved_model"])
def test_tensorflows_programs_need_tensorflow_numpy_and_pillow_alone(name, exported, pictures, images, tmp_path):
    form = forms.named(name)
    arguments = [str(pictures), "--score-threshold", "0.2", "--out", "drawn"]
    distribution = next(one for one in ("tensorflow", "tensorflow-cpu") if _is_installed(one))
    found = run_alone(exported / program.name(form), distribution, *arguments, cwd=tmp_path)
    is_what_the_form_finds(found, form, exported, pictures, images)


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


RUN = [form for form in forms.FORMS if program.runs(form)]


@pytest.mark.parametrize("form", RUN, ids=lambda form: form.name)
def test_a_program_is_short(form):
    lines = program.text(form).splitlines()
    assert len(lines) <= 100 and max(map(len, lines)) <= 120
    compile("\n".join(lines), form.name, "exec")


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_an_interruption_is_no_traceback(tmp_path):
    """Also while a program imports: numpy, here, sends it."""
    (tmp_path / "detect.py").write_text(program.text(RUN[0]))
    (tmp_path / "numpy.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    begin = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{begin}; runpy.run_path('detect.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
    (tmp_path / "numpy.py").write_text("1 / 0")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_every_form_that_others_run_has_a_program():
    assert [form for form in forms.FORMS if form.detects and form.made_from] == RUN


@pytest.fixture
def about(standard):
    measured = {
        "images": 40,
        "mAP50": 0.931,
        "lost": 0.004,
        "found_again": {"share": 0.996, "max_box": 1e-6, "max_score": 1e-5, "detections": 812, "tolerance": 1e-4},
        "ms": {"1": {"median": 18.24, "quartiles": [18, 19]}, "2": {"median": 11.02, "quartiles": [11, 12]}},
        "device": "2 processors",
        "bytes": 16_500_000,
    }
    return {"model": "owls", "step": 30, "check": standard[1]["openvino"], "measured": measured}


@pytest.mark.parametrize("form", RUN, ids=lambda form: form.name)
def test_the_page_of_a_form_says_what_to_install_and_to_run(form, about):
    page = bundle.devices_guide.page(form, about)
    assert page.startswith(f"# owls: {form.title}\n") and "step 30" in page
    assert "pip install" in page and "detect.py my_images" in page and page.count("venv") > 2
    assert "mAP@.50IOU 0.931 on 40 evaluation images, where the checkpoint has 0.935." in page
    assert "finds 99.6% of the checkpoint's detections again" in page and "at most 0.0001 " in page
    assert "16.5 MB; per image 18.2 ms with 1 thread, 11.0 ms with 2 threads (2 processors)." in page
    nothing = {**about["measured"], "mAP50": None, "lost": None}
    assert "mAP@.50IOU undefined on 40 evaluation images.\n" in bundle.devices_guide.page(
        form, {**about, "measured": nothing}
    )
    assert ("INFERENCE_PRECISION_HINT" in page) == form.runtime.endswith("openvino")


PLAIN = Input(96, 96, (127.5,) * 3, (127.5,) * 3, (0.0,) * 3)
KEPT = PLAIN._replace(min_dimension=64, max_dimension=96)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("tflite", PLAIN, "reads labels, sizes and normalisation"),
        ("tflite_float16", KEPT, "stretches images"),
        ("tflite_int8", PLAIN, "reads labels, sizes and normalisation"),
    ],
)
def test_the_page_says_what_mediapipe_and_coral_do_with_this_detector(name, given, said, about):
    page = bundle.devices_guide.page(forms.named(name), {**about, "input": given})
    assert page.count(said) == 2, "for Android and for iOS"
    assert ("edgetpu" in page) == ("load_delegate" in page) == (name == "tflite_int8")
    assert "On Windows write `py` instead of `python3`, and `venv\\Scripts\\` instead of `venv/bin/`." in page
    assert "Apple silicon" in page


@pytest.mark.parametrize(
    ("name", "files", "page"),
    [
        ("openvino", ["openvino/detector.bin", "openvino/detector.xml"], "INFERENCE_PRECISION_HINT"),
        # How this file takes an image decides what its page says.
        ("tflite", ["detector.tflite"], "reads labels, sizes and normalisation from the file"),
    ],
)
def test_a_zip_is_all_that_a_device_needs(name, files, page, beside, about, pictures, images, tmp_path):
    form, target = forms.named(name), tmp_path / f"bundles/owls-{name}.zip"
    about = {**about, "check": beside[1][name]}
    bundle.write(form, beside[0], target, about)
    place = tmp_path / f"device/owls-{name}"
    with zipfile.ZipFile(target) as archive:
        inside = ["README.md", "detect.py", "label_map.pbtxt", "labels.txt", *files]
        assert sorted(archive.namelist()) == sorted(f"owls-{name}/{one}" for one in inside)
        archive.extractall(place.parent)
    assert page in (place / "README.md").read_text()
    arguments = [str(pictures), "--score-threshold", "0.2"]
    found = run_alone(place / "detect.py", form.packages[-1][0], *arguments, cwd=tmp_path)
    is_what_the_form_finds(found, form, beside[0], pictures, images)
    again = tmp_path / "again" / target.name
    bundle.write(form, beside[0], again, about)
    assert again.read_bytes() == target.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "openvino", "tflite"])
def test_a_zip_runs_in_an_environment_that_has_nothing_else(name, beside, about, pictures, images, tmp_path):
    form = forms.named(name)
    bundle.write(form, beside[0], tmp_path / f"{name}.zip", about)
    with zipfile.ZipFile(tmp_path / f"{name}.zip") as archive:
        archive.extractall(tmp_path)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    packages = [form.packages[-1][0], "numpy", "pillow"]
    done = subprocess.run([python, "-m", "pip", "install", "-q", *packages], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"the packages cannot be installed here: {done.stderr.strip()[-200:]}")
    command = [python, "-I", tmp_path / name / "detect.py", pictures, "--score-threshold", "0.2"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    is_what_the_form_finds(found, form, beside[0], pictures, images)
