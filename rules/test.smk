# The test side: each exported form is measured once, by its own runtime, on images that neither trained nor chose it.
#
# The evaluation images choose the checkpoints and compare the models. So a test waits for the choices of all models, and
# nothing that is chosen depends on it.

TESTED = []

for form in FORMS if "test" in run_plan.sides else ():
    if not form.detects:
        continue
    TESTED += [f"{TEST}/{form.name}/metrics.json", f"{TEST}/{form.name}/analysis.json"]

    rule:
        name:
            f"test_{form.name}"
        input:
            choice=ancient(f"{MODEL}/choice.json"),
            choices=ancient(expand(f"{MODEL}/choice.json", model=MODELS)),
            form=ancient(list(map(of_choice, checked(form)))),
            config=ancient(of_choice(PIPELINE)),
            label_map=ancient(of_choice(LABEL_MAP)),
            records=ancient(run_plan.shards("test")),
            checkpoint=ancient(
                f"{TEST}/{forms.CHECKPOINT.name}/detections.json"
                if form.made_from
                else []
            ),
        output:
            metrics=f"{TEST}/{form.name}/metrics.json",
            analysis=f"{TEST}/{form.name}/analysis.json",
            detections=f"{TEST}/{form.name}/detections.json",
        log:
            logs(f"test_{form.name}/{{model}}"),
        benchmark:
            costs(f"test_{form.name}/{{model}}")
        conda:
            ENVIRONMENT
        threads: for_runtime(form, "threads")
        resources:
            gpu=for_runtime(form, "gpus"),
            mem_mb=for_runtime(form, "memory_mb", retried=True),
            cpus_per_task=for_runtime(form, "processors"),
        params:
            identity=lambda wildcards, form=form: identities.test_form(
                wildcards.model, form
            ),
            form=form.name,
            seed=setting("seed"),
        message:
            f"Testing the {form.title} of {{wildcards.model}}"
        script:
            "../workflow/scripts/test_form.py"
