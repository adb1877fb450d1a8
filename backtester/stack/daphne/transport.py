"""Twisted's connection, sending at once what the kernel takes at once."""

from collections.abc import Iterable

from twisted.internet import tcp


class PromptConnection(tcp.Server):
    """Sends first, and only what the kernel does not take goes the long way.

    Twisted's own puts every write in a list, asks the kernel to be told when the socket takes it, and sends in the next
    turn of its loop: two more calls into the kernel for each event and watcher, and all events of a turn wait for the
    slowest part of it.
    """

    def write(self, data: bytes) -> None:
        """Send what can be sent, keep the rest."""
        if rest := data[self._send(data) :]:
            super().write(rest)  # type: ignore[no-untyped-call]

    def writeSequence(self, iovec: Iterable[bytes]) -> None:  # noqa: N802 - Twisted's word
        """The same, for pieces."""
        self.write(b"".join(iovec))

    def _send(self, data: bytes) -> int:
        """How many bytes went out. None may overtake those that wait; an error shows itself again on the long way."""
        if self._tempDataBuffer or self.dataBuffer or not self.connected or self._writeDisconnected or self.TLS:
            return 0
        sent = self.writeSomeData(data)
        return sent if isinstance(sent, int) else 0
