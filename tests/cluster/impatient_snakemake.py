"""Snakemake that asks Slurm every second how its jobs are: the plugin's pauses grow, which suits longer jobs."""

import sys

import snakemake_executor_plugin_slurm as plugin
from snakemake.cli import main

plugin.Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, value: None)
main(sys.argv[1:])
