"""SageMaker Ground Truth's output manifests."""

import json
import math

import pytest

from boxwright.core.errors import UserError
from boxwright.dataset.formats import ground_truth


def box(number=0, **more):
    return {"class_id": number, "left": 10, "top": 20, "width": 30, "height": 40} | more


def line(*boxes, image="s3://bucket/images/a.jpg", job="boxes", classes=None, made="2024-01-01", **about):
    metadata = {"class-map": classes or {"0": "cat", "1": "dog"}, "type": "groundtruth/object-detection"}
    return {
        "source-ref": image,
        job: {"image_size": [{"width": 200, "height": 100, "depth": 3}], "annotations": list(boxes)},
        f"{job}-metadata": metadata | {"creation-date": made} | about,
    }


def data(*lines):
    return "\n".join(map(json.dumps, lines)).encode()


def read(*lines):
    return ground_truth.read(data(*lines), {})


def test_boxes(brief):
    reading = read(line(box(1)), line(image="s3://bucket/b.jpg"))
    assert brief(reading) == {"/images/a.jpg": [("dog", (10, 20, 40, 60))], "/b.jpg": []}
    assert (reading.statements[0].width, reading.statements[0].height) == (200, 100)
    assert reading.statements[0].places == ("line 1, annotation 1 of boxes",)


def test_polygons(brief):
    points = [{"x": 40, "y": 80}, {"x": 90, "y": 30}, {"x": 140, "y": 70}]
    one = line({"class_id": 0, "vertices": points}, type="groundtruth/polygon")
    assert brief(read(one)) == {"/images/a.jpg": [("cat", (40, 30, 140, 80), "polygon")]}


def test_a_later_job_corrects_an_earlier_one(brief):
    first, second = line(box(0), box(0)), line(box(1), job="corrected", made="2024-02-01")
    reading = read(first | second)
    assert brief(reading) == {"/images/a.jpg": [("dog", (10, 20, 40, 60))]}
    assert [(one.defect, one.objects) for one in reading.remarks] == [("object_superseded", 2)]


def test_jobs_with_different_classes_belong_together(brief):
    other = line(box(0), job="cars", classes={"0": "car"})
    assert [name for name, *_ in brief(read(line(box(1)) | other))["/images/a.jpg"]] == ["dog", "car"]


def test_a_job_that_failed_says_nothing():
    reading = read(line(**{"failure-reason": "ClientError"}), line(box(), image="b.jpg"))
    assert [one.image for one in reading.statements] == ["b.jpg"]
    assert [one.defect for one in reading.remarks] == ["image_unlabelled"]


def test_a_job_of_another_type_is_passed_over(brief):
    more = {"kind": 0, "kind-metadata": {"type": "groundtruth/image-classification", "class-name": "cat"}}
    assert len(brief(read(line(box()) | more))["/images/a.jpg"]) == 1


def test_a_number_that_cannot_be_read():
    assert math.isnan(read(line(box(left="x"))).statements[0].boxes[0].xmin)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line(), {"source": "x"}], 'line 2: it has no "source-ref"'),
        ([line(), line(box(7))], r"line 2: annotation 1 of boxes has the class_id 7; the job's class-map has 0, 1"),
        ([line(5)], "line 1: annotation 1 of boxes is not an object but 5"),
        ([{"source-ref": "s3://bucket/a.jpg"}], "no job with boxes"),
        ([{"source-ref": "a.jpg", "k": 0, "k-metadata": {"type": "groundtruth/image-classification"}}], "image-class"),
    ],
)
def test_mistakes(lines, reason):
    with pytest.raises(UserError, match=reason):
        read(*lines)


def test_all_broken_lines_are_named():
    with pytest.raises(UserError, match=r"line 2: it is not valid JSON: .*, line 3: "):
        ground_truth.read(data(line()) + b'\n{"a": \nx\n', {})


def test_a_list_of_images_alone_is_no_annotation():
    images = data({"source-ref": "s3://bucket/a.jpg"}, {"source-ref": "s3://bucket/b.jpg"})
    assert not ground_truth.sniff(images, "input.manifest") and ground_truth.sniff(data(line(box())), "output.manifest")
    with pytest.raises(UserError, match="it has no job with boxes"):
        ground_truth.read(images)


def test_recognition():
    assert ground_truth.sniff(data(line(box())), "output.manifest")
    assert not ground_truth.sniff(b'{"type": "dataset", "task": "detect"}', "a.jsonl")
