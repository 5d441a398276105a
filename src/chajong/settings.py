"""Kedro's project settings: hooks and how configuration is merged."""

import os
from importlib.util import find_spec

from chajong.hooks import RunSummaryHooks
from chajong.tracking import MlflowTrackingHooks

# Before torch is imported: memory in large pages, without which a training on the CPU spends much
# of its time on page faults (docs/results.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# kedro-mlflow, an optional extra, registers its own hooks, which start and end MLflow's runs.
TRACKING_HOOKS = (MlflowTrackingHooks(),) if find_spec("kedro_mlflow") else ()

HOOKS = (RunSummaryHooks(), *TRACKING_HOOKS)

# Environments (gpu24, gpu80) change a few nested values of a member; the default merge would
# replace the member's whole block.
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft"},
}
