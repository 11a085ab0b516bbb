"""Memory of this process."""

import ctypes
import platform

# Of malloc.h: how many pieces may come from the system alone, how much is kept of what is freed,
# and how many heaps threads share.
M_MMAP_MAX, M_TRIM_THRESHOLD, M_ARENA_MAX = -4, -1, -8
LARGEST = 2**31 - 1


def keep_freed_memory() -> bool:
    """Have the C library keep memory that is freed, for what comes next to use again.

    It else gives large pieces back to the system, and gets them again for each training step,
    cleared page by page as they are touched: a quarter to a half of the time that a step with
    pictures takes on a CPU. The process then keeps the memory of its largest step until it ends.
    For programs, not for libraries; to be called before arrays are made.

    Returns:
        whether it was done: of the C libraries in use only glibc, of most Linux systems, knows how.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    wanted = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, LARGEST), (M_ARENA_MAX, 1))
    done = [mallopt(name, value) == 1 for name, value in wanted]
    return all(done)
