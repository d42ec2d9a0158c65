"""Print the identities of all rules of a run as JSON: `print_identities.py FOLDER_OF_THE_LIBRARY CONFIGURATION`.

It runs in a process of its own, with a copy of the library that a test has changed.
"""

import inspect
import itertools
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
    # Of the chosen checkpoint, and of a further one.
    "further": ["", "-100"],
}
found = {}
for rule, one in inspect.getmembers(Identities, lambda member: callable(member) or isinstance(member, property)):
    if rule.startswith("_") or rule in ("fetch_zoo_model", "network", "uses_other_parts"):
        continue
    if isinstance(one, property):
        found[rule] = getattr(identities, rule)
        continue
    names = list(inspect.signature(one).parameters)[1:]
    several = [name for name in ("further", "form") if name in names]
    for values in itertools.product(*(given[name] for name in several)):
        varied = dict(zip(several, values, strict=True))
        arguments = {name: given[name][0] for name in names} | varied
        of_form = f" {varied['form'].name}" if "form" in varied else ""
        found[f"{rule}{varied.get('further', '')}{of_form}"] = getattr(identities, rule)(**arguments)
read = Path(plan.plan_folder, "facts.txt").stat().st_mtime_ns
print(json.dumps({"identities": found, "read": read}))
