# The exported detector at work on a folder of photographs.


rule predict_images:
    input:
        detector=ancient(f"{MODEL}/fine_tuned_model"),
    output:
        directory(f"{MODEL}/predictions"),
    log:
        logs("predict_images/{model}"),
    benchmark:
        costs("predict_images/{model}")
    conda:
        ENVIRONMENT
    resources:
        gpu=lambda wildcards: blueprint.model(wildcards.model)["gpus"],
        mem_mb=4000,
    params:
        identity=lambda wildcards: blueprint.prediction(wildcards.model),
        manifests=blueprint.manifests("eval"),
        wanted=blueprint.settings["predict"],
    message:
        "Predicting with {wildcards.model}"
    script:
        "../workflow/scripts/predict_images.py"
