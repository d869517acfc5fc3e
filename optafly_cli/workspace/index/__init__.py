"""The workspace index: what is defined where, which words stand in which function, who imports whom, what changed.

In: a workspace and a folder to keep the index in. Out: an `IndexView` to search. Only files that may be sent are read
(`ignore`), secrets taken out (`secrets`); everything on disk is derived, private and bounded. Never waits for a large
build: `Keeper.view` says what there is, and starts one beside.
"""
