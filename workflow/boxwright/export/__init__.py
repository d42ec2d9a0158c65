"""The finished detector: its exported forms, the check that they agree, and prediction on a folder of images."""
