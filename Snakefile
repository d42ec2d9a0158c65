# boxwright: annotated images in, a trained, measured, exported and explained object detector out.
# A table of contents: the configuration, the stages in the order of the data flow, the final results.

from datetime import datetime

from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/zoo.smk"
include: "rules/configure.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/export.smk"
include: "rules/test.smk"
include: "rules/predict.smk"
include: "rules/report.smk"


# The last lines of a run of everything.
onsuccess:
    if any(job.rule == "all" for job in planned):
        took = datetime.now() - workflow.start_time
        if told := outcome.text(
            RESULTS,
            MODELS,
            list(run_plan.predicted),
            took.total_seconds(),
            launch.how_to_report(RESULTS, process.whole_configuration(workflow)),
            {name: run_plan.lacking(name) for name in MODELS},
        ):
            say(told)


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.check_annotations.output,
        rules.split_dataset.output,
        [f"{RESULTS}/data/{side}.coco.json" for side in run_plan.sides[1:]],
        expand([f"{MODEL}/train/log.jsonl", f"{MODEL}/train/checkpoint"], model=MODELS),
        expand(PREVIEW, model=MODELS),
        expand(EXPORTED, model=MODELS, further=""),
        exported_too,
        expand(TESTED, model=MODELS),
        expand(f"{MODEL}/{{predictions}}", model=MODELS, predictions=run_plan.predicted),
        rules.describe_dataset.output,
        expand(
            f"{FIGURES}/anchors.{{kind}}",
            model=run_plan.with_anchors,
            kind=["svg", "json", "tsv"],
        ),
        expand(f"{FIGURES}/{{file}}", model=MODELS, file=DRAWN),
        rules.compare_models.output,
    message:
        f"All results are in {RESULTS}"
