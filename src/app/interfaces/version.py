VERSION = "0.1.0"
"""The version of the service; a test keeps it equal to the one in pyproject.toml."""
