#!/usr/bin/env python3
"""agent.py SOCKET CONNECTIONS: who answers for a container's system calls.

Prints what it is told at each connection, and answers each call with EDQUOT
until the filters have no more users.
"""
import errno
import fcntl
import os
import select
import socket
import struct
import sys

RECV = 0xC0502100	# SECCOMP_IOCTL_NOTIF_RECV, of 80 bytes
SEND = 0xC0182101	# SECCOMP_IOCTL_NOTIF_SEND, of 24 bytes


def serve(fd):
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while True:
        for _, events in poll.poll():
            if not events & select.POLLIN:
                return
            call = bytearray(80)
            fcntl.ioctl(fd, RECV, call)
            ident = struct.unpack_from('Q', call)[0]
            fcntl.ioctl(fd, SEND, struct.pack('QqiI', ident, 0, -errno.EDQUOT, 0))


listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
for _ in range(int(sys.argv[2])):
    connection, _ = listening.accept()
    words, fds, _, _ = socket.recv_fds(connection, 65536, 1)
    print(words.decode(), flush=True)
    if os.fork() == 0:
        serve(fds[0])
        os._exit(0)
    os.close(fds[0])
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
