"""Tests of the Python side; run with `pytest` in this folder."""
