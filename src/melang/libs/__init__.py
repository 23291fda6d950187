"""The libraries that `Import` finds: one module each, loaded at the first use.

A module defines `FUNCTIONS: dict[bytes, Builtin]`, and `Import` answers a new
object with them as its properties.  One with classes defines `SETS: dict[bytes,
SetDef]` instead: they are put into the outermost scope, and the answer is
`RESULT`, for example `b"File"`.
"""
