"""`python -m hornbook`: the same as the command `hornbook`."""

from hornbook.cli.start import run

if __name__ == "__main__":
    run()
