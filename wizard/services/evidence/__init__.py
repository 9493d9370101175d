"""Gathers the evidence for the checklist: one function per check id, read-only towards AWS."""
