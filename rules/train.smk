# Training: a chain of segments, each from one checkpoint to the next.
#
# A segment also writes train/events.out.tfevents.<step> for TensorBoard. The step has leading zeros, since TensorBoard
# reads the files of a run in the order of their names. A rule's output cannot spell its wildcard differently, so the
# file is not declared.

PREVIEW = f"{MODEL}/train_input/events.out.tfevents.0000000000"


rule train_segment:
    input:
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("train")),
        checkpoint=lambda wildcards: ancient(
            run_plan.checkpoint_before(wildcards.model, int(wildcards.step))
        ),
        start=lambda wildcards: ancient(
            run_plan.start_folder(wildcards.model, int(wildcards.step))
        ),
    output:
        index=f"{MODEL}/train/model.ckpt-{{step}}.index",
        data=f"{MODEL}/train/model.ckpt-{{step}}.data-00000-of-00001",
        log=f"{MODEL}/train/log/{{step}}.jsonl",
    log:
        logs("train_segment/{model}-{step}"),
    benchmark:
        costs("train_segment/{model}-{step}")
    conda:
        ENVIRONMENT
    # TensorFlow's threads come from the configuration. Snakemake's threads only decide what runs at the same time, and
    # `cpus_per_task` what Slurm allocates.
    threads: lambda wildcards: for_training(wildcards).threads
    resources:
        gpu=lambda wildcards: for_training(wildcards).gpus,
        mem_mb=lambda wildcards, attempt: for_training(wildcards).memory_mb * attempt,
        cpus_per_task=lambda wildcards: for_training(wildcards).processors,
    params:
        identity=lambda wildcards: identities.train_segment(wildcards.model),
        settings=lambda wildcards: identities.training_settings(wildcards.model),
    message:
        "Training {wildcards.model} up to step {wildcards.step}"
    script:
        "../workflow/scripts/train_segment.py"


rule preview_training:
    input:
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("train")),
    output:
        PREVIEW,
    log:
        logs("preview_training/{model}"),
    benchmark:
        costs("preview_training/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.preview_training(wildcards.model),
        seed=setting("seed"),
        checkpoints=lambda wildcards: run_plan.steps(wildcards.model),
    message:
        "Drawing training images of {wildcards.model} with their boxes for TensorBoard"
    script:
        "../workflow/scripts/preview_training.py"


rule collect_training_log:
    input:
        logs=lambda wildcards: ancient(
            expand(
                f"{MODEL}/train/log/{{step}}.jsonl",
                model=wildcards.model,
                step=trained_steps(wildcards.model),
            )
        ),
        # The list of checkpoints names those that stay.
        thinned=lambda wildcards: last_thinning(wildcards.model),
    output:
        log=f"{MODEL}/train/log.jsonl",
        state=f"{MODEL}/train/checkpoint",
    log:
        logs("collect_training_log/{model}"),
    benchmark:
        costs("collect_training_log/{model}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.collect_training_log(wildcards.model),
    message:
        "Collecting the training log of {wildcards.model}"
    script:
        "../workflow/scripts/collect_training_log.py"
