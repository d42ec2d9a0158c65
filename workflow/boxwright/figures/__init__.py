"""Pictures for people: boxes drawn on images."""
