"""What the machine can do at best, as `probe.py` measures it."""

from benchmarks.probe import compute_speed, read_speed

from hornbook.backend import get_backend


class Machine:
    """Measures the limits with the threads of the kernels."""

    PACKAGES = ("hornbook", "numpy")

    def __init__(self) -> None:
        get_backend()  # sets the number of threads

    def read(self) -> float:
        """Bytes a second from memory."""
        return read_speed()

    def compute(self) -> float:
        """Floating-point operations a second."""
        return compute_speed()
