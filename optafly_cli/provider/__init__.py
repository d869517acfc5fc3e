"""Stage 4: the Messages API client, for Anthropic or any endpoint that speaks its protocol.

In: a Messages body. Out: `Answer`, complete, or a `ProviderError` with what had arrived. The only room that
opens a connection to the provider, and the only one that imports `anthropic`, inside the function that sends.
It may not read the workspace or the store, and never logs a credential.
"""
