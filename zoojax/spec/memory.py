"""The old place of ``zoojax.common.memory``, kept for programs that import it from here."""

from zoojax.common.memory import keep_freed_memory as keep_freed_memory
