"""The Python side of Distillery: one file per job, started by the host as `main.py JOB` (see PROTOCOL.md)."""
