"""Traffic that notices every lost packet, to run beside a disturbance."""

import socket
import threading
import time

from servers import LARGEST_DATAGRAM, family_of


class SteadyStream:
    """Context manager: question and answer over UDP from node to node, the next as soon as one is answered.

    `answered` counts; `delays` holds how many seconds each answer took, `lost` the numbers of the questions that nobody
    answered.
    """

    LOST_AFTER_SECONDS = 2

    def __init__(self, source, destination, address, port=7777):
        self.delays, self.lost = [], []
        self._server = destination.udp_server(port)
        self._socket = source.socket(family_of(address), socket.SOCK_DGRAM)
        self._socket.connect((address, port))
        self._socket.settimeout(self.LOST_AFTER_SECONDS)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    @property
    def answered(self):
        return len(self.delays)

    def __enter__(self):
        self._server.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()
        self._server.__exit__()
        self._socket.close()

    def _talk(self):
        number = 0
        while not self._ended.is_set():
            number += 1
            question = b"%d" % number
            began = time.perf_counter()
            try:
                self._socket.send(question)
                while not self._socket.recv(LARGEST_DATAGRAM).endswith(b" " + question):
                    pass  # a late answer to an earlier question, which is lost already
                self.delays.append(time.perf_counter() - began)
            except OSError:
                self.lost.append(number)
