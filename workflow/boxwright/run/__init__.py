"""A run of the workflow: settings, its plan, identities, the checks before the first job, what jobs need."""
