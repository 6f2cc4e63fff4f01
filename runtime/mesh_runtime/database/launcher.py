"""Runs a PostgreSQL program as a user that it accepts, and detaches it from the terminal.

Run as a script in a process of its own, `python -I -S launcher.py IDENTITY LOG WATCH PROGRAM [ARGUMENT ...]`, because a
user namespace can only be entered by a process with one thread. IDENTITY is one of:

- `self`: as the caller.
- `namespace:UID:GID`: PostgreSQL refuses to run as root. In a user namespace of its own the caller is seen as UID, so
  that files stay the caller's, nothing changes owner, and the process has no more rights than before.
- `capabilities:UID:GID`: where user namespaces are forbidden (many containers). The program runs as UID, and keeps of
  root's rights only to pass through folders, so that a project in a private folder works without opening it to others.

LOG is `-` to stay in the foreground, else the file that takes the program's output while it runs on its own. WATCH is
`-`, or the descriptor of a pipe whose other end the caller holds: when the caller is gone, however it went, the program
is ended too. Imports only the standard library, so that it starts in 20 ms.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

REFUSED = 97
"""The exit code that says: the identity could not be taken on; the program was not run."""

_CLONE_NEWUSER = 0x10000000
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_LOOK_SECONDS = 0.5
_PASS_FOLDERS = 1
"""CAP_DAC_OVERRIDE, which containers leave to their root; CAP_DAC_READ_SEARCH would do less, but they take it away."""


def _call(name: str, *arguments: object) -> None:
    """Call a function of libc that returns 0; its error becomes an OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", _CLONE_NEWUSER)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {outer_uid} 1\n")
    _write("/proc/self/gid_map", f"{gid} {outer_gid} 1\n")


def _become(uid: int, gid: int) -> None:
    _call("prctl", _PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    mask = 1 << _PASS_FOLDERS
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _call("capset", ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)))
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _PASS_FOLDERS, 0, 0)


def _take_on(identity: str) -> None:
    kind, *numbers = identity.split(":")
    if kind == "namespace":
        _enter_namespace(int(numbers[0]), int(numbers[1]))
    elif kind == "capabilities":
        _become(int(numbers[0]), int(numbers[1]))


def _detach(log: str) -> None:
    """Leave the caller's session; the caller waits only for the process that ends here."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _watch(descriptor: int, program: int) -> None:
    """Wait until the program ends by itself, or end it when nobody holds the other end of the pipe."""
    os.closerange(3, descriptor)  # locks that the program holds as long as it lives
    os.closerange(descriptor + 1, 1024)
    while os.waitpid(program, os.WNOHANG) == (0, 0):
        if select.select([descriptor], [], [], _LOOK_SECONDS)[0]:
            os.kill(program, signal.SIGINT)
            os.waitpid(program, 0)
            break
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Take on the identity, detach, and become the program; exit with `REFUSED` when the identity is not to be had."""
    identity, log, watch, *program = arguments
    os.umask(0o077)
    try:
        _take_on(identity)
    except (OSError, AttributeError) as error:
        sys.stderr.write(f"{identity}: {error}\n")
        sys.exit(REFUSED)
    if log != "-":
        _detach(log)
    if watch != "-":
        child = os.fork()
        if child:
            _watch(int(watch), child)
        os.close(int(watch))
    os.execv(program[0], program)  # noqa: S606  no shell is the point: the paths are the user's


if __name__ == "__main__":
    main(sys.argv[1:])
