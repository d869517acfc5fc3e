"""Token counts without a network: tiktoken's cl100k, times a measured correction per model family and content class.

In: text, the model's tokenizer family, a content class. Out: an estimate with its margin.
Reads only its own packaged tables. It may not import a stage.
"""
