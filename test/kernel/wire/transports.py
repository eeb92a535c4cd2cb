"""One cell over each transport that jupyter_client can start a kernel with; prints the transport where it went well."""

import os
import sys

import zmq
from jupyter_client import KernelManager

NAME = os.environ["GRADBOOK_KERNEL_NAME"]


def answers_in_plain(manager):
    """Whether the kernel says anything to a client that does not encrypt."""
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.linger = 0
    socket.subscribe(b"")
    socket.connect(f"tcp://{manager.ip}:{manager.iopub_port}")
    try:
        # A subscription is answered with iopub_welcome.
        return bool(socket.poll(1_000))
    finally:
        socket.close()


def run(transport, encryption):
    manager = KernelManager(kernel_name=NAME, transport=transport)
    manager.transport_encryption = encryption
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=30)
        shown = []
        reply = client.execute_interactive(
            "6 * 7", timeout=20, output_hook=lambda message: shown.append(message)
        )
        assert reply["content"]["status"] == "ok", reply["content"]
        results = [m["content"]["data"] for m in shown if m["msg_type"] == "execute_result"]
        assert results == [{"text/plain": "42"}], results
        manager.interrupt_kernel()
        if transport == "tcp":
            assert answers_in_plain(manager) == (encryption == "disabled")
        print(transport, encryption)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    run(*sys.argv[1:])
