"""What the results of each rule depend on, as one identity for each rule.

An identity is a mapping of short hashes over everything that can change the bytes of the rule's outputs, and nothing
else. Snakemake keeps it among the rule's parameters and reruns the rule when it changes; the names in the mapping
appear in Snakemake's own reason, so it shows what has changed. `code` is the code identity. It covers the rule's script
and all that it imports. Of the parts that are chosen by name (backbones, losses, augmentations, ...) it covers those
that the model uses. The catalogue's rows for these parts count by their values.
"""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from boxwright.catalog import forms
from boxwright.catalog.extractors import EXTRACTORS, Extractor
from boxwright.catalog.families import FAMILIES
from boxwright.catalog.forms import Form
from boxwright.console.progress import say
from boxwright.core import code
from boxwright.core.errors import UserError
from boxwright.core.hash_cache import HashCache
from boxwright.core.hashing import short
from boxwright.dataset import label_map as label_maps
from boxwright.dataset import scan
from boxwright.pipeline import identity, parts, text
from boxwright.protos import model_of
from boxwright.run import as_begun, earlier
from boxwright.run.plan import RunPlan
from boxwright.zoo import catalogue

SCRIPTS = code.PACKAGE.parent / "scripts"

Identity = dict[str, Any]


class Identities:
    """The identity of every rule, by the rule's name; most are those of one model.

    `scripts` is the folder of the rules' scripts.
    """

    def __init__(self, plan: RunPlan, scripts: Path = SCRIPTS) -> None:
        self._plan, self._scripts = plan, scripts
        self._settings: dict[str, dict[str, Any]] = {}
        self._earlier: dict[str, list[Message]] = {}

    # The data set

    @property
    def check_annotations(self) -> Identity:
        return self._data("checks", "check_annotations")

    @property
    def split_dataset(self) -> Identity:
        return self._data("split", "split_dataset")

    @property
    def write_label_map(self) -> Identity:
        return self._data("label_map", "write_label_map")

    def write_records(self, shard: str) -> Identity:
        return self._data(shard, "write_records")

    def write_ground_truth(self, side: str) -> Identity:
        return {"data": self._shards(side), "code": self._code("write_ground_truth")}

    # Start weights, configuration, training

    def fetch_zoo_model(self, zoo: str) -> str:
        return catalogue.find(zoo).identity

    def configure_pipeline(self, name: str) -> Identity:
        original = text.to_text(self._plan.originals[name].config)
        written = text.to_text(self._plan.configurations[name])
        return {
            "config": short(original, written),
            "start": self._start(name),
            "code": self._code("configure_pipeline"),
        }

    def train_segment(self, name: str) -> Identity:
        return {**self._trained_with(name), **self.training_settings(name)}

    def training_settings(self, name: str) -> dict[str, Any]:
        """The settings of a model that decide its training, as it began (`as_begun`)."""
        if name not in self._settings:
            self._settings[name] = as_begun.training(self._plan, name, self._trained_with(name))
        return self._settings[name]

    def _trained_with(self, name: str) -> Identity:
        """What decides a training beside its settings."""
        config = self._plan.configurations[name]
        return {
            "config": short(identity.training_identity(config), self._row(name).deciding()),
            "data": self._shards("train"),
            "start": self._start(name),
            "code": self._code_of("train_segment", config),
        }

    def network(self, name: str) -> str:
        """The identity of the variables of a model: of their names and shapes."""
        model = "\n".join(identity.canonical(self._plan.configurations[name].model, "model", set()))
        modules = code.identity("boxwright.detector.listing", *_network(self._plan.configurations[name]))
        return short(model, self._row(name).deciding(), modules)

    def preview_training(self, name: str) -> Identity:
        config = self._plan.configurations[name]
        return {
            "config": short(text.to_text(config), self._row(name).deciding()),
            "data": self._shards("train"),
            "seed": self._plan.model(name)["seed"],
            "steps": self._plan.steps(name),
            "code": self._code_of("preview_training", config),
        }

    def collect_training_log(self, name: str) -> Identity:
        return {
            "training": short(self.train_segment(name), self._plan.steps(name)),
            "code": self._code("collect_training_log"),
        }

    # Evaluation

    def evaluate_checkpoint(self, name: str) -> Identity:
        return {
            "training": short(self.train_segment(name)),
            "config": short(identity.evaluation_identity(self._plan.configurations[name])),
            "data": self._shards("eval"),
            "code": self._code_of("evaluate_checkpoint", self._plan.configurations[name]),
            **self._inferred(name),
        }

    def measure_without_near_duplicates(self, name: str) -> Identity:
        return {
            "measured": short(self.evaluate_checkpoint(name)),
            "images": self._plan.data.identities.get("across_split"),
            "code": self._code("measure_without_near_duplicates"),
        }

    def judge_progress(self, name: str) -> Identity:
        return {
            "wanted": short(self._plan.early_stopping(name)),
            "measured": short(self.evaluate_checkpoint(name)),
            "code": self._code("judge_progress"),
        }

    def thin_checkpoints(self, name: str) -> Identity:
        return {
            "wanted": short(self._plan.model(name)["keep"], self._plan.exported),
            "measured": short(self.evaluate_checkpoint(name)),
            "code": self._code("thin_checkpoints"),
        }

    # Export and prediction

    def choose_checkpoint(self, name: str) -> Identity:
        return {
            **self._plan.choice,
            "wanted": short(self._plan.model(name)["early_stopping"]),
            "measured": short(self.evaluate_checkpoint(name), self._plan.steps(name)),
            "code": self._code("choose_checkpoint"),
        }

    @property
    def measure_optimism(self) -> Identity:
        return {
            "choices": short(self._families, [self.choose_checkpoint(name) for name in self._plan.models]),
            "code": self._code("measure_optimism"),
        }

    # Of a detector, `further` is "" for the chosen checkpoint and "-<step>" for a further one.

    def export_detector(self, name: str, further: str = "") -> Identity:
        part, made = ("training", self.train_segment(name)) if further else ("choice", self.choose_checkpoint(name))
        return {
            part: short(made),
            "config": short(text.to_text(self._plan.configurations[name])),
            "form": short(forms.CHECKPOINT.deciding()),
            "code": self._code_of("export_detector", self._plan.configurations[name]),
        }

    def export_form(self, name: str, form: Form, further: str = "") -> Identity:
        """The identity of one form of a model's detector; of the other forms only its source counts."""
        if form.made_from is None:
            return self.export_detector(name, further)
        return {
            **self._calibration(form),
            "source": short(self.export_form(name, forms.named(form.made_from), further)),
            "form": short(form.deciding()),
            "code": self._code("export_form", form.module, form.runtime),
        }

    def measure_form(self, name: str, form: Form, further: str = "") -> Identity:
        return {
            "form": short(self.export_form(name, form, further)),
            "measured": short(self.evaluate_checkpoint(name)),
            "code": self._code("measure_form", form.runtime, form.module),
        }

    @property
    def time_models(self) -> Identity:
        """Of the times of all models' main forms, measured together; those of checkpoints are the engine's."""
        main = forms.main(self._plan.forms)
        configurations = self._plan.configurations
        engine = [] if main.made_from else [one for name in self._plan.models for one in _network(configurations[name])]
        return {
            "detectors": short([self.export_form(name, main) for name in self._plan.models]),
            "code": self._code("time_models", main.runtime, *engine),
        }

    def compare_forms(self, name: str, further: str = "") -> Identity:
        """Which forms there are, and the identity of each, are further parameters of the rule."""
        return {
            "detector": short(self.export_detector(name, further)),
            "gate": self._plan.settings["export"]["gate"],
            "code": self._code("compare_forms"),
        }

    def bundle_form(self, name: str, form: Form, further: str = "") -> Identity:
        return {
            "form": short(self.export_form(name, form, further)),
            "measured": short(self.measure_form(name, form, further)),
            "code": self._code("bundle_form"),
        }

    def test_form(self, name: str, form: Form) -> Identity:
        return {
            "form": short(self.export_form(name, form)),
            "data": self._shards("test"),
            "code": self._code("test_form", form.runtime),
        }

    def predict_images(self, name: str, folder: str | None = None) -> Identity:
        """Of the predictions on the images of a folder; None stands for the evaluation images."""
        predict, main = self._plan.settings["predict"], forms.main(self._plan.forms)
        return {
            "detector": short(self.export_form(name, main)),
            "images": self._folder(folder) if folder else self._shards("eval"),
            "score_threshold": predict["score_threshold"],
            "line_thickness": predict["line_thickness"],
            "max_pixels": self._plan.settings["dataset"]["max_pixels"],
            "code": self._code("predict_images", main.runtime),
            **self._inferred(name),
        }

    # Figures of the report

    @property
    def describe_dataset(self) -> Identity:
        planned = self._plan.data.identities
        data = short(*map(self._samples, self._plan.sides), planned["checks"], planned["import"], self._plan.found)
        return {"data": data, "code": self._code("describe_dataset")}

    def measure_anchors(self, name: str) -> Identity:
        config = self._plan.configurations[name]
        return {
            "data": short(self._samples("train"), self._samples("eval")),
            "model": short(identity.anchor_identity(config), self._row(name).deciding()),
            "code": self._code_of("measure_anchors", config),
        }

    def draw_model(self, name: str) -> Identity:
        return {"choice": short(self.choose_checkpoint(name)), "code": self._code("draw_model")}

    @property
    def compare_models(self) -> Identity:
        return {
            "models": short(self._families, [self.compare_forms(name) for name in self._plan.models]),
            "pictures": short([self.draw_model(name) for name in self._plan.models]),
            "data": short(self.describe_dataset),
            "optimism": None if "test" in self._plan.sides else short(self.measure_optimism),
            **({"times": short(self.time_models)} if len(self._plan.models) > 1 else {}),
            "code": self._code("compare_models"),
        }

    # Why identities change

    def uses_other_parts(self, rule: str, name: str | None, changed: Collection[str]) -> bool:
        """Whether the code of a rule's job may be other code only because other parts of it are used.

        name: of the model. changed: the parts of the job's identity that changed. If not, it is another version of
        boxwright.
        """
        if rule in _OF_MAIN_FORM:
            return not {"detector", "detectors"}.isdisjoint(changed)
        if rule not in _CHOSEN or {"config", "model"}.isdisjoint(changed):
            return False
        if name not in self._earlier:
            self._earlier[name] = earlier.configurations(self._plan.results, name)
        before = {self._code_of(rule, config) for config in self._earlier[name] if _is_known(config)}
        return before != {self._code_of(rule, self._plan.configurations[name])}

    # How identities are computed

    def _calibration(self, form: Form) -> Identity:
        """The training images that a form is calibrated with, if it is."""
        return {"calibration": short(self._shards("train"), self._plan.int8)} if form.calibrated else {}

    def _inferred(self, name: str) -> Identity:
        """The precision of evaluation and prediction; nothing for that of the weights."""
        precision = self._plan.model(name)["inference_precision"]
        return {} if precision == "float32" else {"inference_precision": precision}

    @property
    def _families(self) -> list[tuple[str, str | None]]:
        """The models with the name that their repetitions over seeds share."""
        return [(name, self._plan.model(name)["repeat_of"]) for name in self._plan.models]

    def _code(self, script: str, *modules: str) -> str:
        return code.identity(self._scripts / f"{script}.py", *sorted(set(modules)))

    def _code_of(self, rule: str, config: Message) -> str:
        """The code identity of a rule that uses the parts which a model's configuration chooses."""
        return self._code(rule, *_CHOSEN[rule](config))

    def _row(self, name: str) -> Extractor:
        return _row(self._plan.configurations[name])

    def _data(self, output: str, script: str) -> Identity:
        return {"data": self._plan.data.identities[output], "code": self._code(script)}

    def _shards(self, side: str) -> str:
        """The identity of the bytes that the records of a side will have."""
        planned = self._plan.data.identities
        return short(self._code("write_records"), planned["label_map"], self._samples(side))

    def _samples(self, side: str) -> str:
        planned = self._plan.data.identities
        return short([planned[Path(shard).stem] for shard in self._plan.shards(side)])

    @cached_property
    def _hashes(self) -> HashCache:
        path = Path(self._plan.plan_folder) / "hashes.txt"
        cache = HashCache(path)
        if cache.damage:
            say(f"{path} cannot be used ({cache.damage}), so start weights and images are hashed again.")
        return cache

    def _start(self, name: str) -> str | None:
        source = self._plan.model(name)["checkpoint"]
        if source is None:
            return None
        if entry := self._plan.zoo(name):
            return short(entry.identity)
        path = Path(source)
        found = [path] if path.is_file() else sorted((path if path.is_dir() else path.parent).iterdir())
        if not path.exists():
            found = [file for file in found if file.name.startswith(path.name + ".")]
        found += filter(None, [label_maps.beside(path)])
        return short([(file.name, self._hashes[file]) for file in found if file.is_file()])

    def _folder(self, folder: str) -> str:
        names = scan.images_below(folder, self._plan.results)
        return short([(name, self._hashes[Path(folder) / name]) for name in names])


def _row(config: Message) -> Extractor:
    return EXTRACTORS[model_of(config)[0].feature_extractor.type]


def _is_known(config: Message) -> bool:
    """Whether this version of boxwright has all parts that a configuration of another one chooses."""
    try:
        return all(map(code.has, _trained(config)))
    except (UserError, LookupError):
        return False


# The modules that a configuration chooses by name.


def _network(config: Message) -> list[str]:
    """Those that a model is built from."""
    model, family = model_of(config)
    field = FAMILIES[family].box_predictor
    predictor = parts.choice(getattr(model, field)) if field else ""
    return [*_row(config).modules(predictor), *parts.in_use(config.model)]


def _trained(config: Message) -> list[str]:
    """Those that train it as well."""
    return [*_network(config), *parts.in_use(config.train_config)]


def _previewed(config: Message) -> list[str]:
    """Those that make the images which train it."""
    shown = [_resizer(config), _row(config).normalization_module, *parts.in_use(config.train_config)]
    return [one for one in shown if ".optimizers." not in one]


def _anchored(config: Message) -> list[str]:
    """Those that place its anchors."""
    return [_resizer(config), *(one for one in parts.in_use(config.model) if ".anchors." in one)]


def _resizer(config: Message) -> str:
    message = model_of(config)[0].image_resizer
    return parts.module_of(message, parts.choice(message))


# By rule, those that the configuration of its model chooses.
_CHOSEN: Mapping[str, Callable[[Message], list[str]]] = {
    "train_segment": _trained,
    "preview_training": _previewed,
    "evaluate_checkpoint": _network,
    "export_detector": _network,
    "measure_anchors": _anchored,
}
# Rules that use the runtime of the main form.
_OF_MAIN_FORM = ("predict_images", "time_models")
