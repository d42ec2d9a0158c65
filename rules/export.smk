# One checkpoint becomes the detector, in all its forms.


# A Snakemake checkpoint, since only the chosen one is exported: others may be gone by then.
checkpoint choose_checkpoint:
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
        wanted=run_plan.choice,
    message:
        "Choosing the checkpoint of {wildcards.model}"
    script:
        "../workflow/scripts/choose_checkpoint.py"


# The figure of a checkpoint that was chosen by it is partly luck. Only a test side gives one that is not.
rule measure_optimism:
    input:
        choices=ancient(expand(f"{MODEL}/choice.json", model=MODELS)),
        # The job reads those that the choice considered.
        detections=lambda wildcards: evaluated("detections", *MODELS),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
    output:
        f"{COMPARISON}/optimism.json",
    log:
        logs("measure_optimism"),
    benchmark:
        costs("measure_optimism")
    conda:
        ENVIRONMENT
    params:
        identity=identities.measure_optimism,
        repeat_of=REPEAT_OF,
    message:
        "Measuring how much the choice flatters the figures"
    script:
        "../workflow/scripts/measure_optimism.py"


# The forms of which a zip is wanted.
BUNDLED = (
    [form for form in FORMS if program.runs(form)]
    if run_plan.settings["export"]["bundle"]
    else []
)

# All files of the exported detector.
EXPORTED = [
    *(PIPELINE, LABEL_MAP, LABELS, f"{DETECTOR}/{forms.STATE}", REFERENCE),
    *checked(*FORMS),
    f"{DETECTOR}/{forms.SUMMARY}",
    f"{DETECTOR}/{forms.MEASURED}",
    *(path for form in FORMS for path in programs_of(form)),
    *(bundle_of(form) for form in BUNDLED),
]


rule export_detector:
    input:
        # Not `ancient` while the choice is to be made: the forms must wait for the export.
        checkpoint=lambda wildcards: ancient(
            run_plan.checkpoint(wildcards.model, chosen_step(wildcards.model))
        ),
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
    output:
        files_of(forms.CHECKPOINT),
        state=f"{DETECTOR}/{forms.STATE}",
        config=PIPELINE,
        label_map=LABEL_MAP,
        labels=LABELS,
        reference=REFERENCE,
        check=check_of(forms.CHECKPOINT),
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


# Each form is written by its own job, so a new form does not rewrite the others.
for form in FORMS:
    if form.made_from:

        rule:
            name:
                f"export_{form.name}"
            input:
                source=ancient(checked(forms.named(form.made_from))),
                config=ancient(PIPELINE),
                label_map=ancient(LABEL_MAP),
                labels=ancient(LABELS),
                reference=ancient(REFERENCE),
                records=ancient(run_plan.shards("eval")),
                calibration=ancient(run_plan.shards("train") if form.calibrated else []),
            output:
                [
                    directory(path) if name.endswith("/") else path
                    for name, path in zip(form.files, files_of(form))
                ],
                programs_of(form),
                check=check_of(form),
            log:
                logs(f"export_{form.name}/{{model}}"),
            benchmark:
                costs(f"export_{form.name}/{{model}}")
            conda:
                ENVIRONMENT
            resources:
                mem_mb=lambda wildcards, attempt: 4000 * attempt,
            params:
                identity=lambda wildcards, form=form: identities.export_form(
                    wildcards.model, form
                ),
                form=form.name,
                int8=run_plan.int8 if form.calibrated else None,
            message:
                f"Writing the {form.title} of {{wildcards.model}}"
            script:
                "../workflow/scripts/export_form.py"


# Each form is measured by its own runtime, on the images that measured the checkpoint.
for form in MEASURED:

    rule:
        name:
            f"measure_{form.name}"
        input:
            form=ancient(files_of(form)),
            check=ancient(check_of(form)),
            config=ancient(PIPELINE),
            label_map=ancient(LABEL_MAP),
            records=ancient(run_plan.shards("eval")),
            metrics=lambda wildcards: evaluated_at_choice("metrics", wildcards.model),
            detections=lambda wildcards: evaluated_at_choice(
                "detections", wildcards.model
            ),
        output:
            measured=measured_of(form),
            metrics=f"{MODEL}/export/{form.name}/metrics.json",
            analysis=f"{MODEL}/export/{form.name}/analysis.json",
            detections=f"{MODEL}/export/{form.name}/detections.json",
        log:
            logs(f"measure_{form.name}/{{model}}"),
        benchmark:
            costs(f"measure_{form.name}/{{model}}")
        conda:
            ENVIRONMENT
        threads: lambda wildcards: for_inference(wildcards).threads
        resources:
            gpu=lambda wildcards: for_inference(wildcards).gpus,
            mem_mb=lambda wildcards, attempt: for_inference(wildcards).memory_mb
            * attempt,
            cpus_per_task=lambda wildcards: for_inference(wildcards).processors,
        params:
            identity=lambda wildcards, form=form: identities.measure_form(
                wildcards.model, form
            ),
            form=form.name,
            seed=setting("seed"),
        message:
            f"Measuring the {form.title} of {{wildcards.model}}"
        script:
            "../workflow/scripts/measure_form.py"


# Further checkpoints, each with all its forms in a folder of its own (`export.checkpoint: [best, 1000]`).
rule export_another:
    input:
        checkpoint=lambda wildcards: ancient(
            run_plan.checkpoint(wildcards.model, int(wildcards.step))
        ),
        config=ancient(f"{MODEL}/pipeline.config"),
        label_map=ancient(f"{RESULTS}/data/label_map.pbtxt"),
        records=ancient(run_plan.shards("eval")),
        calibration=ancient(
            run_plan.shards("train") if any(form.calibrated for form in FORMS) else []
        ),
    output:
        directory(f"{DETECTOR}-{{step}}"),
    log:
        logs("export_another/{model}-{step}"),
    benchmark:
        costs("export_another/{model}-{step}")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    params:
        identity=lambda wildcards: identities.export_another(wildcards.model),
        forms=[form.name for form in FORMS if form.made_from],
        int8=run_plan.int8 if any(form.calibrated for form in FORMS) else None,
        gate=run_plan.settings["export"]["gate"],
    message:
        "Exporting {wildcards.model} of step {wildcards.step} too"
    script:
        "../workflow/scripts/export_another.py"


rule compare_forms:
    input:
        # Each check measures times again, so the summary is rewritten after any of them.
        checks=[check_of(form) for form in FORMS],
        measured=[measured_of(form) for form in MEASURED],
        metrics=lambda wildcards: evaluated_at_choice("metrics", wildcards.model),
        tests=ancient(
            [f"{TEST}/{form.name}/metrics.json" for form in FORMS if form.detects]
            if "test" in run_plan.sides
            else []
        ),
    output:
        summary=f"{DETECTOR}/{forms.SUMMARY}",
        measured=f"{DETECTOR}/{forms.MEASURED}",
    log:
        logs("compare_forms/{model}"),
    benchmark:
        costs("compare_forms/{model}")
    localrule: True
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.compare_forms(wildcards.model),
        forms=lambda wildcards: identities_of_forms(wildcards.model),
        tests=lambda wildcards: (
            identities_of_tests(wildcards.model) if "test" in run_plan.sides else []
        ),
        gate=run_plan.settings["export"]["gate"],
    message:
        "Comparing the exported forms of {wildcards.model}"
    script:
        "../workflow/scripts/compare_forms.py"


# The detectors of several models take turns in one job, so that whatever slows the machine slows all of them alike. The
# time of a model alone is that of its export.
rule time_models:
    input:
        forms=ancient(expand(checked(MAIN), model=MODELS)),
        configs=ancient(expand(PIPELINE, model=MODELS)),
        records=ancient(run_plan.shards("eval")),
    output:
        f"{COMPARISON}/times.json",
    log:
        logs("time_models"),
    benchmark:
        costs("time_models")
    conda:
        ENVIRONMENT
    threads: lambda wildcards: resources.alone(workflow.local_exec)
    resources:
        mem_mb=lambda wildcards, attempt: (3000 + 1000 * len(MODELS)) * attempt,
    params:
        identity=identities.time_models,
        form=MAIN.name,
    message:
        "Timing all models in turns"
    script:
        "../workflow/scripts/time_models.py"


for form in BUNDLED:

    rule:
        name:
            f"bundle_{form.name}"
        input:
            files=ancient(files_of(form)),
            check=check_of(form),
            labels=ancient(LABELS),
            label_map=ancient(LABEL_MAP),
            choice=ancient(f"{MODEL}/choice.json"),
        output:
            bundle_of(form),
        log:
            logs(f"bundle_{form.name}/{{model}}"),
        benchmark:
            costs(f"bundle_{form.name}/{{model}}")
        localrule: True
        conda:
            ENVIRONMENT
        params:
            identity=lambda wildcards, form=form: identities.bundle_form(
                wildcards.model, form
            ),
            form=form.name,
        message:
            f"Packing the {form.title} of {{wildcards.model}}"
        script:
            "../workflow/scripts/bundle_form.py"
