"""`boxwright init`: what it finds, what it chooses, and that what it writes is a configuration that runs."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests import factories

from boxwright.core.errors import UserError
from boxwright.dataset import plan
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box
from boxwright.pipeline import overrides
from boxwright.pipeline import text as pipeline_text
from boxwright.run import init, settings
from boxwright.run.init import choice, data, machine, sides, text
from boxwright.zoo import catalogue, fetch, table

CPU = machine.Machine(2)
GPU = machine.Machine(16, ("NVIDIA H200, 140000 MiB free of 143771 MiB, driver 1",), gpu_build=True)


@pytest.fixture
def dataset(tmp_path) -> factories.DataSet:
    return factories.DataSet(tmp_path / "raccoons")


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """A machine with two processors and a network."""
    monkeypatch.setattr(machine, "look", lambda: CPU)
    monkeypatch.setattr(fetch, "unreachable", lambda entry: "")


def found(**changes):
    """What was found in a plain data set of 200 images."""
    plain = data.FolderFacts(
        "raccoons", "voc", "Pascal VOC", (), 200, 0, 0, 220, {"raccoon": 220}, (640, 480), 0.3, 0.5, 3, {}, ()
    )
    return plain._replace(**changes)


def written(folder, out):
    """The summary, the text and the settings of a configuration."""
    told = init.write(str(folder), out)
    return told, out.read_text(), settings.read(out)


def words(content):
    """A text whose comments are in one line."""
    return " ".join(content.replace("#", "").split())


def test_a_folder_of_voc(dataset, tmp_path):
    dataset.fill(12)
    told, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["images"] == read["dataset"]["annotations"] == [str(dataset.folder)]
    assert read["dataset"]["format"] == "voc"
    (model,) = read["models"].values()
    assert list(read["models"]) == ["raccoons"]
    assert model["checkpoint"] == "zoo:ssd_mobilenet_v1_coco_2018_01_28"
    assert model["batch_size"] == 8
    assert "12 images of about 64x48 pixels, 12 boxes" in told
    assert "2 classes: cat (6), dog (6). Few boxes to learn from: cat, dog." in told
    assert "\nThe checks found nothing wrong.\n" in told
    assert "\nThe start: downloaded once; trained on COCO, so a few hundred images are enough.\n" in told
    assert f"--configfile {tmp_path / 'my.yaml'}" in told
    assert all(len(line) <= 120 for line in content.splitlines())
    made = plan.make(read["dataset"], tmp_path / "out")
    assert made.counts["found"]["images"] == 12


def coco(dataset, names):
    images = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [8, 6, 32, 24]} for n in range(len(names))]
    content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cat"}]}
    (dataset.annotations / "x.json").write_text(json.dumps(content))


def test_two_formats_of_one_set_are_not_added_up(dataset, tmp_path):
    """The one that says more is taken, and the other one is named."""
    names = [f"{number}.jpg" for number in range(8)]
    for name in names:
        dataset.image(name)
    coco(dataset, names)
    (dataset.annotations / "a.csv").write_text(
        "filename,width,height,class,xmin,ymin,xmax,ymax\n0.jpg,64,48,cat,8,6,40,30\n"
    )
    told, _, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["format"] == "coco"
    assert "8 boxes" in told
    assert "Not read:" in told and "annotations/a.csv" in told
    plan.make(read["dataset"], tmp_path / "out")


def test_what_would_stop_a_run_gets_a_policy(dataset, tmp_path):
    """Classes without names, and one called background: the configuration runs, and says what to do."""
    for number in range(8):
        dataset.image(f"{number}.jpg")
        (dataset.annotations / f"{number}.txt").write_text(f"{number % 2} 0.5 0.5 0.4 0.4\n")
    _, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["policies"] == {"class_number": "keep"}
    assert "put the file with the names beside the annotations" in words(content)
    plan.make(read["dataset"], tmp_path / "out")


def test_the_file_with_the_names_of_the_classes_is_told(dataset, tmp_path):
    for number in range(8):
        dataset.image(f"{number}.jpg")
        (dataset.annotations / f"{number}.txt").write_text("0 0.5 0.5 0.4 0.4\n")
    (dataset.annotations / "classes.txt").write_text("cat\n")
    told, *_ = written(dataset.folder, tmp_path / "my.yaml")
    assert f"\nThe names of the classes are those in {dataset.annotations / 'classes.txt'}.\n" in told


def test_a_folder_whose_name_says_nothing(tmp_path):
    dataset = factories.DataSet(tmp_path / "boats" / "data")
    dataset.fill(12)
    assert list(written(dataset.folder, tmp_path / "my.yaml")[2]["models"]) == ["boats"]


def test_results_of_another_run_are_left_alone(dataset, tmp_path, monkeypatch):
    dataset.fill(12)
    monkeypatch.chdir(tmp_path)
    assert written(dataset.folder, tmp_path / "one.yaml")[2]["results"] == "results"
    (tmp_path / "results").mkdir()
    assert written(dataset.folder, tmp_path / "two.yaml")[2]["results"] == "results_raccoons"
    (tmp_path / "results_raccoons").mkdir()
    (tmp_path / "results_raccoons_2").mkdir()
    assert written(dataset.folder, tmp_path / "three.yaml")[2]["results"] == "results_raccoons_3"


def test_a_configuration_that_is_there_is_kept_for_its_images(dataset, tmp_path):
    """As `make run DATA=one/images` does it, but not for other images whose folder has the same name."""
    dataset.fill(6)
    path = tmp_path / "images.yaml"
    init.write(str(dataset.folder), path, keep=True)
    content = path.read_text()
    for folder in (dataset.folder, dataset.images, tmp_path):
        assert init.write(str(folder), path, keep=True) == f"{path} is there already and is used as it is."
    with pytest.raises(UserError, match=f"is there already, for {dataset.folder}, not for"):
        init.write(str(tmp_path / "other/images"), path, keep=True)
    assert path.read_text() == content
    for odd in ("dataset: [", "models: {}", "dataset:", "dataset: {sources: 3}"):
        path.write_text(odd)  # what is wrong with it, its run says
        assert "is used as it is" in init.write(str(dataset.folder), path, keep=True)
    path.write_text(f"dataset: {{sources: [{{images: elsewhere, annotations: [{dataset.annotations}]}}]}}")
    assert "is used as it is" in init.write(str(dataset.folder), path, keep=True)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("demo: true", "for the drawn demo, not for "),
        ("records: {train: [a.tfrecord, b.tfrecord], eval: e.tfrecord}", "for a.tfrecord, b.tfrecord, e.tfrecord, not"),
    ],
)
def test_a_configuration_without_images_is_not_taken_for_those_in_the_folder(tmp_path, other, told):
    path = tmp_path / "my.yaml"
    path.write_text(f"dataset: {{{other}}}")
    with pytest.raises(UserError, match=f"is there already, {told}"):
        init.write(str(tmp_path / "photos"), path, keep=True)


def test_a_configuration_may_name_its_images_from_the_home_folder_on(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    path = tmp_path / "my.yaml"
    path.write_text("dataset: {images: ~/photos/images, annotations: ~/photos/labels}")
    assert "is used as it is" in init.write(str(tmp_path / "me/photos"), path, keep=True)
    with pytest.raises(UserError, match="is there already, for ~/photos/images"):
        init.write(str(tmp_path / "photos"), path, keep=True)


def test_names_that_yaml_would_take_for_something_else(tmp_path):
    dataset = factories.DataSet(tmp_path / "on: the # road")
    dataset.fill(6)
    _, _, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["images"] == [str(dataset.folder)]
    assert list(read["models"]) == ["on_the_road"]


@pytest.mark.parametrize("name", ["2023-01-05", "true", "no", "null", "on", "007", "1.50", "1_000", "0x10"])
def test_a_model_is_called_as_its_folder(tmp_path, name):
    """YAML would read these as dates, truth values and numbers."""
    dataset = factories.DataSet(tmp_path / name)
    dataset.fill(6)
    assert list(written(dataset.folder, tmp_path / "my.yaml")[2]["models"]) == [name]


def test_names_of_classes_cannot_leave_their_comment(dataset, tmp_path):
    for number in range(6):
        dataset.sample(f"{number}.jpg", Box("cat \u2028models: {}", 8, 6, 40, 30))
    _, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert list(read["models"]) == ["raccoons"]
    assert yaml.safe_load(content)


def test_sides_that_the_source_states_are_used(dataset, tmp_path):
    for side, count in (("train", 6), ("valid", 2), ("test", 1)):
        for number in range(count):
            (dataset.annotations / side).mkdir(exist_ok=True)
            dataset.sample(f"{side}/{side}{number}.jpg")
    _, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["split"]["source"] is True
    assert "6 train, 2 eval, 1 test" in content
    made = plan.make(read["dataset"], tmp_path / "out")
    assert made.counts["train"]["images"] == 6


@pytest.mark.parametrize(
    "places",
    ["{side}/images {side}/annotations", "images/{side} annotations/{side}", "JPEGImages/{side} Annotations/{side}"],
)
def test_names_that_begin_anew_on_each_side_lose_no_image(tmp_path, places):
    folder = tmp_path / "owls"
    for side, count in (("train", 6), ("valid", 3)):
        of_images, of_annotations = (folder / place for place in places.format(side=side).split())
        of_images.mkdir(parents=True)
        of_annotations.mkdir(parents=True)
        for number in range(count):
            (of_images / f"{number}.jpg").write_bytes(factories.photo(10 * count + number))
            boxes = (Box("owl", 8, 6, 40, 30),)
            path = of_annotations / f"{number}.xml"
            voc.write(path, filename=f"{number}.jpg", width=64, height=48, boxes=boxes, whole_pixels=False)
    _, content, read = written(folder, tmp_path / "my.yaml")
    assert read["dataset"]["split"]["source"] is True and "annotation_ambiguous" not in content
    counts = plan.make(read["dataset"], tmp_path / "out").counts
    assert (counts["train"]["images"], counts["eval"]["images"], counts["left_out"]) == (6, 3, 0)


def test_lists_in_the_folder_are_used(dataset, tmp_path):
    """Those of all images, as in the folders of Pascal VOC; not those of one class."""
    dataset.fill(10)
    names = [f"s{number:02d}" for number in range(10)]
    lists = dataset.folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, listed in (("train", names[:7]), ("val", names[7:]), ("cat_train", [f"{one} -1" for one in names[:7]])):
        (lists / f"{name}.txt").write_text("\n".join(listed))
    _, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["split"]["train"] == str(lists / "train.txt")
    assert "7 train, 3 eval" in content
    assert plan.make(read["dataset"], tmp_path / "out").counts["train"]["images"] == 7
    (lists / "val.txt").write_text("s08")
    told, content, read = written(dataset.folder, tmp_path / "other.yaml")
    assert read["dataset"]["split"]["train"] is None
    for said in (told, words(content)):
        assert f"Lists in {lists} (train.txt, val.txt) are not used: they name 8 of 10 annotated images." in said


@pytest.mark.parametrize("counts", [(14, 3, 3), (16, 2, 2), (14, 4, 2)])
def test_a_list_of_test_images_is_used_too(dataset, tmp_path, counts):
    """Its images never train, however few they are."""
    dataset.fill(20)
    names = [f"s{number:02d}" for number in range(20)]
    start = 0
    for side, count in zip(("train", "val", "test"), counts, strict=True):
        (dataset.folder / f"{side}.txt").write_text("\n".join(names[start : start + count]))
        start += count
    told, _, read = written(dataset.folder, tmp_path / "my.yaml")
    made = plan.make(read["dataset"], tmp_path / "out")
    assert tuple(made.counts[side]["images"] for side in ("train", "eval", "test")) == counts
    assert "not used" not in told


def test_a_list_of_test_images_that_are_not_there(dataset, tmp_path):
    """As in Pascal VOC, whose test images come in another archive: the other two lists divide the images."""
    dataset.fill(10)
    for side, numbers in (("train", range(7)), ("val", range(7, 10)), ("test", range(10, 13))):
        (dataset.folder / f"{side}.txt").write_text("\n".join(f"s{number:02d}" for number in numbers))
    told, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert "7 train, 3 eval." in content and read["dataset"]["split"]["test"] is None
    assert "test.txt, line 1: s10 names no image of the data set, and 2 more mistakes.\n" in told


@pytest.mark.parametrize(("count", "told"), [(50, ", and 49 more mistakes"), (2, ", and 1 more mistake"), (1, "")])
def test_the_mistakes_in_lists_are_counted(tmp_path, count, told):
    names = [f"x{number}" for number in range(count)]
    lists = {"train": str(tmp_path / "train.txt"), "eval": str(tmp_path / "val.txt")}
    for path in lists.values():
        Path(path).write_text("\n".join(names))
    why = sides._of_lists(lists, [], [f"{name}.jpg" for name in names])[1]
    assert why == f"{lists['eval']}, line 1: x0 is on both lists{told}"


def test_a_copy_on_both_stated_sides(dataset, tmp_path):
    """It would stop the run, so it is left out of the training."""
    for side, count in (("train", 6), ("valid", 2)):
        (dataset.annotations / side).mkdir()
        for number in range(count):
            dataset.sample(f"{side}/{side}{number}.jpg")
    copy = (dataset.images / "train/train0.jpg").read_bytes()
    dataset.sample("valid/copy.jpg", Box("cat", 8, 6, 40, 30), data=copy)
    _, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["policies"] == {"duplicate_across_split": "drop_image"}
    made = plan.make(read["dataset"], tmp_path / "out")
    assert [made.counts[side]["images"] for side in ("train", "eval")] == [5, 3]
    assert "5 train, 3 eval" in content


@pytest.mark.parametrize(("count", "said"), [(2, "none of the 2 evaluation images has a box"), (0, "")])
def test_a_stated_side_without_objects(dataset, tmp_path, count, said):
    """Chance divides the images, and it is said why."""
    (dataset.annotations / "train").mkdir()
    for number in range(10):
        dataset.sample(f"train/{number}.jpg")
    (dataset.annotations / "valid").mkdir()
    for number in range(count):
        dataset.image(f"valid/v{number}.jpg")
        dataset.xml(f"valid/v{number}.jpg")
    told, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert not read["dataset"]["split"]["source"]
    assert said in told and said in content and ("not used" in told) == bool(said)
    assert plan.make(read["dataset"], tmp_path / "out").counts["eval"]["boxes"]


def test_frames_of_one_scene(dataset, tmp_path):
    """Near-duplicates of each other: kept on one side, they would leave none to measure."""
    scene = factories.pixels(0, 96, 72)
    for number in range(12):
        frame = scene.copy()
        frame[0, number] = 0
        dataset.sample(f"{number}.png", data=factories.encode(frame, "PNG"), size=(96, 72))
    told, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["near_duplicates"] is False
    for said in (told, words(content)):
        assert "the figures flatter the detector. Add images of other scenes." in said
    assert plan.make(read["dataset"], tmp_path / "out").counts["eval"]["boxes"]


def test_two_scenes_are_divided_by_scene(dataset, tmp_path):
    """The smaller one has more than the usual share of the images, and measures all the same."""
    for scene in range(2):
        drawn = factories.pixels(scene, 96, 72)
        for number in range(5 + scene):
            frame = drawn.copy()
            frame[0, number] = 0
            dataset.sample(f"{scene}{number}.png", data=factories.encode(frame, "PNG"), size=(96, 72))
    _, _, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["near_duplicates"] is True
    assert plan.make(read["dataset"], tmp_path / "out").counts["eval"]["images"] == 5


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (["cat"], "1 image in .* has a box, and a detector needs two at least"),
        (["cat", "dog"], "The 2 images .* each has a class that no other one has"),
        ([f"c{number}" for number in range(12)], "The 12 images .* Add images of the same classes"),
    ],
)
def test_what_cannot_be_divided(dataset, tmp_path, classes, said):
    """No key of a configuration that was not written is named."""
    for number, name in enumerate(classes):
        dataset.sample(f"{number}.jpg", Box(name, 8, 6, 40, 30))
    with pytest.raises(UserError, match=said) as refused:
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    assert "dataset." not in str(refused.value) and not (tmp_path / "my.yaml").exists()


def test_annotations_that_may_belong_to_several_images(dataset, tmp_path):
    """They are not left out without a word."""
    dataset.fill(6)
    for place in ("a", "b"):
        dataset.image(f"{place}/same.jpg")
    dataset.xml("other.jpg", Box("cat", 8, 6, 40, 30), filename="same.jpg")
    with pytest.raises(UserError, match="annotation_ambiguous"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    assert not (tmp_path / "my.yaml").exists()


def test_few_images_have_objects_on_both_sides(dataset, tmp_path):
    """Most images have no objects, so that most splits could not be measured."""
    for number in range(10):
        dataset.image(f"{number}.jpg")
        dataset.xml(f"{number}.jpg", *([Box("cat", 8, 6, 40, 30)] if number in (3, 7) else []))
    *_, read = written(dataset.folder, tmp_path / "my.yaml")
    made = plan.make(read["dataset"], tmp_path / "out")
    assert made.counts["train"]["boxes"] == made.counts["eval"]["boxes"] == 1


def test_copies_that_roboflow_made_stay_together(dataset, tmp_path):
    for number in range(8):
        dataset.sample(f"img_{number // 2}_jpg.rf.{number:032x}.jpg")
    _, _, read = written(dataset.folder, tmp_path / "my.yaml")
    assert read["dataset"]["split"]["group_by"] == {"name": r"([^/]+)\.rf\.[0-9a-f]{32}"}
    plan.make(read["dataset"], tmp_path / "out")


def test_mistakes(dataset, tmp_path):
    with pytest.raises(UserError, match="nowhere does not exist"):
        init.write(str(tmp_path / "nowhere"), tmp_path / "my.yaml")
    (tmp_path / "a.zip").write_bytes(b"")
    for folder, said in ((tmp_path / "a.zip", "a.zip is packed; unpack it"), ("", "with the empty name")):
        with pytest.raises(UserError, match=said):
            init.write(str(folder), tmp_path / "my.yaml")
    with pytest.raises(UserError, match=r"\. is a folder\. Name the file to write, such as my\.yaml"):
        init.write(str(dataset.folder), "")
    with pytest.raises(UserError, match="There is no image"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    dataset.image("a.jpg")
    with pytest.raises(UserError, match="There is no annotation"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    dataset.sample("b.jpg")
    with pytest.raises(UserError, match="a detector needs two at least"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    (dataset.images / "b.jpg").unlink()
    (dataset.annotations / "b.xml").unlink()
    dataset.xml("a.jpg")
    with pytest.raises(UserError, match=r"The only image in .* has no box"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    (tmp_path / "my.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"my\.yaml is there already"):
        init.write(str(dataset.folder), tmp_path / "my.yaml")
    told = r"^The folder nosuch does not exist\.\nRelative paths start at .*\.\n.*my\.yaml is there already"
    with pytest.raises(UserError, match=told):
        init.write("nosuch", tmp_path / "my.yaml")
    assert (tmp_path / "my.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("small", "computer", "detector"),
    [
        (0.3, CPU, choice.FAST),
        (0.05, CPU, choice.FINE),
        (0.3, GPU, choice.STRONG),
        (0.3, GPU._replace(gpu_build=False), choice.FAST),
    ],
)
def test_the_detector_fits_objects_and_machine(small, computer, detector):
    assert choice.choose(found(small=small), computer).detector == detector


def test_without_weights_it_learns_from_scratch(monkeypatch):
    monkeypatch.setattr(fetch, "unreachable", lambda entry: "Name or service not known")
    chosen = choice.choose(found(), CPU)
    assert chosen.detector == choice.FROM_SCRATCH
    assert chosen.num_steps == 3000
    assert "Name or service not known" in chosen.reasons["checkpoint"]
    content = text.configuration(found(), CPU, chosen)
    assert content.count("ssd_mobilenet") == 2  # the template and the one archive to get
    (start,) = [line for line in text.summary(found(), chosen, Path("my.yaml")).splitlines() if "The start: " in line]
    assert "cannot be downloaded now (Name or service not known), so it starts from random ones" in start
    assert f"get resources/zoo/{choice.FAST.zoo}.tar.gz" in start and choice.FAST.zoo in content
    assert "checkpoint" not in yaml.safe_load(content)["models"]["raccoons"]


@pytest.mark.parametrize("computer", [CPU, GPU])
@pytest.mark.parametrize(("small", "detector"), [(0.3, choice.FROM_SCRATCH), (0.05, choice.FINE_FROM_SCRATCH)])
def test_without_weights_the_size_of_objects_counts_too(monkeypatch, small, detector, computer):
    monkeypatch.setattr(fetch, "unreachable", lambda entry: "Name or service not known")
    chosen = choice.choose(found(small=small), computer)
    assert chosen.detector == detector
    told = f"a tenth of the objects is below {small:.0%}" if small < 0.1 else "nine of ten objects are over 30%"
    assert f"it also learns from random weights; {told}" in chosen.reasons["detector"]
    assert "missed" not in chosen.reasons["detector"]
    config = yaml.safe_load(text.configuration(found(), computer, chosen))["models"]["raccoons"]
    assert "checkpoint" not in config and ("overrides" in config) == (small < 0.1)


@pytest.mark.parametrize(
    ("other", "larger"), [(Box("pill", 2, 2, 5, 5), True), (Box("pen", 2, 2, 4, 44), False), (None, False)]
)
def test_a_small_input_whose_anchors_miss_a_class_is_not_chosen(dataset, tmp_path, other, larger):
    """A run would propose the larger one, if that helps: nine of ten objects are large, and those of one class not."""
    for number in range(160):
        boxes = [other] if other and number % 11 == 0 else []
        dataset.sample(f"{number:03d}.jpg", Box("cup", 8, 6, 40, 30), *boxes)
    told, content, read = written(dataset.folder, tmp_path / "my.yaml")
    assert ("SSD MobileNet v2 FPNLite at 640x640: at 300x300 only 9" in told) == larger
    assert ("of the boxes match an anchor at IoU 0.5 (pill " in words(content)) == larger
    (model,) = read["models"].values()
    assert ("model.ssd.image_resizer.fixed_shape_resizer.height" in model["overrides"]) == larger


def test_a_larger_input_for_the_anchors_sake_may_not_make_a_first_run_long(monkeypatch):
    monkeypatch.setattr(fetch, "unreachable", lambda entry: "Name or service not known")
    few = "only 91% of the boxes match an anchor at IoU 0.5 (pill 3 of 10)"
    short = choice.choose(found(images=60, small=0.3, missed=few), CPU._replace(processors=8))
    assert (short.detector, short.minutes < 90) == (choice.FINE_FROM_SCRATCH, True)
    long = choice.choose(found(images=400, small=0.3, missed=few), CPU._replace(processors=2))
    assert (long.detector, long.minutes < 90) == (choice.FROM_SCRATCH, True)
    assert f". But at 300x300 {few}: if those objects matter, try {choice.FINE.title}" in long.reasons["detector"]
    assert long.reasons["detector"].endswith(" hours")


@pytest.mark.parametrize("computer", [CPU, GPU])
@pytest.mark.parametrize("reason", ["", "Name or service not known"])
def test_tiny_objects_are_warned_of_and_not_rounded_to_nothing(monkeypatch, reason, computer):
    """4 of 2,000 pixels."""
    monkeypatch.setattr(fetch, "unreachable", lambda entry: reason)
    tiny = found(small=0.002, usual=0.0023)
    chosen = choice.choose(tiny, computer)
    assert chosen.detector.side == 640
    assert "a tenth of the objects is below 0.20% of the image's side" in chosen.reasons["detector"]
    assert "The smallest ones will still be missed: images cut into tiles" in chosen.reasons["detector"]
    assert "half of them over 0.23% of the image's side" in text.summary(tiny, chosen, Path("my.yaml"))


@pytest.mark.parametrize(
    ("images", "steps"), [(1, 1000), (60, 1000), (200, 1000), (1000, 5000), (3000, 16000), (100_000, 20_000)]
)
def test_steps_follow_the_number_of_images(images, steps):
    chosen = choice.choose(found(images=images), CPU._replace(processors=8))
    assert chosen.num_steps == steps
    assert chosen.num_steps / 6 <= chosen.checkpoint_every <= chosen.num_steps / 4


def test_all_processors_compute():
    """A training takes two threads unless its configuration says more."""
    threads = []
    for here in (CPU, CPU._replace(processors=8), GPU):
        content = yaml.safe_load(text.configuration(found(), here, choice.choose(found(), here)))
        threads.append(content["models"]["raccoons"].get("tf_threads"))
    assert threads == [None, "auto", None]


def test_minutes_follow_the_processors():
    """1,000 steps of half a second on two cores, as measured, and what comes beside them."""
    slow, fast = (choice.choose(found(), CPU._replace(processors=number)).minutes for number in (2, 8))
    assert 8.3 < slow < 13
    assert 2.1 < fast < slow / 2
    assert choice.choose(found(), GPU).minutes is None


def test_enough_images_measure():
    fractions = [choice.choose(found(images=images), CPU).eval_fraction for images in (200, 5000, 100_000)]
    assert fractions == [0.2, 0.1, 0.05]


@pytest.mark.parametrize(
    "detector", [choice.FAST, choice.FINE, choice.STRONG, choice.FROM_SCRATCH, choice.FINE_FROM_SCRATCH]
)
def test_templates_take_their_overrides_and_their_weights(detector):
    config = pipeline_text.read(str(choice.PIPELINES / detector.template))
    overrides.apply(config, dict(detector.overrides))
    resizer = config.model.ssd.image_resizer.fixed_shape_resizer
    assert (resizer.height, resizer.width) == (detector.side, detector.side)
    if detector.zoo:
        entry = catalogue.find(detector.zoo)
        assert table.trainable(entry) == "yes"
        assert entry.extractor == config.model.ssd.feature_extractor.type


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")
def test_make_run_writes_a_configuration_and_runs_it():
    """What `make run DATA=folder` would do, line by line."""
    root = Path(settings.__file__).resolve().parents[3]
    command = ["make", "--dry-run", "--no-print-directory", "run", "DATA=some/my images/"]
    told = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert '.venv/bin/boxwright init "some/my images/" --out "my images.yaml" --keep\n' in told
    assert '.venv/bin/boxwright run --configfile "my images.yaml"' in told


def test_a_server_that_does_not_answer(monkeypatch):
    """The look at the server is short, and its reason is told."""
    monkeypatch.undo()
    monkeypatch.setenv(fetch.MIRROR, "http://127.0.0.1:9/archives")
    assert "refused" in fetch.unreachable(catalogue.find(choice.FAST.zoo)).lower()
