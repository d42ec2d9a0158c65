"""All that reaches into Snakemake's internals."""
