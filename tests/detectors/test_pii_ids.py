"""National ids: each is found with its word before it, and not with a wrong check digit. The numbers are invented or
published as examples."""

from __future__ import annotations

import pytest

from detectors.pii import presidio
from detectors.pii.catalogue import CHECKED, GENERIC, NATIONAL, PROOFS
from detectors.pii.detector import Pii, PiiParams
from tests.detectors.scans import every_cut, pattern_scanner, scan

SCANNER = pattern_scanner(Pii.parts(PiiParams())[0])

IDS = (
    ("DE_TAX_ID", "Steuer-ID: ‹86 095 742 719›"),
    ("DE_SOCIAL_SECURITY", "SV-Nummer ‹15 070649 C 103›"),
    ("DE_SOCIAL_SECURITY", "‹15070649C103›"),
    ("DE_SOCIAL_SECURITY", "Rentenversicherung: ‹65/070649C 104›, seit 1970"),
    ("DE_SOCIAL_SECURITY", "Rentenversicherung: ‹65070649 C104›, seit 1970"),
    ("DE_ID_CARD", "Personalausweis ‹T220001293›"),
    ("DE_HEALTH_INSURANCE", "KVNR ‹A123456780›"),
    ("FR_NIR", "numéro de sécurité sociale ‹2 55 08 14 168 025 38›"),
    ("FR_NIR", "‹2 55 08 14 168 025 38›"),
    ("FR_NIR", "NIR ‹1 80 12 2A 123 456 02›"),
    ("FR_TAX_ID", "numéro fiscal ‹30 23 217 600 053›"),
    ("NL_BSN", "BSN: ‹1112.22.333›"),
    ("PT_NIF", "NIF ‹501 442 600›"),
    ("SE_PERSONNUMMER", "personnummer ‹811228-9874›"),
    ("SE_PERSONNUMMER", "personnummer ‹19811228-9874›"),
    ("BR_CPF", "‹529.982.247-25›"),
    ("BR_CPF", "CPF ‹52998224725›"),
    ("BR_CNPJ", "CNPJ ‹11.222.333/0001-81›"),
    ("JP_MY_NUMBER", "マイナンバーは‹1234 5678 9018›です"),
    ("KR_RRN", "주민등록번호 ‹880101-1234568›"),
    ("BE_NATIONAL_NUMBER", "rijksregisternummer ‹85.07.30-033.28›"),
    ("AT_SOCIAL_SECURITY", "SVNR ‹1237 010180›"),
    ("CH_AHV", "‹756.9217.0769.85›"),
    ("FI_PERSONAL_IDENTITY_CODE", "hetu ‹131052-308T›"),
    ("NO_FODSELSNUMMER", "fødselsnummer ‹151086 95088›"),
    ("CZ_RODNE_CISLO", "rodné číslo ‹710319/2745›"),
    ("RO_CNP", "CNP ‹1630615123457›"),
    ("BG_EGN", "ЕГН ‹7523169263›"),
    ("GR_AFM", "ΑΦΜ ‹094259216›"),
    ("HR_OIB", "OIB ‹33392005961›"),
    ("IE_PPS", "PPS number ‹6433435F›"),
    ("TR_NATIONAL_ID", "TC kimlik no ‹10000000146›"),
    ("CN_RESIDENT_ID", "身份证号码是‹11010519491231002X›"),
    ("TW_NATIONAL_ID", "身分證 ‹A123456789›"),
    ("HK_ID", "HKID ‹A123456(3)›"),
    ("HK_ID", "HKID: ‹G123456(A)›"),
    ("TH_TNIN", "Thai ID ‹1-1014-00002-27-1›"),
    ("MX_CURP", "‹BOXW310820HNERXN09›"),
    ("CL_RUT", "RUT ‹12.678.579-8›"),
    ("AR_CUIT", "CUIT ‹20-05536168-2›"),
    ("ZA_ID_NUMBER", "ID number ‹7503305044089›"),
    ("IL_ID", "teudat zehut ‹039337423›"),
    ("RU_SNILS", "СНИЛС ‹112-233-445 95›"),
    ("RU_INN", "ИНН ‹500100732259›"),
    ("AU_MEDICARE", "Medicare ‹2123 45670 1›"),
    ("PL_NIP", "NIP ‹856-734-62-15›"),
    ("HU_TAJ", "TAJ ‹111 111 110›"),
    ("UA_TAX_ID", "РНОКПП ‹1759013776›"),
    ("EE_ISIKUKOOD", "isikukood ‹37605030299›"),
    ("EE_ISIKUKOOD", "Isikukood: ‹49402062200›, check digit by the second weights"),
    ("LT_ASMENS_KODAS", "Asmens kodas: ‹33309240064›"),
    ("LV_PERSONAS_KODS", "personas kods ‹161175-19997›"),
    ("SI_EMSO", "EMŠO: ‹0101006500006›"),
    ("SI_EMSO", "ЈМБГ ‹1202957500787›"),
    ("LU_MATRICULE", "matricule ‹1893 12 01 057 32›"),
    ("CY_TIN", "TIC ‹06069648G›"),
    ("GR_AMKA", "ΑΜΚΑ ‹01013099997›"),
)
SPELT = (
    ("DE_TAX_ID", "Meine IdNr. lautet ‹12450476844›"),
    ("DE_SOCIAL_SECURITY", "SV-Nr.: ‹65 070649 C 104›"),
    ("AT_SOCIAL_SECURITY", "SV-Nr. ‹1237 010180›"),
    ("SE_PERSONNUMMER", "pers.nr ‹811228-9874›"),
    ("NO_FODSELSNUMMER", "Personnr: ‹151086 95088›"),
    ("CZ_RODNE_CISLO", "r.č. ‹710319/2745›"),
    ("BE_NATIONAL_NUMBER", "N° national ‹85.07.30-033.28›"),
    ("FR_NIR", "<numSecu>‹255081416802538›</numSecu>"),
    ("MT_ID_CARD", "Maltese ID: ‹0123456M›"),
    ("MT_ID_CARD", "Karta tal-Identità nru ‹0512399 G›"),
    ("LV_PERSONAS_KODS", "personas kods: ‹327521-12345›, of those given since 2017"),
)
"""Other ways to name and write them."""
DATED_ONLY = ("DK_CPR", "cpr ‹070761-4285›")


def labels(text: str) -> set[tuple[str, str]]:
    return {(each.label, text[each.start : each.end]) for each in scan(SCANNER, text) if each.score >= 0.4}


@pytest.mark.parametrize(
    ("label", "marked"),
    (*IDS, *SPELT, DATED_ONLY),
    ids=[f"{row[0]} {row[1]}" for row in (*IDS, *SPELT, DATED_ONLY)],
)
def test_an_id_is_found(label: str, marked: str) -> None:
    text = marked.replace("‹", "").replace("›", "")
    assert (label, marked[marked.index("‹") + 1 : marked.index("›")]) in labels(text)
    for ends in every_cut(text):
        assert scan(SCANNER, text, ends) == scan(SCANNER, text)


@pytest.mark.parametrize(("label", "marked"), IDS, ids=[f"{row[0]} {row[1]}" for row in IDS])
def test_a_wrong_check_digit_is_seen(label: str, marked: str) -> None:
    """The last digit of the number is another: no check passes but one of ten at most."""
    begin, end = marked.index("‹") + 1, marked.index("›")
    value = marked[begin:end]
    places = [index for index, char in enumerate(value) if char.isdigit()]
    place = places[8] if label == "AU_MEDICARE" else places[-1]  # its last digit is the issue of the card
    wrong = [value[:place] + other + value[place + 1 :] for other in "0123456789" if other != value[place]]
    texts = [marked[: begin - 1] + each + marked[end + 1 :] for each in wrong]
    assert sum(any(found == label for found, _ in labels(text)) for text in texts) <= 1


def test_every_id_has_a_number_here() -> None:
    assert {entry.label for entry in CHECKED} == {row[0] for row in (*IDS, DATED_ONLY)}


def test_a_recognizer_that_proves_something_is_told_to_have_proved_it() -> None:
    base = presidio.base_class("PatternRecognizer").validate_result
    modules = {(entry.module, entry.class_name) for entry in (*GENERIC, *NATIONAL) if entry.module}
    proving = {name for module, name in modules if presidio.recognizer_class(module, name).validate_result is not base}
    assert proving == {*PROOFS}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("my card: 4111 1111 1111 1111", "card number, Luhn checksum passed, context word 'card'"),
        ("4111 1111 1111 1111", "card number, Luhn checksum passed"),
        ("my steuer-id 86095742719", "11 digits, check passed (mod 11,10), context word 'steuer id'"),
        (
            "call me at +1 (415) 555-2671",
            "phone number with its country's code, valid in a numbering plan, context word 'call'",
        ),
        ("my account number is 12345678", "Bank Account, context word 'account'"),
        ("at 10.0.0.1", "IPv4"),
    ],
)
def test_a_finding_says_what_was_checked(text: str, reason: str) -> None:
    assert [each.reason for each in scan(SCANNER, text)] == [reason]


def test_every_check_says_what_it_is() -> None:
    assert all(entry.proof and entry.check and entry.country == entry.label[:2].lower() for entry in CHECKED)
