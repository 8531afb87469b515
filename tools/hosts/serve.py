"""serve.py FOLDER NAME SHM [PRIVATE...]: the first process of a host of tools/hosts_sandbox.sh. It runs commands that come over
the socket FOLDER/NAME (run.py sends them, with its standard files), and reaps. NAME h1, h2, ... is a host, whose mounts it
prepares: /dev/shm of size SHM, and the private folders. Any other name is a place that stays as it is."""
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys


def prepare(folder, name, shm, private):
    socket.sethostname(name)
    tmpfs = ["mount", "-t", "tmpfs", "-o"]
    subprocess.check_call(tmpfs + [f"size={shm},mode=1777", "tmpfs", "/dev/shm"])
    for place in [folder + "/tmp"] + private:
        subprocess.check_call(tmpfs + ["size=1g,mode=1777", "tmpfs", place])
    subprocess.check_call(["mount", "--bind", folder + "/hosts", "/etc/hosts"])
    subprocess.check_call(["ip", "link", "set", "lo", "up"])


def start(request, files):
    """Returns the process that runs the request, in a session of its own."""
    process = os.fork()
    if process:
        return process
    try:
        os.setsid()
        for target, file in enumerate(files):
            os.dup2(file, target)
        os.closerange(3, 1024)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(request["folder"])
        os.execvpe(request["command"][0], request["command"], request["environment"])
    except OSError as error:
        os.write(2, f"{request['command'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def accept(listener, clients):
    client = listener.accept()[0]
    head, files, _, _ = socket.recv_fds(client, 8, 3)
    size, text = int(head), b""
    while len(text) < size:
        part = client.recv(size - len(text))
        if not part:
            break
        text += part
    else:
        clients[start(json.loads(text), files)] = client
    for file in files:
        os.close(file)


def reap(clients):
    while True:
        try:
            process, state = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not process:
            return
        client = clients.pop(process, None)
        if client:
            code = os.waitstatus_to_exitcode(state)
            try:
                client.send(b"%d" % (code if code >= 0 else 128 - code))
            except OSError:
                pass
            client.close()


def serve(listener, waker):
    clients = {}  # process: connection
    while True:
        ready = select.select([listener, waker, *clients.values()], [], [])[0]
        for process, client in list(clients.items()):
            if client in ready:  # it sends nothing, so it is gone
                os.killpg(process, signal.SIGHUP)
                clients.pop(process).close()
        if waker in ready:
            os.read(waker, 4096)
            reap(clients)
        if listener in ready:
            accept(listener, clients)


def main(folder, name, shm, *private):
    if re.fullmatch("h[0-9]+", name):
        prepare(folder, name, shm, list(private))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{folder}/{name}")
    listener.listen(64)
    waker, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with open(f"{folder}/{name}.ready", "w"):
        pass
    serve(listener, waker)


main(*sys.argv[1:])
