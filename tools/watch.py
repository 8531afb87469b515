#!/usr/bin/python3
"""Follows a run from another terminal: mnist_dist_tools/commands/watch.py."""

import sys

try:
    from mnist_dist_tools.commands.watch import main
except ImportError as error:
    packages = (
        "python3-numpy python3-h5py python3-pandas python3-matplotlib python3-seaborn"
        " python3-sklearn python3-scipy python3-pil python3-rich"
    )
    print(
        f"watch.py: {error}: apt-get install {packages}, and run it by /usr/bin/python3",
        file=sys.stderr,
    )
    sys.exit(66)
sys.exit(main())
