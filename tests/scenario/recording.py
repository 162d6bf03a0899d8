"""A capture of a running fabric by `taploom capture`: while it runs, as tshark reads it, and against its replay."""

import contextlib
import json
import signal
import subprocess

from taploom_fabric import TAPLOOM, taploom

INBOUND = "0x00000001"  # pcapng's flags of a frame


class Recording:
    """The file of a capture; `said`: what the verb said on standard error."""

    def __init__(self, path):
        self.path = path
        self.said = ""

    def frames(self, *fields, show="frame"):
        """The fields of every frame that the display filter shows, in order; a field that is not there is ''."""
        words = [word for field in fields for word in ("-e", field)]
        checks = [f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp")]
        result = subprocess.run(["tshark", "-n", "-r", self.path, *checks, "-Y", show, "-T", "fields", *words],
                                text=True, capture_output=True, check=True)  # fmt: skip
        complaints = [line for line in result.stderr.splitlines() if "Running as user" not in line]
        assert not complaints, complaints
        return [tuple(line.split("\t")) for line in result.stdout.splitlines()]

    def bad_frames(self):
        """Frames of which tshark says that they are malformed or have a wrong checksum."""
        bad = '_ws.malformed || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"'
        return self.frames("frame.number", "frame.interface_name", show=bad)

    def verdicts(self, ports):
        """[[where it entered, why it was dropped or None, [where it left, …]]] of each packet. `ports`: names of nodes."""
        lived = {}
        for number, name, direction, comment in self.frames(
            "frame.packet_id", "frame.interface_name", "frame.packet_flags_direction", "frame.comment"
        ):
            if name not in ports:
                continue  # a gateway
            if direction == INBOUND:
                dropped = comment.split()[1] if comment.startswith("DROP ") else None
                lived[int(number)] = [name, dropped, []]
            else:
                lived[int(number)][2].append(name)
        return [lived[number] for number in sorted(lived)]


@contextlib.contextmanager
def capture(fabric, path, *options):
    """Captures what the block does; ends the capture as Ctrl-C does."""
    recording = Recording(path)
    verb = subprocess.Popen([TAPLOOM, "capture", "--name", fabric.name, "-w", path, *options],
                            text=True, stderr=subprocess.PIPE)  # fmt: skip
    recording.said = verb.stderr.readline()
    assert recording.said.startswith("capturing "), recording.said + verb.stderr.read()
    try:
        yield recording
    finally:
        verb.send_signal(signal.SIGINT)
        recording.said += verb.communicate(timeout=20)[1]
    assert verb.returncode == 0, recording.said


def replayed_verdicts(path, topology):
    """What `replay` gives for the file, in the form of Recording.verdicts."""
    result = taploom("replay", path, "-f", topology, "--verdicts", "-")
    verdicts = []
    for line in map(json.loads, result.stdout.splitlines()):
        dropped = line.get("drop", {}).get("reason")
        verdicts.append([line.get("in"), dropped, [line["out"]] if "out" in line else []])
    return verdicts
