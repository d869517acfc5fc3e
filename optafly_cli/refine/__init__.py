"""Stage 1: intent, findings, score, context selection, rewrite, approval.

In: a prompt, `NamedContext`, the workspace. Out: `RefinedPrompt`, every change recorded.
Pure but for what it asks `workspace` to read. It may not import another stage.
"""
