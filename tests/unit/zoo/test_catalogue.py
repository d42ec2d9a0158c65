"""config/zoo.yaml: what was published, under names that lead to the archives."""

import json
import re

import pytest

from boxwright.catalog import check
from boxwright.catalog.extractors import EXTRACTORS
from boxwright.core.errors import UserError
from boxwright.zoo import catalogue, table


@pytest.fixture(scope="module")
def entries():
    return {entry.name: entry for each in catalogue.tables() for entry in each.entries}


def test_names_are_unique_and_fit_for_files(entries):
    assert len(entries) == len(catalogue.names())
    assert all(re.fullmatch(r"[a-z0-9_.-]+", name) for name in entries)
    assert len({entry.url for entry in entries.values()}) == len(entries)


def test_known_archives_are_those_recorded(entries, shared):
    recorded = json.loads((shared / "odapi" / "zoo.json").read_text())
    known = {f"{entry.name}.tar.gz": entry for entry in entries.values() if entry.sha256}
    assert known.keys() == recorded.keys()
    for name, facts in recorded.items():
        entry = known[name]
        assert (entry.size, entry.sha256) == (facts["bytes"], facts["sha256"])
        assert entry.url.removeprefix("https:") == facts["url"].removeprefix("http:")


def test_every_published_figure_is_there(shared):
    """Row by row: speed and mAP of the published tables are those of the catalogue, its archives of 2017 aside."""
    entries = [entry for each in catalogue.tables() if "2017 (without" not in each.title for entry in each.entries]
    text = (shared / "odapi" / "FACTS.md").read_text()
    text = text[text.index("### 3f. ") : text.index("### 3g. ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:2] == "| "]
    published = sorted(figures(row) for row in rows if row[0] != "Model name" and "Model name" not in row[0])
    assert published == sorted((as_text(entry.ms), as_text(entry.map)) for entry in entries)


def figures(row):
    """Speed and mAP of one row of the published tables, as the catalogue has them."""
    name, *cells = row
    if "snapshot_serengeti" in name:
        return "", cells[0]
    if name.startswith("spaghettinet"):
        return cells[0], cells[2]
    if name.endswith("MobileNetV2 FPN Keypoints 512x512"):  # its one figure is that of the keypoints
        return cells[0], f"-/{cells[1]}"
    speed, accuracy = ("" if cell == "--" else cell.removesuffix(" (faces)") for cell in cells[:2])
    return speed, accuracy


def as_text(figure):
    return "" if figure is None else str(figure)


def test_inputs_are_sizes(entries):
    assert all(re.fullmatch(r"\d+[x-]\d+", entry.input) for entry in entries.values() if entry.input)


def test_a_name_with_and_without_its_prefix():
    name = "faster_rcnn_resnet101_coco_2018_01_28"
    entry = catalogue.find(f"zoo:{name}")
    assert entry is catalogue.find(name)
    assert str(entry.folder) == f"resources/zoo/{name}"
    assert str(entry.prefix) == f"resources/zoo/{name}/model.ckpt"
    assert entry.identity == entry.sha256


def test_tf2_checkpoints_have_a_folder_of_their_own():
    entry = catalogue.find("ssd_mobilenet_v2_320x320_coco17_tpu-8")
    assert entry.prefix == entry.folder / "checkpoint" / "ckpt-0"
    assert entry.identity == entry.url.replace("https://", "http://")


def test_an_unknown_name_comes_with_the_nearest():
    with pytest.raises(UserError, match=r"no ssd_mobilenet_v1_coco in .* names are ssd_mobilenet_v1_coco_2018_01_28,"):
        catalogue.find("zoo:ssd_mobilenet_v1_coco")
    with pytest.raises(UserError, match=r"no yolo in the model zoo: `make models`"):
        catalogue.find("yolo")


def test_the_names_that_begin_like_an_unknown_one_are_the_nearest():
    with pytest.raises(UserError) as error:
        catalogue.find("ssd_mobilenet_v1")
    names, _, more = str(error.value).partition(" names are ")[2].partition("; ")[0].partition(" and ")
    assert [name.startswith("ssd_mobilenet_v1_") for name in names.split(", ")] == [True] * 5 and more == "4 more"


@pytest.mark.parametrize("name", ["", " ", "zoo:", "zoo: \n"])
def test_no_name_is_told(name):
    with pytest.raises(UserError, match="No detector of the model zoo is named"):
        catalogue.find(name)


def test_spaces_and_capitals():
    assert catalogue.find("zoo: ssd_mobilenet_v1_coco_2018_01_28 ").name == "ssd_mobilenet_v1_coco_2018_01_28"
    with pytest.raises(UserError, match="nearest names are ssd_mobilenet_v1_coco_2018_01_28"):
        catalogue.find("SSD_MobileNet_V1_coco_2018_01_28")


def test_extractors_are_judged_by_the_engine(entries):
    said = {name: table.trainable(entry) for name, entry in entries.items()}
    assert said["ssd_mobilenet_v1_coco_2018_01_28"] == "yes"
    assert said["faster_rcnn_resnet101_coco_2018_01_28"] == "yes"
    for name in ("ssd_inception_v2_coco_2018_01_28", "faster_rcnn_inception_v2_coco_2018_01_28"):
        assert said[name] == "yes"
    for name in ("ssd_mobilenet_v1_coco_11_06_2017", "ssd_mobilenet_v1_coco_2017_11_17"):
        assert said[name] == "yes"
    for name in ("ssd_mobilenet_v2_mnasfpn_shared_box_predictor_320x320_coco_sync_2020_05_18",):
        assert said[name] == "yes"
    for name in ("centernet_hg104_512x512_coco17_tpu-8", "centernet_mobilenetv2fpn_512x512_coco17_od"):
        assert said[name] == "yes"
    assert said["centernet_resnet50_v2_512x512_kpts_coco17_tpu-8"] == "no (CenterNet with keypoints)"
    assert said["mask_rcnn_inception_v2_coco_2018_01_28"] == "yes"
    for name in ("faster_rcnn_inception_resnet_v2_1024x1024", "faster_rcnn_resnet101_v1_640x640"):
        assert said[f"{name}_coco17_tpu-8"] == "yes (not compared)"
    assert said["rfcn_resnet101_coco_2018_01_28"] == "yes"
    assert said["faster_rcnn_nas_coco_2018_01_28"] == "no (faster_rcnn_nas)"
    assert all(entry.extractor in EXTRACTORS for name, entry in entries.items() if said[name].startswith("yes"))


def test_published_configurations_are_judged_alike(entries, shared):
    """The catalogue's family and extractor lead to the same judgement as the configuration itself."""
    from boxwright.pipeline import text

    judged = 0
    for path in (shared / "odapi" / "configs").glob("*.config"):
        named = [entry for entry in entries.values() if entry.name.startswith(path.stem)]
        for entry in named:
            judged += 1
            lacks = [each for each in check.findings(text.read(path)) if each.field.startswith("model.")]
            assert table.trainable(entry).startswith("yes") == (not lacks), entry.name
    assert judged >= 15


def test_what_is_downloaded_is_judged_by_its_own_configuration(zoo):
    entry = zoo()
    assert table.trainable(entry) == "yes"
    entry.pipeline.parent.mkdir(parents=True)
    entry.pipeline.write_text('model { ssd { feature_extractor { type: "ssd_mobilenet_v9" } } }')
    assert table.trainable(entry) == "no (model.ssd.feature_extractor.type ssd_mobilenet_v9)"
    entry.pipeline.write_text("model {")
    assert table.trainable(entry) == "no (its pipeline.config cannot be read)"


def test_the_table_has_every_detector(entries):
    lines = table.render().splitlines()
    assert {line.split()[0] for line in lines if line} >= entries.keys()
    row = next(line for line in lines if line.startswith("faster_rcnn_resnet101_coco_2018_01_28"))
    assert row.split() == [
        *("faster_rcnn_resnet101_coco_2018_01_28", "Faster", "R-CNN", "600-1024", "32", "106", "593", "MB", "yes")
    ]


def test_every_detector_is_reached_with_encryption_and_keeps_its_identity():
    for each in catalogue.tables():
        for entry in each.entries:
            assert entry.url.startswith("https://")
            # what results of earlier releases were made with
            assert entry.identity == (entry.sha256 or entry.url.replace("https://download.", "http://download."))
