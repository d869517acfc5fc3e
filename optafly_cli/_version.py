"""The version, a literal: reading package metadata costs 30 ms."""

__version__ = "0.1.0"
