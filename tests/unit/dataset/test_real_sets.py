"""Two public data sets, whose real defects are known."""

from collections import Counter

from tests.unit.dataset.test_defects import findings

from boxwright.dataset import manifest, plan


def settings(folder, **split):
    return {
        "images": [str(folder / "images")],
        "annotations": [str(folder / "annotations")],
        "label_map": None,
        "split": {"eval_fraction": 0.2, "seed": 0, "train": None, "eval": None, **split},
        "shards": {"train": 4, "eval": 1},
        "policies": {},
        "verify": "headers",
    }


def test_raccoon(shared, tmp_path):
    folder = shared / "data/raccoon"
    made = plan.make({**settings(folder), "verify": "full"}, tmp_path)
    found = findings(tmp_path / "plan/checks.tsv")
    assert Counter(f.defect for f in found) == {"duplicate_other_boxes": 4, "image_grayscale": 3}
    pairs = {(f.file, f.detail.rpartition(" ")[2]) for f in found if f.defect == "duplicate_other_boxes"}
    assert pairs == {
        ("raccoon-116.jpg", "raccoon-11.jpg"),
        ("raccoon-83.jpg", "raccoon-120.jpg"),
        ("raccoon-74.jpg", "raccoon-52.jpg"),
        ("raccoon-98.jpg", "raccoon-65.jpg"),
    }
    rows = [line.split("\t") for line in (tmp_path / "plan/split.tsv").read_text().splitlines()[1:]]
    side = {name: side for name, side, _ in rows}
    assert all(side[one] == side[other] for one, other in pairs)
    assert made.counts["train"]["images"] + made.counts["eval"]["images"] == 200
    assert made.counts["train"]["boxes"] + made.counts["eval"]["boxes"] == 217
    assert abs(made.counts["eval"]["images"] - 40) <= 1
    assert made.classes == {"raccoon": 1}


def test_raccoon_with_its_lists(shared, tmp_path):
    folder = shared / "data/raccoon"
    made = plan.make(settings(folder, train=str(folder / "train.txt"), eval=str(folder / "eval.txt")), tmp_path)
    assert (made.counts["train"]["images"], made.counts["eval"]["images"]) == (160, 40)
    assert made.counts["on_neither_list"] == made.counts["left_out"] == 0


def test_bccd(shared, tmp_path):
    made = plan.make(settings(shared / "data/bccd"), tmp_path)
    found = findings(tmp_path / "plan/checks.tsv")
    assert [(f.file, f.box, f.defect, f.action) for f in found] == [
        ("BloodImage_00338.xml", "13: RBC [504, 337, 504, 337]", "box_zero_area", "drop_box"),
        ("BloodImage_00343.xml", "4: RBC [181, 329, 181, 329]", "box_zero_area", "drop_box"),
    ]
    assert made.classes == {"Platelets": 1, "RBC": 2, "WBC": 3}
    both = Counter(made.counts["train"]["classes"]) + Counter(made.counts["eval"]["classes"])
    assert both == {"RBC": 4155 - 2, "WBC": 372, "Platelets": 361}
    for name, count in made.counts["eval"]["classes"].items():
        assert abs(count / both[name] - 0.2) < 0.04, name
    samples = [sample for path in (tmp_path / "plan").glob("*.jsonl") for sample in manifest.read(path)]
    assert len(samples) == 364 and all(sample.boxes and not sample.fixes for sample in samples)
