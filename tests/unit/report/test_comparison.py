"""Models side by side: families of seeds, tables, the plot, and the answer in words."""

import base64
import csv
import dataclasses
import io
import json
import math
from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
from docutils.core import publish_parts
from PIL import Image

from boxwright.catalog import forms
from boxwright.report import answer, comparison, forms_plot, metrics, results, speed, style, tables

from .made_up import analysis, evaluation, one_class, plain, result, statistics, texts

SEEDS = [result(f"big-seed{seed}", value, family="big", seed=seed) for seed, value in ((0, 0.7), (1, 0.8), (2, 0.9))]
NEAR = [result(f"near-seed{seed}", value, family="near", seed=seed) for seed, value in enumerate((0.79, 0.8, 0.81))]
SMALL = result("small", 0.6, milliseconds=9.0, sizes={"frozen_graph": 4e6, "saved_model": 5e6, "checkpoint": 3e6})


def test_repeats_over_seeds_have_mean_and_spread():
    big, small = comparison.repeats([*SEEDS, SMALL])
    assert (big.name, small.name) == ("big", "small")
    assert big.mean == pytest.approx(0.8) and big.quality.spread == pytest.approx(0.1)
    assert small.quality.spread is None and small.quality.interval["low"] == pytest.approx(0.5)
    assert comparison.best([small, big]) is big


def test_an_undefined_seed_is_left_out_of_the_mean():
    (big,) = comparison.repeats([*SEEDS[:2], result("big-seed9", None, family="big", seed=9)])
    assert big.mean == pytest.approx(0.75)
    (none,) = comparison.repeats([result("none", None)])
    assert none.mean is None and comparison.best([none]) is None


def test_a_table_in_csv_has_a_line_per_model():
    lines = list(csv.DictReader(io.StringIO(comparison.to_csv([*SEEDS, result("none", None)]))))
    assert [line["model"] for line in lines] == ["big-seed0", "big-seed1", "big-seed2", "none"]
    assert (lines[1]["family"], lines[1]["seed"], lines[1]["step"], lines[1]["value"]) == ("big", "1", "20", "0.8")
    assert (lines[1]["ms_per_image"], lines[1]["megabytes"]) == ("25.0", "20.0")
    assert lines[3]["value"] == lines[3]["low"] == lines[3]["mAP"] == ""


def test_the_page_says_how_sure_it_is():
    said = plain(comparison.page([*SEEDS, SMALL]))
    assert "big 0, 1, 2 0.800 0.532 to 1.000 (95%), standard deviation over 3 seeds 0.100 25.0 20.0" in said
    assert "small 0 0.600 0.500 to 0.650 (95%) 9.0 4.0" in said
    assert "Uncertainty: the 95% confidence interval, about the choice of evaluation images and the seeds." in said
    assert "interval, about the choice of evaluation images. Where" in plain(comparison.page([SMALL]))
    assert "none 0 n/a" in plain(comparison.page([result("none", None)]))


def test_an_interval_of_another_metric_is_not_shown():
    one = result("m")
    other = results.Result("m", "m", one.choice | {"metric": metrics.MAP}, one.evaluations, one.analysis, one.export)
    assert other.interval is None
    said = plain(comparison.page([other]))
    assert "0.600 to" not in said and "Uncertainty: mAP has no confidence interval over the images." in said


def test_the_plot_names_every_family_once():
    svg = speed.plot([*SEEDS, SMALL])
    said = [" ".join(text.split()) for text in texts(svg)]
    assert {"1 big, 20.0 MB", "2 small, 4.0 MB", "mAP@.50IOU"} <= set(said)
    assert said.count("1") == said.count("2") == 1
    assert style.model_colour(0) in svg.decode() and style.model_colour(1) in svg.decode()


def test_the_plot_cuts_no_seed_off():
    """The dots of seeds lie beyond the spread and beyond the median time."""
    slow = [result(f"s{seed}", value, family="s", seed=seed, milliseconds=ms)
            for seed, value, ms in ((0, 0.2, 5.0), (1, 0.9, 6.0), (2, 0.9, 60.0))]  # fmt: skip
    figure = speed.plot.__wrapped__([*slow, SMALL])
    (axes,) = figure.axes
    (low, high), (left, right) = axes.get_ylim(), axes.get_xlim()
    assert low < 0.2 and high > 0.9 and left == 0 and right > 60


def test_the_plot_of_one_model_and_of_none_defined():
    (said,) = texts(speed.plot([SMALL]))
    assert said == "There is one model: mAP@.50IOU 0.600, 9.0 ms per image (CPU, 2 processors), 4.0 MB."
    assert "n/a" in texts(speed.plot([result("none", None)]))[0]
    (said,) = texts(speed.plot([SMALL, result("none", None)]))
    assert said.startswith("mAP@.50IOU is defined for one model, small: mAP@.50IOU 0.600, ")


def test_the_times_of_several_models_are_those_that_were_measured_together():
    timed = [
        replace(one, timed={"ms_per_image": ms, "device": "CPU, 8 processors"})
        for one, ms in ((SMALL, 7.5), (SEEDS[0], 3.5))
    ]
    lines = list(csv.DictReader(io.StringIO(comparison.to_csv(timed))))
    assert [line["ms_per_image"] for line in lines] == ["7.5", "3.5"]
    said = plain(comparison.page(timed))
    assert "small 0 0.600 0.500 to 0.650 (95%) 7.5 4.0" in said
    assert "one image at a time, on CPU, 8 processors. All models were measured together, in turns" in said
    assert any("(median, measured in turns; CPU, 8 processors)" in text for text in texts(speed.plot(timed)))
    alone = plain(comparison.page([SMALL]))
    assert "9.0 4.0" in alone and "in turns" not in alone


def test_what_was_exported():
    said = plain(comparison.exports([SMALL]))
    for line in (
        "small 20 5,000,000 frozen graph 4.0 0.600 0.600 100.0% 2e-06 1e-06 40.0 (39.0 to 42.0) 9.0 (24.0 to 27.0)",
        "SavedModel 5.0 0.600 0.600 100.0% 2e-06 1e-06 40.0 (39.0 to 42.0) 9.0 (24.0 to 27.0)",
        "checkpoint 3.0 0.600 0.600 99.5% 0e+00 0e+00",
        "for one image at a time, on CPU, 2 processors",
    ):
        assert line in said
    assert "largest of 2 checkpoints" in said


def test_a_form_that_loses_too_much_is_named():
    changed = replace(
        SMALL, measured=SMALL.measured | {"saved_model": {**SMALL.measured["saved_model"], "complaints": ["it is off"]}}
    )
    assert "The SavedModel of small: it is off." in plain(comparison.exports([changed]))


def test_the_plot_of_the_forms():
    said = [" ".join(text.split()) for text in texts(forms_plot.plot([SMALL]))]
    assert {"1 frozen graph, 4.0 MB", "2 SavedModel, 5.0 MB", "mAP on the evaluation images"} <= set(said)
    assert not any("checkpoint" in text for text in said)
    several = texts(forms_plot.plot([SMALL, result("big", sizes={"saved_model": 30_000_000})]))
    assert any("big, SavedModel, 30.0 MB" in " ".join(text.split()) for text in several)
    assert "n/a" in texts(forms_plot.plot([result("none", None)]))[0]


def test_the_plot_of_one_form_is_a_sentence():
    """A single dot shows nothing."""
    one = replace(SMALL, measured={"frozen_graph": SMALL.measured["frozen_graph"]})
    (said,) = texts(forms_plot.plot([one]))
    assert said.startswith(
        "One form was measured, the frozen graph of small: mAP 0.600, 9.0 ms per image with 2 threads"
    )


def test_a_form_that_is_added_to_the_list_stands_in_the_table(monkeypatch):
    monkeypatch.setattr(forms, "FORMS", (*forms.FORMS, forms.Form("toy", "toy file", "toy.bin", ("toy.bin",))))
    said = plain(comparison.exports([result("small", sizes={"toy": 1_500_000})]))
    assert "checkpoint 19.0 0.700" in said and "toy file 1.5 0.700 0.700 98.0% 2e-06" in said


def test_the_precision_of_each_training_is_told():
    """Evaluations of earlier releases tell none, and were float32."""
    both = [result("a", 0.5), result("b", 0.6)]
    assert "Trained in float32. Measured in float32." in tables.checkpoints(both).decode()
    for one in both[0].evaluations:
        one.update(precision="bfloat16", inference_precision="bfloat16")
    page = tables.checkpoints(both).decode()
    assert "Trained in bfloat16 (a), float32 (b). Measured in float32, but a in bfloat16." in page


def test_all_checkpoints_with_the_exported_one_set_off():
    page = tables.checkpoints([SMALL, result("none", None)])
    said = plain(page)
    assert "Measured on 40 evaluation images with 120 boxes" in said
    assert "small 0 10 0.300" in said and "small 0 20 0.600" in said
    assert page.count(b"<tr class=mark>") == 2
    assert "n/a: no box in the evaluation images" in said


def test_classes_of_a_checkpoint_with_the_reason_for_what_is_undefined():
    said = plain(tables.classes(analysis([one_class(1, "cat"), one_class(2, "dog", None)]), "small at step 1,500"))
    assert "Classes of small at step 1,500" in said
    assert "cat 0.800 0.700 to 0.900 0.400 0.800 0.750 0.500 0.600 0.42 10 10 12" in said
    assert "dog n/a n/a n/a n/a n/a n/a n/a n/a 0 0 12" in said
    assert "n/a: no box of class 'dog' in the evaluation images" in said


def test_members_of_a_family_share_a_colour():
    assert results.places([*SEEDS, SMALL]) == {"big-seed0": 0, "big-seed1": 0, "big-seed2": 0, "small": 1}


# The answer


def told(found, optimism=None, lacking=MappingProxyType({}), **data) -> str:
    """The answer as a reader gets it; docutils must have nothing to complain about."""
    settings = {"halt_level": 2, "report_level": 2}
    said = answer.text(statistics() | data, found, optimism, lacking=lacking)
    parts = publish_parts(said, writer="html", settings_overrides=settings)
    return plain(b"<body>" + parts["html_body"].encode())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(`num_steps: 2300` is usual): few", "( num_steps: 2300 is usual): few"),
        ("`a`, `b c`.", "a , b c ."),
        ("odd ` here, `x ` and `_y_|`z", "odd ` here, `x ` and `_y_|`z"),
    ],
)
def test_what_is_to_be_typed_is_code(text, wanted):
    """Other signs of reStructuredText, as class names may have, stay as they are. In place of each tag is a space."""
    assert f"Do {wanted}" in told([SMALL], lacking={"small": f"Do {text}"})


def test_one_model_and_its_interval():
    said = told([SMALL])
    assert said.startswith("A detector of cat and dog")
    assert "40 annotated images with 60 boxes trained the detector" in said
    assert (
        "The detector reaches mAP@.50IOU 0.600 at step 20 (95% confidence: 0.500 to 0.650) on the evaluation images"
        in said
    )
    assert "4.0 MB and takes 9.0 ms per image (CPU, 2 processors)" in said
    assert "From score 0.726 on, 96.0% of the detections on the evaluation images are right" in said


def test_images_that_do_not_tell_how_sure_the_figure_is():
    why = "an interval needs at least 20 images with objects"
    few = [replace(result(name), analysis=analysis(interval=None, interval_reason=why)) for name in ("small", "other")]
    unsure = f"on the evaluation images. So few images do not tell how good a detector is: {why}."
    assert unsure in told(few[:1])
    both = told(few)
    assert "can be told: the images are too few. Take the faster or the smaller one, or measure on more images." in both
    assert f"Uncertainty: it is not known, since {why}." in plain(comparison.page(few))
    alike = replace(SMALL, analysis=analysis(interval=analysis()["interval"] | {"low": 1.0, "high": 1.0}))
    said = told([alike])
    assert "It is the same on any choice of these images, so they do not tell how sure it is." in said
    assert "1.000 to 1.000" not in said and "no spread" in plain(comparison.page([alike]))


def test_a_class_on_too_few_images_is_told_beside_the_interval():
    few = replace(SMALL, analysis=analysis(interval=analysis()["interval"] | {"few": ["dog"]}))
    why = "dog is on fewer than 20 images, which tell nothing about its AP: the interval allows it any from 0 to 1."
    assert why in told([few]) and why in plain(comparison.page([few]))
    assert "fewer than 20 images" not in told([SMALL]) + plain(comparison.page([SMALL]))
    tested = with_test(SMALL, 0.6)
    tests = {form: results.Measurement(one.metrics, few.analysis) for form, one in tested.tests.items()}
    said = plain(comparison.page([replace(tested, tests=tests)]))
    assert f"On the test images: {why}" in said and "On the evaluation images: dog" not in said
    assert "the choice of evaluation and test images. Where" in plain(comparison.page([with_test(SMALL, 0.6)]))


def test_one_image_and_one_box_are_not_plural():
    one = {"images": 1, "boxes": 1}
    said = told([SMALL], train=statistics()["train"] | one, eval=statistics()["eval"] | one, test=one)
    assert (
        "1 annotated image with 1 box trained the detector. 1 evaluation image with 1 box, which it never saw" in said
    )
    assert "1 test image with 1 box tested what was exported" in said
    alone = replace(SMALL, evaluations=[{**one_evaluation, **one} for one_evaluation in SMALL.evaluations])
    assert "Measured on 1 evaluation image with 1 box." in plain(tables.checkpoints([alone]))


def test_several_models_and_seeds():
    said = told([SMALL, *SEEDS])
    assert "Of 2 models big has the highest figure: it reaches mAP@.50IOU 0.800" in said
    assert "(95% confidence: 0.532 to 1.000, over 3 seeds)" in said
    assert "small 0.600 (0.500 to 0.650) 9.0 4.0" in said and "big 0.800 (0.532 to 1.000) 25.0 20.0" in said


def test_a_model_is_best_only_if_the_uncertainties_say_so():
    near = told([SMALL, result("near", 0.62)])
    assert "Of 2 models near has the highest figure: it reaches mAP@.50IOU 0.620" in near
    assert "No difference between near and small can be told: their uncertainties overlap." in near
    far = told([SMALL, *NEAR])
    assert "can be told" not in far and "Of 2 models near is best: it reaches mAP@.50IOU 0.800" in far
    assert comparison.rivals(comparison.repeats([SMALL, result("none", None)])) == []


def by_map(one):
    """A result whose checkpoint was chosen by mAP, which has no interval over the images."""
    return replace(one, choice=one.choice | {"metric": metrics.MAP})


def test_without_uncertainties_no_model_is_best():
    both = [by_map(result("a", 0.5)), by_map(result("b", 0.9))]
    said = told(both)
    assert "Of 2 models b has the highest figure: it reaches mAP 0.900 at step 20 on the evaluation images." in said
    assert "No difference between b and a can be told: how sure the figures are is not known." in said
    assert "or train each with several seeds." in said
    assert b"<tr class=mark>" not in comparison.page(both)
    assert any("2 a, 20.0 MB" in " ".join(text.split()) for text in texts(speed.plot(both))), "drawn without bars"
    seeds = [by_map(replace(one, family="b")) for one in NEAR]
    assert "No difference between b and a can be told" in told([both[0], *seeds]), "one of the two is not known"
    more = [by_map(result(f"a{seed}", 0.5 + seed / 100, family="a", seed=seed)) for seed in range(3)]
    assert "Of 2 models b is best" in told([*more, *seeds])


def test_the_spread_of_two_seeds_tells_no_models_apart():
    """Each pair differs by 0.01, which is half of the difference between the models."""
    pairs = [
        result(f"{name}{seed}", value + seed / 100, family=name, seed=seed)
        for name, value in (("x", 0.7), ("y", 0.68))
        for seed in (0, 1)
    ]
    for found in (pairs, list(map(by_map, pairs))):
        said = told(found)
        assert "No difference between x and y can be told: their uncertainties overlap." in said
        assert "or measure on more images and train with more seeds." in said


def test_an_undefined_metric_is_explained():
    assert "mAP@.50IOU is n/a: no box in the evaluation images" in told([result("none", None)])


def test_names_with_marks_and_many_names():
    assert "(*cat_ or |dog|)" in told([SMALL], classes={"*cat_": 1, "|dog|": 2})
    many = told([SMALL], classes={f"kind {number}": number for number in range(20)})
    assert "A detector of 20 kinds of objects" in many and "12 others" in many
    assert told([SMALL], classes={"猫": 1}).startswith("A detector of 猫")


def test_results_are_read_together(tmp_path):
    folder = tmp_path / "small"
    for path, content in {
        "choice.json": SMALL.choice,
        "eval/20/analysis.json": SMALL.analysis,
        "eval/20/metrics.json": evaluation("small", 20, 0.6),
        "eval/10/metrics.json": evaluation("small", 10, 0.3),
        "fine_tuned_model/export.json": SMALL.export,
        "fine_tuned_model/forms.json": {"forms": SMALL.measured},
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(content))
    metrics_files = [folder / "eval/20/metrics.json", folder / "eval/10/metrics.json"]
    found = results.load(folder, metrics_files, None)
    assert found == SMALL
    assert results.load(folder, metrics_files, "big").family == "big"


def with_test(one, value, *, images=25, low=0.05):
    """A result whose forms were measured on a test side; the last form does worse than the others."""
    interval = analysis()["interval"] | {"low": value - low, "high": value + 0.05}
    measured = {
        form.name: results.Measurement(
            evaluation(one.name, 20, value - 0.1 * (form == forms.CHECKPOINT)) | {"form": form.name, "images": images},
            analysis(interval=interval),
        )
        for form in map(forms.named, one.export["forms"])
    }
    return replace(one, tests=measured)


TEST_SIDE = {"test": statistics()["eval"] | {"images": 25, "boxes": 31}}


def test_the_headline_is_that_of_the_test_side_and_the_best_model_that_of_the_evaluation():
    """The model that is worse on the evaluation images is not the best one, however it does on the test images."""
    other = result("other", 0.7)
    said = told([with_test(SMALL, 0.9), with_test(other, 0.5)], **TEST_SIDE)
    assert (
        "Of 2 models other has the highest figure on the evaluation images: it reaches mAP@.50IOU 0.500 (95% "
        "confidence: 0.450 to 0.550) on the test images." in said
    )
    assert "On the evaluation images, which chose the checkpoint and the model, it reaches 0.700." in said
    assert "25 test images with 31 boxes tested what was exported" in said
    assert "small 0.900 (0.850 to 0.950) 0.600 (0.500 to 0.650) 9.0 4.0" in said
    page = plain(comparison.page([with_test(SMALL, 0.9), with_test(other, 0.5)]))
    assert "small 0 0.900 0.850 to 0.950 (95%) 0.600 0.500 to 0.650 (95%) 9.0 4.0" in page
    assert "The 25 test images were read once after that, by the frozen graph of each model" in page
    exports = plain(comparison.exports([with_test(SMALL, 0.9)]))
    assert "mAP@.50IOU on test images" in exports
    assert "9.0 (24.0 to 27.0) 0.900" in exports and "0e+00 0e+00 0.800" in exports


def test_the_test_of_repetitions_has_a_mean_and_a_spread():
    (big,) = comparison.repeats([with_test(one, value) for one, value in zip(SEEDS, (0.5, 0.6, 0.7), strict=True)])
    assert big.tested.mean == pytest.approx(0.6) and big.tested.spread == pytest.approx(0.1)
    assert big.tested.interval["low"] == pytest.approx(0.6 - math.hypot(4.303 * 0.1 / 3**0.5, 0.05))
    assert "mAP@.50IOU 0.600 (95% confidence: 0.347 to 0.853, over 3 seeds) on the test images" in told(
        big.members, **TEST_SIDE
    )


def test_the_table_in_csv_has_the_test_only_where_there_is_one():
    assert comparison.to_csv([SMALL]).splitlines()[0] == ",".join(comparison.COLUMNS)
    (line,) = csv.DictReader(io.StringIO(comparison.to_csv([with_test(SMALL, 0.9)])))
    form, *numbers = (line[key] for key in comparison.TEST_COLUMNS)
    assert form == "frozen_graph"
    assert [float(number) for number in numbers] == pytest.approx([25, 0.9, 0.85, 0.95])
    assert line["value"] == "0.6"


def optimism(value, checkpoints=2, reason=None, **models):
    return {"metric": metrics.MAP50, "optimism": value, "checkpoints": checkpoints, "reason": reason, "models": models}


def test_the_time_of_a_model_alone_is_the_one_in_the_table_of_exports():
    times = {"1": {"median": 12.0}, "2": {"median": 7.5}}
    timed = dataclasses.replace(SMALL, measured={"frozen_graph": {"ms": times, "device": "CPU, 2 processors"}})
    assert (timed.milliseconds, timed.device) == (7.5, "CPU, 2 processors")
    elsewhere = dataclasses.replace(SMALL, measured={"frozen_graph": {"ms": times, "device": "a GPU"}})
    assert elsewhere.milliseconds == dataclasses.replace(SMALL, measured={}).milliseconds == 9.0
    beside = dataclasses.replace(timed, timed={"ms_per_image": 3.0, "device": "CPU, 8 processors"})
    assert (beside.milliseconds, beside.device) == (3.0, "CPU, 8 processors")


def test_without_a_test_side_the_optimism_is_told_in_plain_words():
    said = told([SMALL], optimism(0.0214))
    assert "This figure comes from the images that chose the checkpoint, which flatters it by about 0.021" in said
    assert "dataset.split.test_fraction holds images back" in said
    both = told([SMALL, *SEEDS], optimism(0.0002, 8))
    assert "the images that chose the checkpoint and the model, which flatters it by less than 0.001" in both
    assert "chose the model, which flatters it by about 0.010" in told([SMALL, result("m")], optimism(0.01, 2))
    unknown = told([SMALL], optimism(None, reason="it is measured for mAP only"))
    assert "by how much was not measured: it is measured for mAP only." in unknown
    assert "chose nothing: there was one checkpoint to measure" in told([SMALL], optimism(0.0, 1))
    page = plain(comparison.page([SMALL], optimism(0.0214, small=0.0214)))
    assert "small 0 0.600 0.500 to 0.650 (95%) 0.021 9.0 4.0" in page


def flattered(one, value, images=38, left_out=("a.jpg", "b.jpg")):
    """A result whose evaluation has images that show the same as training images."""
    measured = {"images": images, "left_out": list(left_out), "metrics": {metrics.MAP50: value}, "undefined": {}}
    return dataclasses.replace(one, without_near_duplicates=measured)


def test_the_metric_is_given_without_near_duplicates_of_training_images_too():
    said = told([flattered(SMALL, 0.51)])
    assert "But 2 evaluation images show the same as a training image, which flatters the detector" in said
    assert "on the other 38 it reaches mAP@.50IOU 0.510 . Its frozen graph" in said and "never saw" not in said
    assert "1 evaluation image shows the same" in told([flattered(SMALL, 0.51, left_out=["a.jpg"])])
    assert "it reaches mAP@.50IOU n/a" in told([flattered(SMALL, None)])
    several = [flattered(one, value) for one, value in zip([*SEEDS, SMALL], (0.6, 0.7, 0.8, 0.5), strict=True)]
    assert "it reaches mAP@.50IOU 0.700" in told(several)
    page = plain(comparison.page(several))
    assert "show the same as a training image: 2. mAP@.50IOU on the other 38: big 0.700, small 0.500." in page


def test_without_such_images_nothing_is_said_of_them():
    assert "never saw" in told([SMALL]) and "same as a training image" not in told([SMALL])
    assert "same as a training image" not in plain(comparison.page([SMALL]))


def test_the_answer_shows_pictures_classes_and_what_to_do_next():
    strip = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    Image.fromarray(noise).save(strip, "JPEG")
    text = answer.text(statistics(), [SMALL], strips={"small": strip.getvalue()})
    shown = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["html_body"]
    assert base64.b64encode(strip.getvalue()).decode() in shown
    assert (
        "Evaluation images with detections: two typical ones and the two worst. Full lines: detections with a "
        "score of at least 0.5. Dashed lines: objects that were missed." in shown
    )
    said = told([SMALL])
    assert "cat 0.800 0.700 to 0.900 10 dog 0.600 0.500 to 0.700 10" in said
    assert (
        "On the evaluation images, at a score of 0.5, it finds 8 of 9 objects, and 8 of its 10 detections are right."
        in said
    )
    assert "What costs most are objects that were not found: without them mAP@.50IOU would be 0.050 higher." in said


def test_of_many_classes_the_worst_are_shown():
    many = [one_class(number, f"kind {number}", number / 20) for number in range(1, 14)] + [one_class(14, "none", None)]
    said = told([dataclasses.replace(SMALL, analysis=analysis(many))])
    assert "kind 10 0.500" in said and "kind 11 0.550" not in said
    assert "These are the 10 worst of 13 classes." in said and "Without a box there: 1 of 14 classes." in said
