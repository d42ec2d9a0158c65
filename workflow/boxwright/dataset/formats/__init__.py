"""Annotation formats: each module turns files into statements about images."""
