"""Pictures for people: boxes drawn on images, and the figures, tables and pages of the report."""
