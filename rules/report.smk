# The figures and tables of the report: `.venv/bin/snakemake --report results/report.html` puts them into one HTML file.
#
# Each is redrawn only when its content changes. The drawing code is not part of the training, so a change of it redraws
# figures and retrains nothing.

# Categories are numbered, since the report sorts them by name.
DATA = f"{RESULTS}/data/figures"
FIGURES = f"{MODEL}/figures"
# The figures of a model: file, and its caption, category and name in the report.
DRAWN = {
    "learning_curves.svg": ("learning_curves", "2 Training", "Learning curves"),
    "precision_recall.svg": (
        "precision_recall",
        "3 Evaluation",
        "Precision and recall",
    ),
    "confusion.svg": ("confusion", "3 Evaluation", "Confusion matrix"),
    "errors.svg": ("errors", "3 Evaluation", "Kinds of errors"),
    "classes.html": ("per_class", "3 Evaluation", "Every class"),
    "scores.html": ("scores", "3 Evaluation", "Reliable scores"),
    "reliability.svg": ("reliability", "3 Evaluation", "Reliability and calibration"),
    "images.html": ("images", "3 Evaluation", "Worst and best images"),
}


rule describe_dataset:
    input:
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        checks=ancient(f"{RESULTS}/data/checks.tsv"),
    output:
        **{
            side: shown(
                f"{DATA}/contact_sheet_{side}.jpg",
                "contact_sheet",
                "1 Data",
                "Annotated images",
                of=split.WORDS[side],
            )
            for side in run_plan.sides
        },
        statistics=f"{RESULTS}/data/statistics.json",
        imported=f"{RESULTS}/data/import.tsv",
        overview=shown(
            f"{DATA}/overview.html",
            "overview",
            "1 Data",
            "Images and classes",
            of="all",
        ),
        classes=shown(
            f"{DATA}/classes.svg", "classes", "1 Data", "Boxes per class", of="all"
        ),
        shapes=shown(
            f"{DATA}/shapes.svg", "shapes", "1 Data", "Sizes and shapes", of="all"
        ),
        checks=shown(f"{DATA}/checks.html", "checks", "1 Data", "Checks", of="all"),
        audit=shown(f"{DATA}/import.html", "import", "1 Data", "Import", of="all"),
    log:
        logs("describe_dataset"),
    benchmark:
        costs("describe_dataset")
    conda:
        ENVIRONMENT
    params:
        identity=identities.describe_dataset,
        plan=run_plan.plan_folder,
        found=run_plan.found,
    message:
        "Describing the data set"
    script:
        "../workflow/scripts/describe_dataset.py"


rule measure_anchors:
    input:
        config=ancient(f"{MODEL}/pipeline.config"),
    output:
        figure=shown(
            f"{FIGURES}/anchors.svg", "anchors", "1 Data", "Anchors", of="{model}"
        ),
        fit=f"{FIGURES}/anchors.json",
        missed=f"{FIGURES}/anchors.tsv",
    log:
        logs("measure_anchors/{model}"),
    benchmark:
        costs("measure_anchors/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.measure_anchors(wildcards.model),
        plan=run_plan.plan_folder,
    message:
        "Matching the boxes with the anchors of {wildcards.model}"
    script:
        "../workflow/scripts/measure_anchors.py"


rule draw_model:
    input:
        log=ancient(f"{MODEL}/train/log.jsonl"),
        choice=ancient(f"{MODEL}/choice.json"),
        metrics=lambda wildcards: evaluated("metrics", wildcards.model),
        analyses=lambda wildcards: evaluated("analysis", wildcards.model),
        detections=lambda wildcards: evaluated("detections", wildcards.model),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
    output:
        **{
            Path(file).stem: shown(
                f"{FIGURES}/{file}", *said, model="{model}", step=reported_step
            )
            for file, said in DRAWN.items()
        },
        strip=f"{FIGURES}/strip.jpg",
    log:
        logs("draw_model/{model}"),
    benchmark:
        costs("draw_model/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.draw_model(wildcards.model),
    message:
        "Drawing what {wildcards.model} learned, gets right and gets wrong"
    script:
        "../workflow/scripts/draw_model.py"


rule compare_models:
    input:
        statistics=ancient(f"{RESULTS}/data/statistics.json"),
        metrics=lambda wildcards: evaluated("metrics", *MODELS),
        analyses=lambda wildcards: evaluated("analysis", *MODELS),
        without_near_duplicates=measured_without_near_duplicates,
        choices=ancient(expand(f"{MODEL}/choice.json", model=MODELS)),
        exports=ancient(expand(f"{DETECTOR}/{forms.SUMMARY}", model=MODELS, further="")),
        measured=ancient(
            expand(f"{DETECTOR}/{forms.MEASURED}", model=MODELS, further="")
        ),
        tests=ancient(expand(TESTED, model=MODELS)),
        optimism=ancient([] if TESTED else [f"{COMPARISON}/optimism.json"]),
        checks=ancient(expand(map(check_of, FORMS), model=MODELS, further="")),
        times=ancient([f"{COMPARISON}/times.json"] if len(MODELS) > 1 else []),
        strips=ancient(expand(f"{FIGURES}/strip.jpg", model=MODELS)),
    output:
        table=f"{COMPARISON}/models.csv",
        answer=f"{COMPARISON}/answer.rst",
        checkpoints=shown(
            f"{COMPARISON}/checkpoints.html",
            "checkpoints",
            "3 Evaluation",
            "All models and checkpoints",
            model="all",
            step="all",
        ),
        models=shown(
            f"{COMPARISON}/models.html",
            "models",
            "4 Export",
            "Models compared",
            model="all",
        ),
        speed=shown(
            f"{COMPARISON}/speed.svg",
            "speed",
            "4 Export",
            "Accuracy against speed",
            model="all",
        ),
        forms=shown(
            f"{COMPARISON}/forms.svg",
            "forms",
            "4 Export",
            "Forms compared",
            model="all",
        ),
        exports=shown(
            f"{COMPARISON}/exports.html",
            "exports",
            "4 Export",
            "Exported files",
            model="all",
        ),
        used=shown(f"{COMPARISON}/run.html", "run", "5 Run", "What was used", of="all"),
    log:
        logs("compare_models"),
    benchmark:
        costs("compare_models")
    conda:
        ENVIRONMENT
    params:
        identity=identities.compare_models,
        forms=[identities_of_forms(model) for model in MODELS],
        tests=[identities_of_tests(model) for model in MODELS if TESTED],
        repeat_of=REPEAT_OF,
        lacking={name: run_plan.lacking(name) for name in MODELS},
    message:
        "Comparing the models"
    script:
        "../workflow/scripts/compare_models.py"
