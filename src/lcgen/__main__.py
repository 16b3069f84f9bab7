"""`python -m lcgen` is the command line."""

from lcgen.cli import run

if __name__ == "__main__":
    run()
