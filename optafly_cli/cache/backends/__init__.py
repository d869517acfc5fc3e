"""Where entries can be kept: the local store, and a store that a team shares. Both speak one small protocol."""
