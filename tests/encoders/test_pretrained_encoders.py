"""Encoders of every library on tiny models made here; nothing is downloaded."""

import json

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from chajong.encoders.building import build_encoder, encoder_key, load_image_model
from chajong.encoders.encoder import EncoderError
from chajong.encoders.parameters import HogParameters, PretrainedParameters

TIMM = "test_efficientnet"


def timm_parameters(**changes):
    given = {"library": "timm", "model": TIMM, "weights": "random", "image_size": 32}
    return PretrainedParameters(**given | {"zoom": (1.0,)} | changes)


def photos_of(encoder, count=3, seed=0):
    preparation = encoder.preparation
    shape = (count, len(preparation.zoom), 3, preparation.height, preparation.width)
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.fixture
def saved_timm(tmp_path):
    torch.manual_seed(7)
    network = timm.create_model(TIMM, num_classes=5)
    path = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), path)
    return network.eval(), path


@pytest.fixture
def open_clip_folder(tmp_path):
    import open_clip

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 64, "heads": 2, "layers": 1},
    }
    model = open_clip.CLIP(**config)
    preprocessing = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "size": 32}
    text = json.dumps({"model_cfg": config, "preprocess_cfg": preprocessing})
    (tmp_path / "open_clip_config.json").write_text(text)
    save_file(
        {name: tensor.clone() for name, tensor in model.state_dict().items()},
        tmp_path / "open_clip_model.safetensors",
    )
    return model.eval(), tmp_path


def tiny_transformers(kind):
    from transformers import CLIPConfig, CLIPModel, Dinov2Config, Dinov2Model, SiglipConfig
    from transformers import SiglipModel as Siglip

    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision = {**small, "intermediate_size": 48, "image_size": 32, "patch_size": 16}
    text = {**small, "intermediate_size": 48, "vocab_size": 50, "bos_token_id": 0}
    text |= {"eos_token_id": 1, "pad_token_id": 1, "max_position_embeddings": 8}
    if kind == "clip":
        return CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=16))
    if kind == "siglip":
        return Siglip(
            SiglipConfig(vision_config=vision, text_config={**text, "projection_size": 32})
        )
    return Dinov2Model(Dinov2Config(**small, image_size=32, patch_size=16, mlp_ratio=2))


@pytest.fixture(params=["clip", "siglip", "dinov2"])
def transformers_folder(request, tmp_path):
    from transformers import CLIPImageProcessor

    torch.manual_seed(3)
    model = tiny_transformers(request.param).eval()
    model.save_pretrained(tmp_path)
    CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(tmp_path)
    return model, tmp_path


class TestTimm:
    def test_features_are_the_models_own_on_normalised_photos(self, saved_timm):
        network, path = saved_timm
        chosen = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}
        encoder = build_encoder(timm_parameters(weights=str(path), flip=False, **chosen))
        photos = photos_of(encoder)

        mean, std = (torch.tensor(chosen[name]).view(3, 1, 1) for name in ("mean", "std"))
        with torch.no_grad():
            expected = network.forward_head(
                network.forward_features((photos[:, 0] / 255 - mean) / std), pre_logits=True
            )
        np.testing.assert_allclose(encoder.encode(photos), expected, rtol=1e-3, atol=1e-4)

    def test_a_photo_and_its_mirror_image_have_the_same_features(self):
        encoder = build_encoder(timm_parameters())
        photos = photos_of(encoder)
        np.testing.assert_allclose(
            encoder.encode(photos), encoder.encode(photos.flip(-1)), rtol=1e-3, atol=1e-4
        )

    def test_zooms_are_joined_side_by_side(self):
        encoder = build_encoder(timm_parameters(zoom=(1.0, 1.5)))
        photos = photos_of(encoder)
        joined = encoder.encode(photos)
        first = encoder.encode(photos[:, :1])
        np.testing.assert_allclose(joined[:, : first.shape[1]], first, rtol=1e-3, atol=1e-4)
        assert joined.shape == (3, 2 * first.shape[1])

    @pytest.mark.parametrize(("model", "side"), [(TIMM, 32), ("test_vit", 160)])
    def test_layers_are_the_pooled_features_and_the_means_of_the_last_stages(self, model, side):
        given = {"model": model, "image_size": side, "flip": False}
        encoder = build_encoder(timm_parameters(**given, layers=3))
        photos = photos_of(encoder)
        alone = build_encoder(timm_parameters(**given)).encode(photos)
        joined = encoder.encode(photos)
        network = load_image_model(timm_parameters(**given)).eval()
        normalised = photos[:, 0].float() * network.scale - network.shift
        with torch.no_grad():
            _, maps = network.network.forward_intermediates(normalised)
        blocks = [alone, *(maps[-place].mean((2, 3)).numpy() for place in (1, 2))]
        edges = np.cumsum([block.shape[1] for block in blocks])
        assert joined.shape == (3, edges[-1])
        for block, part in zip(blocks, np.split(joined, edges[:-1], axis=1), strict=True):
            lengths = np.abs(part).sum(1)
            np.testing.assert_allclose(lengths, edges[-1] / 3, rtol=1e-3)
            expected = block / np.abs(block).sum(1, keepdims=True) * edges[-1] / 3
            np.testing.assert_allclose(part, expected, rtol=1e-2, atol=1e-3)

    def test_more_layers_than_the_model_has_are_refused(self):
        with pytest.raises(EncoderError, match=r"has 5 stages to join .* at most 6, not 9"):
            build_encoder(timm_parameters(layers=9))

    def test_layers_of_another_library_are_refused(self):
        with pytest.raises(ValueError, match="timm alone, not of open_clip"):
            PretrainedParameters(library="open_clip", model="m", layers=2)

    def test_an_image_size_reaches_a_transformer(self):
        encoder = build_encoder(timm_parameters(model="test_vit", image_size=96))
        assert (encoder.preparation.height, encoder.preparation.width) == (96, 96)
        assert np.isfinite(encoder.encode(photos_of(encoder))).all()

    def test_random_weights_depend_on_the_seed_only(self):
        encoder = build_encoder(timm_parameters(seed=1))
        photos = photos_of(encoder)
        again = build_encoder(timm_parameters(seed=1)).encode(photos)
        other = build_encoder(timm_parameters(seed=2)).encode(photos)
        np.testing.assert_array_equal(encoder.encode(photos), again)
        assert not np.allclose(again, other)

    def test_an_unknown_model_is_named_with_its_likeness(self):
        with pytest.raises(EncoderError, match=r"no model 'test_efficientnett'.*test_efficientnet"):
            build_encoder(timm_parameters(model="test_efficientnett"))

    def test_weights_that_do_not_fit_are_named(self, saved_timm):
        _, path = saved_timm
        with pytest.raises(EncoderError, match=r"weights\.safetensors.*'test_vit' do not fit"):
            build_encoder(timm_parameters(model="test_vit", weights=str(path), image_size=None))

    def test_weights_that_are_absent_are_named(self):
        with pytest.raises(EncoderError, match=r"nowhere/model\.safetensors does not exist"):
            build_encoder(timm_parameters(weights="nowhere/model.safetensors"))

    def test_a_file_of_another_format_is_refused(self, tmp_path):
        path = tmp_path / "weights.safetensors"
        torch.save({"weight": torch.zeros(2)}, path)
        with pytest.raises(EncoderError, match="is not a safetensors file"):
            build_encoder(timm_parameters(weights=str(path)))


class TestOpenClip:
    def parameters(self, **changes):
        given = {"library": "open_clip", "model": "ViT-B-32", "flip": False, "zoom": (1.0,)}
        return PretrainedParameters(**given | changes)

    def test_features_are_the_image_towers_own(self, open_clip_folder):
        model, folder = open_clip_folder
        encoder = build_encoder(self.parameters(weights=str(folder)))
        photos = photos_of(encoder)
        with torch.no_grad():
            expected = model.encode_image((photos[:, 0] / 255 - 0.5) / 0.25)
        np.testing.assert_allclose(encoder.encode(photos), expected, rtol=1e-3, atol=1e-4)

    def test_an_unknown_tag_names_the_known_ones(self):
        with pytest.raises(EncoderError, match=r"no weights 'hub'.*openai"):
            build_encoder(self.parameters(weights="hub"))

    def test_an_unknown_model_is_named(self):
        with pytest.raises(EncoderError, match="no model 'ViT-Z-99'"):
            build_encoder(self.parameters(model="ViT-Z-99", weights="random"))

    def test_a_file_that_does_not_fit_is_named(self, open_clip_folder):
        file = open_clip_folder[1] / "open_clip_model.safetensors"
        with pytest.raises(EncoderError, match=r"open_clip_model\.safetensors.*do not fit"):
            build_encoder(self.parameters(weights=str(file)))


class TestTransformers:
    def parameters(self, folder, **changes):
        given = {"library": "transformers", "model": str(folder), "flip": False, "zoom": (1.0,)}
        return PretrainedParameters(**given | changes)

    def test_features_are_the_models_pooled_output(self, transformers_folder):
        model, folder = transformers_folder
        encoder = build_encoder(self.parameters(folder, weights=str(folder)))
        photos = photos_of(encoder)
        from transformers import CLIPImageProcessor

        processor = CLIPImageProcessor()
        mean, std = (
            torch.tensor(values).view(3, 1, 1)
            for values in (processor.image_mean, processor.image_std)
        )
        pictures = (photos[:, 0] / 255 - mean) / std
        with torch.no_grad():
            encode = getattr(model, "get_image_features", model)
            expected = encode(pixel_values=pictures).pooler_output
        np.testing.assert_allclose(encoder.encode(photos), expected, rtol=1e-3, atol=1e-4)

    def test_random_weights_need_only_the_configuration(self, transformers_folder):
        _, folder = transformers_folder
        (folder / "model.safetensors").unlink()
        encoder = build_encoder(self.parameters(folder, weights="random"))
        assert np.isfinite(encoder.encode(photos_of(encoder))).all()

    def test_a_model_that_cannot_be_fetched_names_the_fix(self, tmp_path):
        with pytest.raises(EncoderError, match="give FOLDER as `weights`"):
            build_encoder(self.parameters(tmp_path / "nothing"))


class TestEncoderKey:
    def test_weights_count_by_content(self, saved_timm, tmp_path):
        _, path = saved_timm
        moved = tmp_path / "moved.safetensors"
        moved.write_bytes(path.read_bytes())
        key = encoder_key(timm_parameters(weights=str(path)))
        assert key == encoder_key(timm_parameters(weights=str(moved)))
        moved.write_bytes(path.read_bytes() + b" ")
        assert key != encoder_key(timm_parameters(weights=str(moved)))

    @pytest.mark.parametrize(
        "change",
        [
            {"model": "test_vit"},
            {"image_size": 64},
            {"fit": "pad"},
            {"flip": False},
            {"zoom": (1.0, 1.2)},
            {"layers": 2},
            {"mean": (0.5, 0.5, 0.5)},
            {"seed": 1},
            {"weights": "hub", "revision": "a" * 40},
        ],
    )
    def test_what_changes_features_changes_the_key(self, change):
        assert encoder_key(timm_parameters()) != encoder_key(timm_parameters(**change))

    def test_what_a_download_writes_for_people_keeps_the_key(self, saved_timm, tmp_path):
        (tmp_path / "model.safetensors").write_bytes(saved_timm[1].read_bytes())
        key = encoder_key(timm_parameters(weights=f"{tmp_path}/"))
        (tmp_path / "README.md").write_text("a new line")
        (tmp_path / ".cache").mkdir()
        (tmp_path / ".cache" / "model.safetensors.metadata").write_text("fetched today")
        assert encoder_key(timm_parameters(weights=f"{tmp_path}/")) == key
        (tmp_path / "config.json").write_text("{}")
        assert encoder_key(timm_parameters(weights=f"{tmp_path}/")) != key

    def test_a_seed_that_draws_nothing_keeps_the_key(self, saved_timm):
        given = timm_parameters(weights=str(saved_timm[1]))
        assert encoder_key(given) == encoder_key(given.model_copy(update={"seed": 1}))

    @pytest.mark.parametrize("change", [{"batch_size": 7}, {"compile": True}])
    def test_what_changes_only_the_speed_keeps_the_key(self, change):
        assert encoder_key(timm_parameters()) == encoder_key(timm_parameters(**change))


class TestWords:
    @pytest.mark.parametrize("weights", ["imagenet", "hubb", "Random", "lightning"])
    @pytest.mark.parametrize("library", ["timm", "transformers"])
    def test_a_word_that_means_nothing_is_no_random_model(self, library, weights):
        with pytest.raises(ValueError, match=f"'{weights}' names no weights: write hub or random"):
            PretrainedParameters(library=library, model="m", weights=weights)

    @pytest.mark.parametrize("weights", ["hub", "random", "lightning.pth", "a/folder"])
    def test_known_words_and_paths_are_taken(self, weights):
        assert PretrainedParameters(library="timm", model="m", weights=weights).weights == weights


class TestHog:
    def test_mirror_images_share_gradients(self):
        encoder = build_encoder(HogParameters())
        photos = photos_of(encoder)
        np.testing.assert_allclose(
            encoder.encode(photos), encoder.encode(photos.flip(-1)), atol=1e-6
        )

    def test_features_equal_scikit_images_own(self):
        from skimage.feature import hog

        encoder = build_encoder(HogParameters(colour_bins=2))
        photos = photos_of(encoder, count=1)
        picture = photos[0, 0].permute(1, 2, 0).numpy()
        both = [
            hog(view, pixels_per_cell=(8, 8), cells_per_block=(2, 2), channel_axis=-1)
            for view in (picture, picture[:, ::-1])
        ]
        encoded = encoder.encode(photos)[0]
        np.testing.assert_allclose(
            encoded[:-6], np.mean(both, axis=0) / both[0].size ** 0.5, rtol=1e-4
        )
        np.testing.assert_allclose(encoded[-6::2], (picture < 128).mean(axis=(0, 1)), rtol=1e-5)


class TestMemory:
    def test_an_encoder_of_timm_is_let_go(self, watched):
        self.check(timm_parameters(), watched)

    def test_an_encoder_of_open_clip_is_let_go(self, open_clip_folder, watched):
        folder = str(open_clip_folder[1])
        model = f"local-dir:{folder}"
        self.check(PretrainedParameters(library="open_clip", model=model, weights=folder), watched)

    def test_an_encoder_of_transformers_is_let_go(self, transformers_folder, watched):
        folder = str(transformers_folder[1])
        self.check(
            PretrainedParameters(library="transformers", model=folder, weights=folder), watched
        )

    def check(self, parameters, watched):
        encoder = build_encoder(parameters)
        watched.watch(encoder._answer.__self__)
        encoder.encode(photos_of(encoder))
        del encoder
        assert not watched.in_memory()
