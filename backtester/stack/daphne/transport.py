"""A connection of Twisted that sends immediately what the kernel accepts."""

from collections.abc import Iterable

from twisted.internet import tcp


class PromptConnection(tcp.Server):
    """Send first, and buffer only the rest.

    Twisted buffers each write, waits until the kernel reports the socket writable, and sends in the next turn of its
    loop: two more system calls for each event and watcher, and all events of a turn wait for its slowest part.
    """

    def write(self, data: bytes) -> None:
        if rest := data[self._send(data) :]:
            super().write(rest)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        self.write(b"".join(iovec))

    def _send(self, data: bytes) -> int:
        """Return how many bytes were sent: none while others are buffered. Errors reappear in Twisted's own write."""
        if self._tempDataBuffer or self.dataBuffer or not self.connected or self._writeDisconnected or self.TLS:
            return 0
        sent = self.writeSomeData(data)
        return sent if isinstance(sent, int) else 0
