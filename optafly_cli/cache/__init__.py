"""Stage 3: the semantic response cache: scope and evidence, exact and semantic tier, the store.

In: a `Question` (instruction, scope, what to check now). Out: a `Hit` or a `Miss` with its reason; an `Entry` on disk.
SQLite is the truth, FAISS files are derived. The exact tier imports neither numpy nor faiss nor onnxruntime.
It may not count tokens, rewrite prompts or talk to the provider.
"""
