# One checkpoint becomes the detector, in all its forms; so does each further one that is asked for.


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
            run_plan.checkpoint(wildcards.model, exported_step(wildcards))
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
        logs("export_detector/{model}{further}"),
    benchmark:
        costs("export_detector/{model}{further}")
    conda:
        ENVIRONMENT
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
    params:
        identity=lambda wildcards: identities.export_detector(
            wildcards.model, wildcards.further
        ),
    message:
        "Exporting {wildcards.model}{wildcards.further}"
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
                logs(f"export_{form.name}/{{model}}{{further}}"),
            benchmark:
                costs(f"export_{form.name}/{{model}}{{further}}")
            conda:
                ENVIRONMENT
            resources:
                mem_mb=lambda wildcards, attempt: 4000 * attempt,
            params:
                identity=lambda wildcards, form=form: identities.export_form(
                    wildcards.model, form, wildcards.further
                ),
                form=form.name,
                int8=run_plan.int8 if form.calibrated else None,
            message:
                f"Writing the {form.title} of {{wildcards.model}}{{wildcards.further}}"
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
            metrics=evaluated_as_exported("metrics"),
            detections=evaluated_as_exported("detections"),
            calibration=ancient(run_plan.shards("train") if form.calibrated else []),
        output:
            measured=measured_of(form),
            metrics=f"{CHECKS}/{form.name}/metrics.json",
            analysis=f"{CHECKS}/{form.name}/analysis.json",
            detections=f"{CHECKS}/{form.name}/detections.json",
        log:
            logs(f"measure_{form.name}/{{model}}{{further}}"),
        benchmark:
            costs(f"measure_{form.name}/{{model}}{{further}}")
        conda:
            ENVIRONMENT
        threads: for_runtime(form, "threads")
        resources:
            gpu=for_runtime(form, "gpus"),
            mem_mb=for_runtime(form, "memory_mb", retried=True),
            cpus_per_task=for_runtime(form, "processors"),
        params:
            identity=lambda wildcards, form=form: identities.measure_form(
                wildcards.model, form, wildcards.further
            ),
            form=form.name,
            int8=run_plan.int8 if form.calibrated else None,
            seed=setting("seed"),
        message:
            f"Measuring the {form.title} of {{wildcards.model}}{{wildcards.further}}"
        script:
            "../workflow/scripts/measure_form.py"


rule compare_forms:
    input:
        # Each check measures times again, so the summary is rewritten after any of them.
        checks=[check_of(form) for form in FORMS],
        measured=[measured_of(form) for form in MEASURED],
        metrics=evaluated_as_exported("metrics"),
        tests=tests_of_detector,
    output:
        summary=f"{DETECTOR}/{forms.SUMMARY}",
        measured=f"{DETECTOR}/{forms.MEASURED}",
    log:
        logs("compare_forms/{model}{further}"),
    benchmark:
        costs("compare_forms/{model}{further}")
    localrule: True
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.compare_forms(
            wildcards.model, wildcards.further
        ),
        forms=lambda wildcards: identities_of_forms(wildcards.model, wildcards.further),
        tests=lambda wildcards: (
            identities_of_tests(wildcards.model) if is_tested(wildcards) else []
        ),
        gate=run_plan.settings["export"]["gate"],
    message:
        "Comparing the exported forms of {wildcards.model}{wildcards.further}"
    script:
        "../workflow/scripts/compare_forms.py"


# The detectors of several models take turns in one job, so that whatever slows the machine slows all of them alike. The
# time of a model alone is that of its export.
rule time_models:
    input:
        forms=ancient(expand(checked(MAIN), model=MODELS, further="")),
        configs=ancient(expand(PIPELINE, model=MODELS, further="")),
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
            measured=measured_of(form),
            labels=ancient(LABELS),
            label_map=ancient(LABEL_MAP),
            choice=ancient(f"{MODEL}/choice.json"),
        output:
            bundle_of(form),
        log:
            logs(f"bundle_{form.name}/{{model}}{{further}}"),
        benchmark:
            costs(f"bundle_{form.name}/{{model}}{{further}}")
        localrule: True
        conda:
            ENVIRONMENT
        params:
            identity=lambda wildcards, form=form: identities.bundle_form(
                wildcards.model, form, wildcards.further
            ),
            form=form.name,
        message:
            f"Packing the {form.title} of {{wildcards.model}}{{wildcards.further}}"
        script:
            "../workflow/scripts/bundle_form.py"
