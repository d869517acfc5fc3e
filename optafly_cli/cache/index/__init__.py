"""The search index: FAISS files derived from the truth in SQLite. One index for each embedder, segments for each
partition that is too large to be scanned.
"""
