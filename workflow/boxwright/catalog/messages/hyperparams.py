"""How layers are built: activation, initializer, regularizer, batch norm."""

from boxwright.catalog.spec import LEFT_OUT, NOT_READ_BY_OD_API, Block, Spec

SPEC = Spec(
    fields={"group_norm": LEFT_OUT},
    no_effect={"regularize_depthwise": NOT_READ_BY_OD_API},
)

# Settings of fully connected layers, which have no batch norm.
FULLY_CONNECTED = Block(fields={"batch_norm": LEFT_OUT, "sync_batch_norm": LEFT_OUT})
