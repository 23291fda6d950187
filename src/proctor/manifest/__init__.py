"""Tasks written in a file, `proctor.toml` or YAML: what it says, and where each value is from."""
