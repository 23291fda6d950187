"""What `python -I -S FOLDER` runs: finds the package that this folder is, then hands over."""

import os
import sys

if not __package__:
    # Run as a folder, Python put the folder itself first on its path: our `protocol` would be a
    # top-level module and relative imports would fail.  Our root goes last, so that nothing that
    # is installed beside us can hide a module of the standard library.
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if p != folder] + [os.path.dirname(os.path.dirname(folder))]

from proctor.keeper.keeper import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
