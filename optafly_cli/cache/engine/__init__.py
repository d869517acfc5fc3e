"""The models and the index of a process beside this one, and how they are asked."""
