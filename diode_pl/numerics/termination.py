"""The end of a process by SIGTERM, which SLURM and Kubernetes send before they kill."""

import faulthandler
import os
import signal
import socket
import threading

EXIT_CODE = 128 + signal.SIGTERM
"""What a shell shows of a process that SIGTERM ended: 143."""
GRACE = 15.0  # seconds until a process ends that cannot run the handler; SLURM and Kubernetes kill after 30

_awake: socket.socket | None = None
_asked = False


def was_asked_to_end() -> bool:
    """Whether SIGTERM has come: libraries replace the SystemExit by errors of their own, or drop it."""
    return _asked


def end_on_sigterm() -> None:
    """Raises SystemExit(143) at SIGTERM, and ends the process with 1 after seconds if that does not.

    A process that waits inside a library for others, such as for a sum over all processes, runs no handler of Python.
    A thread sees the signal all the same. Without effect outside the main thread.
    """
    global _awake
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(signal.SIGTERM, _exit)
    if _awake is None:
        seen, _awake = socket.socketpair()
        _awake.setblocking(False)
        signal.set_wakeup_fd(_awake.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=_watch, args=(seen,), name="SIGTERM", daemon=True).start()


def _exit(number: int, frame: object) -> None:
    global _asked
    _asked = True
    # Once: what runs while the process ends is not interrupted again, nor is the end of the interpreter.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit(EXIT_CODE)


def _watch(seen: socket.socket) -> None:
    while signal.SIGTERM not in seen.recv(64):
        pass
    faulthandler.dump_traceback_later(GRACE, exit=True, file=open(os.devnull, "w"))  # noqa: SIM115


def _forget() -> None:
    """A process that was forked shares the socket: its signals are not those of its parent."""
    global _awake, _asked
    _asked = False
    if _awake is not None:
        signal.set_wakeup_fd(-1)
        _awake = None


os.register_at_fork(after_in_child=_forget)
