"""The verbs of the command line, those of one subject in one file; `lcgen.cli` joins them."""
