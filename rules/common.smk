# The configuration and the plan of the run.

import sys
from pathlib import Path

# The library is found relative to the rules, so that the workflow also works as a module and in its own environments.
LIBRARY = Path(str(workflow.current_basedir)).parent / "workflow"
sys.path.insert(0, str(LIBRARY))

from snakemake.logging import logger

from boxwright import snakemake_internals
from boxwright.core import code, files
from boxwright.core.errors import UserError
from boxwright.core.wording import printable

try:
    snakemake_internals.require_tried()
except UserError as error:
    sys.exit(f"\n{printable(error)}\n")

from boxwright.catalog import forms
from boxwright.console.checksums import Checksums
from boxwright.dataset import split
from boxwright.evaluation import stopping
from boxwright.run import config_file, lock, preflight, resources, restarts, settings
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan
from boxwright.snakemake_internals import dag, process
from boxwright.zoo import catalogue

code.reach_from_jobs()
this_process = process.of(workflow)

# A configuration given by --configfile, --config or a module replaces this one, which is the demo.
if not this_process.configured and not config:

    configfile: "config/config.yaml"


process.show_stages(workflow, logger)

try:
    if this_process.plans:
        config_file.check(this_process.configfiles)
    results = settings.load(config)["results"]
    if this_process.unlocks:
        lock.forget(results)
    if this_process.locks:
        lock.take(results)
    # What another run works on is neither compared nor written.
    ours = this_process.works or (this_process.plans and not lock.is_taken(results))
    run_plan = RunPlan(
        config,
        plan_data=this_process.plans,
        write=ours and not this_process.lints,
        download=this_process.works,
    )
    if this_process.plans:
        preflight.check(run_plan)
except UserError as error:
    sys.exit(f"\n{printable(error)}\n")

# What the results of each rule depend on. Snakemake reruns a rule when any of its parameters changes. So the parameters
# (the identity among them) hold what decides a result, and nothing else. A script takes from `config` only what decides
# no result: where the results are, how the machine is used, and whether the zoo is trusted.
identities = Identities(run_plan, LIBRARY / "scripts")
config.update(run_plan.settings, machine=settings.machine(run_plan.settings))

if this_process.plans:
    restarts.say_all(run_plan, identities)

# Only the run that plans the jobs compares finished results.
dag.watch(Checksums(run_plan.results) if ours else None)

RESULTS = run_plan.results
MODELS = run_plan.models
MODEL = f"{RESULTS}/models/{{model}}"
# The exported detector, and the files that all its forms share.
DETECTOR = f"{MODEL}/{forms.FOLDER}"
PIPELINE = f"{DETECTOR}/{forms.PIPELINE}"
LABEL_MAP = f"{DETECTOR}/{forms.LABEL_MAP}"
COMPARISON = f"{RESULTS}/comparison"
# The name in the configuration that a model's repetitions over seeds share; None for a model without repetitions.
REPEAT_OF = {name: run_plan.model(name)["repeat_of"] for name in MODELS}
# The reference that forms are checked against.
REFERENCE = f"{MODEL}/export/reference.npz"
ENVIRONMENT = "../envs/boxwright.yaml"


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    side="train|eval|test",
    shard=r"\d{5}-of-\d{5}",
    step=r"\d+",
    zoo="[^/]+",


def logs(name):
    """The log file of a rule."""
    return f"{RESULTS}/logs/{name}.log"


def costs(name):
    """The file where Snakemake writes a job's time and memory."""
    return f"{RESULTS}/benchmarks/{name}.tsv"


def setting(name):
    """One setting of a model that decides a result."""
    return lambda wildcards: run_plan.model(wildcards.model)[name]


def for_training(wildcards):
    """The resources that the training of a model requests."""
    return resources.of_training(run_plan.model(wildcards.model))


def for_inference(wildcards):
    """The resources that an evaluation of a model, or its predictions, request."""
    return resources.of_inference(run_plan.model(wildcards.model))


def measured_steps(model):
    """The steps of the checkpoints that the run trains and measures; Snakemake makes early stopping decisions first."""
    steps = run_plan.steps(model)
    for index, step in enumerate(run_plan.steps_to_judge(model)):
        decision = checkpoints.judge_progress.get(model=model, step=step).output[0]
        if not stopping.goes_on(decision):
            return steps[: index + 2]
    return steps


def judged_steps(model):
    """The steps after which early stopping decided whether the training continues."""
    measured = measured_steps(model)
    return [step for step in run_plan.steps_to_judge(model) if step in measured[:-1]]


def shown(path, caption, category, figure, **labels):
    """An output that the report shows, in a category, with the name `figure` and further labels."""

    def named(wildcards):
        found = {
            name: value(wildcards) if callable(value) else value
            for name, value in labels.items()
        }
        return {"figure": figure, **found}

    caption = f"../workflow/report/{caption}.rst"
    return report(path, caption=caption, category=category, labels=named)


def evaluated(name, *models):
    """The files `name` of all evaluated checkpoints of some models."""
    pattern = f"{MODEL}/eval/{{step}}/{name}.json"
    return ancient(
        [
            path
            for model in models
            for path in expand(pattern, model=model, step=measured_steps(model))
        ]
    )


def exported_step(wildcards):
    """The step of the checkpoint that was chosen, known when the report is made."""
    try:
        choice = files.read_json(f"{MODEL}/choice.json".format(model=wildcards.model))
    except UserError as error:
        sys.exit(f"\n{printable(error)}\n")
    return str(choice["step"])


def files_of(form):
    """The files and folders of a form of the exported detector."""
    return [f"{DETECTOR}/{name}".rstrip("/") for name in form.files]


def check_of(form):
    """The file with the check of a form: agreement with the checkpoint's detections, size and speed."""
    return f"{MODEL}/export/{form.name}.json"


def checked(*some):
    """The files of forms that passed their checks.

    The check is requested together with the files, since files of an earlier release have the same paths but no check.
    """
    return [path for form in some for path in [*files_of(form), check_of(form)]]


def identities_of_forms(model):
    """The identities of all forms of a model's detector: of what sets them side by side, a new form changes these."""
    return [identities.export_form(model, form) for form in forms.FORMS]


def identities_of_tests(model):
    """The identities of the tests of all forms of a model's detector."""
    return [identities.test_form(model, form) for form in forms.FORMS]
