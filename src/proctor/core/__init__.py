"""The decisions: pure functions over values.  Imports no clock, process, socket, file or logger."""
