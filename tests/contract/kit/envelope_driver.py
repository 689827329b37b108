"""Lets a test drive envelope.py: JSON lines on stdin and stdout, see README.md."""

import base64
import json
import sys

from envelope import validate_envelope

if __name__ == "__main__":
    for line in sys.stdin:
        request = json.loads(line)
        said = [
            validate_envelope(base64.b64decode(raw), request["tenant"], request["agent"], request["window"], request["messages"], request["now"])
            for raw in request["envelopes"]
        ]
        print(json.dumps({"checks": said}), flush=True)
