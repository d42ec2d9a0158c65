# The model's pipeline.config, fitted to the data and to the run.


rule configure_pipeline:
    input:
        pipeline=lambda wildcards: local(ancient(run_plan.pipeline(wildcards.model))),
        start=lambda wildcards: ancient(run_plan.zoo_folder(wildcards.model)),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
    output:
        config=f"{MODEL}/pipeline.config",
        original=f"{MODEL}/pipeline.original.config",
    log:
        logs("configure_pipeline/{model}"),
    benchmark:
        costs("configure_pipeline/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.configure_pipeline(wildcards.model),
        patch=lambda wildcards: run_plan.patch_arguments(wildcards.model),
    message:
        "Configuring {wildcards.model}"
    script:
        "../workflow/scripts/configure_pipeline.py"
