"""How a model is trained."""

from boxwright.catalog.ranges import NOT_NEGATIVE, Range
from boxwright.catalog.relations import patterns
from boxwright.catalog.spec import NOT_READ_SO, Block, Only, Spec

SPEC = Spec(
    fields={
        "batch_size": Range(1, 10**5, use=8),
        "data_augmentation_options": Block(needed=True),
        "gradient_clipping_by_norm": NOT_NEGATIVE,
        "bias_grad_multiplier": NOT_NEGATIVE,
        "merge_multiple_label_boxes": Only(False, NOT_READ_SO),
        "use_multiclass_scores": Only(False, NOT_READ_SO),
    },
    relations=(patterns("update_trainable_variables"), patterns("freeze_variables")),
)
