"""Linting: prompts in files, found, checked in one process, and mended where that is safe.

In: paths, JSONL, a commit message, or what Claude Code tells a hook. Out: `Checked`, with findings placed in the real
files. Front matter, disable comments and template variables are no prose. Writes nothing but fixes and baselines.
"""
