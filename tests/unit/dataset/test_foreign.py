"""Annotations in other formats than the one that is read, recognised by the start of a file."""

import pytest
from tests import factories

from boxwright.dataset import foreign
from boxwright.dataset.formats import voc

YOLO, COCO, CVAT = "YOLO (`yolo`)", "COCO (`coco`)", "CVAT (`cvat`)"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<annotations><image/></annotations>", CVAT),
        ("<?xml version='1.0'?>\n<!-- of us -->\n<annotations><version>", CVAT),
        ("\ufeff<?xml version='1.0'?><!-- of us --><alto><Layout/>", "ALTO XML"),
        ("<annotation><object/></annotation>", ""),
        ("<html><body/></html>", ""),
        ('{"info": {}, "licenses": [], "images": []}', COCO),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}]}', COCO),
        ('{"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}', COCO),
        (
            '{"version": "5.0", "shapes": [{"label": "cat", "points": [[1, 2]]}], "imagePath": "a"}',
            "LabelMe (`labelme`)",
        ),
        ('[{"image": "a.jpg", "annotations": [{"label": "a", "coordinates": {}}]}]', "Create ML (`createml`)"),
        ('{"a.jpg1": {"filename": "a.jpg", "regions": [{"shape_attributes": {}}]}}', "VGG Image Annotator (`via`)"),
        ('{"name": "boxwright"}', ""),
        ("[]", ""),
        ("{", ""),
        ("0 0.5 0.5 0.25 0.25\n", YOLO),
        ("12 0 1 .5 1", YOLO),
        ("12 0 1 5 1", ""),
        ("0 0.5 0.5 0.25 0.25\r\n\r\n3 1 1 1e-3 0", YOLO),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6\n", YOLO),
        ("Car 0.00 0 -1.58 587 173 614 200 1.65 1.67 3.64 -0.65 1.71 46.7 -1.59\n", "KITTI (`kitti`)"),
        ("10 20 30 20 30 40 10 40 plane 0\n", "DOTA (`dota`)"),
        ("cat\ndog\n", ""),
        ("1 2 3\n", ""),
        ("a.jpg\nb.jpg\n", ""),
        ("", ""),
        (" \n", ""),
        ("filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,1,2,cat,1,2,3,4\n", "a table of boxes (CSV) (`csv`)"),
        ("name,score\n", ""),
    ],
)
def test_a_format_is_recognised(text, name):
    endings = {"<": "xml", "{": "json", "[": "json"}
    ending = "csv" if "," in text and text[:1].isalpha() else endings.get(text.lstrip("\ufeff")[:1], "txt")
    assert foreign.guess(text.encode(), f"x.{ending}") == name


def test_bytes_are_no_format():
    assert foreign.guess(factories.photo(1)) == foreign.guess(bytes(range(256))) == foreign.guess(b"\xff\xfe") == ""
    assert foreign.guess("<annotations><image/></annotations>".encode("utf-16")) == CVAT


def test_a_long_file_is_recognised_by_its_start():
    assert foreign.guess(b"0 0.5 0.5 0.25 0.25\n" * 10_000) == YOLO
    assert foreign.guess(b'{"images": [' + b'{"file_name": "a.jpg"}, ' * 10_000) == COCO


def test_our_own_format_is_not_foreign(tmp_path):
    voc.write(tmp_path / "a.xml", filename="a.jpg", width=64, height=48, boxes=())
    assert foreign.guess((tmp_path / "a.xml").read_bytes()) == ""


def test_files_are_counted_by_format(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign, "_MOST", 3)
    (tmp_path / "labels").mkdir()
    for number in range(6):
        (tmp_path / f"labels/{number}.TXT").write_text("0 0.5 0.5 0.25 0.25\n")
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "a.json").write_text('{"shapes": [], "imagePath": "a"}')
    (tmp_path / "b.json").write_text('{"shapes": [], "imagePath": "a"}')
    assert foreign.look([str(tmp_path)], (".xml",)) == [
        ("a.json", "it seems to be LabelMe (`labelme`), and so does 1 other file (b.json)"),
        ("labels/0.TXT", f"it seems to be {YOLO}, and so do 5 other files (labels/1.TXT, labels/2.TXT and 3 more)"),
    ]
    assert [seen.file for seen in foreign.look([str(tmp_path)], (".json",))] == ["labels/0.TXT"]
    assert foreign.look([str(tmp_path), str(tmp_path)], ())[0].detail.count("other file") == 1
