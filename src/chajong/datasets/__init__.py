"""Catalog datasets that no library has."""

from chajong.datasets.checkpoint import CheckpointDataset
from chajong.datasets.features import FeaturesDataset
from chajong.datasets.metrics_history import MetricsHistoryDataset
from chajong.datasets.new_photos import NewPhotosDataset
from chajong.datasets.optional import OptionalDataset, Skipped
from chajong.datasets.photo_folder import PhotoFolderDataset
from chajong.datasets.photo_index import PhotoIndexDataset
from chajong.datasets.photo_store import PhotoStoreDataset
from chajong.datasets.predictions import PredictionsDataset
from chajong.datasets.saved_ensemble import SavedEnsembleDataset
from chajong.datasets.scratch import ScratchDataset
from chajong.datasets.submission import SubmissionDataset
from chajong.datasets.table_folder import TableFolderDataset
from chajong.datasets.written_folder import WrittenFolderDataset

__all__ = [
    "CheckpointDataset",
    "FeaturesDataset",
    "MetricsHistoryDataset",
    "NewPhotosDataset",
    "OptionalDataset",
    "PhotoFolderDataset",
    "PhotoIndexDataset",
    "PhotoStoreDataset",
    "PredictionsDataset",
    "SavedEnsembleDataset",
    "ScratchDataset",
    "Skipped",
    "SubmissionDataset",
    "TableFolderDataset",
    "WrittenFolderDataset",
]
