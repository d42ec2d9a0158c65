"""The whole report in a real browser: everything loads, nothing is fetched, all text lies within its figure."""

import csv
import json
import os

import pytest

from boxwright.report import confusion, dataset, errors, learning, precision_recall, scores, style
from tests.report import browser
from tests.unit.report import made_up
from tests.workflow.conftest import new_project, small_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.find() is None, reason="needs Chromium (Debian's package `chromium`)"),
]
CATEGORIES = {
    "1 Data": {
        "Images and classes",
        "Boxes per class",
        "Sizes and shapes",
        "Checks",
        "Import",
        "Annotated images",
        "Anchors",
    },
    "2 Training": {"Learning curves"},
    "3 Evaluation": {
        *("All models and checkpoints", "Precision and recall", "Confusion matrix", "Kinds of errors", "Every class"),
        *("Reliable scores", "Reliability and calibration"),
        "Worst and best images",
    },
    "4 Export": {"Models compared", "Accuracy against speed", "Forms compared", "Exported files"},
    "5 Run": {"What was used"},
}
# Nothing answers there, so whatever wants to be downloaded fails.
NOWHERE = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "HTTP", "HTTPS")}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A finished run of three models, two of them repeats of one and one that may stop early, and its report."""
    project = new_project(tmp_path_factory.mktemp("report"))
    project.config["models"] = {
        "small": small_model(seed=[0, 1], num_steps=2),
        "other": small_model(num_steps=3, checkpoint_every=1, early_stopping={"patience": 1}),
    }
    for model in ("small-seed0", "small-seed1", "other"):
        project.snakemake(f"results/models/{model}/predictions")
    project.snakemake()
    os.environ.update(NOWHERE)
    try:
        project.snakemake("--report", "report.html")
    finally:
        for name in NOWHERE:
            del os.environ[name]
    return project


@pytest.fixture(params=["light", "dark"])
def page(request):
    with browser.Page(dark=request.param == "dark") as page:
        page.dark = request.param == "dark"
        yield page


def results_of(page) -> dict:
    return json.loads(page.evaluate("JSON.stringify(results)"))


def is_image(result) -> bool:
    return result["mime_type"].startswith("image/")


def picture(path) -> str:
    """The element, in JavaScript, that shows an image of the report."""
    return f"document.querySelector('img[src=\"' + results[{json.dumps(path)}].data_uri + '\"]')"


def show(page, path, result) -> None:
    """Show one result in the report that is open, and wait until it is there."""
    view = {"navbarMode": "resultinfo", "content": "img" if is_image(result) else "html", "resultPath": path}
    page.evaluate(f"app.setView({{...{json.dumps(view)}, contentPath: results[{json.dumps(path)}].data_uri}})")
    if is_image(result):
        page.wait(f"{picture(path)} && {picture(path)}.complete")
    else:
        page.wait(f"document.querySelector('iframe')?.src === results[{json.dumps(path)}].data_uri")


def test_the_models_were_timed_together(project):
    """The comparison shows the times of the one job, and not those of the models' exports."""
    times = json.loads((project / "results/comparison/times.json").read_text())
    with (project / "results/comparison/models.csv").open() as file:
        shown = {line["model"]: float(line["ms_per_image"]) for line in csv.DictReader(file)}
    assert shown == {name: one["ms_per_image"] for name, one in times["models"].items()}
    assert set(shown) == {"small-seed0", "small-seed1", "other"} and times["form"] == "frozen_graph"


def test_every_figure_loads_and_nothing_complains(project, page):
    page.open(project / "report.html")
    page.wait("document.querySelector('#rulegraph canvas')")
    first = page.evaluate("document.querySelector('.prose').innerText")
    assert "A detector of circle, square, star and triangle" in first
    assert "Of 2 models" in first and "mAP@.50IOU" in first
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == rgb("#0f141a")) == page.dark
    found = results_of(page)
    for path, result in found.items():
        assert result["caption"].strip() and "{{" not in result["caption"], path
        show(page, path, result)
        if is_image(result):
            assert page.evaluate(f"{picture(path)}.naturalWidth") > 200, path
    for view in ("rulegraph", "stats"):
        page.evaluate(f"app.setView({{navbarMode: 'menu', content: '{view}'}})")
        page.wait("document.querySelector('canvas')")
    assert page.problems == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", browser.WIDTHS)
def test_nothing_is_wider_than_the_window(project, width, dark):
    """The first page, each view and each page alone, on a telephone and on screens."""
    with browser.Page(width=width, dark=dark) as page:
        page.open(project / "report.html")
        page.wait("document.querySelector('#rulegraph canvas')")
        assert page.too_wide() == []
        found = results_of(page)
        for path, result in found.items():
            show(page, path, result)
            assert page.too_wide() == [], path
        for path in found:
            if path.endswith(".html"):
                page.open(project / path)
                assert page.too_wide() == [], path


def test_categories_and_labels(project):
    with browser.Page() as page:
        page.open(project / "report.html")
        page.wait("document.querySelector('#rulegraph canvas')")
        categories = json.loads(page.evaluate("JSON.stringify(categories)"))
        found = results_of(page)
    figures = {
        category: {found[path]["labels"]["figure"] for paths in groups.values() for path in paths}
        for category, groups in categories.items()
    }
    assert figures == CATEGORIES
    for path, result in found.items():
        folder = path.split("/")[2]
        if path.startswith("results/models/"):
            assert folder in (result["labels"].get("model"), result["labels"].get("of"))
    labels = [result["labels"] for result in found.values()]
    assert {one["step"] for one in labels if one.get("model") == "small-seed1"} == {"2"}


def test_pages_and_drawings_alone(project, page):
    """Each file of the report by itself: its pictures are there, and it follows the theme."""
    page.open(project / "report.html")
    paths = list(results_of(page))
    for path in paths:
        page.open(project / path)
        if path.endswith(".html"):
            broken = "[...document.images].filter(one => !one.complete || !one.naturalWidth).length"
            assert page.evaluate(broken) == 0, path
            assert page.evaluate("document.body.innerText.length") > 30, path
            ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert ground == rgb(style.DARK[style.PAPER] if page.dark else style.PAPER), path
        if path.endswith(".svg"):
            assert_whole(page, path)
            inks = set(page.evaluate("[...document.querySelectorAll('text')].map(one => getComputedStyle(one).fill)"))
            light, dark = {rgb(one) for one in style.DARK}, {rgb(one) for one in style.DARK.values()}
            assert inks & (dark if page.dark else light) and not inks & (light if page.dark else dark), path
    assert page.problems == []


def rgb(code: str) -> str:
    return f"rgb({', '.join(str(int(code[place : place + 2], 16)) for place in (1, 3, 5))})"


def assert_whole(page, name) -> None:
    """No text of the SVG that is open reaches over its edge."""
    script = """(() => {
      const edge = document.documentElement.getBoundingClientRect();
      return [...document.querySelectorAll('text')].filter(one => {
        const box = one.getBoundingClientRect();
        const across = box.left >= edge.left && box.right <= edge.right;
        return box.width && !(across && box.top >= edge.top && box.bottom <= edge.bottom);
      }).map(one => one.textContent);
    })()"""
    assert page.evaluate(script) == [], name


def made_up_figures():
    for count in (1, 2, 20, 80):
        names = [f"a rather long class name, {number}" for number in range(1, count + 1)]
        classes = [made_up.one_class(number, name, number / count) for number, name in enumerate(names, start=1)]
        analysis = made_up.analysis(classes)
        yield f"curves of {count}", precision_recall.curves(analysis)
        yield f"reliability of {count}", scores.reliability(analysis)
        yield f"confusion of {count}", confusion.matrix(analysis)
        sides = {side: {"classes": dict.fromkeys(names, 123456)} for side in ("train", "eval")}
        statistics = made_up.statistics(**sides) | {"classes": dict.fromkeys(names, 1)}
        yield f"classes of {count}", dataset.class_counts(statistics)
    yield "errors", errors.costs(made_up.analysis())
    line = {"step": 1_000_000, "learning_rate": 1e-7, learning.TOTAL: 1e-5, "Loss/localization_loss": 1e-6}
    yield "learning", learning.curves([line], [], None)


def test_text_is_whole_with_few_and_many_classes(tmp_path):
    with browser.Page() as page:
        for name, svg in made_up_figures():
            path = tmp_path / "figure.svg"
            path.write_bytes(svg)
            page.open(path)
            page.wait("document.querySelectorAll('text').length > 1")
            assert_whole(page, name)
        assert page.problems == []
