"""The command line: one file for each command, with parsing and printing only.

`main.py` joins the commands and turns errors into one line and an exit code.
"""
