"""What a run says and refuses: progress, a job and its log, lines of stages, checksums of results."""
