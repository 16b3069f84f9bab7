"""`python -m lcgen` is the command line."""

from lcgen.cli import main

if __name__ == "__main__":
    main(prog_name="lcgen")
