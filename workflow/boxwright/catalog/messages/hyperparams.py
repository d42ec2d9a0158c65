"""How layers are built: activation, initializer, regularizer, batch norm."""

from boxwright.catalog.spec import LEFT_OUT, NOT_READ_BY_OD_API, Block, Only, Spec

SPEC = Spec(
    fields={"group_norm": LEFT_OUT},
    no_effect={"regularize_depthwise": NOT_READ_BY_OD_API},
)

# Settings of convolutions. With `op: FC` they would not apply to convolutions.
CONVOLUTIONS = Block(fields={"op": Only("CONV")})
# Settings of fully connected layers, which have no batch norm. In the OD API they do not apply with any other `op`.
FULLY_CONNECTED = Block(
    fields={
        "op": Only("FC", "with any other, which it is by default, these settings apply to no fully connected layer"),
        "batch_norm": LEFT_OUT,
        "sync_batch_norm": LEFT_OUT,
    }
)
