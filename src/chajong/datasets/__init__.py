"""Catalog datasets: what is written is whole, and what is read is what was written."""

from chajong.datasets.checkpoint import CheckpointDataset
from chajong.datasets.features import FeaturesDataset
from chajong.datasets.metrics_history import MetricsHistoryDataset
from chajong.datasets.new_photos import NewPhotosDataset
from chajong.datasets.optional import OptionalDataset, Skipped
from chajong.datasets.photo_folder import PhotoFolderDataset
from chajong.datasets.photo_index import PhotoIndexDataset
from chajong.datasets.photo_store import PhotoStoreDataset
from chajong.datasets.picture import PictureDataset
from chajong.datasets.predictions import PredictionsDataset
from chajong.datasets.saved_ensemble import SavedEnsembleDataset
from chajong.datasets.scratch import ScratchDataset
from chajong.datasets.submission import SubmissionDataset
from chajong.datasets.table_folder import TableFolderDataset
from chajong.datasets.tables import ParquetDataset, PhotosDataset, TableDataset
from chajong.datasets.text import ChartDataset, JSONDataset, TextDataset
from chajong.datasets.written_folder import WrittenFolderDataset

__all__ = [
    "ChartDataset",
    "CheckpointDataset",
    "FeaturesDataset",
    "JSONDataset",
    "MetricsHistoryDataset",
    "NewPhotosDataset",
    "OptionalDataset",
    "ParquetDataset",
    "PhotoFolderDataset",
    "PhotoIndexDataset",
    "PhotoStoreDataset",
    "PhotosDataset",
    "PictureDataset",
    "PredictionsDataset",
    "SavedEnsembleDataset",
    "ScratchDataset",
    "Skipped",
    "SubmissionDataset",
    "TableDataset",
    "TableFolderDataset",
    "TextDataset",
    "WrittenFolderDataset",
]
