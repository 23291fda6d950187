"""Carry out the core's commands and report what happened."""
