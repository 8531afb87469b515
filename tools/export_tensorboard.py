#!/usr/bin/python3
"""Writes runs as TensorBoard's event files: mnist_dist_tools/commands/export_tensorboard.py."""

import sys

try:
    from mnist_dist_tools.commands.export_tensorboard import main
except ImportError as error:
    packages = (
        "python3-numpy python3-h5py python3-pandas python3-matplotlib python3-seaborn"
        " python3-sklearn python3-scipy python3-pil python3-rich"
    )
    print(
        f"export_tensorboard.py: {error}: apt-get install {packages}, and run it by"
        " /usr/bin/python3",
        file=sys.stderr,
    )
    sys.exit(66)
sys.exit(main())
