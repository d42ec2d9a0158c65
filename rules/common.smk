# The configuration and the plan of the run.

import sys
from functools import partial
from pathlib import Path

# The library is found relative to the rules, so that the workflow also works as a module and in its own environments.
LIBRARY = Path(str(workflow.current_basedir)).parent / "workflow"
sys.path.insert(0, str(LIBRARY))

from snakemake.logging import logger

try:
    from boxwright import snakemake_internals
    from boxwright.core.errors import UserError

    snakemake_internals.require_tried()

    from boxwright.catalog import forms
    from boxwright.console.checksums import Checksums
    from boxwright.console.progress import say
    from boxwright.core import code, files
    from boxwright.core.wording import printable
    from boxwright.dataset import split
    from boxwright.export import program
    from boxwright.report import outcome
    from boxwright.run import (
        announcement,
        config_file,
        launch,
        lock,
        places,
        preflight,
        refusal,
        resources,
        restarts,
        settings,
        thinned,
    )
    from boxwright.run.identities import Identities
    from boxwright.run.plan import RunPlan
    from boxwright.snakemake_internals import dag, interruptions, process, terminal
    from boxwright.zoo import catalogue
except ModuleNotFoundError as error:
    sys.exit(
        f"\nThe Python of this `snakemake`, {sys.executable}, lacks the package {error.name}: it belongs to another "
        "environment. Type `.venv/bin/snakemake` in the folder of boxwright (`make env` makes it), or "
        "`.venv/bin/boxwright run`.\n"
    )
except UserError as error:
    sys.exit(f"\n{error}\n")

interruptions.tell_from_now_on()
code.reach_from_jobs()
this_process = process.of(workflow)

# A configuration given by --configfile, --config or a module replaces this one, which is the demo.
if not this_process.configured and not config:
    if this_process.plans:
        config_file.say_that_it_is_the_demo()

    configfile: "config/config.yaml"


process.show_stages(workflow, logger)
interruptions.hold_while_jobs_start()

try:
    if this_process.plans:
        config_file.check(this_process.configfiles)
    results = settings.load(config, this_process.configfiles)["results"]
    # A dry run may look at results that it cannot write.
    writes = this_process.works or (
        this_process.announces and not Path(results).exists()
    )
    if writes and this_process.on_disk and (why := places.results(results)):
        raise UserError(why)
    if this_process.unlocks:
        lock.forget(results)
    if this_process.locks:
        lock.take(results)
    # What another run works on is neither compared nor written.
    reads = this_process.plans and not this_process.works
    another = lock.at_work(results) if reads else ""
    ours = this_process.plans and not another
    if another and this_process.announces:
        say(another)
    run_plan = RunPlan(
        config,
        this_process.configfiles,
        plan_data=this_process.plans,
        write=ours and not this_process.lints,
        download=this_process.works,
    )
except UserError as error:
    told = refusal.told(error) if this_process.announces else error
    sys.exit(f"\n{printable(told)}\n")

# What the results of each rule depend on. Snakemake reruns a rule when any of its parameters changes. So the parameters
# (the identity among them) hold what decides a result, and nothing else. A script takes from `config` only what decides
# no result: where the results are, how the machine is used, and whether the zoo is trusted.
identities = Identities(run_plan, LIBRARY / "scripts")
config.update(run_plan.settings, machine=settings.machine(run_plan.settings))

# The finished checkpoints that are gone, by model.
gone = thinned.of_all(run_plan, identities, this_process.on_disk)
if this_process.plans:
    try:
        if this_process.announces:
            preflight.check(run_plan, identities)
        thinned.check(gone)
    except UserError as error:
        sys.exit(f"\n{printable(error)}\n")
    if this_process.announces:
        restarts.say_all(run_plan, identities, gone)

# Only the run that plans the jobs compares finished results, and not while another run works on them.
dag.watch(
    Checksums(run_plan.results) if ours else None,
    {path for one in gone.values() for path in one.paths()} if ours else set(),
)

# The jobs of the run, once they are known.
planned = []
if this_process.plans:
    told = partial(
        announcement.say_all, run_plan, identities, dry=not this_process.works
    )
    dag.tell(told, terminal.reasons, planned)

RESULTS = run_plan.results
MODELS = run_plan.models
MODEL = f"{RESULTS}/models/{{model}}"
# The forms of every model's detector.
FORMS = run_plan.forms
# Those that the engine does not run itself, and that detect: they are measured by runtimes of their own.
MEASURED = [form for form in FORMS if form.detects and form.made_from]
# The folder of a form's test.
TEST = f"{MODEL}/test"
# The one that makes predictions.
MAIN = forms.main(FORMS)
# The exported detector, and the files that all its forms share. `further` is empty for the chosen checkpoint, "-<step>"
# for a further one (`export.checkpoint: [best, 1000]`).
DETECTOR = f"{MODEL}/{forms.FOLDER}{{further}}"
PIPELINE = f"{DETECTOR}/{forms.PIPELINE}"
LABEL_MAP = f"{DETECTOR}/{forms.LABEL_MAP}"
LABELS = f"{DETECTOR}/{forms.LABELS}"
COMPARISON = f"{RESULTS}/comparison"
# The name in the configuration that a model's repetitions over seeds share; None for a model without repetitions.
REPEAT_OF = {name: run_plan.model(name)["repeat_of"] for name in MODELS}
# The checks and measurements of the forms, and the reference that they are checked against.
CHECKS = f"{MODEL}/export{{further}}"
REFERENCE = f"{CHECKS}/reference.npz"
ENVIRONMENT = "../envs/boxwright.yaml"


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    side="train|eval|test",
    shard=r"\d{5}-of-\d{5}",
    step=r"\d+",
    further=r"(-\d+)?",
    zoo="[^/]+",
    predictions="|".join(map(re.escape, run_plan.predicted)),


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


def for_inference(wildcards, on_gpus=True):
    """The resources that an evaluation of a model, or its predictions, request."""
    return resources.of_inference(run_plan.model(wildcards.model), on_gpus)


def for_runtime(form, what, retried=False):
    """One resource that a job requests in which the runtime of a form detects; more at each attempt if `retried`."""
    return lambda wildcards, attempt: getattr(
        for_inference(wildcards, form.on_gpus), what
    ) * (attempt if retried else 1)


def content_of(decision):
    """The content of the file that a Snakemake checkpoint has written, on disk or in an object store."""
    with decision.output[0].open(encoding="utf-8") as file:
        return files.parse_json(file.read())


def trained_steps(model):
    """The steps of the checkpoints that the run trains; Snakemake makes the decisions of early stopping first."""
    steps = run_plan.steps(model)
    for step in judged(model):
        decision = content_of(checkpoints.judge_progress.get(model=model, step=step))
        if not decision["go_on"]:
            return steps[: steps.index(step) + 2]
    return steps


def judged(model):
    """The steps after which early stopping may decide."""
    return [
        step
        for step in run_plan.steps_to_judge(model)
        if step not in gone[model].left_out
    ]


def measured_steps(model):
    """The steps of the checkpoints that the run measures and compares."""
    return [step for step in trained_steps(model) if step not in gone[model].left_out]


def measured_up_to(model, step):
    """Those of them that are not later than a step."""
    return [
        other
        for other in run_plan.steps(model)
        if other <= step and other not in gone[model].left_out
    ]


def judged_steps(model):
    """The steps after which early stopping decided whether the training continues."""
    trained = trained_steps(model)
    return [step for step in judged(model) if step in trained[:-1]]


def thinned_at(model, steps):
    """The note of the thinning after the last of some measured steps; none if there is no step."""
    return expand(f"{MODEL}/eval/{{step}}/kept.json", model=model, step=steps[-1:])


def last_thinning(model):
    """The note of the last thinning of a model's checkpoints; none if all stay."""
    keep = run_plan.model(model)["keep"]
    return thinned_at(model, measured_steps(model)) if keep else []


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


def chosen_step(model):
    """The step of the checkpoint that becomes the detector; Snakemake makes the choice first."""
    return content_of(checkpoints.choose_checkpoint.get(model=model))["step"]


def exported_step(wildcards):
    """The step of the checkpoint that a detector is made from."""
    if wildcards.further:
        return int(wildcards.further.removeprefix("-"))
    return chosen_step(wildcards.model)


def evaluated_as_exported(name):
    """The file `name` of the evaluation of the checkpoint that a detector is made from."""

    def path(wildcards):
        step = exported_step(wildcards)
        return ancient(f"{MODEL}/eval/{step}/{name}.json".format(model=wildcards.model))

    return path


def measured_without_near_duplicates(wildcards):
    """What the exported checkpoints reach without the evaluation images that show the same as training images."""
    if run_plan.across_split is None:
        return []
    pattern = f"{MODEL}/eval/{{step}}/metrics_without_near_duplicates.json"
    return ancient(
        [
            path
            for model in MODELS
            for path in expand(pattern, model=model, step=chosen_step(model))
        ]
    )


def reported_step(wildcards):
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
    return f"{CHECKS}/{form.name}.json"


def measured_of(form):
    """What is known of a form: its quality on the evaluation images, what it finds again, its time and size."""
    return f"{CHECKS}/{form.name}/measured.json"


def checked(*some):
    """The files of forms that passed their checks.

    The check is requested together with the files, since files of an earlier release have the same paths but no check.
    """
    return [path for form in some for path in [*files_of(form), check_of(form)]]


def of_choice(path):
    """A file of the detector that is made from a model's chosen checkpoint."""
    return path.replace("{further}", "")


def programs_of(form):
    """The program beside a form of the exported detector that runs it, if there is one."""
    return [f"{DETECTOR}/{program.name(form)}"] if program.runs(form) else []


def bundle_of(form):
    """The zip of a form of the exported detector."""
    return f"{DETECTOR}/bundles/{{model}}{{further}}-{form.name}.zip"


def identities_of_forms(model, further=""):
    """The identities of all forms of a model's detector: of what sets them side by side, a new form changes these."""
    return [identities.export_form(model, form, further) for form in FORMS]


def is_tested(wildcards):
    """Whether a detector is measured on the test side: further checkpoints are not."""
    return "test" in run_plan.sides and not wildcards.further


def tests_of_detector(wildcards):
    """What the forms of a detector reach on the test side."""
    tested = [form for form in FORMS if form.detects and is_tested(wildcards)]
    return ancient([f"{TEST}/{form.name}/metrics.json" for form in tested])


def identities_of_tests(model):
    """The identities of the tests of all forms of a model's detector."""
    return [identities.test_form(model, form) for form in FORMS if form.detects]


def exported_too(wildcards):
    """The files of the further detectors, of those whose checkpoints were trained."""
    return [
        path
        for model in MODELS
        for step in run_plan.settings["export"]["also"]
        if step in trained_steps(model)
        for path in expand(EXPORTED, model=model, further=f"-{step}")
    ]
