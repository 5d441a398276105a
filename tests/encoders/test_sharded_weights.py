"""Reading a few tensors of a model in several files."""

import json

import pytest
import torch
from safetensors.torch import save_file

from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import ModelFiles, local_files
from chajong.encoders.sharded_weights import (
    ReadTensors,
    assign_weights,
    open_sharded_weights,
    read_tensors,
)

INDEX = "model.safetensors.index.json"

SHARDS = {
    "one.safetensors": {
        "visual.a": torch.arange(6.0).view(2, 3),
        "model.w": torch.ones(100),
    },
    "two.safetensors": {"visual.b": torch.tensor(4.0, dtype=torch.float16)},
    "three.safetensors": {"model.v": torch.ones(1000)},
}


@pytest.fixture
def folder(tmp_path):
    for name, tensors in SHARDS.items():
        save_file(tensors, tmp_path / name)
    file_of = {tensor: name for name, tensors in SHARDS.items() for tensor in tensors}
    (tmp_path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": file_of}))
    return tmp_path


def read(folder, *prefixes):
    weights = open_sharded_weights(local_files(folder))
    return read_tensors(weights, prefixes, torch.float32, torch.device("cpu"))


class TestReadTensors:
    def test_the_tensors_of_a_prefix_come_from_every_file_in_the_type_asked_for(self, folder):
        tensors = read(folder, "visual.").tensors
        assert set(tensors) == {"a", "b"}
        torch.testing.assert_close(tensors["a"], SHARDS["one.safetensors"]["visual.a"])
        torch.testing.assert_close(tensors["b"], torch.tensor(4.0))

    def test_only_their_bytes_are_counted(self, folder):
        assert read(folder, "visual.").bytes_read == 6 * 4 + 2

    def test_files_without_them_are_not_opened(self, folder):
        (folder / "three.safetensors").unlink()
        assert read(folder, "visual.").files == ("one.safetensors", "two.safetensors")

    def test_the_first_known_prefix_counts(self, folder):
        assert set(read(folder, "model.visual.", "visual.", "model.").tensors) == {"a", "b"}

    def test_one_file_without_an_index_is_enough(self, tmp_path):
        save_file(SHARDS["one.safetensors"], tmp_path / "model.safetensors")
        assert set(read(tmp_path, "visual.").tensors) == {"a"}

    def test_an_unknown_prefix_names_what_there_is(self, folder):
        with pytest.raises(EncoderError, match=r"begins with tower\. or eye\..*model\.v, model\.w"):
            read(folder, "tower.", "eye.")

    def test_a_missing_file_is_named(self, folder):
        (folder / "two.safetensors").unlink()
        with pytest.raises(EncoderError, match=r"two\.safetensors is missing"):
            read(folder, "visual.")

    def test_a_cut_off_file_is_named(self, folder):
        path = folder / "one.safetensors"
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(EncoderError, match=r"one\.safetensors is not a safetensors file"):
            read(folder, "visual.")

    def test_a_file_that_lacks_a_tensor_of_the_index_is_named(self, folder):
        save_file({"other": torch.ones(1)}, folder / "two.safetensors")
        with pytest.raises(EncoderError, match=r"two\.safetensors does not hold visual\.b"):
            read(folder, "visual.")

    def test_a_folder_without_weights_is_refused(self, tmp_path):
        with pytest.raises(EncoderError, match=r"holds no weights under a name that is read here"):
            open_sharded_weights(local_files(tmp_path))

    def test_a_broken_index_is_named(self, folder):
        (folder / INDEX).write_text('{"metadata": {}}')
        with pytest.raises(EncoderError, match=r"index\.json is no index"):
            open_sharded_weights(local_files(folder))


class TestTorchFiles:
    @pytest.fixture
    def torch_folder(self, tmp_path):
        names = {name: name.replace("safetensors", "bin") for name in SHARDS}
        for name, tensors in SHARDS.items():
            torch.save(tensors, tmp_path / names[name])
        file_of = {tensor: names[name] for name, part in SHARDS.items() for tensor in part}
        (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": file_of}))
        return tmp_path

    def test_shards_that_torch_wrote_are_read_alike(self, torch_folder):
        (torch_folder / "three.bin").unlink()
        found = read(torch_folder, "visual.")
        assert (found.files, found.bytes_read) == (("one.bin", "two.bin"), 6 * 4 + 2)
        torch.testing.assert_close(found.tensors["a"], SHARDS["one.safetensors"]["visual.a"])

    def test_one_file_that_torch_wrote_is_enough(self, tmp_path):
        torch.save(SHARDS["one.safetensors"], tmp_path / "pytorch_model.bin")
        assert set(read(tmp_path, "visual.").tensors) == {"a"}

    def test_a_file_that_lacks_a_tensor_of_the_index_is_named(self, torch_folder):
        torch.save({"other": torch.ones(1)}, torch_folder / "two.bin")
        with pytest.raises(EncoderError, match=r"two\.bin does not hold visual\.b"):
            read(torch_folder, "visual.")

    def test_safetensors_go_before(self, tmp_path):
        torch.save({"visual.old": torch.ones(1)}, tmp_path / "pytorch_model.bin")
        save_file({"visual.new": torch.ones(1)}, tmp_path / "model.safetensors")
        assert set(read(tmp_path, "visual.").tensors) == {"new"}


class TestFetching:
    def test_only_the_files_with_wanted_tensors_are_fetched(self, folder):
        fetched = []

        def fetch(name):
            fetched.append(name)
            return folder / name

        files = ModelFiles("owner/model", (INDEX, *SHARDS), fetch, lambda _: folder)
        read_tensors(open_sharded_weights(files), ["visual."], torch.float32, torch.device("cpu"))
        assert fetched == [INDEX, "one.safetensors", "two.safetensors"]


class TestAssignWeights:
    def test_the_tensors_themselves_become_the_weights(self):
        network = torch.nn.Linear(3, 2, bias=False, device="meta")
        weight = torch.ones(2, 3)
        assign_weights(network, ReadTensors({"weight": weight}, (), 0), "owner/model")
        assert network.weight.data_ptr() == weight.data_ptr()

    @pytest.mark.parametrize(
        ("tensors", "problem"),
        [
            ({}, "Missing key.*weight"),
            ({"weight": torch.ones(2, 3), "other": torch.ones(1)}, "Unexpected key.*other"),
            ({"weight": torch.ones(3, 3)}, "size mismatch for weight"),
        ],
    )
    def test_tensors_that_do_not_fit_are_named(self, tensors, problem):
        network = torch.nn.Linear(3, 2, bias=False, device="meta")
        with pytest.raises(EncoderError, match=f"'owner/model' do not fit.*{problem}"):
            assign_weights(network, ReadTensors(tensors, (), 0), "owner/model")
