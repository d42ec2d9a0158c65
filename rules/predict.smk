# The exported detector at work on the evaluation images, or on other folders of images. Each folder has predictions of
# its own, which those on another one do not replace.


rule predict_images:
    input:
        detector=ancient(list(map(of_choice, checked(MAIN)))),
        label_map=ancient(of_choice(LABEL_MAP)),
    output:
        directory(f"{MODEL}/{{predictions}}"),
    log:
        logs("predict_images/{model}-{predictions}"),
    benchmark:
        costs("predict_images/{model}-{predictions}")
    conda:
        ENVIRONMENT
    threads: for_runtime(MAIN, "threads")
    resources:
        gpu=for_runtime(MAIN, "gpus"),
        mem_mb=for_runtime(MAIN, "memory_mb", retried=True),
        cpus_per_task=for_runtime(MAIN, "processors"),
    params:
        identity=lambda wildcards: identities.predict_images(
            wildcards.model, run_plan.predicted[wildcards.predictions]
        ),
        form=MAIN.name,
        manifests=run_plan.manifests("eval"),
        precision=setting("inference_precision"),
        wanted=lambda wildcards: run_plan.settings["predict"]
        | {
            "images": run_plan.predicted[wildcards.predictions],
            "max_pixels": run_plan.settings["dataset"]["max_pixels"],
        },
        # Only told.
        on=lambda wildcards: (
            f" on {folder}"
            if (folder := run_plan.predicted[wildcards.predictions])
            else ""
        ),
    message:
        "Predicting with {wildcards.model}{params.on}"
    script:
        "../workflow/scripts/predict_images.py"
