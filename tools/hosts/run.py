"""run.py FOLDER NAME WHERE COMMAND...: runs COMMAND in the folder WHERE on a host of tools/hosts_sandbox.sh, with this process'
environment and standard files. The exit code is COMMAND's; 255 if there is no such host, or it ended."""
import json
import os
import signal
import socket
import sys


def main(folder, name, where, *command):
    server = socket.socket(socket.AF_UNIX)
    try:
        server.connect(f"{folder}/{name}")
    except OSError as error:
        print(f"host {name}: {error.strerror}", file=sys.stderr)
        return 255
    text = json.dumps({"folder": where, "command": command, "environment": dict(os.environ)}).encode()
    socket.send_fds(server, [b"%8d" % len(text)], [0, 1, 2])
    server.sendall(text)
    try:
        code = server.recv(8)
    except OSError:
        code = b""
    while not code and os.path.exists(f"{folder}/{name}.off"):
        signal.pause()  # nothing tells the other end of a connection that a host was switched off
    return int(code) if code else 255


signal.signal(signal.SIGINT, signal.SIG_DFL)
sys.exit(main(*sys.argv[1:]))
