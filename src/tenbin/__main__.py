"""`python -m tenbin` is the command `tenbin`."""

from tenbin.cli import main

if __name__ == "__main__":
    main()
