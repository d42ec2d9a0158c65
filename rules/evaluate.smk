# Every checkpoint is measured by its own job, while the next segment trains.
#
# Each job also writes eval/events.out.tfevents.<step> for TensorBoard, as the segments of the training do, and the same
# below eval_train/ for a sample of the training images: if those metrics are much better, the detector overfits.


rule evaluate_checkpoint:
    input:
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
        train_records=ancient(run_plan.shards("train")),
        index=ancient(f"{MODEL}/train/model.ckpt-{{step}}.index"),
        data=ancient(f"{MODEL}/train/model.ckpt-{{step}}.data-00000-of-00001"),
    output:
        metrics=f"{MODEL}/eval/{{step}}/metrics.json",
        analysis=f"{MODEL}/eval/{{step}}/analysis.json",
        detections=f"{MODEL}/eval/{{step}}/detections.json",
    log:
        logs("evaluate_checkpoint/{model}-{step}"),
    benchmark:
        costs("evaluate_checkpoint/{model}-{step}")
    conda:
        ENVIRONMENT
    threads: lambda wildcards: for_inference(wildcards).threads
    resources:
        gpu=lambda wildcards: for_inference(wildcards).gpus,
        mem_mb=lambda wildcards, attempt: for_inference(wildcards).memory_mb * attempt,
        cpus_per_task=lambda wildcards: for_inference(wildcards).processors,
    params:
        identity=lambda wildcards: identities.evaluate_checkpoint(wildcards.model),
        seed=setting("seed"),
        precision=setting("inference_precision"),
    message:
        "Evaluating {wildcards.model} at step {wildcards.step}"
    script:
        "../workflow/scripts/evaluate_checkpoint.py"


# Early stopping. A decision waits for the segment that trained during the evaluation, and is requested only if the
# previous decision lets the training continue. So a run trains one segment more than needed, and measures it too.
# Without early stopping this rule never runs, and the chain of segments is the same in every run.
checkpoint judge_progress:
    input:
        metrics=lambda wildcards: ancient(
            expand(
                f"{MODEL}/eval/{{step}}/metrics.json",
                model=wildcards.model,
                step=measured_up_to(wildcards.model, int(wildcards.step)),
            )
        ),
        ahead=lambda wildcards: ancient(
            expand(
                f"{MODEL}/train/log/{{step}}.jsonl",
                model=wildcards.model,
                step=run_plan.step_after(wildcards.model, int(wildcards.step)),
            )
        ),
    output:
        f"{MODEL}/eval/{{step}}/decision.json",
    log:
        logs("judge_progress/{model}-{step}"),
    benchmark:
        costs("judge_progress/{model}-{step}")
    localrule: True
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.judge_progress(wildcards.model),
        wanted=lambda wildcards: run_plan.early_stopping(wildcards.model),
    message:
        "Judging the progress of {wildcards.model} at step {wildcards.step}"
    script:
        "../workflow/scripts/judge_progress.py"


# Some evaluation images show the same as training images, so the exported checkpoint is measured without them as well.
# Where there are none, nothing asks for this.
rule measure_without_near_duplicates:
    input:
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
        metrics=ancient(f"{MODEL}/eval/{{step}}/metrics.json"),
        detections=ancient(f"{MODEL}/eval/{{step}}/detections.json"),
    output:
        f"{MODEL}/eval/{{step}}/metrics_without_near_duplicates.json",
    log:
        logs("measure_without_near_duplicates/{model}-{step}"),
    benchmark:
        costs("measure_without_near_duplicates/{model}-{step}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.measure_without_near_duplicates(
            wildcards.model
        ),
        across_split=run_plan.across_split,
        metric=run_plan.settings["export"]["metric"],
    message:
        "Measuring {wildcards.model} at step {wildcards.step} without near-duplicates of training images"
    script:
        "../workflow/scripts/measure_without_near_duplicates.py"


# Checkpoints that `keep` does not name are removed once they are measured. Segments and evaluations that read one have
# ended by then: their logs and metrics are inputs.
rule thin_checkpoints:
    input:
        metrics=lambda wildcards: ancient(
            expand(
                f"{MODEL}/eval/{{step}}/metrics.json",
                model=wildcards.model,
                step=measured_up_to(wildcards.model, int(wildcards.step)),
            )
        ),
        logs=lambda wildcards: ancient(
            expand(
                f"{MODEL}/train/log/{{step}}.jsonl",
                model=wildcards.model,
                step=[
                    step
                    for step in run_plan.steps(wildcards.model)
                    if step <= int(wildcards.step)
                ],
            )
        ),
        before=lambda wildcards: ancient(
            thinned_at(
                wildcards.model,
                measured_up_to(wildcards.model, int(wildcards.step) - 1),
            )
        ),
    output:
        f"{MODEL}/eval/{{step}}/kept.json",
    log:
        logs("thin_checkpoints/{model}-{step}"),
    benchmark:
        costs("thin_checkpoints/{model}-{step}")
    localrule: True
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.thin_checkpoints(wildcards.model),
        keep=setting("keep"),
        wanted=run_plan.exported,
    message:
        "Thinning the checkpoints of {wildcards.model} at step {wildcards.step}"
    script:
        "../workflow/scripts/thin_checkpoints.py"


rule write_ground_truth:
    input:
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=lambda wildcards: ancient(run_plan.shards(wildcards.side)),
    output:
        f"{RESULTS}/data/{{side}}.coco.json",
    log:
        logs("write_ground_truth/{side}"),
    benchmark:
        costs("write_ground_truth/{side}")
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.write_ground_truth(wildcards.side),
    message:
        "Writing the ground truth in COCO's format"
    script:
        "../workflow/scripts/write_ground_truth.py"
