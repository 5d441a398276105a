import logging
import shutil

import numpy as np
import pyarrow as pa
import pytest

from chajong.photos.content_cache import ContentCache

SCHEMA = pa.schema({"key": pa.string(), "features": pa.list_(pa.float16(), 3)})


def rows(*keys: str) -> pa.Table:
    numbers = pa.array(np.arange(3 * len(keys)), pa.float16())
    features = pa.FixedSizeListArray.from_arrays(numbers, 3)
    return pa.table([pa.array(keys), features], schema=SCHEMA)


def test_a_new_cache_is_empty(tmp_path):
    cache = ContentCache(tmp_path / "new" / "cache", SCHEMA)
    assert cache.keys() == set()
    assert cache.table().equals(SCHEMA.empty_table())


def test_rows_come_back_in_the_order_they_were_appended(tmp_path):
    cache = ContentCache(tmp_path, SCHEMA)
    cache.append(rows("b", "a"))
    cache.append(rows("c"))
    expected = pa.concat_tables([rows("b", "a"), rows("c")])
    assert cache.table().equals(expected)
    assert ContentCache(tmp_path, SCHEMA).table().equals(expected)
    assert ContentCache(tmp_path, SCHEMA).keys() == {"a", "b", "c"}


def test_rows_are_mapped_from_disk(tmp_path):
    cache = ContentCache(tmp_path, SCHEMA)
    cache.append(rows(*map(str, range(50_000))))
    before = pa.total_allocated_bytes()
    table = ContentCache(tmp_path, SCHEMA).table()
    assert table.nbytes > 500_000
    assert pa.total_allocated_bytes() - before < 10_000


def test_a_key_is_kept_once(tmp_path):
    cache = ContentCache(tmp_path, SCHEMA)
    cache.append(rows("a"))
    with pytest.raises(ValueError, match="every key once"):
        cache.append(rows("b", "a"))
    with pytest.raises(ValueError, match="every key once"):
        cache.append(rows("b", "b"))
    assert ContentCache(tmp_path, SCHEMA).keys() == {"a"}


def test_rows_of_another_schema_are_refused(tmp_path):
    with pytest.raises(ValueError, match="other"):
        ContentCache(tmp_path, SCHEMA).append(pa.table({"other": ["a"]}))


def test_a_folder_of_another_schema_is_refused_and_left_alone(tmp_path):
    ContentCache(tmp_path, SCHEMA).append(rows("a"))
    with pytest.raises(ValueError, match="delete the folder"):
        ContentCache(tmp_path, pa.schema({"key": pa.string()}))
    assert ContentCache(tmp_path, SCHEMA).keys() == {"a"}


def first_shard(folder):
    return min(folder.glob("shard-*.arrow"))


def cut(content):
    return content[:200]


def flipped(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize("damage", [lambda _: b"", lambda content: content[:5], cut, flipped])
def test_a_damaged_shard_is_removed_with_a_log_line(tmp_path, caplog, damage):
    cache = ContentCache(tmp_path, SCHEMA)
    cache.append(rows("a"))
    cache.append(rows("b"))
    shard = first_shard(tmp_path)
    shard.write_bytes(damage(shard.read_bytes()))
    with caplog.at_level(logging.WARNING):
        reopened = ContentCache(tmp_path, SCHEMA)
    assert reopened.keys() == {"b"}
    assert shard.name in caplog.text
    assert not shard.exists()


def test_what_two_processes_made_at_once_is_read_once(tmp_path):
    one, other = ContentCache(tmp_path, SCHEMA), ContentCache(tmp_path, SCHEMA)
    one.append(rows("a", "b"))
    other.append(rows("b", "c"))
    both = ContentCache(tmp_path, SCHEMA)
    assert sorted(both.table()["key"].to_pylist()) == ["a", "b", "c"]
    assert one.table().equals(rows("a", "b"))


def test_a_copied_shard_is_read_once(tmp_path):
    ContentCache(tmp_path, SCHEMA).append(rows("a"))
    shutil.copy(first_shard(tmp_path), tmp_path / "shard-00007.arrow")
    assert ContentCache(tmp_path, SCHEMA).table().equals(rows("a"))


def test_a_shard_after_a_removed_one_replaces_none(tmp_path):
    cache = ContentCache(tmp_path, SCHEMA)
    cache.append(rows("a"))
    cache.append(rows("b"))
    first_shard(tmp_path).write_bytes(b"")
    reopened = ContentCache(tmp_path, SCHEMA)
    reopened.append(rows("c"))
    assert ContentCache(tmp_path, SCHEMA).keys() == {"b", "c"}


def test_a_full_disk_names_folder_and_room_and_leaves_no_half_shard(small_disk):
    cache = ContentCache(small_disk / "cache", SCHEMA)
    cache.append(rows("a"))
    with pytest.raises(
        OSError, match=r"cache is full: \d\.\d MB are free, .* needs about 2\.\d MB"
    ):
        cache.append(rows(*map(str, range(150_000))))
    assert len(list(cache.folder.iterdir())) == 2  # the shard of "a" and its hash
    assert cache.keys() == {"a"}
    cache.append(rows("b"))
    assert ContentCache(small_disk / "cache", SCHEMA).keys() == {"a", "b"}
