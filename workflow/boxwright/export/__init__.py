"""The finished detector: the forms in which it is exported, proof that they agree, and their use on a folder."""
