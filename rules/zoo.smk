# Published detectors to start from.


rule fetch_zoo_model:
    output:
        directory(f"{catalogue.ZOO}/{{zoo}}"),
    log:
        logs("fetch_zoo_model/{zoo}"),
    benchmark:
        costs("fetch_zoo_model/{zoo}")
    # Nodes of a cluster often have no network; the machine that starts the workflow usually has one.
    localrule: True
    conda:
        ENVIRONMENT
    params:
        identity=lambda wildcards: identities.fetch_zoo_model(wildcards.zoo),
    message:
        "Fetching {wildcards.zoo} from the model zoo"
    script:
        "../workflow/scripts/fetch_zoo_model.py"
