"""Download a detector of the model zoo, verify it and unpack it."""

from boxwright.console.job import job
from boxwright.zoo import catalogue, fetch

with job(snakemake):
    fetch.fetch(catalogue.find(snakemake.wildcards.zoo), snakemake.config["zoo_trust"])
