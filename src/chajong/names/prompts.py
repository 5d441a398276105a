"""Korean and English sentences about a class, for encoders that compare photos with words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from chajong.names.grammar import ParsedName
from chajong.names.lexicon import korean_makers

Language = Literal["korean", "english"]


def korean_prompts(parsed: ParsedName) -> list[str]:
    """Return Korean sentences: about a car where the name has car marks, else about the name."""
    name = _spaced(parsed.stem)
    if not _is_car(parsed):
        return [f"{name} 사진", f"{name}의 모습", f"가까이에서 찍은 {name}"]
    car = _with_maker(korean_makers().get(parsed.maker or "", ""), name)
    prompts = [f"{car} 자동차 사진", f"{car}의 외관", f"중고차 매물로 나온 {car}"]
    return [*prompts, f"{_years(parsed, '~')}년식 {car}"] if parsed.first_year else prompts


def english_prompts(parsed: ParsedName) -> list[str]:
    """Return English sentences: about a car where the name has car marks, else about the name."""
    name = _spaced(parsed.english)
    if not _is_car(parsed):
        return [f"a photo of {name}", f"a picture showing {name}", f"a close-up photo of {name}"]
    car = _with_article(_with_maker(parsed.maker or "", name))
    prompts = [f"a photo of {car}, a type of {_type_of_car(parsed)}", f"an exterior view of {car}"]
    if parsed.first_year:
        prompts.insert(0, f"a photo of {car}, {_years(parsed, '-')} model year")
    return prompts


PROMPTS: dict[Language, Callable[[ParsedName], list[str]]] = {
    "korean": korean_prompts,
    "english": english_prompts,
}


def _is_car(parsed: ParsedName) -> bool:
    marks = (parsed.maker, parsed.generation, parsed.facelift, parsed.powertrain)
    return parsed.first_year is not None or any(marks)


def _type_of_car(parsed: ParsedName) -> str:
    """Name the powertrain, unless the car's name already does."""
    powertrain = parsed.powertrain or ""
    said = powertrain.split()[-1:] and powertrain.split()[-1] in parsed.english.casefold().split()
    return "car" if said else _spaced(f"{powertrain} car")


def _years(parsed: ParsedName, separator: str) -> str:
    return separator.join(dict.fromkeys((str(parsed.first_year), str(parsed.last_year))))


def _with_maker(maker: str, name: str) -> str:
    """Put the maker first, unless the name repeats it (Land Rover, Range Rover; 더 기아 레이)."""
    return name if set(maker.split()) & set(name.split()) else _spaced(f"{maker} {name}")


def _with_article(noun: str) -> str:
    if noun.startswith("The "):
        return noun
    return f"{'an' if noun[0] in 'AEIOUaeiou' else 'a'} {noun}"


def _spaced(text: str) -> str:
    return " ".join(text.replace("_", " ").split())
