r"""What is looked for: each label's recognizer, patterns, context words and recommended threshold.

The recognizers are Presidio's, with their checksums. Three rules hold for all of them:

* `\b` becomes a boundary that also lies between a number and a letter of a script written without spaces;
* `bare` is the most that a finding can score without a context word. A run of digits that only context can tell (an
  account number) is no finding at all without one, and a check digit that every tenth number passes is no proof;
* the patterns match nothing that the lexer (`detectors.pii.blocks`) would cut.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detectors.pii import patterns
from detectors.pii.guards import Guard, has_one_case, is_address, is_apart, is_card, is_long_id, is_url
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


GENERIC = (
    Entry(
        label="CREDIT_CARD",
        module="generic.credit_card_recognizer",
        class_name="CreditCardRecognizer",
        forms=patterns.CARD,
        guard=is_card,
    ),
    Entry(
        label="IBAN_CODE",
        module="generic.iban_recognizer",
        class_name="IbanRecognizer",
        forms=patterns.IBAN,
    ),
    Entry(
        label="EMAIL_ADDRESS",
        module="generic.email_recognizer",
        class_name="EmailRecognizer",
        forms=patterns.EMAIL,
    ),
    Entry(
        label="IP_ADDRESS",
        module="generic.ip_recognizer",
        class_name="IpRecognizer",
        without=("IPv6_unspecified",),
        guard=is_address,
    ),
    Entry(
        label="MAC_ADDRESS",
        module="generic.mac_recognizer",
        class_name="MacAddressRecognizer",
        forms=patterns.MAC,
    ),
    Entry(label="CRYPTO", module="generic.crypto_recognizer", class_name="CryptoRecognizer"),
    Entry(label="CRYPTO", forms=patterns.ETHEREUM, context=("wallet", "eth", "ethereum", "crypto")),
    Entry(
        label="URL",  # Presidio's recognizer is a pattern with 1,400 endings; the guard asks the public suffix list
        forms=patterns.URL,
        context=("url", "website", "link", "homepage", "domain", "site"),
        guard=is_url,
    ),
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
    )


NATIONAL = (
    _national(
        "us",
        "US_SSN",
        "us.us_ssn_recognizer",
        "UsSsnRecognizer",
        bare=0.5,
        context=("ss",),
        guard=is_apart,
    ),
    _national(
        "us",
        "US_ITIN",
        "us.us_itin_recognizer",
        "UsItinRecognizer",
        bare=0.5,
        context=("tax id",),
        guard=is_apart,
    ),
    _national(
        "us",
        "US_PASSPORT",
        "us.us_passport_recognizer",
        "UsPassportRecognizer",
        no_context=("us", "united", "states", "document", "travel"),
        context=("travel document",),
    ),
    _national(
        "us",
        "US_DRIVER_LICENSE",
        "us.us_driver_license_recognizer",
        "UsLicenseRecognizer",
        no_context=("driver", "identification"),
        context=("licence", "dl"),
        guard=is_long_id,
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
        context=("checking", "savings", "direct deposit"),
    ),
    _national(
        "us",
        "ABA_ROUTING_NUMBER",
        "us.aba_routing_recognizer",
        "AbaRoutingRecognizer",
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
    _national("us", "US_NPI", "us.us_npi_recognizer", "UsNpiRecognizer", no_context=("provider",)),
    _national(
        "uk",
        "UK_NHS",
        "uk.uk_nhs_recognizer",
        "NhsRecognizer",
        bare=0.3,
        context=("patient",),
    ),
    _national(
        "uk",
        "UK_NINO",
        "uk.uk_nino_recognizer",
        "UkNinoRecognizer",
        bare=0.5,
        context=("ni",),
        guard=has_one_case,
    ),
    _national(
        "ca",
        "CA_SIN",
        "canada.ca_sin_recognizer",
        "CaSinRecognizer",
        no_context=("canada",),
    ),
    _national("au", "AU_TFN", "australia.au_tfn_recognizer", "AuTfnRecognizer"),
    _national(
        "au",
        "AU_ABN",
        "australia.au_abn_recognizer",
        "AuAbnRecognizer",
        context=("business number",),
    ),
    _national(
        "in",
        "IN_AADHAAR",
        "india.in_aadhaar_recognizer",
        "InAadhaarRecognizer",
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
    _national("es", "ES_NIF", "spain.es_nif_recognizer", "EsNifRecognizer"),
    _national("es", "ES_NIE", "spain.es_nie_recognizer", "EsNieRecognizer"),
    _national("pl", "PL_PESEL", "poland.pl_pesel_recognizer", "PlPeselRecognizer"),
    _national(
        "it",
        "IT_FISCAL_CODE",
        "italy.it_fiscal_code_recognizer",
        "ItFiscalCodeRecognizer",
        bare=0.5,
        context=("fiscal code",),
    ),
)
