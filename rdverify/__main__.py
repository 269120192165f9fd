"""``python -m rdverify``."""

from rdverify.cli import main

main()
