"""What belongs with a prompt, found in the workspace index: files ranked by fusion, then their units."""
