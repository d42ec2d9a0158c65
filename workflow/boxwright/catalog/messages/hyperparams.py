"""How layers are built: activation, first values, penalty, batch norm."""

from boxwright.catalog.spec import LEFT_OUT, Block, Only, Spec

SPEC = Spec(fields={"group_norm": LEFT_OUT, "force_use_bias": Only(False)})

# Settings of convolutions: those for fully connected layers would not reach them.
CONVOLUTIONS = Block(fields={"op": Only("CONV")})
# Settings of layers without batch norm.
WITHOUT_BATCH_NORM = Block(fields={"batch_norm": LEFT_OUT, "sync_batch_norm": LEFT_OUT})
