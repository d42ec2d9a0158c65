"""The data set in figures and tables."""

from boxwright.dataset import audit, defects
from boxwright.report import dataset, tables

from .made_up import plain, statistics, texts


def test_every_class_has_its_counts():
    said = texts(dataset.class_counts(statistics()))
    assert said.count("40") >= 2 and said.count("20") >= 2  # beside the axis' own numbers
    assert {"cat", "dog", "training (60 boxes)", "evaluation (60 boxes)"} <= set(said)
    assert said.index("cat") < said.index("dog")
    more_dogs = {side: {"classes": {"cat": 1, "dog": 20}} for side in ("train", "eval")}
    said = texts(dataset.class_counts(statistics(**more_dogs)))
    assert said.index("cat") < said.index("dog"), "in the order of the label map"
    one = statistics(train={"classes": {"cat": 1}}, eval={"classes": {"cat": 3}})
    assert {"training (1 box)", "evaluation (3 boxes)"} <= set(texts(dataset.class_counts(one)))


def test_a_class_without_boxes_and_one_class_alone():
    said = texts(dataset.class_counts(statistics(eval={"classes": {"cat": 3}})))
    assert "0" in said and "3" in said
    alone = statistics(train={"classes": {"cat": 5}}, eval={"classes": {"cat": 2}}) | {"classes": {"cat": 1}}
    assert "dog" not in texts(dataset.class_counts(alone))


def test_rare_classes_beyond_forty_are_counted():
    names = {f"kind {number}": number for number in range(1, 61)}
    sides = {side: {"classes": names} for side in ("train", "eval")}
    said = texts(dataset.class_counts(statistics(**sides) | {"classes": names}))
    assert "boxes (and 20 rarer classes)" in said
    assert "kind 60" in said and "kind 20" not in said


def test_histograms_have_their_titles_and_shares():
    said = texts(dataset.box_shapes(statistics(train={"box_side": [0, 10, 0]}, eval={"box_side": [0, 4, 4]})))
    assert {"Box size", "Box shape", "Crowding", "Image size", "100 %"} <= set(said)


def test_an_empty_side_has_empty_histograms():
    nothing = {name: [0] * (len(edges) - 1) for name, edges in statistics()["bins"].items()}
    assert "Box size" in texts(dataset.box_shapes(statistics(train=nothing, eval=nothing)))


def test_the_overview_counts_and_names_what_is_missing():
    said = plain(tables.dataset(statistics(eval={"classes": {"cat": 3}, "images_with": {"cat": 2}})))
    assert "Found: 90 image files and 85 annotations. Used: 80 images. Left out by the checks: 7; on no list" in said
    assert "of the split: 3." in said
    assert "cat 1 40 30 3 2" in said
    assert "dog 2 20 20 0 0 no box for evaluation" in said


def test_a_test_side_is_shown_beside_the_others():
    given = statistics()
    given["test"] = given["eval"] | {"images": 9, "boxes": 11, "classes": {"cat": 11}, "images_with": {"cat": 8}}
    assert {"training (60 boxes)", "evaluation (60 boxes)", "test (11 boxes)"} <= set(
        texts(dataset.class_counts(given))
    )
    assert "test" in texts(dataset.box_shapes(given))
    said = plain(tables.dataset(given))
    assert "Used: 89 images." in said and "test 9 11 3 2 1" in said
    assert "The test images measure what was exported when everything is chosen." in said
    assert "cat 1 40 30 40 30 11 8" in said and "dog 2 20 20 20 20 0 0 no box for test" in said
    assert "test" not in plain(tables.dataset(statistics())) + " ".join(texts(dataset.class_counts(statistics())))


def test_ignore_regions_are_counted_where_there_are_any():
    assert "ignore regions" not in plain(tables.dataset(statistics()))
    said = plain(tables.dataset(statistics(eval={"regions": 7, "images_with_regions": 5})))
    assert "difficult boxes ignore regions images with them" in said
    assert "training 40 60 3 2 1 0 0 evaluation 40 60 3 2 1 7 5" in said and "neither right nor wrong" in said


def test_names_cannot_become_markup():
    given = statistics(train={"classes": {"<b>x</b>": 1}}) | {"classes": {"<b>x</b>": 1}}
    assert b"&lt;b&gt;x&lt;/b&gt;" in tables.dataset(given)
    assert b"<b>x</b>" not in tables.dataset(given)


def test_checks_are_counted_by_kind_and_listed():
    found = [
        defects.Case("a.xml", "2: cat [1, 2, 3, 4]", "box_outside", "fix", "the image is 3x3"),
        defects.Case("b.xml", "1: cat [1, 2, 3, 4]", "box_outside", "fix", 'a "quoted detail'),
        defects.Case("c.jpg", "", "image_grayscale", "keep", "8 bits"),
    ]
    said = plain(tables.checks(defects.to_tsv(found).decode().splitlines(keepends=True)))
    assert "3 findings of 2 kinds" in said
    assert "box_outside 2 fix the box extends beyond the image (clipped)" in said
    assert "2: cat [1, 2, 3, 4] box_outside fix the image is 3x3" in said
    assert 'a "quoted detail' in said


def test_no_finding_is_said():
    assert "found nothing wrong" in plain(tables.checks(["file\tbox\tdefect\taction\tdetail\n"]))


def test_of_many_findings_the_rest_is_counted():
    found = [defects.Case(f"{number}.jpg", "", "image_grayscale", "keep", "") for number in range(1000)]
    assert "700 more in checks.tsv" in plain(tables.checks(defects.to_tsv(found).decode().splitlines(keepends=True)))


def imported(ledger):
    return plain(tables.imported(ledger.to_tsv().decode().splitlines(keepends=True)))


def test_what_became_of_every_object():
    ledger = audit.Ledger()
    ledger.enter("a.jpg", "all.json (a.jpg)", "coco", 1200, {(True, "box_ignored"): 2, (False, "box_subpixel"): 3})
    ledger.enter("b.jpg", "b.txt", "yolo", 5, {})
    ledger.lose("all.json (c.jpg)", "coco", 7, "annotation_without_image")
    ledger.notice("all.json", "coco", "all masks are <crowds>")
    ledger.pass_over("notes.json", "it is a list")
    said = imported(ledger)
    assert "1,212 objects in the annotations = 1,200 in the records + 2 ignore regions + 10 left out" in said
    assert "COCO 1,207 1,195 2 10 box_ignored 2, annotation_without_image 7, box_subpixel 3 YOLO 5 5 0 0" in said
    assert "annotation_without_image 7 no image belongs to the annotation box_subpixel 3" in said
    assert "all.json (a.jpg) 1200 1195 2 3" in said and "b.txt" not in said
    assert "all.json noticed: all masks are <crowds>" in said and "notes.json passed over: it is a list" in said


def test_of_many_objects_that_are_missing_the_rest_is_counted():
    ledger = audit.Ledger()
    for number in range(400):
        ledger.lose(f"{number}.xml", "voc", 1, "on_neither_list")
    said = imported(ledger)
    assert "100 more in import.tsv" in said and "on_neither_list 400 the image is on no list of the split" in said


def test_records_that_are_used_as_they_are_import_nothing():
    assert "nothing was imported" in imported(audit.Ledger())
