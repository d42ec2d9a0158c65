# From annotated images to a label map and TFRecord shards.
#
# The plan has already decided about every image: kept, fixed or dropped; train or eval; its shard. These rules write
# the decisions down, each from the plan's files alone, and rerun when their own part of the plan changes.
#
# On a cluster the jobs of a group share one submission; a profile's `group-components` sets how many.


rule check_annotations:
    output:
        f"{RESULTS}/data/checks.tsv",
    log:
        logs("check_annotations"),
    benchmark:
        costs("check_annotations")
    group:
        "plan"
    conda:
        ENVIRONMENT
    params:
        identity=identities.check_annotations,
        plan=run_plan.plan_folder,
    message:
        "Checking the annotations"
    script:
        "../workflow/scripts/check_annotations.py"


rule split_dataset:
    output:
        f"{RESULTS}/data/split.tsv",
    log:
        logs("split_dataset"),
    benchmark:
        costs("split_dataset")
    group:
        "plan"
    conda:
        ENVIRONMENT
    params:
        identity=identities.split_dataset,
        plan=run_plan.plan_folder,
    message:
        "Writing the split of the images"
    script:
        "../workflow/scripts/split_dataset.py"


rule write_label_map:
    output:
        f"{RESULTS}/data/label_map.pbtxt",
    log:
        logs("write_label_map"),
    benchmark:
        costs("write_label_map")
    group:
        "plan"
    conda:
        ENVIRONMENT
    params:
        identity=identities.write_label_map,
        plan=run_plan.plan_folder,
    message:
        "Writing the label map"
    script:
        "../workflow/scripts/write_label_map.py"


rule write_records:
    input:
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
    output:
        f"{RESULTS}/data/{{side}}-{{shard}}.tfrecord",
    log:
        logs("write_records/{side}-{shard}"),
    benchmark:
        costs("write_records/{side}-{shard}")
    group:
        "records"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
    params:
        identity=lambda wildcards: identities.write_records(
            f"{wildcards.side}-{wildcards.shard}"
        ),
        plan=run_plan.plan_folder,
    message:
        "Writing {wildcards.side} records {wildcards.shard}"
    script:
        "../workflow/scripts/write_records.py"
