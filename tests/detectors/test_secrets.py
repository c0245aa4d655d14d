"""Secrets: every format of the table, what is no secret, and tokens that are cut anywhere. All tokens are made here."""

from __future__ import annotations

import base64
import itertools
import json
import random
import re
import string
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.secrets.detector import FIRST_PIECE, PIECE, Secrets, SecretsParams
from detectors.secrets.formats import FAILED, FORMATS, HIGH, VERIFIED, entropy, is_placeholder
from tests.detectors.scans import every_cut, held, scan

SCANNER = Secrets.build(SecretsParams())
SOURCE = random.Random(11)
B62 = string.ascii_letters + string.digits
B64U = B62 + "-_"
HEX = "0123456789abcdef"


def rand(alphabet: str, count: int) -> str:
    """Random characters; the last is a word character, so that a token has its end there."""
    return "".join(SOURCE.choices(alphabet, k=count - 1)) + SOURCE.choice([c for c in alphabet if c.isalnum()])


def with_checksum(prefix: str) -> str:
    body = rand(B62, 30)
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = (string.digits + string.ascii_uppercase + string.ascii_lowercase)[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def jwt(payload: int = 90) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).decode().rstrip("=")
    return f"{header}.eyJ{rand(B64U, payload)}.{rand(B64U, 43)}"


def pem(lines: int = 4, kind: str = "RSA ", newline: str = "\n") -> str:
    body = newline.join(rand(B62 + "+/", 64) for _ in range(lines))
    dashes = "-" * 5
    return (
        f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}{newline}{body}{newline}{rand(B62, 10)}=={newline}"
        f"{dashes}END {kind}PRIVATE KEY{dashes}"
    )


def discord() -> str:
    user = base64.b64encode(b"412345678901234567").decode()
    return f"{user}.{rand(B64U, 6)}.{rand(B64U, 30)}"


def uuid() -> str:
    return "-".join(rand(HEX, size) for size in (8, 4, 4, 4, 12))


TOKENS: dict[str, Callable[[], str]] = {
    "GitHub token": lambda: with_checksum("gh" + "p_"),
    "GitHub fine-grained token": lambda: "github" + "_pat_" + rand(B62, 22) + "_" + rand(B62, 59),
    "GitLab token": lambda: "gl" + "pat-" + rand(B64U, 20),
    "AWS access key id": lambda: "AK" + "IA" + rand(string.ascii_uppercase + "234567", 16),
    "AWS Bedrock key": lambda: "AB" + "SK" + rand(B62, 120),
    "Google API key": lambda: "AI" + "za" + rand(B64U, 35),
    "Google OAuth client secret": lambda: "GOC" + "SPX-" + rand(B64U, 28),
    "Google OAuth access token": lambda: "ya" + "29." + rand(B64U, 60),
    "Azure client secret": lambda: rand(B62, 3) + "8" + "Q~" + rand(B62, 34),
    "OpenAI key": lambda: "sk-" + "proj-" + rand(B64U, 40) + "T3Blbk" + "FJ" + rand(B64U, 40),
    "Anthropic key": lambda: "sk-" + "ant-api03-" + rand(B64U, 93) + "AA",
    "Hugging Face token": lambda: "hf" + "_" + rand(B62, 34),
    "OpenRouter key": lambda: "sk-" + "or-v1-" + rand(HEX, 64),
    "OpenAI key of the first kind": lambda: "s" + "k-" + rand(B62, 48),
    "DeepSeek key": lambda: "s" + "k-" + rand(HEX, 32),
    "ElevenLabs key": lambda: "s" + "k_" + rand(HEX, 48),
    "Langfuse secret key": lambda: "sk-" + "lf-" + "-".join(rand(HEX, size) for size in (8, 4, 4, 4, 12)),
    "LangSmith key": lambda: "lsv" + "2_pt_" + rand(HEX, 32) + "_" + rand(HEX, 10),
    "Tavily key": lambda: "tv" + "ly-dev-" + rand(B62, 32),
    "Cerebras key": lambda: "cs" + "k-" + rand(string.ascii_lowercase + string.digits, 48),
    "NVIDIA key": lambda: "nv" + "api-" + rand(B64U, 64),
    "Pinecone key": lambda: "pc" + "sk_" + rand(B62, 6) + "_" + rand(B62, 63),
    "Fireworks key": lambda: "f" + "w_" + rand(B62, 24),
    "Together key": lambda: "tg" + "p_v1_" + rand(B64U, 43),
    "Jina key": lambda: "ji" + "na_" + rand(HEX, 32) + rand(B64U, 28),
    "RunPod key": lambda: "rp" + "a_" + rand(string.ascii_uppercase + string.digits, 44),
    "Resend key": lambda: "r" + "e_" + rand(B62, 8) + "_" + rand(B62, 24),
    "Supabase key": lambda: "sb" + "p_" + rand(HEX, 40),
    "Vercel token": lambda: "vc" + "p_" + rand(B62, 56),
    "Neon key": lambda: "na" + "pi_" + rand(string.ascii_lowercase + string.digits, 64),
    "Render key": lambda: "rn" + "d_" + rand(B62, 28),
    "Figma token": lambda: "fi" + "gd_" + rand(B64U, 40),
    "Contentful token": lambda: "CF" + "PAT-" + rand(B64U, 43),
    "Typeform token": lambda: "tf" + "p_" + rand(B62, 59),
    "HubSpot token": lambda: "pa" + "t-na1-" + "-".join(rand(HEX, size) for size in (8, 4, 4, 4, 12)),
    "Buildkite token": lambda: "bk" + "ua_" + rand(HEX, 40),
    "Apify token": lambda: "api" + "fy_api_" + rand(B62, 36),
    "Netlify token": lambda: "nf" + "p_" + rand(B62, 36),
    "PostHog personal key": lambda: "ph" + "x_" + rand(B62, 43),
    "Firecrawl key": lambda: "f" + "c-" + rand(HEX, 32),
    "LlamaCloud key": lambda: "ll" + "x-" + rand(B62, 48),
    "E2B key": lambda: "e2" + "b_" + rand(HEX, 40),
    "Axiom token": lambda: "xa" + "at-" + uuid(),
    "Polar token": lambda: "pol" + "ar_oat_" + rand(B62, 43),
    "Paddle key": lambda: "pd" + "l_live_apikey_" + rand(HEX, 26) + "_" + rand(B62, 22) + "_" + rand(B62, 3),
    "Inngest signing key": lambda: "sign" + "key-prod-" + rand(HEX, 64),
    "Cursor key": lambda: "cr" + "sr_" + rand(HEX, 64),
    "Context7 key": lambda: "ctx" + "7sk-" + uuid(),
    "ClickUp token": lambda: "p" + "k_4321987_" + rand(string.ascii_uppercase + string.digits, 32),
    "NuGet key": lambda: "oy" + "2" + rand(string.ascii_lowercase + string.digits, 43),
    "Tencent Cloud secret id": lambda: "AK" + "ID" + rand(B62, 32),
    "Modal token": lambda: "a" + "k-a1B" + rand(B62, 19),
    "JFrog reference token": lambda: "cmV" + "mdGtu" + rand(B62, 56),
    "Sonar token": lambda: "sq" + "u_" + rand(HEX, 40),
    "Prefect key": lambda: "pn" + "u_" + rand(B62, 36),
    "Mapbox secret token": lambda: "sk" + ".eyJ" + rand(B64U, 60) + "." + rand(B64U, 22),
    "Tailscale key": lambda: "tsk" + "ey-auth-" + rand(B62, 12) + "-" + rand(B62, 32),
    "Google AI key of the second kind": lambda: "A" + "Q.Ab" + rand(B64U, 50),
    "Anthropic OAuth token": lambda: "sk-" + "ant-oat01-" + rand(B64U, 95),
    "CircleCI token": lambda: "CC" + "IPAT_" + rand(B62, 22) + "_" + rand(HEX, 40),
    "Weights & Biases key": lambda: "wan" + "db_v1_" + rand(B62, 80),
    "Cloudflare token": lambda: "cf" + "ut_" + rand(B62, 40) + rand(HEX, 8),
    "Bitbucket token": lambda: "ATC" + "TT3" + rand(B62, 186),
    "Xendit key": lambda: "xn" + "d_production_" + rand(B62, 64),
    "Razorpay key": lambda: "rz" + "p_live_" + rand(B62, 14),
    "Plaid token": lambda: "acc" + "ess-production-" + "-".join(rand(HEX, size) for size in (8, 4, 4, 4, 12)),
    "Perplexity key": lambda: "pp" + "lx-" + rand(B62, 48),
    "Groq key": lambda: "gs" + "k_" + rand(B62, 52),
    "xAI key": lambda: "xa" + "i-" + rand(B62, 80),
    "Replicate token": lambda: "r8" + "_" + rand(B62, 37),
    "Slack token": lambda: "xo" + "xb-" + rand(string.digits, 12) + "-" + rand(B62, 24),
    "Slack app-level token": lambda: "xa" + "pp-1-" + rand("ABC0", 11) + "-" + rand("123", 13) + "-" + rand(HEX, 64),
    "Slack webhook": lambda: "hooks.sl" + "ack.com/services/" + rand(B62, 44),
    "Discord webhook": lambda: "discord.com/api/web" + "hooks/" + rand("1234", 18) + "/" + rand(B64U, 68),
    "Discord bot token": discord,
    "Telegram bot token": lambda: rand("123456789", 10) + ":A" + rand(B64U, 34),
    "Stripe key": lambda: "sk" + "_live_" + rand(B62, 24),
    "Stripe webhook secret": lambda: "wh" + "sec_" + rand(B62, 32),
    "Square token": lambda: "sq0" + "atp-" + rand(B64U, 22),
    "Shopify token": lambda: "sh" + "pat_" + rand(HEX, 32),
    "Twilio API key": lambda: "S" + "K" + rand(HEX, 32),
    "SendGrid key": lambda: "S" + "G." + rand(B64U, 22) + "." + rand(B64U, 43),
    "Mailgun key": lambda: "ke" + "y-" + rand(HEX, 32),
    "Mailchimp key": lambda: rand(HEX, 32) + "-us" + "12",
    "npm token": lambda: with_checksum("np" + "m_"),
    "PyPI token": lambda: "py" + "pi-AgEIcHlwaS5vcmc" + rand(B64U, 150),
    "RubyGems token": lambda: "ruby" + "gems_" + rand(HEX, 48),
    "crates.io token": lambda: "ci" + "o" + rand(B62, 32),
    "Docker Hub token": lambda: "dc" + "kr_pat_" + rand(B64U, 27),
    "DigitalOcean token": lambda: "do" + "p_v1_" + rand(HEX, 64),
    "Databricks token": lambda: "da" + "pi" + rand(HEX, 32),
    "Doppler token": lambda: "dp" + ".pt." + rand(B62, 43),
    "HashiCorp Vault token": lambda: "hv" + "s." + rand(B64U, 90),
    "Terraform Cloud token": lambda: rand(B62, 14) + ".atlas" + "v1." + rand(B62, 67),
    "Cloudflare origin CA key": lambda: "v1" + ".0-" + rand(HEX, 24) + "-" + rand(HEX, 146),
    "Heroku key": lambda: "HR" + "KU-AA" + rand(B64U, 58),
    "Fly.io token": lambda: "fm" + "2_" + rand(B62, 150),
    "Grafana service account token": lambda: "gl" + "sa_" + rand(B62, 32) + "_" + rand(HEX, 8),
    "Sentry token": lambda: "snt" + "ryu_" + rand(HEX, 64),
    "New Relic user key": lambda: "NR" + "AK-" + rand(string.ascii_uppercase + string.digits, 27),
    "Notion token": lambda: "nt" + "n_" + rand("123", 11) + rand(B62, 35),
    "Linear key": lambda: "lin" + "_api_" + rand(B62, 40),
    "Atlassian token": lambda: "ATA" + "TT3" + rand(B62, 186),
    "Airtable token": lambda: "pa" + "t" + rand(B62, 14) + "." + rand(HEX, 64),
    "Postman key": lambda: "PM" + "AK-" + rand(HEX, 24) + "-" + rand(HEX, 34),
    "Pulumi token": lambda: "pu" + "l-" + rand(HEX, 40),
    "PlanetScale token": lambda: "psc" + "ale_tkn_" + rand(B62, 43),
    "JFrog key": lambda: "AK" + "Cp" + rand(B62, 69),
    "Dynatrace token": lambda: "dt0" + "c01." + rand("ABC123", 24) + "." + rand("ABCD1234", 64),
    "Facebook token": lambda: "EA" + "A" + rand(B62, 150),
    "Adobe client secret": lambda: "p8" + "e-" + rand(B62, 32),
    "Alibaba Cloud access key id": lambda: "LT" + "AI" + rand(B62, 20),
    "Authress access key": lambda: (
        "s" + "c_" + rand(HEX, 8) + "." + rand(HEX, 4) + ".acc-" + rand(HEX, 16) + "." + rand(B62, 60)
    ),
    "Brevo key": lambda: "xkey" + "sib-" + rand(HEX, 64) + "-" + rand(B62, 16),
    "Clojars token": lambda: "CLO" + "JARS_" + rand(string.ascii_lowercase + string.digits, 60),
    "Duffel token": lambda: "duf" + "fel_live_" + rand(B64U, 43),
    "EasyPost key": lambda: "EZ" + "AK" + rand(B62, 54),
    "Flutterwave secret key": lambda: "FLW" + "SECK_TEST-" + rand(HEX, 32) + "-X",
    "Frame.io token": lambda: "fi" + "o-u-" + rand(B64U, 64),
    "GitLab runner registration token": lambda: "GR13" + "48941" + rand(B64U, 20),
    "Grafana Cloud token": lambda: "gl" + "c_" + rand(B62, 80),
    "Grafana key of the first kind": lambda: "eyJr" + "Ijoi" + rand(B62, 90),
    "ReadMe key": lambda: "rd" + "me_" + rand(string.ascii_lowercase + string.digits, 70),
    "Scalingo token": lambda: "tk-" + "us-" + rand(B64U, 48),
    "Shippo token": lambda: "ship" + "po_live_" + rand(HEX, 40),
    "Microsoft Teams webhook": lambda: (
        "webhook.office" + f".com/webhookb2/{uuid()}@{uuid()}/IncomingWebhook/{rand(HEX, 32)}/{uuid()}"
    ),
    "Sourcegraph token": lambda: "sg" + "p_" + rand(HEX, 40),
    "1Password service account token": lambda: "op" + "s_eyJ" + rand(B62, 300),
    "age key": lambda: "AGE-SECRET" + "-KEY-1" + rand("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58),
    "JSON web token": jwt,
    "PEM private key": pem,
}
CONTEXTS: dict[str, tuple[Callable[[str], str], Callable[[], str]]] = {
    "AWS secret access key": ("aws_secret_access_key = {}".format, lambda: "aB3/" + rand(B62 + "/+", 36)),
    "AWS secret access key beside its id": (
        ("AK" + "IA" + "Q2W3E4R5T6Y7U2I3" + ",{}").format,
        lambda: "aB3/" + rand(B62 + "/+", 36),
    ),
    "Azure storage key": ("AccountKey={};".format, lambda: rand(B62 + "/+", 86) + "=="),
    "password in a URL": ("postgres://app:{}@db:5432/x".format, lambda: rand(B62, 12)),
    "HTTP basic credentials": (
        "Authorization: Basic {}".format,
        lambda: base64.b64encode(f"app:{rand(B62, 13)}".encode()).decode(),
    ),
    "HTTP bearer token": ('"Authorization": "Bearer {}"'.format, lambda: "a1" + rand(B64U, 40)),
    "password in a connection string": ("Server=db;Pwd={};Database=x".format, lambda: rand(B62, 14)),
    "random value assigned to a secret's name": ("API_KEY={}".format, lambda: "a1B" + rand(B62, 29)),
    "random value in a secret's element": ("<db:password>{}</db:password>".format, lambda: "a1B" + rand(B62, 14)),
    "random value of an option for a secret": ("run --admin-password '{}' now".format, lambda: "a1B" + rand(B62, 14)),
    "random value of a pair that names a secret": (
        "- name: DB_PASSWORD\n  value: {}\n".format,
        lambda: "a1B" + rand(B62, 14),
    ),
    "value said to be a password": ("Your password is {}".format, lambda: "a1B" + rand(B62, 14)),
    "password behind a user in an option": ("curl -u app:{} https://x.io".format, lambda: "a1B" + rand(B62, 14)),
    "value behind the word password": ("das Passwort {} gilt".format, lambda: "a1B2c" + rand(B62, 12)),
    "password in an option of a command": ("mysql -u app -p{} shop".format, lambda: "a1B2c" + rand(B62, 12)),
    "random value with an escaped quote": ('"password": "{}"'.format, lambda: 'fo\\"' + "a1B" + rand(B62, 14)),
}


def labels(text: str) -> set[str]:
    return {finding.label for finding in scan(SCANNER, text)}


def test_every_format_has_a_token_here() -> None:
    assert sorted({*TOKENS, *CONTEXTS}) == sorted(each.kind for each in FORMATS)


@pytest.mark.parametrize("kind", TOKENS)
@pytest.mark.parametrize(
    "around", ["{}", "my token is {}, keep it", '{{"a":"{}"}}', "x\\n{}\\n", "\x1b[31m{}\x1b[0m", "密钥{}。"]
)
def test_a_token_is_found_whole_in_any_surroundings(kind: str, around: str) -> None:
    token = TOKENS[kind]()
    text = around.format(token)
    start = text.index(token)
    found = [finding for finding in scan(SCANNER, text) if finding.reason.partition(", ")[0] == kind]
    assert found, "not found"
    assert (found[0].start, found[-1].end) == (start, start + len(token))
    assert all(left.end == right.start for left, right in itertools.pairwise(found))


@pytest.mark.parametrize("kind", CONTEXTS)
def test_a_value_is_found_by_what_stands_around_it(kind: str) -> None:
    around, make = CONTEXTS[kind]
    value = make()
    text = f"see {around(value)} there"
    start = text.index(value)
    assert [(f.start, f.end) for f in scan(SCANNER, text) if f.reason.partition(", ")[0] == kind] == [
        (start, start + len(value))
    ]


@pytest.mark.parametrize("kind", [*TOKENS, *CONTEXTS])
def test_findings_do_not_depend_on_how_the_text_was_cut(kind: str) -> None:
    token = TOKENS[kind]() if kind in TOKENS else CONTEXTS[kind][0](CONTEXTS[kind][1]())
    text = f"a: {token}. And then"
    expected = scan(SCANNER, text)
    for ends in every_cut(text):
        assert scan(SCANNER, text, ends) == expected


@pytest.mark.parametrize("kind", TOKENS)
def test_no_character_of_a_token_is_cleared_before_it_is_found(kind: str) -> None:
    token = TOKENS[kind]()
    assert held(SCANNER, f"it is {token[:20]}").startswith(token[:20])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("AKIA" + "IOSFODNN7" + "EXAMPLE", "a documented sample key"),
        ("ghp_" + "x" * 36, "one character repeated"),
        ("api_key = your_api_key_12345", "a placeholder's words"),
        ('"token": "abcd1234defg5678", "secret": "a1b2c3d4567890ab"', "letters and digits that count"),
        ('"LocalPassword": "PassWordMustBeAtLeast6Chars.", password: yh^%#rest-of-my-password', "what says what it is"),
        ('"IAMUserChangePassword": "arn:aws:iam::aws:policy/IAMUserChangePassword2"', "a resource's name"),
        ('TOKEN: "anna.berg@northwind-traders.com"', "an address of mail"),
        ('"LifecycleActionToken": "bcd2f1b8-9a78-44d3-8a7a-4dd07d7cf635"', "the token of an action"),
        ("api_key: ${API_KEY_1}", "a variable"),
        ("api_key: {{ api_key1 }}", "a template"),
        ("token = <token12345>", "a placeholder"),
        ("password: changeme123", "a placeholder"),
        ("secret = process.env.SECRET1", "code"),
        ('secret = os.environ["SECRET_1"]', "code"),
        ("token = settings.API_TOKEN2", "code"),
        ("password = get_password(user1)", "code"),
        ("the token: authentication", "a word"),
        ("secret: internationalization", "a word"),
        ("password: ********", "masked"),
        ("postgres://user:password@localhost/db", "a sample password"),
        ("https://example.com:8080/a@b", "a port"),
        ("Authorization: Bearer YOUR_ACCESS_TOKEN", "a placeholder"),
        ("authorization: bearer authentication is used", "prose"),
        ("commit 3f786850e387550fdab836ed7e6dc881de23001b", "a digest without a name"),
        ("pk" + "_live_" + rand(B62, 24), "a publishable key"),
        ("A" + "C" + "0123456789abcdef" * 2, "an account id"),
        (
            "a file that starts with " + "-" * 5 + "BEGIN PRIVATE KEY" + "-" * 5 + " and then base64",
            "talk about a format",
        ),
        ("risk-free sk-learn skip gh_ hf_ key-value", "words"),
        ("eyJ" + "hbGNvaG9sIjoxfQ" + "." + "eyJ" + "zdWIiOjEyMzQ1Njc4OTB9" + ".abc", "no algorithm in the header"),
        ("M" + "x" * 23 + "." + "abcdef" + "." + "y" * 30, "no user id in it"),
        ("class Foo:\n    token: TextGenerationStreamOutputToken2\n", "an annotation"),
        ("def serialize(\n    private_key: PKCS7PrivateKeyTypes,\n)", "an annotation that begins with an acronym"),
        (
            "# Create Server Credentials:\n\n_CertificateChainPair: TypeAlias = tuple[bytes, bytes]",
            "a heading's next line",
        ),
        ("self.cross_attn_image_to_token = Sam3TrackerVideoAttention(config)", "a class that is called"),
        ("token = b64encode(user1)", "a function that is called"),
        ('"nextPageToken": "EAAaBlBUOkNBVQ9xkz"', "a place in a list"),
        ('publicKeyToken="1fc8b3b9a1e18e3b"', "a public key"),
        ('"AWS::ApiGateway::ApiKey": "48205d4ffd7feba3"', "a resource's type"),
        ("arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTest-a1b2c3", "a secret's name"),
        ("eos_token: a1B2c3D4e5F6g7", "a token of a text"),
        ("https://codecov.io/gh/a/b/graph/badge.svg?token=A1B2C3D4E5", "a badge"),
        ("fsspec.open('smb://myuser:mypassword@server/share')", "a sample password"),
        ("open('github://owner:repository@sha/precip/catalog.yml')", "a repository"),
        ("f'postgres://{user}:{password}@db/x' and mysql://u:%s@h/d", "places to fill in"),
        ('{"access_token":"2YotnFZFEjr1zCsicMWpAA"}', "the example of RFC 6749"),
        ("?oauth_token=hh5s93j4hdidpola&oauth_verifier=hfdp7dh39dks9884", "the example of RFC 5849"),
        ('{"VerificationToken": "QTKknzFg2J4ygwa+XvHAxUl1hyHoY0gVfZdfjIedHZ0="}', "what a domain shows to everybody"),
        ("secret: kubernetes.io/service-account-token, token = 'the_quick_brown_fox_2'", "names and paths"),
        ("Passwort vergessen? A password reset, password protected2, password pbkdf2-sha256", "what is said of one"),
        ("changed the password 2026-12-01T00:10:00Z in v2.3.1, password v2.3.1-rc4k9", "a time, a version"),
        ("password user_id=a1b2c3d4, password foo/bar3baz4/x5.txt", "a pair, a path"),
        ("cp -p report2024final7b.txt x | mysql; docker run -p web8080proxy9", "options of other commands"),
        ("mysql -u app -p shopdb2024x1y2", "a database: the password is asked for"),
        ("my password is required1, the token is 12345678", "a word and digits that say nothing"),
        ("docker run -u 1000:10001000 --token-file /run/secrets/token_2", "a user's group, a file"),
        ('<input name="csrf_token" value="8sKd72LmQp0ZxN4vRt6Y">', "a pair whose name says that it may be seen"),
        ('webhook_key: "stripe-webhook-v2"', "a name with its version"),
        ("def test(): pass\nx: Passthrough2Layer = pass1", "code"),
        ('ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"', "a header's name"),
        ("&X-Amz-Credential=ABCDJ5C56P35/20190215/us-east-1", "what a signed address says of itself"),
        ("socks5h://<username>:<password>@proxy2-host", "places to fill in"),
        ('"arn:.*:.*:secret:AmazonLookout2Metrics-.+"', "a pattern of secrets' names"),
        ("TAAPIAggCOs/" + "EAA" + rand(B62, 150), "base64"),
        ("token = 'token1234'; password = 'P@55w0rd!'", "sample passwords"),
        ("Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW", "the example of RFC 6749"),
        ("x" + "gh" + "p_" + "a1B2" * 9, "a longer word"),
        ("gh" + "p_" + "a1B2" * 9 + "Z", "too long for the format"),
    ],
)
def test_what_is_no_secret_is_left_alone(text: str, reason: str) -> None:
    assert labels(text) == set(), reason


@pytest.mark.parametrize(
    "text",
    (
        *("**Password:** {}", "| password | {} |", "password: `{}`", "passphrase = '{}'", "ENCRYPTION_KEY={}"),
        *(
            "Passwort: {}",
            "contrase\u00f1a: {}",
            "mot de passe : {}",
            "has\u0142o: {}",
            "\u043f\u0430\u0440\u043e\u043b\u044c: {}",
            "\u5bc6\u7801\uff1a{}",
        ),
        *("mein Passwort lautet {}", "la contrase\u00f1a es {}", "my password is: {}", "\u5bc6\u7801\u662f{}"),
        *('"pass": "{}"', "DATABASE_PASS={}", "PGPASSWORD={}", 'os.environ["API_KEY"] = "{}"'),
        *('{{"key": "password", "value": "{}"}}',),
    ),
)
def test_a_secret_has_names_in_many_languages_and_marks_beside_it(text: str) -> None:
    value = "Zk3Lm8Vt2XbN7w"
    whole = text.format(value)
    start = whole.index(value)
    assert [(each.start, each.end) for each in scan(SCANNER, whole)] == [(start, start + len(value))]
    assert scan(SCANNER, whole, range(len(whole))) == scan(SCANNER, whole)


@pytest.mark.parametrize(
    "text",
    (
        *(
            "sshpass -p '{}' ssh host",
            "redis-cli -h cache -a {} ping",
            "docker login -u me -p {} registry",
            "unzip -P {} a",
        ),
        *("mysqldump -u root -p'{}' shop", "ldapsearch -D cn=me -w {} -b dc", "mosquitto_pub -u me -P {} -t a"),
        *("SSHPASS={} sshpass -e ssh", "curl -uapp:{} https://x.io", "\u5bc6\u7801 {}"),
        *("curl -u app:{} https://x.io", "smbclient //h/s -U app%{}", "http -a app:{} x.io", "tool --pass {} --now"),
        *('psql "host=db user=app password={}"', "password {} works", "Passwort `{}`", "la contrase\u00f1a {} vale"),
    ),
)
def test_a_password_is_found_behind_its_word_and_in_the_options_of_commands(text: str) -> None:
    value = "Zk3Lm8Vt2XbN7w"
    whole = f"run {text.format(value)}"
    start = whole.index(value)
    assert {(each.start, each.end) for each in scan(SCANNER, whole)} == {(start, start + len(value))}
    assert scan(SCANNER, whole, range(len(whole))) == scan(SCANNER, whole)


def test_an_option_that_is_called_password_is_found_once() -> None:
    assert len(scan(SCANNER, "docker login --password Zk3Lm8Vt2XbN7w")) == 1


def test_a_rule_of_hyphens_is_hardly_held() -> None:
    text = f"Title\n{'-' * 40}"
    assert max(len(held(SCANNER, text[:end])) for end in (8, 12, 20, 30, 46)) <= 6


@pytest.mark.parametrize("text", ('{{"password": "{}"}}', "'password': '{}'", "API_KEY = (\n    '{}'\n)"))
def test_an_escaped_quote_does_not_end_a_value(text: str) -> None:
    value = 'foo\\"' + "Zk3Lm8Vt2XbN7w"
    if "(" in text:
        value = "sk-" + "or-v1-" + rand(HEX, 64)
    whole = text.format(value)
    start = whole.index(value)
    assert {(each.start, each.end) for each in scan(SCANNER, whole)} == {(start, start + len(value))}
    assert scan(SCANNER, whole, range(len(whole))) == scan(SCANNER, whole)


def test_githubs_checksum_raises_or_lowers_and_never_rejects() -> None:
    good = with_checksum("gh" + "o_")
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    assert [finding.score for finding in scan(SCANNER, f"{good} {bad}")] == [VERIFIED, FAILED]


def test_a_failing_checksum_that_nobody_published_changes_nothing() -> None:
    (found,) = scan(SCANNER, "np" + "m_" + rand(B62, 36))
    assert found.score in (HIGH, VERIFIED)


def test_bech32_and_hex_checksums_raise() -> None:
    body = rand(B62, 32)
    token = f"glsa_{body}_{zlib.crc32(body.encode()):08x}"
    assert [finding.score for finding in scan(SCANNER, token)] == [VERIFIED]


def test_a_long_token_is_found_in_pieces_that_touch() -> None:
    token = jwt(900)
    found = [finding for finding in scan(SCANNER, f"t {token} end") if finding.label == "JWT"]
    sizes = [finding.end - finding.start for finding in found]
    assert sum(sizes) == len(token)
    assert sizes[0] == FIRST_PIECE
    assert set(sizes[1:-1]) <= {PIECE}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", " "])
@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_a_private_key_is_covered_from_begin_to_end(kind: str, newline: str) -> None:
    key = pem(25, kind, newline)
    text = f"here: {key}{newline}and more text 1234567890123456789012345"
    found = scan(SCANNER, text)
    assert (found[0].start, found[-1].end) == (6, 6 + len(key))
    for ends in (range(1, len(text), 3), range(64, len(text), 64)):
        assert scan(SCANNER, text, ends) == found


def test_a_private_key_that_breaks_off_is_covered_to_where_it_breaks() -> None:
    key = pem(6).rpartition("\n")[0].rpartition("\n")[0]
    assert scan(SCANNER, key)[-1].end == len(key)
    text = key + "\n\nThat was my key, please rotate it."
    assert scan(SCANNER, text)[-1].end == len(key)


def test_a_private_key_with_headers_is_covered() -> None:
    key = pem().replace("-\n", "-\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123\n\n", 1)
    found = scan(SCANNER, key)
    assert (found[0].start, found[-1].end) == (0, len(key))


DASHES = "-" * 5
PIECES = [
    *(
        "gh" + "p_",
        "a1B2c3D4e5F6",
        "sk" + "-",
        "eyJ",
        ".",
        "\n",
        " ",
        "password=",
        ";",
        "é",
        "://",
        "@",
        ":",
        "xo" + "xb-",
    ),
    *("hv" + "s.", "Authorization: Bearer ", "\\n", "short", "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn"),
    *(f"{DASHES}{edge} RSA PRIVATE KEY{DASHES}" for edge in ("BEGIN", "END")),
]


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join), st.data())
def test_any_mixture_is_cut_invariant(text: str, data: st.DataObject) -> None:
    expected = scan(SCANNER, text)
    ends = data.draw(st.lists(st.integers(0, len(text)), max_size=12).map(sorted))
    assert scan(SCANNER, text, ends) == expected
    assert scan(SCANNER, text, range(len(text))) == expected


def test_plain_text_is_hardly_held() -> None:
    text = "The secret of the token economy is that access keys, passwords and client secrets open doors. " * 5
    run, most = SCANNER.start(), 0
    for end in range(4, len(text), 4):
        offset = max(0, run.cleared - SCANNER.look_behind)
        run.advance(text[offset:end], offset, is_final=False)
        most = max(most, end - run.cleared)
    assert most <= 16


@pytest.mark.parametrize(
    ("value", "is_one"), [("your_api_key", True), ("xxxxxxxx", True), ("a8Fk2Lq9", False), ("TODO", False)]
)
def test_placeholders(value: str, is_one: bool) -> None:
    assert is_placeholder(value) == is_one


def test_entropy_is_in_bits_a_character() -> None:
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


def test_kinds_are_unique_and_labels_speak() -> None:
    assert len({each.kind for each in FORMATS}) == len(FORMATS)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]+", each.label) for each in FORMATS)
