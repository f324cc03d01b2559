"""What a definition can't say of a system: small functions and classes that it names."""
