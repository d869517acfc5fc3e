"""What the prompt is about: root, files, units of code, git, project, ignore rules.

In: a working folder and what the user named (files, ranges, piped text, `--diff`).
Out: `NamedContext`, `ContextPiece`s, project summary, workspace state. Reads files and runs git, hardened
against what a hostile repository configures. It may not write anything, nor leave the root unless a path was named.
"""
