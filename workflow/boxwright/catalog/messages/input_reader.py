"""What is read of the examples. Known of the reader for training: evaluation looks at hardly any of these fields."""

from boxwright.catalog.ranges import Range
from boxwright.catalog.spec import NOT_READ_SO, Only, Spec

SPEC = Spec(
    fields={
        "max_number_of_boxes": Range(1),
        "num_epochs": Only(0, NOT_READ_SO),
        "sample_1_of_n_examples": Only(1, NOT_READ_SO),
        "num_additional_channels": Only(0, NOT_READ_SO),
        "load_multiclass_scores": Only(False, NOT_READ_SO),
        "load_context_features": Only(False, NOT_READ_SO),
        "expand_labels_hierarchy": Only(False, NOT_READ_SO),
    }
)
