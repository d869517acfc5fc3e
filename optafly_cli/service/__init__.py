"""The warm processes beside the commands, and how commands reach them."""
