"""Kedro's project settings: hooks and how configuration is merged."""

import os

from chajong.hooks import RunSummaryHooks

# Before torch is imported: memory in large pages, without which a training on the CPU spends much
# of its time on page faults (docs/results.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

HOOKS = (RunSummaryHooks(),)

# Environments (gpu24, gpu80) change a few nested values of a member; the default merge would
# replace the member's whole block.
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
}
