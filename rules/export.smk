# One checkpoint becomes the detector.


rule choose_checkpoint:
    input:
        metrics=lambda wildcards: ancient(
            expand(
                f"{MODEL}/eval/{{step}}/metrics.json",
                model=wildcards.model,
                step=measured_steps(wildcards.model),
            )
        ),
        decisions=lambda wildcards: ancient(
            expand(
                f"{MODEL}/eval/{{step}}/decision.json",
                model=wildcards.model,
                step=judged_steps(wildcards.model),
            )
        ),
    output:
        f"{MODEL}/choice.json",
    log:
        logs("choose_checkpoint/{model}"),
    benchmark:
        costs("choose_checkpoint/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.choose_checkpoint(wildcards.model),
        wanted=run_plan.settings["export"],
    message:
        "Choosing the checkpoint of {wildcards.model}"
    script:
        "../workflow/scripts/choose_checkpoint.py"


rule export_detector:
    input:
        choice=ancient(f"{MODEL}/choice.json"),
        # Which of them is known when this job runs.
        checkpoints=lambda wildcards: ancient(
            expand(
                f"{MODEL}/train/model.ckpt-{{step}}.{{part}}",
                model=wildcards.model,
                step=measured_steps(wildcards.model),
                part=["index", "data-00000-of-00001"],
            )
        ),
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
    output:
        directory(f"{MODEL}/fine_tuned_model"),
    log:
        logs("export_detector/{model}"),
    benchmark:
        costs("export_detector/{model}")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    params:
        identity=lambda wildcards: identities.export_detector(wildcards.model),
    message:
        "Exporting {wildcards.model}"
    script:
        "../workflow/scripts/export_detector.py"
