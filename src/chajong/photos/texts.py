"""In Korean, what is said of photos and their folder: why some cannot be used, what looks wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chajong.texts import Patterns

READING: Patterns = {
    r"the file is empty": "빈 파일입니다",
    r"the file is damaged": "파일이 손상되었습니다",
    r"the file is damaged or cut off|damaged: .*": "파일이 손상되었거나 뒷부분이 잘렸습니다",
    r"not a (.+) or AVIF file": "{0}, AVIF 파일이 아닙니다",
    r"a camera's raw file: convert it to JPEG": "카메라 RAW 파일입니다. JPEG로 바꿔 주세요",
    r"a HEIC photo: (pip install .+) lets it be read, or convert it to JPEG": (
        "HEIC 파일입니다. {0}(으)로 설치하면 읽을 수 있고, JPEG로 바꿔도 됩니다"
    ),
    r"an? (.+) photo: convert it to JPEG": "{0} 파일입니다. JPEG로 바꿔 주세요",
    r"its pixels are of the kind (.+): convert it to JPEG": (
        "지원하지 않는 픽셀 형식({0})입니다. JPEG로 바꿔 주세요"
    ),
    r"(\d+) x (\d+) pixels, more than the limit of (\S+) megapixels": (
        "크기가 {0} × {1}픽셀로, 한도인 {2}메가픽셀을 넘습니다"
    ),
    r"(\d+) x (\d+) pixels, more than the limit of (\S+) megapixels for an? (.+) file: .+": (
        "크기가 {0} × {1}픽셀로, {3} 파일의 한도인 {2}메가픽셀을 넘습니다. 크기를 줄여 주세요"
    ),
    r"the file has (\S+) bytes, more than the limit of (\S+)": (
        "파일이 {0}바이트로, 한도인 {1}바이트를 넘습니다"
    ),
    r".+, not a photo's file": "사진 파일이 아닙니다",
    r"there is no file (.+)": "파일이 없습니다: {0}",
    r"there is no such file": "파일이 없습니다",
    r"the file changed or vanished while photos were \w+": (
        "사진을 읽는 동안 파일이 바뀌거나 없어졌습니다"
    ),
    r"the file cannot be opened: (.+)": "파일을 열 수 없습니다({0})",
    r"the storage failed, not the photo: (.+), (\d+) times": (
        "사진이 아니라 저장 장치의 문제로 {1}번 모두 읽지 못했습니다({0})"
    ),
}
"""Why a photo cannot be read."""

WARNINGS: Patterns = {
    r"(.+) labels the train photos, and not their folders \((.+)\): take it away to have the "
    r"([\d,]+) folders as classes\.": (
        "학습 라벨은 폴더가 아니라 {0} 파일에서 읽었습니다({1}). 폴더 {2}개를 차종으로 쓰려면 이 "
        "파일을 치우세요."
    ),
    r"(.+) is not used, (.+) label the train photos \((.+)\): --params train_table=(.+) takes "
    r"it\.": (
        "{0} 파일은 쓰지 않았고, 학습 라벨은 {1}에서 읽었습니다({2}). 이 파일을 쓰려면 이렇게 "
        "실행하세요: --params train_table={3}"
    ),
    r"(.+?) is not used\. (.+)": "{0} 파일은 쓰지 않았습니다. {1}",
    r"photos that differ: ([\d,]+), such as (.+): (.+), not (.+)": (
        "라벨이 다른 사진 {0}장, 예: {1}의 라벨은 {2}, 다른 쪽은 {3}"
    ),
    r"it lists ([\d,]+) photos, and ([\d,]+) are used": (
        "파일에 적힌 사진은 {0}장, 실제로 쓴 사진은 {1}장"
    ),
    r"Photos in folders below train/<class>/ are taken as the class's, as sample_submission\.csv "
    r"names the outer folders\.": (
        "sample_submission.csv에 바깥 폴더의 이름이 있어, train/<차종>/의 하위 폴더에 있는 사진도 "
        "그 차종으로 보았습니다."
    ),
    r"train/ holds folders in folders: the ([\d,]+) innermost ones, such as (.+), are taken as the "
    r"classes\. To have outer ones as classes \((.+)\), put their photos directly into them\.": (
        "train/의 폴더 안에 또 폴더가 있어 가장 안쪽 폴더 {0}개(예: {1})를 차종으로 보았습니다. "
        "바깥 폴더({2})를 차종으로 쓰려면 사진을 그 폴더에 바로 넣으세요."
    ),
    r"(\d+) folders are named (.+) in different Unicode forms \(NFC, NFD\): their photos are one "
    r"class\.": (
        "유니코드 형식(NFC, NFD)만 다르고 이름이 {1}인 폴더 {0}개를 한 차종으로 보았습니다."
    ),
    r"(.+) lists (\d+) IDs, but there are no test photos\.": (
        "{0}에 ID가 {1}개 있지만 테스트 사진이 없습니다."
    ),
}
"""How the folder was understood, and what looks wrong."""

TABLES_NOT_USED: Patterns = {
    r"(.+) has no column (.+), only (.+)\.": "{0}에 {1} 열이 없고 {2} 열만 있습니다.",
    r"None of the ([\d,]+) photos that (.+) names exists, for example (.+): its paths .+": (
        "{1}에 적힌 사진 {0}장이 모두 없습니다(예: {2}). 경로는 사진 폴더를 기준으로 적어 주세요."
    ),
    r"(.+) lists no photo: .+": "{0}에 사진이 없습니다.",
    r"(.+) lists the photo (.+) twice: keep one of them\.": (
        "{0}에 같은 사진({1})이 두 번 있습니다. 하나만 남기세요."
    ),
    r"(.+) has no class in row (\d+): .+": "{0}의 {1}행에 차종이 없습니다.",
    r"(.+) names one class only, (.+): telling cars apart takes two or more\. .+": (
        "{0}에 차종이 {1} 하나뿐입니다. 두 개 이상이어야 합니다."
    ),
}
"""Why a table does not label the train photos; what else can be wrong with one stays English."""

FINDINGS: Patterns = {
    r"photos that count: (\d+), folds: (\d+)": "라벨을 쓸 수 있는 사진 {0}장, 폴드 {1}개",
    r"verdict: (.+), was (.+)": "판정: {0}, 이전 라벨: {1}",
    r"verdict: (.+)": "판정: {0}",
    r"keep": "유지",
    r"drop": "제외",
    r"relabel": "라벨 변경",
    r"not a car": "자동차 아님",
    r"(\d+) x (\d+) pixels": "{0} × {1}픽셀",
    r"saturation (\S+)": "채도 {0}",
}
"""What the audit says of a photo or class."""

LAYOUT: Patterns = {
    r"train photos labelled by (.+?), test photos listed by (.+?)(, vehicles or .+)?": (
        "학습 라벨: {0}, 테스트 목록: {1}{2}"
    ),
    r"([\d,]+) folders": "폴더 {0}개",
    r"their names in test/": "test/의 파일 이름",
    r", vehicles or listings with several photos: ([\d,]+)": (
        ", 사진이 여러 장인 차량이나 매물: {0}건"
    ),
}
"""How the folder is read."""

COUNTED: Patterns = {
    r"(.+?): ([\d,]+) \((.+)\)(; .+?)?\.?": "{0}: {1}개({2}){3}",
    r"(.+?): ([\d,]+) \((.+)\)\. (If every .+)": "{0}: {1}개({2}). {3}",
    r"(.+) and ([\d,]+) more": "{0} 외 {1}개",
    r"('.+') as ('.+')": "{0} → {1}",
    r"('.+') or ('.+')": "{0} 또는 {1}",
    r"photos in (test|train)/ that (.+) does not list": "{0}/에 있지만 {1}에 없는 사진",
    r"files in (test|train)/ that are no photos": "{0}/에 있는, 사진이 아닌 파일",
    r"hidden and system files and folders in (test|train)/": (
        "{0}/에 있는 숨김 파일과 시스템 파일, 폴더"
    ),
    r"links in (test|train)/ to folders that are listed already": (
        "{0}/에 있는, 이미 읽은 폴더를 가리키는 링크"
    ),
    r"photos in train/ that are in no class folder": "차종 폴더 밖에 있는 train/의 사진",
    r"photos deeper than their class folder": "차종 폴더의 하위 폴더에 있는 사진",
    r"; put them directly into train/<class>/ to use them": (
        ", 쓰려면 train/<차종>/에 바로 넣으세요"
    ),
    r"folders in train/ without photos of their own, which give no class": (
        "바로 들어 있는 사진이 없어 차종으로 보지 않은 train/의 폴더"
    ),
    r"folders beside train/ and test/ that are not looked into": (
        "train/과 test/ 밖에 있어 읽지 않은 폴더"
    ),
    r"groups in (.+) of photos that do not exist": "{0}에 묶음이 적혀 있지만 없는 사진",
    r"paths of (.+) that are not as on the disk and were found by their ends": (
        "{0}에 적힌 경로가 실제와 달라 끝부분을 비교해 찾은 파일"
    ),
    r"photos in folders in test/": "test/의 폴더에 있는 사진",
    r"; what the folders are called does not count\. .+": (
        ", 폴더 이름은 쓰지 않습니다. 이 이름을 라벨로 학습하려면 폴더를 train/으로 옮기세요"
    ),
    r"columns of (.+) without a name, taken for no class": (
        "{0}에서 이름이 없어 차종으로 보지 않은 열"
    ),
    r"pandas writes row numbers so, unless it is told index=False": (
        "pandas에서 index=False 없이 저장하면 행 번호가 이런 열이 됩니다"
    ),
    r"classes of (.+) without train photos": "{0}에 있지만 학습 사진이 없는 차종",
    r"groups by group_pattern with photos of several classes": (
        "여러 차종의 사진이 섞인 group_pattern 묶음"
    ),
    r"If every class counts its listings anew, .+ as in (.+)\.": (
        "차종마다 번호를 새로 매겼다면 패턴에 차종도 넣으세요. 슬래시가 있는 패턴은 전체 경로에서 "
        "찾습니다(예: {0})."
    ),
    r"train photos whose names group_pattern does not match, which are in no group by it": (
        "이름이 group_pattern과 맞지 않아 묶이지 않은 학습 사진"
    ),
    r"train photos without camera and time in their EXIF data, which are in no group by it": (
        "EXIF에 카메라와 촬영 시각이 없어 묶이지 않은 학습 사진"
    ),
}
"""What is counted, with examples."""

KOREAN: Patterns = {
    **READING, **WARNINGS, **TABLES_NOT_USED, **FINDINGS, **LAYOUT, **COUNTED
}  # fmt: skip
"""All of it."""
