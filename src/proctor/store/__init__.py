"""What must outlive the manager, in one SQLite file."""
