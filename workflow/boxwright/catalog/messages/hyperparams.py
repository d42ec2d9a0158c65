"""How layers are built: activation, initializer, regularizer, batch norm."""

from boxwright.catalog.spec import LEFT_OUT, Block, Only, Spec

SPEC = Spec(fields={"group_norm": LEFT_OUT})

# Settings of convolutions. With `op: FC` they would not apply to convolutions.
CONVOLUTIONS = Block(fields={"op": Only("CONV")})
# Settings of layers without batch norm.
WITHOUT_BATCH_NORM = Block(fields={"batch_norm": LEFT_OUT, "sync_batch_norm": LEFT_OUT})
