"""The old place of ``zoojax.common.teaching.exercises``, kept for copies of the notebooks."""

from zoojax.common.teaching.exercises import check as check
