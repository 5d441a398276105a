"""What a tokenizer makes of the sentences about names."""

import open_clip
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from chajong.names.aliases import CHALLENGE_ALIASES, merge_aliases
from chajong.names.challenge import challenge_names
from chajong.names.grammar import parse_name
from chajong.names.prompts import PROMPTS
from chajong.names.reading import Reader, read_names, reader_of

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789,-()."
NAMES = [*dict.fromkeys(merge_aliases(challenge_names(), CHALLENGE_ALIASES).values())]


def sentences(language):
    return [PROMPTS[language](parse_name(name)) for name in NAMES]


def wordpiece(letters=LETTERS):
    words = ["[UNK]", *letters, *(f"##{letter}" for letter in letters)]
    numbered = {word: number for number, word in enumerate(words)}
    return _lowercase(Tokenizer(models.WordPiece(numbered, unk_token="[UNK]")))


def unigram(letters=LETTERS):
    scored = [("<unk>", 0.0), *((letter, -1.0) for letter in letters)]
    return _lowercase(Tokenizer(models.Unigram(scored, unk_id=0)))


def _lowercase(tokenizer):
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@pytest.mark.parametrize("make", [wordpiece, unigram])
def test_a_language_that_is_not_known_is_told_with_its_share_and_an_example(make):
    problem = read_names(reader_of(make()), sentences("korean")).problem
    assert "391 of 391 names (100%) into unknown tokens" in problem
    assert f"{sentences('korean')[0][0]!r}" in problem
    assert read_names(reader_of(make()), sentences("english")).problem is None


def test_a_tokenizer_of_transformers_reads_as_the_one_inside_it():
    from transformers import PreTrainedTokenizerFast

    framed = PreTrainedTokenizerFast(tokenizer_object=wordpiece(), unk_token="[UNK]")
    for language in PROMPTS:
        found = sentences(language)
        assert read_names(reader_of(framed), found) == read_names(reader_of(wordpiece()), found)


@pytest.mark.parametrize("language", PROMPTS)
def test_a_tokenizer_that_spells_bytes_reads_everything(language):
    encode = open_clip.get_tokenizer("ViT-B-32").encode
    reader = Reader(lambda texts: [encode(text) for text in texts], None)
    assert read_names(reader, sentences(language)).problem is None


def test_an_unknown_word_around_the_name_does_little_harm():
    reader = reader_of(wordpiece())
    assert read_names(reader, [["기아 k5", "a kia k5"], ["a kia k7", "기아 k7"]]).problem is None


@pytest.mark.parametrize(("unread", "told"), [(1, False), (2, True)])
def test_a_rare_letter_in_a_few_names_is_let_pass(unread, told):
    names = [[f"k{number}"] for number in range(20 - unread)]
    names += [[f"ß{'x' * number}"] for number in range(unread)]
    assert ("unknown" in (read_names(reader_of(wordpiece()), names).problem or "")) == told


def test_names_that_become_the_same_tokens_are_told():
    tokenizer = wordpiece()
    without_digits = normalizers.Replace(Regex("[0-9]"), "")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), without_digits])
    problem = read_names(reader_of(tokenizer), [["kia k5"], ["kia k7"], ["kia ray"]]).problem
    assert problem.startswith("makes the same tokens of 1 of 3 names")
    assert "'kia k5' and 'kia k7'" in problem


def test_names_of_the_same_words_are_no_fault_of_the_tokenizer():
    assert read_names(reader_of(wordpiece()), [["kia k5"], ["kia k5"]]).problem is None


def test_pieces_are_counted_a_sentence():
    assert read_names(reader_of(wordpiece()), [["ab c", "abcde"], ["a"]]).pieces == 3


def test_what_is_no_tokenizer_is_refused():
    with pytest.raises(TypeError, match="What a str reads"):
        reader_of("a b c")
