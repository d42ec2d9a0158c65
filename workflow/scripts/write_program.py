"""Write the program that runs one exported form: images in, boxes out, without boxwright."""

from boxwright.catalog import forms
from boxwright.console.job import job
from boxwright.core import files
from boxwright.export import program

with job(snakemake):
    (path,) = snakemake.output
    files.write_all({path: program.text(forms.named(snakemake.params.form)).encode()})
