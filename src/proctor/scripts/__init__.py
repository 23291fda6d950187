"""Script hosts: processes in which the scripts of many tasks run as coroutines."""
