"""Box coders: a box as an offset from its anchor. One module for each kind."""
