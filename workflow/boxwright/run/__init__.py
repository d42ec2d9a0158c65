"""A run of the workflow: its settings, plan and identities, the checks before the first job, the needs of jobs."""
