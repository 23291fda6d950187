"""The parent of everything that runs.  Standard library only; imports nothing of ours."""
