"""Captured output: written by one thread, read by path."""
