"""Record the wire anew: `python -m tests.wire.record`. The recording replaces the one that the tests compare with."""

import os
import sys

import pytest

if __name__ == "__main__":
    os.environ["WIRE_RECORD"] = "1"
    sys.exit(pytest.main(["-p", "no:cacheprovider", "tests/wire/test_wire.py", *sys.argv[1:]]))
