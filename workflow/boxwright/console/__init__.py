"""What a run prints and verifies: progress, jobs and their logs, one line per stage, checksums of results."""
