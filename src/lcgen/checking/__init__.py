"""`lcgen check`: whether rows can be solved from their evidence, and cannot be guessed without it. PyTorch is imported in here alone."""
