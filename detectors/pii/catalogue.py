r"""What is looked for: each label's recognizer, patterns, context words and recommended threshold.

The recognizers are Presidio's, with their checksums. Three rules hold for all of them:

* `\b` becomes a boundary that also lies between a number and a letter of a script written without spaces;
* `bare` is the most that a finding can score without a context word. A run of digits that only context can tell (an
  account number) is no finding at all without one, and a check digit that every tenth number passes is no proof;
* the patterns match nothing that the lexer (`detectors.pii.blocks`) would cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from detectors.pii import ids, patterns
from detectors.pii.guards import (
    Guard,
    has_one_case,
    has_own_letter,
    is_address,
    is_apart,
    is_bank_account,
    is_card,
    is_device,
    is_group_apart,
    is_local_mail,
    is_long_id,
    is_mail,
    is_mailbox,
    is_odd_card,
    is_social_security,
    is_url,
)
from detectors.pii.patterns import Form

FLOOR = 0.2
"""What scores less is no finding: a number that only a context word could make one, without it."""
THRESHOLD = 0.5
ID_THRESHOLD = 0.4
"""National ids: what a context word makes of the weakest pattern."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One recognizer and what its results mean."""

    label: str
    module: str = ""
    """Presidio's module, below `predefined_recognizers`."""
    class_name: str = "PatternRecognizer"
    threshold: float = THRESHOLD
    country: str = ""
    bare: float = 1.0
    context: tuple[str, ...] = ()
    """Context words beside Presidio's own."""
    no_context: tuple[str, ...] = ()
    """Context words of Presidio's that say too little."""
    forms: tuple[Form, ...] = ()
    """In place of Presidio's own patterns."""
    without: tuple[str, ...] = ()
    """Names of Presidio's patterns that are left out."""
    guard: Guard | None = None
    check: Callable[[str], bool] | None = None
    """Whether a match passes its check digits; for an entry without a module."""
    proof: str = ""
    """What a match that passed its check is told to have passed, in the reason of a finding."""
    in_groups: bool = False
    """Whether it is a number in groups: the check is given it without what stands between them."""


PROOFS: Mapping[str, str] = {
    "CreditCardRecognizer": "Luhn checksum passed",
    "IbanRecognizer": "checksum passed (mod 97)",
    "EmailRecognizer": "a domain with a public ending",
    "CryptoRecognizer": "checksum of the address passed",
    "AbaRoutingRecognizer": "checksum passed (weights 3, 7, 1)",
    "MedicalLicenseRecognizer": "checksum passed (DEA)",
    "UsNpiRecognizer": "Luhn checksum passed (with 80840)",
    "NhsRecognizer": "checksum passed (mod 11)",
    "AuTfnRecognizer": "checksum passed (mod 11)",
    "AuAbnRecognizer": "checksum passed (mod 89)",
    "InAadhaarRecognizer": "Verhoeff checksum passed",
    "EsNifRecognizer": "control letter passed (mod 23)",
    "EsNieRecognizer": "control letter passed (mod 23)",
    "PlPeselRecognizer": "checksum passed (weights 1, 3, 7, 9)",
    "ItFiscalCodeRecognizer": "control letter passed (mod 26)",
}
"""What a match has passed that one of Presidio's recognizers says is valid."""

GENERIC = (
    Entry(
        label="CREDIT_CARD",
        module="generic.credit_card_recognizer",
        class_name="CreditCardRecognizer",
        forms=patterns.CARD,
        in_groups=True,
        guard=is_card,
    ),
    Entry(
        label="CREDIT_CARD",
        module="generic.credit_card_recognizer",
        class_name="CreditCardRecognizer",
        forms=patterns.ODD_CARD,
        in_groups=True,
        guard=is_odd_card,
        bare=0.0,
    ),
    Entry(
        label="IBAN_CODE",
        module="generic.iban_recognizer",
        class_name="IbanRecognizer",
        forms=patterns.IBAN,
        in_groups=True,
    ),
    Entry(
        label="EMAIL_ADDRESS",
        module="generic.email_recognizer",
        class_name="EmailRecognizer",
        forms=patterns.EMAIL,
        guard=is_mail,
    ),
    Entry(
        label="EMAIL_ADDRESS",
        forms=patterns.INTERNAL_EMAIL,
        guard=is_mail,
    ),
    Entry(
        label="EMAIL_ADDRESS",
        forms=patterns.MAILBOX,
        guard=is_mailbox,
    ),
    Entry(
        label="EMAIL_ADDRESS",
        forms=patterns.LOCAL_EMAIL,
        guard=is_local_mail,
        bare=0.0,
        context=("email", "e mail", "mail", "mailto", "recipient", "sender"),
    ),
    Entry(label="IP_ADDRESS", forms=patterns.IP, context=("ip", "ipv4", "ipv6"), guard=is_address),
    Entry(
        label="MAC_ADDRESS",
        module="generic.mac_recognizer",
        class_name="MacAddressRecognizer",
        forms=patterns.MAC,
        guard=is_device,
    ),
    Entry(label="CRYPTO", module="generic.crypto_recognizer", class_name="CryptoRecognizer"),
    Entry(label="CRYPTO", forms=patterns.ETHEREUM, context=("wallet", "eth", "ethereum", "crypto")),
)

LINKS = Entry(
    label="URL",  # Presidio's recognizer is a pattern with 1,400 endings; the guard asks the public suffix list
    forms=patterns.URL,
    context=("url", "website", "link", "homepage", "domain", "site"),
    guard=is_url,
)

DATES = Entry(
    label="DATE_TIME",
    module="generic.date_recognizer",
    class_name="DateRecognizer",
    context=("born", "dob", "birth", "expiry", "expires"),
    guard=is_apart,
)


TAGGED: Mapping[str, tuple[str, ...]] = {
    "PERSON": (),
    "LOCATION": ("city", "town", "country", "village", "born", "travel", "flight", "visit", "moved", "live", "lives"),
    "ORGANIZATION": (),
    "NRP": (),
    "DATE_TIME": (),
    "ADDRESS": (
        *(
            "address",
            "live",
            "lives",
            "living",
            "deliver",
            "delivered",
            "ship",
            "shipping",
            "mail",
            "residence",
            "resides",
        ),
        "located",
    ),
}
"""What a model's tags find, with the context words of each label: those that helped on the development set. Other
labels of a user's own model have none."""


def _national(
    country: str,
    label: str,
    module: str = "",
    class_name: str = "PatternRecognizer",
    *,
    bare: float = 0.0,
    context: tuple[str, ...] = (),
    no_context: tuple[str, ...] = (),
    forms: tuple[Form, ...] = (),
    without: tuple[str, ...] = (),
    guard: Guard | None = None,
    check: Callable[[str], bool] | None = None,
    proof: str = "",
) -> Entry:
    """An id that a country gives. Without a context word it is no finding, unless `bare` says so."""
    return Entry(
        label=label,
        module=f"country_specific.{module}" if module else "",
        class_name=class_name,
        threshold=ID_THRESHOLD,
        country=country,
        bare=bare,
        context=context,
        no_context=no_context,
        forms=forms,
        without=without,
        guard=guard,
        in_groups=True,
        check=check,
        proof=proof,
    )


NATIONAL = (
    _national(
        "us",
        "US_SSN",
        "us.us_ssn_recognizer",
        "UsSsnRecognizer",
        forms=patterns.SSN,
        bare=0.5,
        context=("ss",),
        guard=is_social_security,
    ),
    _national(
        "us",
        "US_ITIN",
        "us.us_itin_recognizer",
        "UsItinRecognizer",
        forms=patterns.ITIN,
        bare=0.5,
        context=("tax id",),
        guard=is_group_apart,
    ),
    _national(
        "us",
        "US_PASSPORT",
        "us.us_passport_recognizer",
        "UsPassportRecognizer",
        forms=patterns.PASSPORT,
        no_context=("us", "united", "states", "document", "travel"),
        context=("travel document",),
    ),
    _national(
        "us",
        "US_DRIVER_LICENSE",
        "us.us_driver_license_recognizer",
        "UsLicenseRecognizer",
        forms=patterns.LICENSE,
        no_context=("driver", "identification"),
        context=("licence", "dl"),
        guard=is_long_id,
    ),
    _national(
        "us",
        "US_DRIVER_LICENSE",
        forms=patterns.LICENSE_DIGITS,
        context=(
            *("driver license", "drivers license", "driver s license", "driver licence", "drivers licence", "dl"),
            *("driver s licence", "driving licence", "driving license", "license number", "licence number", "lic"),
            *("license no", "licence no", "driver permit", "driving permit", "permit number", "dl number", "dl no"),
        ),
        guard=is_group_apart,
    ),
    _national(
        "us",
        "US_DRIVER_LICENSE",
        forms=patterns.HYPHENATED_LICENSE,
        context=("license", "licence", "permit", "lic", "dl", "driving"),
    ),
    _national(
        "us",
        "US_BANK_NUMBER",
        "us.us_bank_recognizer",
        "UsBankRecognizer",
        no_context=("check", "save"),
        guard=is_bank_account,
        context=("checking", "savings", "direct deposit"),
    ),
    _national(
        "us",
        "ABA_ROUTING_NUMBER",
        "us.aba_routing_recognizer",
        "AbaRoutingRecognizer",
        forms=patterns.ROUTING,
        no_context=("association",),
        context=("rtn", "transit number"),
    ),
    _national(
        "us",
        "MEDICAL_LICENSE",
        "us.medical_license_recognizer",
        "MedicalLicenseRecognizer",
        bare=0.3,
    ),
    _national("us", "US_NPI", "us.us_npi_recognizer", "UsNpiRecognizer", forms=patterns.NPI, no_context=("provider",)),
    _national(
        "uk",
        "UK_NHS",
        "uk.uk_nhs_recognizer",
        "NhsRecognizer",
        forms=patterns.NHS,
        bare=0.3,
        context=("patient",),
    ),
    _national(
        "uk",
        "UK_NINO",
        "uk.uk_nino_recognizer",
        "UkNinoRecognizer",
        forms=patterns.NINO,
        bare=0.5,
        context=("ni",),
        guard=has_one_case,
    ),
    _national(
        "ca",
        "CA_SIN",
        "canada.ca_sin_recognizer",
        "CaSinRecognizer",
        forms=patterns.SIN,
        no_context=("canada",),
    ),
    _national("au", "AU_TFN", "australia.au_tfn_recognizer", "AuTfnRecognizer", forms=patterns.TFN),
    _national(
        "au",
        "AU_ABN",
        "australia.au_abn_recognizer",
        "AuAbnRecognizer",
        forms=patterns.ABN,
        context=("business number",),
    ),
    _national(
        "in",
        "IN_AADHAAR",
        "india.in_aadhaar_recognizer",
        "InAadhaarRecognizer",
        forms=patterns.AADHAAR,
        context=("aadhar",),
    ),
    _national(
        "in",
        "IN_PAN",
        "india.in_pan_recognizer",
        "InPanRecognizer",
        without=("PAN (Low)",),
    ),
    _national("sg", "SG_NRIC_FIN", "singapore.sg_fin_recognizer", "SgFinRecognizer"),
    _national("es", "ES_NIF", "spain.es_nif_recognizer", "EsNifRecognizer", forms=patterns.DNI),
    _national("es", "ES_NIE", "spain.es_nie_recognizer", "EsNieRecognizer", forms=patterns.NIE),
    _national("pl", "PL_PESEL", "poland.pl_pesel_recognizer", "PlPeselRecognizer"),
    _national(
        "it",
        "IT_FISCAL_CODE",
        "italy.it_fiscal_code_recognizer",
        "ItFiscalCodeRecognizer",
        bare=0.5,
        context=("fiscal code",),
    ),
    # Identità, "Identity cards: useful information"; no check digit
    _national(
        "mt",
        "MT_ID_CARD",
        forms=patterns.MT_IDENTITY,
        context=(
            *("karta tal identità", "karta tal identita", "numru tal karta", "numru tal identità", "id card", "e id"),
            *("identity card", "maltese id", "malta id", "national id", "id number", "identity number", "id no"),
        ),
        guard=has_own_letter,
    ),
)


def _checked(
    label: str,
    forms: tuple[Form, ...],
    check: Callable[[str], bool],
    what: str,
    context: tuple[str, ...],
    *,
    bare: float = 0.0,
) -> Entry:
    """An id whose check digits `check` knows; `what` names that check for the findings."""
    return _national(
        label[:2].lower(),
        label,
        forms=forms,
        check=check,
        context=context,
        bare=bare,
        proof=f"check passed ({what})",
        guard=is_group_apart,
    )


CHECKED = (
    # Bundeszentralamt für Steuern, "Steuerliche Identifikationsnummer"
    _checked(
        "DE_TAX_ID",
        patterns.DE_TAX,
        ids.de_tax_id,
        "mod 11,10",
        (
            "steuer id",
            "steuerid",
            "steuer idnr",
            "steuer id nr",
            "idnr",
            "id nr",
            "identifikationsnummer",
            "steueridentifikationsnummer",
            *("steuernummer", "tax id", "tax number", "tin"),
        ),
    ),
    # Deutsche Rentenversicherung, § 147 SGB VI and VKVV
    _checked(
        "DE_SOCIAL_SECURITY",
        patterns.DE_PENSION,
        ids.de_pension,
        "mod 10",
        (
            *(
                "rentenversicherungsnummer",
                "sozialversicherungsnummer",
                "versicherungsnummer",
                "rvnr",
                "svnr",
                "sv nr",
                "vsnr",
                "sv nummer",
            ),
            *("sozialversicherung", "rentenversicherung", "social security", "insurance number"),
        ),
        bare=0.5,
    ),
    # ICAO 9303; PAuswV and PassV
    _checked(
        "DE_ID_CARD",
        patterns.DE_CARD,
        ids.de_card,
        "weights 7, 3, 1",
        (
            *(
                "personalausweis",
                "ausweis",
                "ausweisnummer",
                "personalausweisnummer",
                "reisepass",
                "passnummer",
                "id card",
            ),
            *("reisepassnummer", "passport", "identity card"),
        ),
    ),
    # § 290 SGB V, GKV-Spitzenverband
    _checked(
        "DE_HEALTH_INSURANCE",
        patterns.DE_HEALTH,
        ids.de_health,
        "mod 10",
        (
            *("krankenversicherungsnummer", "krankenversichertennummer", "versichertennummer", "kvnr", "krankenkasse"),
            *("krankenversicherung", "gesundheitskarte", "health insurance"),
        ),
    ),
    # INSEE, "Le numéro de sécurité sociale"
    _checked(
        "FR_NIR",
        patterns.FR_NIR,
        ids.fr_nir,
        "97 less mod 97",
        (
            *(
                "nir",
                "sécurité sociale",
                "securite sociale",
                "numéro de sécu",
                "sécu",
                "secu",
                "insee",
                "social security",
                "ssn",
            ),
            *("carte vitale", "assuré"),
        ),
        bare=0.6,
    ),
    # European Commission, TIN algorithms: France
    _checked(
        "FR_TAX_ID",
        patterns.FR_TAX,
        ids.fr_tax,
        "mod 511",
        (*("fiscal", "numéro fiscal", "spi", "impôts", "impots", "tax id", "tax number", "tin"),),
    ),
    # Rijksdienst voor Identiteitsgegevens, "elfproef"
    _checked(
        "NL_BSN",
        patterns.NINE,
        ids.nl_bsn,
        "mod 11",
        (*("bsn", "burgerservicenummer", "sofinummer", "citizen service number", "burger service nummer"),),
    ),
    # European Commission, TIN algorithms: Portugal
    _checked(
        "PT_NIF",
        patterns.NINE,
        ids.pt_nif,
        "mod 11",
        (*("nif", "contribuinte", "número de contribuinte", "número fiscal", "tax id", "tax number", "nipc"),),
    ),
    # Skatteverket, "Personnummer"
    _checked(
        "SE_PERSONNUMMER",
        patterns.SE_PERSONAL,
        ids.se_personal,
        "Luhn and birth date",
        (*("personnummer", "samordningsnummer", "personal identity number", "personnr", "pers nr", "pnr", "ssn"),),
    ),
    # Receita Federal, "Cadastro de Pessoas Físicas"
    _checked(
        "BR_CPF",
        patterns.BR_CPF,
        ids.br_cpf,
        "mod 11 twice",
        (*("cpf", "cadastro de pessoas", "contribuinte", "tax id"),),
        bare=0.6,
    ),
    _checked("BR_CNPJ", patterns.BR_CNPJ, ids.br_cnpj, "mod 11 twice", ("cnpj", "empresa"), bare=0.6),
    # 行政手続における特定の個人を識別するための番号の利用等に関する法律, ordinance of 2014 on the check digit
    _checked(
        "JP_MY_NUMBER",
        patterns.TWELVE,
        ids.jp_my_number,
        "mod 11",
        (*("マイナンバー", "個人番号", "mynumber", "individual number"),),
    ),
    # 주민등록법 시행규칙: resident registration numbers; foreigners' since 2020 without check digit
    _checked(
        "KR_RRN",
        patterns.KR_RRN,
        ids.kr_resident,
        "mod 11 and birth date",
        (
            *(
                "주민등록번호",
                "주민번호",
                "외국인등록번호",
                "rrn",
                "resident registration number",
                "registration number",
            ),
        ),
        bare=0.4,
    ),
    # IBZ, "Rijksregisternummer"
    _checked(
        "BE_NATIONAL_NUMBER",
        patterns.BE_NATIONAL,
        ids.be_national,
        "97 less mod 97",
        (
            "rijksregisternummer",
            "registre national",
            "numéro national",
            "n national",
            "nationaal nummer",
            "insz",
            "niss",
            *("national number", "national register"),
        ),
    ),
    # Dachverband der Sozialversicherungsträger, "Versicherungsnummer"
    _checked(
        "AT_SOCIAL_SECURITY",
        patterns.AT_INSURANCE,
        ids.at_insurance,
        "mod 11 and birth date",
        (
            "sozialversicherungsnummer",
            "versicherungsnummer",
            "svnr",
            "sv nr",
            "vsnr",
            "sv nummer",
            "sozialversicherung",
            "e card",
        ),
    ),
    # BSV, "AHV-Nummer": EAN-13 with the country code 756
    _checked(
        "CH_AHV",
        patterns.CH_AHV,
        ids.ean13,
        "EAN-13",
        (*("ahv", "avs", "ahv nummer", "numéro avs", "navs13", "sozialversicherungsnummer", "social security"),),
        bare=0.6,
    ),
    # Digi- ja väestötietovirasto, "Henkilötunnus"
    _checked(
        "FI_PERSONAL_IDENTITY_CODE",
        patterns.FI_PERSONAL,
        ids.fi_personal,
        "mod 31 and birth date",
        (*("henkilötunnus", "hetu", "personbeteckning", "personal identity code", "identity code"),),
        bare=0.5,
    ),
    # CPR-kontoret, "Personnummeret i CPR"
    _checked(
        "DK_CPR", patterns.DK_CPR, ids.dk_cpr, "birth date", ("cpr", "cpr nummer", "personnummer", "personnr", "cpr nr")
    ),
    # Skatteetaten, "Fødselsnummer"
    _checked(
        "NO_FODSELSNUMMER",
        patterns.NO_BIRTH,
        ids.no_birth,
        "mod 11 twice and birth date",
        (
            "fødselsnummer",
            "fodselsnummer",
            "fødselsnr",
            "personnummer",
            "personnr",
            "fnr",
            "d nummer",
            "national identity number",
        ),
    ),
    # Ministerstvo vnitra, zákon č. 133/2000 Sb.
    _checked(
        "CZ_RODNE_CISLO",
        patterns.CZ_BIRTH,
        ids.cz_birth,
        "mod 11 and birth date",
        (*("rodné číslo", "rodného čísla", "rodne cislo", "rč", "r č", "birth number", "personal number"),),
    ),
    # Ministerul Afacerilor Interne, "Codul numeric personal"
    _checked(
        "RO_CNP",
        patterns.RO_CNP,
        ids.ro_cnp,
        "mod 11 and birth date",
        (*("cnp", "cod numeric personal", "codul numeric personal", "personal numeric code"),),
    ),
    # ГРАО, "Единен граждански номер"
    _checked("BG_EGN", patterns.TEN, ids.bg_egn, "mod 11 and birth date", ("егн", "egn", "единен граждански номер")),
    # ΑΑΔΕ, "Αριθμός Φορολογικού Μητρώου"
    _checked("GR_AFM", patterns.NINE, ids.gr_afm, "mod 11", ("αφμ", "afm", "φορολογικού μητρώου", "vat number")),
    # Porezna uprava, "Osobni identifikacijski broj"
    _checked("HR_OIB", patterns.ELEVEN, ids.hr_oib, "mod 11,10", ("oib", "osobni identifikacijski broj")),
    # Department of Social Protection, "Personal Public Service Number"
    _checked("IE_PPS", patterns.IE_PPS, ids.ie_pps, "mod 23", ("pps", "ppsn", "pps number", "personal public service")),
    # Nüfus ve Vatandaşlık İşleri, "T.C. Kimlik Numarası"
    _checked(
        "TR_NATIONAL_ID",
        patterns.ELEVEN,
        ids.tr_identity,
        "mod 10 twice",
        (*("tc kimlik", "kimlik no", "kimlik numarası", "tckn", "t c kimlik", "kimlik", "national id"),),
    ),
    # GB 11643-1999
    _checked(
        "CN_RESIDENT_ID",
        patterns.CN_RESIDENT,
        ids.cn_resident,
        "mod 11,2 and birth date",
        (*("身份证", "身份證", "公民身份号码", "resident identity", "id card", "id number"),),
        bare=0.6,
    ),
    # 內政部戶政司, 國民身分證統一編號
    _checked(
        "TW_NATIONAL_ID",
        patterns.TW_IDENTITY,
        ids.tw_identity,
        "mod 10",
        (*("身分證", "身份證", "統一編號", "national id", "id number", "id card"),),
    ),
    # Immigration Department, "Hong Kong identity card"
    _checked(
        "HK_ID",
        patterns.HK_IDENTITY,
        ids.hk_identity,
        "mod 11",
        (*("hkid", "身份證", "身份證號碼", "identity card", "id card", "hong kong id"),),
    ),
    # กรมการปกครอง, เลขประจำตัวประชาชน
    _checked(
        "TH_TNIN",
        patterns.TH_IDENTITY,
        ids.th_identity,
        "mod 11",
        (*("เลขประจำตัวประชาชน", "บัตรประชาชน", "thai id", "thai national id", "tnin", "national id"),),
    ),
    # RENAPO, "Clave Única de Registro de Población"
    _checked("MX_CURP", patterns.MX_CURP, ids.mx_curp, "mod 10 and birth date", ("curp", "clave única"), bare=0.6),
    # Servicio de Registro Civil, "Rol Único Nacional"
    _checked("CL_RUT", patterns.CL_RUT, ids.cl_rut, "mod 11", ("rut", "rol único", "rol unico"), bare=0.5),
    # AFIP, "Clave Única de Identificación Tributaria"
    _checked("AR_CUIT", patterns.AR_CUIT, ids.ar_cuit, "mod 11", ("cuit", "cuil", "clave única de identificación")),
    # Department of Home Affairs, "Identity number"
    _checked(
        "ZA_ID_NUMBER",
        patterns.ZA_IDENTITY,
        ids.za_identity,
        "Luhn and birth date",
        (*("id number", "identity number", "south african id", "sa id", "rsa id", "national id", "identity"),),
    ),
    # רשות האוכלוסין, מספר זהות
    _checked(
        "IL_ID",
        patterns.NINE,
        ids.il_identity,
        "Luhn",
        (*("תעודת זהות", "מספר זהות", "ת ז", "teudat zehut", "israeli id", "tz"),),
    ),
    # Пенсионный фонд, СНИЛС; ФНС, ИНН
    _checked("RU_SNILS", patterns.SNILS, ids.ru_snils, "mod 101", ("снилс", "snils")),
    _checked("RU_INN", patterns.TWELVE, ids.ru_inn, "mod 11 twice", ("инн", "inn")),
    # Services Australia, "Medicare card numbers"
    _checked("AU_MEDICARE", patterns.MEDICARE, ids.au_medicare, "mod 10", ("medicare", "medicare number")),
    # Ministerstwo Finansów, "Numer identyfikacji podatkowej"
    _checked("PL_NIP", patterns.TEN, ids.pl_nip, "mod 11", ("nip", "numer identyfikacji podatkowej", "tax id")),
    # NEAK, "TAJ-szám"
    _checked("HU_TAJ", patterns.NINE, ids.hu_taj, "mod 10", ("taj", "taj szám", "tajszám", "társadalombiztosítási")),
    # ДПС України, РНОКПП
    _checked(
        "UA_TAX_ID", patterns.TEN, ids.ua_tax, "mod 11", ("рнокпп", "іпн", "ідентифікаційний код", "rnokpp", "ipn")
    ),
    # Siseministeerium, "Isikukood"
    _checked(
        "EE_ISIKUKOOD",
        patterns.ELEVEN,
        ids.ee_personal,
        "mod 11 and birth date",
        ("isikukood", "isikukoodi", "personal code", "personal identification code", "identity code", "id code"),
    ),
    # Registrų centras, "Asmens kodas"
    _checked(
        "LT_ASMENS_KODAS",
        patterns.ELEVEN,
        ids.ee_personal,
        "mod 11 and birth date",
        ("asmens kodas", "asmens kodo", "personal code", "personal identification code", "identity code"),
    ),
    # Pilsonības un migrācijas lietu pārvalde, "Personas kods"
    _checked(
        "LV_PERSONAS_KODS",
        patterns.LV_PERSONAL,
        ids.lv_personal,
        "mod 11 and birth date; none since 2017",
        ("personas kods", "personas kodu", "personal code", "personal identity number", "identity code"),
    ),
    # Ministrstvo za notranje zadeve, "Enotna matična številka občana"; elsewhere "Jedinstveni matični broj građana"
    _checked(
        "SI_EMSO",
        patterns.SI_EMSO,
        ids.si_emso,
        "mod 11 and birth date",
        ("emšo", "emso", "jmbg", "јмбг", "matična številka", "matični broj", "матични број", "unique master citizen"),
    ),
    # Centre des technologies de l'information de l'État, "Numéro d'identification national"
    _checked(
        "LU_MATRICULE",
        patterns.LU_MATRICULE,
        ids.lu_matricule,
        "Luhn, Verhoeff and birth date",
        (
            *("matricule", "matrikel", "matricule national", "identification national", "identification nationale"),
            *("sozialversicherungsnummer", "social security", "national identification number"),
        ),
    ),
    # European Commission, TIN algorithms: Cyprus
    _checked(
        "CY_TIN",
        patterns.CY_TAX,
        ids.cy_tax,
        "mod 26",
        ("tic", "tin", "tax identification code", "φορολογικής ταυτότητας"),
    ),
    # ΗΔΙΚΑ, "Αριθμός Μητρώου Κοινωνικής Ασφάλισης"
    _checked(
        "GR_AMKA",
        patterns.GR_AMKA,
        ids.gr_amka,
        "Luhn and birth date",
        ("αμκα", "amka", "κοινωνικής ασφάλισης", "social security"),
    ),
)
"""Ids whose check digits are computed here; beside each, whose rule it is. Without a context word only those count
whose form and check together are rare among other numbers."""

IDS = (*NATIONAL, *CHECKED)
