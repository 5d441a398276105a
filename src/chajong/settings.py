"""Kedro's project settings: hooks and how configuration is merged."""

from chajong.hooks import RunSummaryHooks

HOOKS = (RunSummaryHooks(),)

# Environments (gpu24, gpu80) change a few nested values of a member; the default merge would
# replace the member's whole block.
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
}
