"""`python -m catalog.cli`, for where the script is not on the path."""

from catalog.cli import main

main()
