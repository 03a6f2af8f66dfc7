#!/usr/bin/env python3
"""recvfd.py SOCKET [TEXT]: an engine's end of --console-socket and --pidfd-socket.

Takes one descriptor from whoever connects and says what it is.  Into a terminal
it types TEXT, then it copies what that says until it is closed; of a process it
awaits the end."""
import array
import os
import select
import socket
import sys


def receive(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    peer, _ = listener.accept()
    size = array.array("i").itemsize
    words, control, _, _ = peer.recvmsg(256, socket.CMSG_SPACE(8 * size))
    fds = array.array("i")
    for _, _, data in control:
        fds.frombytes(data[: len(data) - len(data) % size])
    return words.decode(), list(fds)


def copy(terminal, text):
    os.write(terminal, text.encode())
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            return
        sys.stdout.write(data.decode())
        sys.stdout.flush()


def pid_of(fd):
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        for line in info:
            if line.startswith("Pid:"):
                return int(line.split()[1])
    return None


def main():
    name, fds = receive(sys.argv[1])
    pid = pid_of(fds[0])
    kind = "terminal" if os.isatty(fds[0]) else f"process {pid}" if pid else "file"
    print(f"{len(fds)} descriptor, {kind}: {name}", flush=True)
    if pid:
        select.select(fds, [], [])
        print("it has ended")
    elif os.isatty(fds[0]):
        copy(fds[0], sys.argv[2] if len(sys.argv) > 2 else "")


main()
