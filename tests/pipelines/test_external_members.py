"""A teammate's table that is wrong stops the ensemble with what is wrong about it."""

import numpy as np
import pytest

from chajong.predictions.contract import ROW_COLUMNS


@pytest.fixture
def table(finished):
    """The out-of-fold and test rows of a member, as a teammate would send them."""
    frame = finished.load("hog.predictions").to_frame()
    frame = frame[frame["split"] != "test"].drop_duplicates("photo_id")
    names = [column for column in frame if column not in ROW_COLUMNS]
    frame[names] = np.exp(frame[names].astype(float))
    return frame.drop(columns=["split", "fold", "label_counts"]).reset_index(drop=True)


def other_classes(table):
    return table.rename(columns={table.columns[1]: "다른_차_2020"})


def missing_photo(table):
    return table.iloc[1:]


def doubled_photo(table):
    return table.iloc[[0, *range(len(table))]]


def unnormalised(table):
    halved = table.copy()
    halved.iloc[2, 1:] = halved.iloc[2, 1:] / 2
    return halved


def not_a_number(table):
    return table.mask(table == table.iloc[4, 3])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_classes, r"teammate\.csv needs one column for each .*다른_차_2020"),
        (missing_photo, r"teammate\.csv lacks 1 of \d+ train photos, the first is 'train/"),
        (doubled_photo, r"teammate\.csv.* 'train/.*"),
        (unnormalised, r"teammate\.csv, row 3: the probabilities sum to 0\.5, not to 1"),
        (not_a_number, r"teammate\.csv, row 5 has the value nan"),
    ],
)
def test_the_ensemble_says_what_is_wrong(spoil, message, table, finished, data_dir, run_pipelines):
    folder = data_dir / "07_model_output" / "external"
    folder.mkdir(parents=True)
    spoil(table).to_csv(folder / "teammate.csv", index=False, encoding="utf-8-sig")
    with pytest.raises(Exception, match=message):
        run_pipelines(finished.raw, data_dir, "ensembling", hog=finished.hog)


def test_a_name_that_is_taken_stops_the_whole_run_before_any_photo_is_read(
    table, finished, tmp_path, run_pipelines
):
    folder = tmp_path / "07_model_output" / "external"
    folder.mkdir(parents=True)
    table.to_csv(folder / "hog.csv", index=False, encoding="utf-8-sig")
    with pytest.raises(Exception, match=r"hog\.csv .* this project's own 'hog'"):
        run_pipelines(finished.raw, tmp_path)
    assert not (tmp_path / "03_primary" / "photos.parquet").exists()
