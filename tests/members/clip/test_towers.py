import pytest
import torch

from chajong.encoders.encoder import EncoderError
from chajong.members.clip.member import model_identity
from chajong.members.clip.parameters import ClipParameters
from chajong.members.clip.towers import at_commits, load_towers, other_tokenizer
from chajong.names.table import class_table


def pictures(towers, count=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, towers.height, towers.width, generator=generator)


@pytest.fixture
def parameters_of_kind(transformers_folders):
    def make(kind, **changes):
        folder = str(transformers_folders[kind])
        given = {"library": "transformers", "model": folder, "weights": folder}
        return ClipParameters(**given | changes)

    return make


class TestOpenClip:
    def test_embeddings_are_the_librarys_own(self, small_folder, parameters_of, sentences):
        import open_clip

        towers = load_towers(parameters_of(small_folder)).eval()
        model = open_clip.create_model(f"local-dir:{small_folder}").eval()
        tokens = open_clip.get_tokenizer(f"local-dir:{small_folder}")(sentences)
        assert torch.equal(towers.tokenize(sentences), tokens)
        with torch.no_grad():
            torch.testing.assert_close(towers.encode_texts(tokens), model.encode_text(tokens))
            torch.testing.assert_close(
                towers.encode_photos(pictures(towers)), model.encode_image(pictures(towers))
            )
        assert towers.logit_scale.item() == model.logit_scale.item()

    def test_a_photo_need_not_be_square(self, small_folder, parameters_of):
        towers = load_towers(parameters_of(small_folder))
        assert (towers.height, towers.width) == (32, 48)

    def test_an_image_size_can_be_chosen(self, small_folder, parameters_of):
        towers = load_towers(parameters_of(small_folder, image_size=64))
        assert (towers.height, towers.width) == (64, 64)

    def test_a_file_holds_the_weights_of_a_named_model(self, small_folder, parameters_of):
        file = small_folder / "open_clip_model.safetensors"
        from_file = load_towers(parameters_of(small_folder, weights=str(file)))
        from_folder = load_towers(parameters_of(small_folder))
        assert all(
            torch.equal(one, other)
            for one, other in zip(from_file.parameters(), from_folder.parameters(), strict=True)
        )

    def test_random_weights_depend_on_the_seed(self, small_folder, parameters_of):
        first, again, other = (
            load_towers(parameters_of(small_folder, weights="random", seed=seed)).state_dict()
            for seed in (1, 1, 2)
        )
        name = "network.text_projection"
        assert torch.equal(first[name], again[name])
        assert not torch.equal(first[name], other[name])

    def test_an_unknown_model_is_named_with_its_likeness(self):
        with pytest.raises(EncoderError, match=r"no model 'ViT-B-33'.*ViT-B-32"):
            load_towers(ClipParameters(library="open_clip", model="ViT-B-33"))

    def test_a_missing_tokenizer_is_named(self, small_folder, parameters_of, tmp_path):
        for file in ("open_clip_config.json", "open_clip_model.safetensors"):
            (tmp_path / file).write_bytes((small_folder / file).read_bytes())
        with pytest.raises(EncoderError, match=r"tokenizer of .* could not be loaded"):
            load_towers(parameters_of(tmp_path))

    def test_clips_own_tokenizer_serves_a_folder_without_one(self, tmp_path, parameters_of):
        import json

        text = {"context_length": 12, "vocab_size": 49408, "width": 8, "heads": 1, "layers": 1}
        vision = {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16}
        config = {"embed_dim": 8, "vision_cfg": vision, "text_cfg": text}
        (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config}))
        towers = load_towers(parameters_of(tmp_path, weights="random"))
        fitting = "a photo of a car of the kind that"  # 10 tokens, and the start and the end
        assert (towers.tokenize(["a car", fitting]) > 0).sum(dim=1).tolist() == [4, 11]
        with pytest.raises(EncoderError, match="has 13 tokens, but the model reads at most 12"):
            towers.tokenize(["a car", fitting + " we saw"])


class TestTransformers:
    def test_embeddings_of_clip_are_the_librarys_own(self, parameters_of_kind, sentences):
        towers = load_towers(parameters_of_kind("clip")).eval()
        tokens = towers.tokenize(sentences)
        with torch.no_grad():
            expected = towers.network(input_ids=tokens, pixel_values=pictures(towers))
            texts = torch.nn.functional.normalize(towers.encode_texts(tokens))
            photos = torch.nn.functional.normalize(towers.encode_photos(pictures(towers)))
        torch.testing.assert_close(texts, expected.text_embeds)
        torch.testing.assert_close(photos, expected.image_embeds)

    def test_embeddings_of_siglip_are_the_librarys_own(self, parameters_of_kind, sentences):
        towers = load_towers(parameters_of_kind("siglip")).eval()
        tokens = towers.tokenize(sentences)
        with torch.no_grad():
            expected = towers.network(input_ids=tokens, pixel_values=pictures(towers))
            texts = torch.nn.functional.normalize(towers.encode_texts(tokens))
        torch.testing.assert_close(texts, expected.text_embeds)

    def test_another_image_size_is_read_with_stretched_positions(self, parameters_of_kind):
        towers = load_towers(parameters_of_kind("clip", image_size=64))
        assert towers.encode_photos(pictures(towers)).shape == (2, 8)

    def test_sentences_are_padded_to_the_context(self, parameters_of_kind, sentences):
        towers = load_towers(parameters_of_kind("clip"))
        assert towers.tokenize(sentences).shape == (len(sentences), 64)

    def test_a_model_without_a_text_tower_is_refused(self, parameters_of_kind):
        with pytest.raises(EncoderError, match="reads no text: it is a Dinov2Model"):
            load_towers(parameters_of_kind("dinov2"))

    def test_a_sentence_that_is_too_long_is_named(self, parameters_of_kind):
        towers = load_towers(parameters_of_kind("siglip"))
        with pytest.raises(EncoderError, match=r"'자동차자.*has \d+ tokens.*at most 64"):
            towers.tokenize(["짧다", "자동차" * 30])


def test_a_sentence_that_is_too_long_names_the_fix(small_folder, parameters_of):
    towers = load_towers(parameters_of(small_folder))
    with pytest.raises(EncoderError, match=r"Shorten the name.*`languages` to the one"):
        towers.tokenize(["제" * 64])


def test_a_sentence_may_fill_the_context(small_folder, parameters_of):
    towers = load_towers(parameters_of(small_folder))
    letters = next(
        "z" * count
        for count in range(1, 200)
        if len(towers._tokenizer.tokenizer("z" * count).input_ids) == towers.context
    )
    tokens = towers.tokenize([letters])
    assert tokens[0, -1].item() == 2
    with pytest.raises(EncoderError, match="has 65 tokens"):
        towers.tokenize([letters + "z"])


class TestTokenizerOfAnotherRepository:
    """open_clip takes some models' tokenizers from another model's repository."""

    @staticmethod
    def siglip(model, **changes):
        return ClipParameters(
            library="open_clip", model=model, weights="webli", revision="a" * 40, **changes
        )

    def test_it_is_known_where_it_lies(self):
        assert other_tokenizer(self.siglip("ViT-SO400M-14-SigLIP-384")) == "timm/ViT-B-16-SigLIP"
        assert other_tokenizer(self.siglip("ViT-B-16-SigLIP")) is None

    def test_trainings_and_checkpoints_say_its_commit(self):
        classes = class_table({"K5_2016_2020": "K5_2016_2020", "SM6_2016_2020": "SM6_2016_2020"})
        first, second = (
            self.siglip("ViT-SO400M-14-SigLIP-384", tokenizer_revision=digit * 40) for digit in "bc"
        )
        assert at_commits(first).tokenizer_revision == "b" * 40
        assert model_identity(first, classes)["tokenizer"].endswith("b" * 40)
        assert model_identity(first, classes) != model_identity(second, classes)
