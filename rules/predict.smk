# The exported detector at work on a folder of images.


rule predict_images:
    input:
        detector=ancient(checked(MAIN)),
        label_map=ancient(LABEL_MAP),
    output:
        directory(f"{MODEL}/predictions"),
    log:
        logs("predict_images/{model}"),
    benchmark:
        costs("predict_images/{model}")
    conda:
        ENVIRONMENT
    threads: lambda wildcards: for_inference(wildcards).threads
    resources:
        gpu=lambda wildcards: for_inference(wildcards).gpus,
        mem_mb=lambda wildcards, attempt: for_inference(wildcards).memory_mb * attempt,
        cpus_per_task=lambda wildcards: for_inference(wildcards).processors,
    params:
        identity=lambda wildcards: identities.predict_images(wildcards.model),
        form=MAIN.name,
        manifests=run_plan.manifests("eval"),
        precision=setting("inference_precision"),
        wanted=run_plan.settings["predict"]
        | {"max_pixels": run_plan.settings["dataset"]["max_pixels"]},
    message:
        "Predicting with {wildcards.model}"
    script:
        "../workflow/scripts/predict_images.py"
