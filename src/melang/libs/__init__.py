"""The libraries that `Import` finds: one module each, loaded at the first use."""
