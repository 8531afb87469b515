"""switch.py DELAY_MS LOSS_PERCENT NETWORK...: a switch between network namespaces, given as files of /proc. In each one it makes
the device eth0. A packet arrives DELAY_MS later than it was sent, or not at all."""
import collections
import ctypes
import fcntl
import os
import random
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, SIOCGIFHWADDR = 0x400454CA, 0x8927
IFF_TAP, IFF_NO_PI = 0x0002, 0x1000
libc = ctypes.CDLL(None, use_errno=True)


def open_port(network):
    """Returns the descriptor of a new eth0 in this namespace, and its hardware address."""
    space = os.open(network, os.O_RDONLY)
    if libc.setns(space, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"setns {network}")
    os.close(space)
    port = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(port, TUNSETIFF, struct.pack("16sH22x", b"eth0", IFF_TAP | IFF_NO_PI))
    answer = fcntl.ioctl(port, SIOCGIFHWADDR, struct.pack("16s24x", b"eth0"))
    return port, answer[18:24]


def deliver(frame, sender, ports):
    to_all = frame[0] & 1
    for port, address in ports.items():
        if port != sender and (to_all or frame[:6] == address):
            try:
                os.write(port, frame)
            except OSError:
                pass  # the device is down, or its queue is full: lost


def take(port, queue, delay_s, loss):
    for _ in range(64):
        try:
            frame = os.read(port, 65536)
        except OSError:
            return
        if random.random() >= loss:
            queue.append((time.monotonic() + delay_s, frame, port))


def main(delay_ms, loss_percent, *networks):
    ports = dict(open_port(network) for network in networks)
    queue = collections.deque()
    poll = select.poll()
    for port in ports:
        poll.register(port, select.POLLIN)
    while True:
        wait_s = queue[0][0] - time.monotonic() if queue else 1
        ready = poll.poll(max(0, int(wait_s * 1000)))  # the rest of a millisecond is spent looking
        while queue and queue[0][0] <= time.monotonic():
            _, frame, sender = queue.popleft()
            deliver(frame, sender, ports)
        for port, _ in ready:
            take(port, queue, float(delay_ms) / 1000, float(loss_percent) / 100)


main(*sys.argv[1:])
