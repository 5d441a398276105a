"""Vision towers alone against the whole models that they are part of."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from transformers import Qwen2VLImageProcessor

from chajong.encoders.building import build_encoder, encoder_key
from chajong.encoders.encoder import EncoderError
from chajong.encoders.hub import local_files
from chajong.encoders.parameters import PixelBudget, VlmTowerParameters
from chajong.encoders.sharded_weights import open_sharded_weights
from chajong.encoders.vlm_towers import PARTS, input_shape, patch_rows, read_parts

BUDGET = {"max_pixels": 56 * 84, "aspect_ratio": 1.5}


def parameters(folder, **changes):
    return VlmTowerParameters(model="tiny", weights=f"{folder}/", **BUDGET | changes)


def photos_of(encoder, count=3):
    shape = (count, 1, 3, encoder.preparation.height, encoder.preparation.width)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def seen_by_the_whole_model(model, processor, photo):
    """Both means over one photo, through the library's own processor and model."""
    inputs = processor.image_processor(images=[photo], do_resize=False, return_tensors="pt")
    with torch.no_grad():
        out = model.get_image_features(**inputs)
    patches = out.last_hidden_state
    if model.config.model_type == "llava":
        with torch.no_grad():
            states = model.model.vision_tower(**inputs, output_hidden_states=True).hidden_states
        patches = states[-2][0, 1:]
    return torch.cat([patches.mean(0), out.pooler_output[0].mean(0)])


class TestTower:
    def test_features_are_those_of_the_whole_model(self, tiny_vlm):
        model, processor, folder = tiny_vlm
        encoder = build_encoder(parameters(folder))
        photos = photos_of(encoder)
        expected = [seen_by_the_whole_model(model, processor, photo[0]) for photo in photos]
        np.testing.assert_allclose(
            encoder.encode(photos), torch.stack(expected), rtol=1e-4, atol=1e-5
        )

    def test_both_outputs_are_the_two_side_by_side(self, tiny_vlm):
        folder = tiny_vlm[2]
        encoders = {
            features: build_encoder(parameters(folder, features=features))
            for features in ("patches", "projected", "both")
        }
        photos = photos_of(encoders["both"])
        encoded = {name: encoder.encode(photos) for name, encoder in encoders.items()}
        joined = np.concatenate([encoded["patches"], encoded["projected"]], axis=1)
        np.testing.assert_allclose(encoded["both"], joined, rtol=1e-5, atol=1e-6)

    def test_only_the_towers_tensors_are_read(self, tiny_vlm):
        model, _, folder = tiny_vlm
        read = read_parts(parameters(folder), PARTS[model.config.model_type])
        wanted = ("model.visual.", "model.vision_tower.", "model.multi_modal_projector.")
        expected = [
            tensor for name, tensor in model.state_dict().items() if name.startswith(wanted)
        ]
        assert len(read.tensors) == len(expected)
        assert read.bytes_read == sum(tensor.nbytes for tensor in expected)

    def test_the_language_models_files_may_be_absent(self, tiny_vlm, tmp_path):
        model, _, folder = tiny_vlm
        partial = shutil.copytree(folder, tmp_path / "model")
        used = read_parts(parameters(folder), PARTS[model.config.model_type]).files
        files = set(open_sharded_weights(local_files(folder)).file_of.values())
        absent = files - set(used)
        assert absent
        for name in absent:
            (partial / name).unlink()
        photos = photos_of(build_encoder(parameters(folder)))
        np.testing.assert_array_equal(
            build_encoder(parameters(partial)).encode(photos),
            build_encoder(parameters(folder)).encode(photos),
        )

    def test_names_of_other_versions_of_the_library_are_known(self, tiny_vlm, tmp_path):
        model, _, folder = tiny_vlm
        renamed = {}
        for name, tensor in model.state_dict().items():
            # As transformers wrote LLaVA at first, and Qwen's models for a while.
            older = name.removeprefix("model.") if model.config.model_type == "llava" else name
            renamed[older.replace("vision_tower.", "vision_tower.vision_model.")] = tensor
        for name in ("config.json", "processor_config.json"):
            shutil.copy(folder / name, tmp_path)
        save_file(renamed, tmp_path / "model.safetensors")
        photos = photos_of(build_encoder(parameters(folder)))
        np.testing.assert_array_equal(
            build_encoder(parameters(tmp_path)).encode(photos),
            build_encoder(parameters(folder)).encode(photos),
        )

    def test_a_batch_gives_what_single_photos_give(self, tiny_vlm):
        encoder = build_encoder(parameters(tiny_vlm[2], flip=True))
        photos = photos_of(encoder)
        single = np.concatenate([encoder.encode(photo[None]) for photo in photos])
        np.testing.assert_allclose(encoder.encode(photos), single, rtol=1e-4, atol=1e-5)

    def test_photos_are_prepared_and_joined_as_chosen(self, tiny_vlm):
        chosen = {"zoom": (1.0, 1.4), "fit": "pad", "batch_size": 5}
        encoder = build_encoder(parameters(tiny_vlm[2], **chosen))
        assert encoder.preparation.zoom == (1.0, 1.4)
        assert (encoder.preparation.fit, encoder.batch_size) == ("pad", 5)
        photo = photos_of(encoder, count=1)
        joined = encoder.encode(photo.expand(-1, 2, -1, -1, -1))
        np.testing.assert_allclose(*np.split(joined, 2, axis=1), rtol=1e-4, atol=1e-5)

    def test_a_model_without_a_known_tower_is_refused(self, tmp_path):
        (tmp_path / "config.json").write_text('{"model_type": "llama"}')
        with pytest.raises(EncoderError, match=r"of the kind 'llama'.*qwen2_5_vl, qwen2_vl, llava"):
            build_encoder(parameters(tmp_path))


class TestPatchRows:
    @given(
        rows=st.integers(1, 3),
        columns=st.integers(1, 3),
        count=st.integers(1, 3),
        seed=st.integers(),
    )
    def test_rows_are_the_image_processors_own(self, rows, columns, count, seed):
        generator = torch.Generator().manual_seed(seed % 2**32)
        shape = (count, 3, rows * 28, columns * 28)
        photos = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        processor = Qwen2VLImageProcessor()
        expected = processor(images=list(photos), do_resize=False, return_tensors="pt")

        mean, std = (
            torch.tensor(v).view(3, 1, 1) for v in (processor.image_mean, processor.image_std)
        )
        vision = SimpleNamespace(patch_size=14, spatial_merge_size=2, temporal_patch_size=2)
        made, grid = patch_rows((photos / 255 - mean) / std, vision)
        torch.testing.assert_close(made, expected["pixel_values"], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(grid, expected["image_grid_thw"])


class TestInputShape:
    qwen = SimpleNamespace(
        model_type="qwen2_5_vl", vision_config=SimpleNamespace(patch_size=14, spatial_merge_size=2)
    )

    @given(pixels=st.integers(100 * 28 * 28, 4_000_000), ratio=st.floats(0.25, 4))
    def test_the_shape_is_whole_tokens_within_the_budget_and_near_the_ratio(self, pixels, ratio):
        budget = PixelBudget(max_pixels=pixels, aspect_ratio=ratio)
        height, width = input_shape(self.qwen, budget)
        assert height % 28 == width % 28 == 0
        assert height * width <= pixels
        assert abs(width - height * ratio) <= 28 * (1 + ratio)

    def test_a_shape_keeps_its_size_when_it_fits_exactly(self):
        assert input_shape(self.qwen, PixelBudget(**BUDGET)) == (56, 84)

    def test_a_budget_below_the_least_that_the_model_sees_is_refused(self):
        llava = SimpleNamespace(model_type="llava", vision_config=SimpleNamespace(image_size=336))
        with pytest.raises(EncoderError, match=r"336 x 336.*Set it to 112896 or more"):
            input_shape(llava, PixelBudget(max_pixels=336 * 336 - 1))
        wide = PixelBudget(max_pixels=28 * 28, aspect_ratio=4)
        with pytest.raises(EncoderError, match="28 x 56"):
            input_shape(self.qwen, wide)


class TestKey:
    @pytest.mark.parametrize(
        "change",
        [
            {"max_pixels": 56 * 56},
            {"aspect_ratio": 1.0},
            {"features": "patches"},
            {"flip": True},
            {"model": "owner/other"},
            {"revision": "b" * 40},
        ],
    )
    def test_what_changes_features_changes_the_key(self, change):
        given = {"model": "owner/model", "revision": "a" * 40}
        assert encoder_key(VlmTowerParameters(**given)) != encoder_key(
            VlmTowerParameters(**given | change)
        )

    def test_the_batch_size_keeps_the_key(self):
        given = {"model": "owner/model", "revision": "a" * 40}
        keys = [encoder_key(VlmTowerParameters(**given, batch_size=size)) for size in (1, 2)]
        assert keys[0] == keys[1]

    def test_weights_are_the_hub_or_a_path(self):
        with pytest.raises(ValueError, match="weights"):
            VlmTowerParameters(model="owner/model", weights="random")


def test_an_encoder_is_let_go(tiny_vlm, watched):
    encoder = build_encoder(parameters(tiny_vlm[2]))
    watched.watch(encoder._answer.__self__)
    encoder.encode(photos_of(encoder))
    del encoder
    assert not watched.in_memory()
