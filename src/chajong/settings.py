"""Kedro's project settings: hooks and how configuration is read."""

import os
from importlib.util import find_spec

from chajong.configuration import LOADER_ARGUMENTS, SessionConfigLoader
from chajong.hooks import DataFolderHooks, MembersHooks, RunSummaryHooks, StepHooks
from chajong.tracking import MlflowTrackingHooks

# Before torch is imported: memory in large pages, without which a training on the CPU spends much
# of its time on page faults (docs/results.md).
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# kedro-mlflow, an optional extra, registers its own hooks, which start and end MLflow's runs.
TRACKING_HOOKS = (MlflowTrackingHooks(),) if find_spec("kedro_mlflow") else ()

# Kedro calls the later ones first: the folder is taken before anything is told.
HOOKS = (MembersHooks(), RunSummaryHooks(), StepHooks(), DataFolderHooks(), *TRACKING_HOOKS)

CONFIG_LOADER_CLASS = SessionConfigLoader
CONFIG_LOADER_ARGS = LOADER_ARGUMENTS
