"""National ids with check digits: what Presidio has no recognizer for, or one that proves less.

Each check is given a number without its separators, in upper case, and says whether its check digits are right. The
rules are those that the issuing authorities, or the European Commission for tax numbers ("TIN algorithms"), describe in
public; `catalogue.CHECKED` names the source beside each.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

Check = Callable[[str], bool]

_VALUES = {char: value for value, char in enumerate(string.digits + string.ascii_uppercase)}


def digits_of(number: str) -> list[int]:
    """The digits of a number; its letters are left out."""
    return [int(char) for char in number if char.isdigit()]


def weighted(number: str | Sequence[int], weights: Sequence[int]) -> int:
    """The sum of the digits, each times its weight."""
    digits = digits_of(number) if isinstance(number, str) else number
    return sum(digit * weight for digit, weight in zip(digits, weights, strict=False))


def luhn(number: str) -> bool:
    """Mod 10 with every second digit from the right doubled (ISO/IEC 7812-1)."""
    total = 0
    for index, digit in enumerate(reversed(digits_of(number))):
        total += digit if index % 2 == 0 else (2 * digit) % 9 or 9 * (digit == 9)
    return total % 10 == 0


def mod_11_10(number: str) -> bool:
    """ISO/IEC 7064, mod 11,10."""
    *body, last = digits_of(number)
    product = 10
    for digit in body:
        product = 2 * ((product + digit) % 10 or 10) % 11
    return (11 - product) % 10 == last


_D5 = "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
_PERMUTED = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258"
_PRODUCTS_OF_D5 = [list(map(int, row)) for row in _D5.split()]
_PERMUTATIONS = [list(map(int, row)) for row in _PERMUTED.split()]


def verhoeff(number: str) -> bool:
    """Verhoeff's check digit, by the dihedral group of a pentagon."""
    rest = 0
    for index, digit in enumerate(reversed(digits_of(number))):
        rest = _PRODUCTS_OF_D5[rest][_PERMUTATIONS[index % 8][digit]]
    return rest == 0


def is_date(day: int, month: int) -> bool:
    """Whether there is such a day."""
    return 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)


def de_tax_id(number: str) -> bool:
    """Eleven digits; of the first ten one occurs twice or three times."""
    counts = [number[:10].count(digit) for digit in set(number[:10])]
    return number[0] != "0" and max(counts) in (2, 3) and mod_11_10(number)


def de_pension(number: str) -> bool:
    """Area, birth date, letter, serial and check digit; the letter counts as two digits."""
    spread = number[:8] + f"{_VALUES[number[8]] - 9:02}" + number[9:11]
    sums = (product // 10 + product % 10 for product in _products(spread, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)))
    return int(number[4:6]) <= 12 and sum(sums) % 10 == int(number[11])


def _products(number: str, weights: Sequence[int]) -> list[int]:
    return [digit * weight for digit, weight in zip(digits_of(number), weights, strict=True)]


def de_card(number: str) -> bool:
    """Identity card and passport: nine characters and a check digit, weights 7, 3, 1 (ICAO 9303)."""
    values = [_VALUES[char] for char in number[:9]]
    return weighted(values, (7, 3, 1) * 3) % 10 == int(number[9])


def de_health(number: str) -> bool:
    """A letter, which counts as two digits, eight digits and a check digit: weights 1 and 2, digit sums."""
    spread = f"{_VALUES[number[0]] - 9:02}" + number[1:9]
    sums = (product // 10 + product % 10 for product in _products(spread, (1, 2) * 5))
    return sum(sums) % 10 == int(number[9])


def fr_nir(number: str) -> bool:
    """13 digits and a key: 97 less the number mod 97; Corsica's `2A` and `2B` count as 19 and 18."""
    plain = number.replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and int(plain[:13]) % 97 + int(plain[13:]) == 97


def fr_tax(number: str) -> bool:
    """Ten digits, and three that are the number mod 511."""
    return int(number[:10]) % 511 == int(number[10:])


def nl_bsn(number: str) -> bool:
    """Nine digits, weights 9 to 2 and -1, mod 11."""
    return len(set(number)) > 1 and weighted(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def pt_nif(number: str) -> bool:
    """Nine digits, weights 9 to 2, mod 11."""
    return 11 - max(weighted(number[:8], range(9, 1, -1)) % 11, 0) in _with_ten(int(number[8]))


def _with_ten(last: int) -> tuple[int, ...]:
    """What 11 less a remainder may be for a check digit: 10 and 11 are written 0."""
    return (10, 11) if last == 0 else (last,)


def se_personal(number: str) -> bool:
    """Birth date (a day over 60 for a coordination number), serial and Luhn digit."""
    last = number[-10:]
    day = int(last[4:6])
    return is_date(day - 60 if day > 60 else day, int(last[2:4])) and luhn(last)


def br_cpf(number: str) -> bool:
    """Eleven digits, the last two by mod 11."""
    return len(set(number)) > 1 and all(
        _br_digit(number[:size], range(size + 1, 1, -1)) == int(number[size]) for size in (9, 10)
    )


def br_cnpj(number: str) -> bool:
    """14 digits, the last two by mod 11."""
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(set(number)) > 1 and all(
        _br_digit(number[:size], weights[13 - size :]) == int(number[size]) for size in (12, 13)
    )


def _br_digit(body: str, weights: Sequence[int]) -> int:
    return weighted(body, weights) * 10 % 11 % 10


def jp_my_number(number: str) -> bool:
    """Twelve digits; the last by mod 11 with weights 2 to 7 from the right, twice."""
    rest = weighted(number[10::-1], (2, 3, 4, 5, 6, 7, 2, 3, 4, 5, 6)) % 11
    return len(set(number)) > 1 and int(number[11]) == (0 if rest <= 1 else 11 - rest)


def kr_resident(number: str) -> bool:
    """Birth date, sex and century, and, for numbers given before October 2020, a check digit by mod 11."""
    if not is_date(int(number[4:6]), int(number[2:4])) or number[6] in "09":
        return False
    is_foreign = number[6] in "5678"
    last = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10
    return (last + 2 * is_foreign) % 10 == int(number[12]) or (number[6] in "3478" and int(number[:2]) >= 20)


def be_national(number: str) -> bool:
    """Birth date, serial and 97 less the number mod 97, with a 2 before it from 2000 on."""
    keys = {97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97}
    month = int(number[2:4])
    return int(number[9:]) in keys and (month % 20 <= 12)


def at_insurance(number: str) -> bool:
    """Serial, check digit by mod 11, birth date."""
    rest = weighted(number[:3] + number[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11
    return number[0] != "0" and rest == int(number[3]) and 1 <= int(number[6:8]) <= 15 and int(number[4:6]) <= 31


def ean13(number: str) -> bool:
    """The check digit of EAN-13 (Swiss AHV numbers)."""
    return weighted(number, (1, 3) * 6 + (1,)) % 10 == 0


def fi_personal(number: str) -> bool:
    """Birth date, century, serial and a check character: mod 31."""
    value = int(number[:6] + number[-4:-1])
    return is_date(int(number[:2]), int(number[2:4])) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[value % 31] == number[-1]


def dk_cpr(number: str) -> bool:
    """A birth date and four digits; the check by mod 11 is no longer kept since 2007."""
    return is_date(int(number[:2]), int(number[2:4]))


def no_birth(number: str) -> bool:
    """Birth date and two check digits by mod 11."""
    day, month = int(number[:2]) % 40, int(number[2:4]) % 40
    first = weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11
    second = weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11
    return is_date(day, month) and first == second == 0


def cz_birth(number: str) -> bool:
    """Birth date, women's month plus 50, divisible by 11."""
    month = int(number[2:4]) % 50 % 20
    return is_date(int(number[4:6]), month) and (
        int(number) % 11 == 0 or int(number[:9]) % 11 == 10 == 10 * (number[9] == "0")
    )


def ro_cnp(number: str) -> bool:
    """13 digits with a birth date, weights 279146358279, mod 11."""
    rest = weighted(number, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return is_date(int(number[5:7]), int(number[3:5])) and int(number[12]) == (1 if rest == 10 else rest)


def bg_egn(number: str) -> bool:
    """Birth date, months plus 20 or 40 for other centuries, mod 11."""
    rest = weighted(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return is_date(int(number[4:6]), int(number[2:4]) % 20) and rest == int(number[9])


def gr_afm(number: str) -> bool:
    """Nine digits, weights 256 to 2, mod 11."""
    rest = weighted(number, (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10
    return len(set(number)) > 1 and rest == int(number[8])


def hr_oib(number: str) -> bool:
    """Eleven digits, ISO/IEC 7064 mod 11,10."""
    return mod_11_10(number)


def ie_pps(number: str) -> bool:
    """Seven digits, a check letter by mod 23, and since 2013 another letter."""
    extra = 9 * (_VALUES[number[8]] - 9) if len(number) > 8 and number[8] != "W" else 0
    return "WABCDEFGHIJKLMNOPQRSTUV"[(weighted(number[:7], range(8, 1, -1)) + extra) % 23] == number[7]


def tr_identity(number: str) -> bool:
    """Eleven digits, the last two from the sums of the others."""
    digits = digits_of(number)
    tenth = (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10
    return digits[0] != 0 and tenth == digits[9] and sum(digits[:10]) % 10 == digits[10]


def cn_resident(number: str) -> bool:
    """17 digits with a birth date, and a check character: ISO/IEC 7064 mod 11,2."""
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return (
        is_date(int(number[12:14]), int(number[10:12]))
        and "10X98765432"[weighted(number[:17], weights) % 11] == number[17]
    )


def tw_identity(number: str) -> bool:
    """A letter, which counts as two digits, and nine digits: mod 10."""
    letter = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    return (letter // 10 + letter % 10 * 9 + weighted(number[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def hk_identity(number: str) -> bool:
    """One or two letters, six digits and a check character: mod 11."""
    head, last = number[:-1].rjust(8), number[-1]
    values = [36 if char == " " else _VALUES[char] for char in head]
    return (weighted(values, range(9, 1, -1)) + (10 if last == "A" else _VALUES[last])) % 11 == 0


def th_identity(number: str) -> bool:
    """13 digits, weights 13 to 2, mod 11."""
    return number[0] != "0" and (11 - weighted(number[:12], range(13, 1, -1)) % 11) % 10 == int(number[12])


def mx_curp(number: str) -> bool:
    """18 characters with a birth date; the last by mod 10 over an alphabet with Ñ."""
    alphabet = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(alphabet.index(char) * (18 - place) for place, char in enumerate(number[:17]))
    return is_date(int(number[8:10]), int(number[6:8])) and -total % 10 == int(number[17])


def cl_rut(number: str) -> bool:
    """Seven or eight digits and a check character: weights 2 to 7 from the right, mod 11."""
    rest = -weighted(number[-2::-1], (2, 3, 4, 5, 6, 7, 2, 3)) % 11
    return "0123456789K"[rest] == number[-1]


def ar_cuit(number: str) -> bool:
    """Eleven digits, weights 5432765432, mod 11."""
    rest = -weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return rest == int(number[10])


def za_identity(number: str) -> bool:
    """Birth date, serial, citizenship and Luhn digit."""
    return is_date(int(number[4:6]), int(number[2:4])) and luhn(number)


def il_identity(number: str) -> bool:
    """Nine digits, Luhn."""
    return len(set(number)) > 1 and luhn(number)


def ru_snils(number: str) -> bool:
    """Nine digits and their weighted sum mod 101."""
    return int(number[9:]) == weighted(number[:9], range(9, 0, -1)) % 101 % 100


def ru_inn(number: str) -> bool:
    """Twelve digits, the last two by mod 11."""
    first = weighted(number, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    second = weighted(number, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) % 11 % 10
    return (first, second) == (int(number[10]), int(number[11]))


def au_medicare(number: str) -> bool:
    """Eight digits, weights 1, 3, 7, 9, and their sum mod 10; then the issue."""
    return weighted(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def pl_nip(number: str) -> bool:
    """Ten digits, weights 6 5 7 2 3 4 5 6 7, mod 11."""
    return weighted(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9])


def hu_taj(number: str) -> bool:
    """Nine digits, weights 3 and 7, mod 10."""
    return weighted(number, (3, 7) * 4) % 10 == int(number[8])


def ua_tax(number: str) -> bool:
    """Ten digits, weights -1 5 7 9 4 6 10 5 7, mod 11."""
    return weighted(number, (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(number[9])


def ee_personal(number: str) -> bool:
    """A century, a birth date, a serial and a check digit: weights 1 to 9 and 1, mod 11; for a rest of 10 from 3 on."""
    rests = (
        weighted(number[:10], weights) % 11
        for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), (3, 4, 5, 6, 7, 8, 9, 1, 2, 3))
    )
    rest = next((each for each in rests if each != 10), 0)
    return "1" <= number[0] <= "8" and is_date(int(number[5:7]), int(number[3:5])) and rest == int(number[10])


def lv_personal(number: str) -> bool:
    """A birth date and weights 10 5 8 4 2 1 6 3 7 9, mod 11; since 2017 32 to 39 and no check."""
    if "32" <= number[:2] <= "39":
        return True
    rest = (weighted(number, (10, 5, 8, 4, 2, 1, 6, 3, 7, 9)) + 1) % 11 % 10
    return is_date(int(number[:2]), int(number[2:4])) and number[6] in "012" and rest == int(number[10])


def si_emso(number: str) -> bool:
    """Birth date (of its year three digits), region, serial; weights 7 to 2 twice, mod 11. Of all Yugoslavia once."""
    rest = -weighted(number, (7, 6, 5, 4, 3, 2) * 2) % 11
    return is_date(int(number[:2]), int(number[2:4])) and number[4] in "09" and rest == int(number[12])


def lu_matricule(number: str) -> bool:
    """A birth date and a serial; then a Luhn digit and a Verhoeff digit of these eleven."""
    return is_date(int(number[6:8]), int(number[4:6])) and luhn(number[:12]) and verhoeff(number[:11] + number[12])


def cy_tax(number: str) -> bool:
    """Eight digits, of which the first, third and so on have values of their own, and a letter by mod 26."""
    values = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    digits = digits_of(number)
    total = sum(values[digit] for digit in digits[::2]) + sum(digits[1::2])
    return string.ascii_uppercase[total % 26] == number[8]


def gr_amka(number: str) -> bool:
    """Birth date, serial and Luhn digit."""
    return is_date(int(number[:2]), int(number[2:4])) and luhn(number)
