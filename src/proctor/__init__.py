"""Proctor: a process and task manager driven over HTTP."""

__version__ = "0.1.0"
