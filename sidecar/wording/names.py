"""What a label is called to a person: `EMAIL_ADDRESS` is an email address, or eine E-Mail-Adresse.

`name_of` looks for what kind of thing a label is (`_KINDS`), and for its words in the language. A label of which nobody
here knows (a policy's own, another package's), or whose name is a product's, reads as its author wrote it, with the
spelling of `_SPELLED`: `ORDER_ID` is an order ID.
"""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.wording.languages import Language

_KINDS: Mapping[str, str] = {
    "IBAN": "IBAN_CODE",
    "IP address": "IP_ADDRESS",
    "access token": "JWT BEARER_TOKEN",
    "bank account": "US_BANK_NUMBER",
    "business number": "AU_ABN BR_CNPJ",
    "card data": "CARD_TRACK",
    "card number": "CREDIT_CARD",
    "card security code": "CARD_SECURITY_CODE",
    "crypto wallet": "CRYPTO",
    "date": "DATE_TIME",
    "device address": "MAC_ADDRESS",
    "driver license number": "US_DRIVER_LICENSE",
    "email address": "EMAIL_ADDRESS",
    "group of people": "NRP",
    "health insurance number": "AU_MEDICARE DE_HEALTH_INSURANCE UK_NHS",
    "hidden text": "BIDI_CONTROL FORMAT_CHARACTER SOFT_HYPHEN TAG_CHARACTER VARIATION_SELECTOR ZERO_WIDTH",
    "medical license number": "MEDICAL_LICENSE US_NPI",
    "name": "PERSON",
    "national ID number": "BE_NATIONAL_NUMBER BG_EGN CL_RUT CN_RESIDENT_ID CZ_RODNE_CISLO DE_ID_CARD DK_CPR"
    " EE_ISIKUKOOD ES_NIE ES_NIF"
    " FI_PERSONAL_IDENTITY_CODE HK_ID HR_OIB IL_ID IN_AADHAAR JP_MY_NUMBER KR_RRN LT_ASMENS_KODAS LV_PERSONAS_KODS"
    " MT_ID_CARD MX_CURP NL_BSN NO_FODSELSNUMMER PL_PESEL"
    " RO_CNP SE_PERSONNUMMER SG_NRIC_FIN SI_EMSO TH_TNIN TR_NATIONAL_ID TW_NATIONAL_ID ZA_ID_NUMBER",
    "organization": "ORGANIZATION",
    "passport number": "US_PASSPORT",
    "password": "BASIC_AUTH CONNECTION_STRING_PASSWORD URL_PASSWORD",
    "phone number": "PHONE_NUMBER",
    "place": "LOCATION",
    "postal address": "ADDRESS",
    "private key": "PRIVATE_KEY",
    "secret": "GENERIC_SECRET",
    "social security number": "AT_SOCIAL_SECURITY CA_SIN CH_AHV DE_SOCIAL_SECURITY FR_NIR GR_AMKA HU_TAJ IE_PPS"
    " LU_MATRICULE RU_SNILS UK_NINO"
    " US_SSN",
    "tax number": "AR_CUIT AU_TFN BR_CPF CY_TIN DE_TAX_ID FR_TAX_ID GR_AFM IN_PAN IT_FISCAL_CODE PL_NIP PT_NIF RU_INN"
    " UA_TAX_ID"
    " US_ITIN",
    "web address": "URL",
}
_KIND_OF = {label: kind for kind, labels in _KINDS.items() for label in labels.split()}

_LANGUAGES = (Language.DE, Language.ES, Language.FR, Language.IT, Language.NL, Language.PT)
_ELSEWHERE: Mapping[str, str] = {
    "IP address": "IP-Adresse/dirección IP/adresse IP/indirizzo IP/IP-adres/endereço IP",
    "access token": "Zugangsschlüssel/clave de acceso/jeton d’accès/token di accesso/toegangssleutel/chave de acesso",
    "bank account": "Kontonummer/cuenta bancaria/compte bancaire/conto bancario/bankrekening/conta bancária",
    "card data": "Kartendaten/datos de tarjeta/données de carte/dati della carta/kaartgegevens/dados do cartão",
    "card number": "Kartennummer/número de tarjeta/numéro de carte/numero di carta/kaartnummer/número do cartão",
    "card security code": "Kartenprüfnummer/código de seguridad/code de sécurité/codice di sicurezza/beveiligingscode"
    "/código de segurança",
    "crypto wallet": "Kryptokonto/monedero de criptomonedas/portefeuille crypto/portafoglio di criptovalute"
    "/cryptowallet"
    "/carteira de criptomoedas",
    "date": "Datum/fecha/date/data/datum/data",
    "device address": "Geräteadresse/dirección del dispositivo/adresse de l’appareil/indirizzo del dispositivo"
    "/apparaatadres/endereço do dispositivo",
    "driver license number": "Führerscheinnummer/permiso de conducir/permis de conduire/patente di guida"
    "/rijbewijsnummer"
    "/carta de condução",
    "email address": "E-Mail-Adresse/correo electrónico/adresse e-mail/indirizzo email/e-mailadres/endereço de e-mail",
    "health insurance number": "Krankenversicherungsnummer/tarjeta sanitaria/numéro d’assurance maladie"
    "/tessera sanitaria"
    "/zorgverzekeringsnummer/número de utente de saúde",
    "hidden text": "verborgener Text/texto oculto/texte caché/testo nascosto/verborgen tekst/texto oculto",
    "name": "Name/nombre/nom/nome/naam/nome",
    "national ID number": "Ausweisnummer/documento de identidad/numéro d’identité/documento d’identità"
    "/identiteitsnummer/documento de identidade",
    "organization": "Organisation/organización/organisation/organizzazione/organisatie/organização",
    "passport number": "Passnummer/número de pasaporte/numéro de passeport/numero di passaporto/paspoortnummer"
    "/número do passaporte",
    "password": "Passwort/contraseña/mot de passe/password/wachtwoord/palavra-passe",
    "phone number": "Telefonnummer/número de teléfono/numéro de téléphone/numero di telefono/telefoonnummer"
    "/número de telefone",
    "place": "Ort/lugar/lieu/luogo/plaats/lugar",
    "postal address": "Anschrift/dirección postal/adresse postale/indirizzo postale/postadres/endereço postal",
    "private key": "privater Schlüssel/clave privada/clé privée/chiave privata/privésleutel/chave privada",
    "secret": "Geheimnis/secreto/secret/segreto/geheim/segredo",
    "social security number": "Sozialversicherungsnummer/número de la seguridad social/numéro de sécurité sociale"
    "/numero di previdenza sociale/socialezekerheidsnummer/número da segurança social",
    "tax number": "Steuernummer/número fiscal/numéro fiscal/codice fiscale/belastingnummer/número fiscal",
    "web address": "Internetadresse/dirección web/adresse web/indirizzo web/webadres/endereço web",
}
"""The words in each of `_LANGUAGES`. What is missing is English everywhere."""

_SPELLED: Mapping[str, str] = {
    each.upper(): each
    for each in (
        "ABA Airtable Anthropic API Atlassian AWS Azure Bedrock Bitbucket Buildkite Cerebras CircleCI Cloudflare"
        " Contentful Databricks DeepSeek DigitalOcean Discord Docker Doppler Dynatrace ElevenLabs Facebook Figma"
        " Fireworks GitHub GitLab Google Grafana Groq Heroku HubSpot HuggingFace IBAN ID IP JFrog Jina JWT Langfuse"
        " LangSmith Linear Mailchimp Mailgun Mapbox Neon Notion NPI NPM NVIDIA OAuth OnePassword OpenAI OpenRouter"
        " Perplexity PIN Pinecone Plaid PlanetScale Postman Prefect Pulumi PyPI Razorpay Replicate Resend RubyGems"
        " RunPod SendGrid Sentry Shopify Slack Sonar Sourcegraph Square SSN Stripe Supabase Tailscale Tavily Telegram"
        " Terraform Twilio Typeform URL US VAT Vercel WandB xAI Xendit"
    ).split()
}


def name_of(label: str, language: Language = Language.EN) -> str:
    """The label's name for a person, in the language as far as it is known there."""
    kind = _KIND_OF.get(label)
    if kind is None:
        return " ".join(_SPELLED.get(part.upper(), part.lower()) for part in label.replace("-", "_").split("_") if part)
    if language not in _LANGUAGES or kind not in _ELSEWHERE:
        return kind
    return _ELSEWHERE[kind].split("/")[_LANGUAGES.index(language)]
