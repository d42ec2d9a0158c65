"""The finished detector: frozen graph, SavedModel and checkpoint, proof that they agree, and their use on a folder."""
