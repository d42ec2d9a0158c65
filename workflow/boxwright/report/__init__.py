"""The figures, tables and pages of the report, and images with boxes drawn for it."""
