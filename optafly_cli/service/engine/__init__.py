"""One process that holds the models and the index, for all others of the same user."""
