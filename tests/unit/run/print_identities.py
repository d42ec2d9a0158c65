"""Print the identities of all rules of a run as JSON: `print_identities.py FOLDER_OF_THE_LIBRARY CONFIGURATION`.

It runs in a process of its own, with a copy of the library that a test has changed.
"""

import inspect
import json
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

import yaml

from boxwright.catalog.forms import FORMS
from boxwright.run.identities import Identities
from boxwright.run.plan import RunPlan

plan = RunPlan(yaml.safe_load(Path(sys.argv[2]).read_text()), plan_data=True)
identities = Identities(plan)
given = {
    "name": [plan.models[0]],
    "shard": [max(plan.data.identities)],
    "form": FORMS,
    "side": ["eval"],
    "folder": [None],
}
found = {}
for rule, one in inspect.getmembers(Identities, lambda member: callable(member) or isinstance(member, property)):
    if rule.startswith("_") or rule in ("fetch_zoo_model", "network"):
        continue
    if isinstance(one, property):
        found[rule] = getattr(identities, rule)
        continue
    names = list(inspect.signature(one).parameters)[1:]
    for form in given["form"] if "form" in names else [None]:
        arguments = {name: form if name == "form" else given[name][0] for name in names}
        found[rule if form is None else f"{rule} {form.name}"] = getattr(identities, rule)(**arguments)
read = Path(plan.plan_folder, "facts.txt").stat().st_mtime_ns
print(json.dumps({"identities": found, "read": read}))
