"""Guesses the encoding of a name from its bytes, which say none; a name that could be several is not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORDS = re.compile(rb"[A-Za-z\x80-\xff]+")
_HIGH = re.compile(rb"[\x80-\xff]")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_KANA = re.compile(r"[\u3041-\u30ff]")
_JAPANESE = re.compile(r"[\x20-\x7e\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e\u2010-\u203b]*")
_SHIFT_JIS = re.compile(rb"[\x81-\x9f][\x80-\xff\\]")
_ACCENTED = re.compile(rb"[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xff]")
_SIGNS = re.compile(rb"[\x80\x84\x85\x91-\x97\x99\xa0\xa1\xa7\xa9-\xab\xae\xb0-\xb3\xb4\xb7\xb9-\xbb\xbd\xbf]")
_CYRILLIC = re.compile(r"[А-ЯЁ]?[а-яё]*")
"""A word, with a capital at its start or none."""
_LEAST_CYRILLIC = 4
_LEAST_SHARE = 0.5
_MOST_ACCENTS_MORE = 2
_FREQUENT = "оеаинтсрвлкмдпуя"
_HANZI = (
    "的一是不了在人有我他这這个個们們中来來上大为為和国國地到以说說时時要就出会會可也你对對生能而子那得于自下之年过過发發后後作里"
    "用道行所然家种種事成方多经經么去法学學如都同现現当當没沒动動面起看定天分还還进進好小部其些主样樣理心她本前开開但因只从從想"
    "日月水火山风風雨花春夏秋冬夜星爱愛情歌曲音乐樂声聲海云雲雪红紅白黑青新老东東西南北京表代话話梦夢美少女男孩友朋再见見今明"
    "高长長手头頭手口目车車马馬鸟鳥鱼魚书書画畫语語文字名点點三二四五六七八九十百千万萬"
)
_HANGUL = (
    "이다는에의가을로하고지도한를은자사기어서나리시아인그대스정보수일전부장라있해과만제들마여구게오우원주거비동조성상소니신면내당안"
    "으간영없방적국회모화공세연진말미러개속와생각경날때꽃봄눈별밤랑음악노래바람너내맘길집물산강하늘달"
)


def decoded(raw: bytes) -> str:
    r"""A name as UTF-8, else in the one encoding by which it reads as words of its language.

    Shift JIS, GBK, Big5, EUC-KR, KOI8-R, Windows-1251, and Windows-1252, which has Latin-1 in it. Bytes that could be
    of several become U+FFFD, so that nobody takes a wrong name for a right one.

    >>> decoded(b"caf\xe9.wav"), decoded("ソナタ.wav".encode("cp932")), decoded(b"\xff\xfe\xfd.wav")
    ('café.wav', 'ソナタ.wav', '���.wav')
    """
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    for guess in (_japanese, _chinese_or_korean, _western, _cyrillic):
        found = guess(raw)
        if found is not None:
            return found
    return raw.decode("ascii", "replace")


def western(raw: bytes) -> str:
    """Windows-1252, as browsers read what is called Latin-1, without the five bytes that it does not use."""
    return raw.decode("cp1252", "ignore")


def _strict(raw: bytes, encoding: str) -> str:
    """The text; empty where the bytes are not of that encoding."""
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return ""


def _japanese(raw: bytes) -> str | None:
    """Shift JIS: with kana, or with kanji that no other encoding has."""
    text = _strict(raw, "cp932")
    if not text or not _JAPANESE.fullmatch(text):
        return None
    foreign = [character for character in text if not character.isascii()]
    kana = sum(bool(_KANA.match(character)) for character in foreign)
    pairs = len(_SHIFT_JIS.findall(raw))
    return text if kana >= max(2, len(foreign) // 4) or 2 * pairs > len(foreign) else None


def _chinese_or_korean(raw: bytes) -> str | None:
    """The encoding by which most characters are frequent ones."""
    found = sorted(_readings(raw))
    (runner_up, _), (best, text) = found[-2:]
    return text if best >= _LEAST_SHARE and best > runner_up else None


def _readings(raw: bytes) -> Iterator[tuple[float, str]]:
    """The share of frequent characters, and the text, by each encoding."""
    for encoding, frequent in (("gbk", _HANZI), ("big5", _HANZI), ("cp949", _HANGUL)):
        text = _strict(raw, encoding)
        foreign = [character for character in text if not character.isascii()]
        yield sum(character in frequent for character in foreign) / len(foreign) if foreign else 0.0, text


def _western(raw: bytes) -> str | None:
    """Windows-1252: accents within words of ASCII letters, and the signs that are in names."""
    for word in _WORDS.findall(raw):
        accents, letters = len(_ACCENTED.findall(word)), len(_ASCII_LETTER.findall(word))
        if accents > 1 and accents > letters + (_MOST_ACCENTS_MORE if letters else 0):
            return None
    return western(raw) if not _HIGH.search(_SIGNS.sub(b"", _ACCENTED.sub(b"", raw))) else None


def _cyrillic(raw: bytes) -> str | None:
    """KOI8-R or Windows-1251, which have small and capital letters the other way round."""
    likely = []
    for encoding in ("cp1251", "koi8_r"):
        text = _strict(raw, encoding)
        foreign = "".join(character for character in text if not character.isascii())
        words = [word for word in re.split(r"[\x00-\x7f]+", text) if word]
        frequent = sum(character.lower() in _FREQUENT for character in foreign)
        if all(map(_CYRILLIC.fullmatch, words)) and len(foreign) >= _LEAST_CYRILLIC and 2 * frequent >= len(foreign):
            likely.append((frequent, text))
    return max(likely)[1] if likely else None
