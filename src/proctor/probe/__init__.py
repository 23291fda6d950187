"""Find out how replicas are: what the core's checks ask for, each kind in its own way."""
