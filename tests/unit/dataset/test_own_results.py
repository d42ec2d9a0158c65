"""What runs made is no data: results folders, whatever they are called, and images on which boxes were drawn."""

import io
import shutil

import pytest
from PIL import Image
from tests import factories

from boxwright.console.checksums import Checksums
from boxwright.core.errors import UserError
from boxwright.dataset import plan, scan, split
from boxwright.dataset.formats import voc
from boxwright.dataset.samples import Box
from boxwright.dataset.scan import Search
from boxwright.images import drawn

CAT = Box("cat", 8, 6, 40, 30)


def drawing(seed: int) -> bytes:
    file = io.BytesIO()
    drawn.save(Image.fromarray(factories.pixels(seed)), file)
    return file.getvalue()


def predict(results, *names, receipts=True):
    """The predictions of a finished run: drawn images and their XML, and a figure."""
    folder = results / "models/m/predictions"
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        (folder / f"{name}.jpg").write_bytes(drawing(100 + number))
        voc.write(folder / f"{name}.xml", filename=f"{name}.jpg", width=64, height=48, boxes=[CAT])
    (results / "data/figures").mkdir(parents=True)
    figure = results / "data/figures/contact.jpg"
    figure.write_bytes(factories.photo(9))
    if receipts:
        Checksums(results).write([folder, figure])
    return folder


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working folder that is searched whole, with ten sound images in `photos`."""
    monkeypatch.chdir(tmp_path)
    data = factories.DataSet(tmp_path / "work")
    data.fill(10)
    return data


def made(work, **changes):
    settings = work.settings(images=[str(work.folder)], annotations=[str(work.folder)], **changes)
    return plan.make(settings, work.folder / "results/data", results=str(work.folder / "results"))


def names(work):
    lines = (work.folder / "results/data/plan/split.tsv").read_text().splitlines()[1:]
    return [line.split("\t")[0] for line in lines]


@pytest.mark.parametrize("receipts", [True, False])
def test_the_results_of_this_run_are_passed_over_even_without_receipts(work, capsys, receipts):
    before = made(work)
    assert capsys.readouterr().err == ""
    predict(work.folder / "results", "s00", "s01", receipts=receipts)
    assert made(work) == before
    told = "Results of a run are not part of the data set and were passed over: 3 images and 2 annotations in "
    assert f"{told}{work.folder}/results.\n" == capsys.readouterr().err
    assert names(work) == [f"images/s{number:02d}.jpg" for number in range(10)]


def test_other_results_are_known_by_their_receipts_whatever_their_name(work, capsys):
    before = made(work)
    predict(work.folder / "photos of may", "s00", "s01")
    old = predict(work.folder / "release 0.1", "s02", receipts=False)
    (work.folder / "release 0.1/.receipts").mkdir()
    assert made(work) == before
    told = capsys.readouterr().err
    assert "5 images and 3 annotations in" in told and "photos of may" in told and str(old.parents[2]) in told


def test_copied_images_with_drawn_boxes_are_passed_over_and_copied_xml_is_read(work, capsys):
    """A person corrects a prediction: its XML goes to the annotations, and the drawn image came along."""
    folder = predict(work.folder / "results", "s00", "new")
    work.image("new.jpg")
    (work.folder / "corrected").mkdir()
    for name in ("new.xml", "new.jpg", "s00.jpg"):
        shutil.copy(folder / name, work.folder / "corrected")
    found = made(work)
    assert "; 2 images on which boxwright drew boxes." in capsys.readouterr().err
    assert "images/new.jpg" in names(work) and not any("corrected" in name for name in names(work))
    assert found.counts["found"]["images"] == 11
    assert sum(found.counts[side]["boxes"] for side in (split.TRAIN, split.EVAL)) == 11
    assert made(work) == found
    assert "; 2 images on which boxwright drew boxes." in capsys.readouterr().err, "also of a plan that is kept"


def test_nothing_but_results_is_no_data_set(work):
    folder = predict(work.folder / "results", "s00")
    settings = work.settings(images=[str(folder)], annotations=[str(folder)])
    with pytest.raises(UserError) as error:
        plan.make(settings, work.folder / "out")
    assert f"There is no image in {folder}. Results of a run are not part" in str(error.value)
    copies = factories.DataSet(work.folder / "copies")
    copies.image("a.jpg", drawing(1))
    with pytest.raises(UserError, match="passed over: 1 image on which boxwright drew boxes"):
        plan.make(copies.settings(), work.folder / "out")


def test_images_in_a_results_folder_that_no_run_made_are_found_where_they_are_asked_for(work):
    """`results: .`: the images lie in the results folder, beside what the runs make."""
    predict(work.folder, "s00", "s01")
    (listing,) = scan.listings(Search([str(work.folder)], (".jpg",)), results=str(work.folder))
    assert [file.relative for file in listing.files()] == [f"images/s{number:02d}.jpg" for number in range(10)]
    assert sum(listing.passed.values()) == 3
    (listing,) = scan.listings(Search([str(work.images)], (".jpg",)), results=str(work.folder))
    assert len(listing) == 10 and not listing.passed


def test_predictions_are_not_predicted_on(work):
    predict(work.folder / "results", "s00")
    assert scan.images_below(str(work.folder), str(work.folder / "results")) == [
        f"images/s{number:02d}.jpg" for number in range(10)
    ]
