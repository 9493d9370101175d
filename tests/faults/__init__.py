"""Faults of the world around a deployment, made on purpose; `python -m tests.faults` shows all."""
