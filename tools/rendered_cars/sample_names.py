"""Class names of invented cars, in the grammar of the challenge's names."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from tools.rendered_cars.vocabulary import MAKERS, MODEL_LINES

_ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")

ALIAS_PAIR = ("K5_3세대_하이브리드_2020_2022", "K5_하이브리드_3세대_2020_2023")
"""The only real names: two names of one car that the default alias list merges."""

CURATED_NAMES: tuple[str, ...] = (
    # A model line through a facelift, a new generation and its hybrid twin.
    "한별_다온_2세대_2015_2018",
    "더_뉴_한별_다온_2세대_2018_2021",
    "한별_다온_3세대_2021_2024",
    "한별_다온_3세대_하이브리드_2021_2024",
    *ALIAS_PAIR,
    # The same model under a later year only, and a facelift mark.
    "Norvik_Tarn_2016_2018",
    "Norvik_Tarn_2019_2021",
    "The_New_Norvik_Tarn_2021_2024",
    "가온_미르_1세대_2014_2017",
    "가온_미르_2세대_2018_2021",
    "더_뉴_가온_미르_2세대_2022_2025",
    "Castel_Alda_4th_Gen_2013_2017",
    "Castel_Alda_5th_Gen_2018_2022",
    "도담_누리_2012_2015",
    "올_뉴_도담_누리_2016_2019",
    "Lumera_Brisa_2017_2020",
    "Lumera_Brisa_EV_2020_2023",
    "아라솔_마루_6세대_2019_2022",
    "디_올_뉴_아라솔_마루_6세대_2022_2025",
    "Ostra_Solin_3rd_Gen_2014_2018",
    "Ostra_Solin_3rd_Gen_Hybrid_2018",
    "Zephra_Corro_2011_2016",
    "Zephra_Corro_Facelift_2017_2022",
)
"""24 names of 23 cars: families of siblings that differ in small parts."""


def sample_names(count: int) -> list[str]:
    """Return `count` class names, the curated ones first.

    Further names combine makers, model lines, generations, facelifts and powertrains of the
    vocabulary.

    Args:
        count: How many names; the vocabulary has 24 curated and 1,600 combined ones.

    Returns:
        Names in NFC, all different.

    Raises:
        ValueError: If the vocabulary does not have that many names.
    """
    names = [*CURATED_NAMES, *_combined_names()]
    if count > len(names):
        raise ValueError(
            f"sample_names({count}): the vocabulary has {len(names)} names; ask for no more"
        )
    return names[:count]


def unseen_names(count: int, seed: int) -> list[str]:
    """Draw class names of which none is in the shipped sample.

    The words are the sample's, in other combinations: a model that has learned what each word
    looks like can name the sample's cars without having seen one of them.

    Args:
        count: How many names; there are 1,600.
        seed: Seed of the draw.

    Returns:
        Names in NFC, all different.

    Raises:
        ValueError: If the vocabulary does not have that many names.
    """
    names = [name for name in _combined_names() if name not in CURATED_NAMES]
    if count > len(names):
        raise ValueError(
            f"unseen_names({count}): the vocabulary has {len(names)} names; ask for no more"
        )
    return random.Random(seed).sample(names, count)


def _combined_names() -> Iterator[str]:
    """Families of four: a model line of one generation, facelifted or not, hybrid or not."""
    for number, line, maker in product(range(1, 6), MODEL_LINES, MAKERS):
        korean = _is_korean(line)
        if korean is not _is_korean(maker):
            continue
        generation = f"{number}세대" if korean else f"{_ORDINALS[number - 1]}_Gen"
        facelift, hybrid = ("더_뉴", "하이브리드") if korean else ("The_New", "Hybrid")
        model, start = f"{maker}_{line}_{generation}", 1998 + 5 * number
        yield f"{model}_{start}_{start + 2}"
        yield f"{facelift}_{model}_{start + 3}_{start + 4}"
        yield f"{model}_{hybrid}_{start}_{start + 2}"
        yield f"{facelift}_{model}_{hybrid}_{start + 3}_{start + 4}"


def _is_korean(word: str) -> bool:
    return not word.isascii()
