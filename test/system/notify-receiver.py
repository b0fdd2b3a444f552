"""What systemd does with its notify socket: receives datagrams (sd_notify(3)), and prints each as a line of JSON.

usage: notify-receiver.py PATH    a path, or @NAME for an abstract socket
"""
import json
import socket
import sys

path = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + path[1:] if path.startswith("@") else path)
print(json.dumps(["bound"]), flush=True)
while True:
    message, descriptors, _flags, _sender = socket.recv_fds(receiver, 65536, 8)
    # systemd-notify waits until the descriptor that comes with BARRIER=1 is closed.
    for descriptor in descriptors:
        socket.close(descriptor)
    lines = message.decode().splitlines()
    if lines != ["BARRIER=1"]:
        print(json.dumps(lines), flush=True)
