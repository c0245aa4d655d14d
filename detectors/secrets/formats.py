"""The shapes of secrets, as a table, and the checks that go with them.

A row has the label that policies name, what it is, a regular expression in ASCII, and how sure a match is: `HIGH` for a
prefix with a fixed length, `MID` for a prefix or a structure, `LOW` for what a word nearby makes likely. A check may
raise or lower that, or refuse the match. Only GitHub describes its checksum in public, so only GitHub's may lower a
score; the other checksums raise it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import string
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

HIGH, MID, LOW = 0.95, 0.7, 0.5
VERIFIED, FAILED = 0.99, 0.55

_ESCAPES = r"\\[abfnrtv]|\\u[0-9A-Fa-f]{4}|\[[0-9;]{1,8}m|%[0-9A-F]{2}"
r"""The ends of escapes: `\n` in JSON, a terminal's colour, URL encoding."""
GUARD = rf"(?:\b|{_ESCAPES})"
"""What stands left of a token: no word character, or the end of an escape."""
BEFORE = 80
"""Characters before a match that a check may read."""
SECRET = "secret"  # noqa: S105 - a group's name
"""The group that is the finding."""


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of secret.

    `regex` is the token (with `GUARD` before it), or a whole expression with a group `secret`. `tail` matches what goes
    on belonging to the token however long it gets, one character or `.` and a character at a time; without a tail a
    token must not be followed by one of `not_before`.
    """

    label: str
    kind: str
    regex: str
    score: float = HIGH
    check: Callable[[str], float | None] | None = None
    tail: str = ""
    not_before: str = string.ascii_letters + string.digits + "_"
    context: Callable[[str, str], bool] | None = None
    """Of the text left of the secret and the character right of it: whether that is what is meant."""

    @property
    def pattern(self) -> str:
        """The whole expression."""
        return self.regex if f"(?P<{SECRET}>" in self.regex else f"{GUARD}(?P<{SECRET}>{self.regex})"


# ---------------------------------------------------------------- what is no secret

_PLACEHOLDERS = re.compile(
    r"example|placeholder|change_?-?me|your|dummy|sample|redacted|insert|x{5}|\*{3}|\.{3}|[<>]|\$[{(]|\{\{|process\.env|os\.environ|getenv",
    re.IGNORECASE,
)
_SAMPLE_PASSWORD = re.compile(
    r"(?:my|the|some|test|db|super|new|old|a)?(?:[-_ ]|%20)?(?:p[a@4][s5$]{2}(?:w[o0]rd|wd|phrase|code)?|pwd|pw|secret"
    r"|user(?:name)?|token|key|auth|x{2,}|hunter2|foo|bar|baz|admin|guest|postgres|root|test|abc|none|null|xyz\w{0,3}"
    r"|abc\w{0,3})\d{0,4}!?",
    re.IGNORECASE,
)
"""What examples have for a password."""
_DOCUMENTED = frozenset(
    (
        *("2YotnFZFEjr1zCsicMWpAA", "tGzv3JOkF0XG5Qx2TlKWIA", "SplxlOBeZQQYbYS6WxSbIA", "mF_9.B5f-4.1JqM"),
        *("czZCaGRSa3F0MzpnWDFmQmF0M2JW", "7Fjfp0ZBr1KtDRbnfVdmIw", "gX1fBat3bV", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        *("SlAV32hkKG", "8xLOxBtZp8", "vF9dft4qmT", "dXNlcjpwYXNz", "dXNlcm5hbWU6cGFzc3dvcmQ="),
        *("hh5s93j4hdidpola", "hdhd0244k9j7ao03", "nnch734d00sl2jdk", "pfkkdhi9sl3r4s00", "dpf43f3p2l4k3l03"),
        *("kd94hf93k423kf44", "hfdp7dh39dks9884", "kkk9d7dh3k39sjv7", "j49sk3j29djd", "h480djs93hd8"),
    )
)
"""Values of the examples in RFC 5849, 6749, 6750, 7617 and OpenID Connect Core, and in drafts of these."""


def is_placeholder(text: str) -> bool:
    """Whether a value only stands for a secret: `your_api_key`, `xxxx`, `${VAR}`, one character repeated."""
    return text.partition("&")[0] in _DOCUMENTED or bool(_PLACEHOLDERS.search(text)) or len(set(text[-16:])) <= 2


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


# ---------------------------------------------------------------- checks: token -> score, or None for no secret


def _base62(number: int) -> str:
    digits = string.digits + string.ascii_uppercase + string.ascii_lowercase
    text = ""
    while number:
        number, digit = divmod(number, 62)
        text = digits[digit] + text
    return text.rjust(6, "0")


def has_base62_checksum(token: str) -> bool:
    """GitHub's scheme: the last six characters are the base62 CRC32 of the part between prefix and checksum."""
    body = token.rpartition("_")[2]
    return _base62(zlib.crc32(body[:-6].encode())) == body[-6:]


def has_hex_checksum(token: str) -> bool:
    """The last eight characters are the CRC32 of the part before, in hex."""
    body, checksum = token[:-8].rstrip("_="), token[-8:].lower()
    return checksum in (f"{zlib.crc32(part.encode()):08x}" for part in (body, body.rpartition("_")[2], token[:-8]))


def has_bech32_checksum(token: str) -> bool:
    """BIP 173's checksum."""
    human, _, data = token.lower().rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".find(c) for c in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check == 1


def _github(token: str) -> float:
    return VERIFIED if has_base62_checksum(token) else FAILED


def _raised_by(verify: Callable[[str], bool]) -> Callable[[str], float]:
    return lambda token: VERIFIED if verify(token) else HIGH


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, padded or not, cut off or not; empty when it is none."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_")
    except (binascii.Error, ValueError):
        return b""


def _jwt(token: str) -> float | None:
    """The first part must be a JSON object that names an algorithm."""
    try:
        header = json.loads(_decoded(token.partition(".")[0]))
    except ValueError:
        return None
    return HIGH if isinstance(header, dict) and "alg" in header else None


def _discord(token: str) -> float | None:
    """The first part must be a decimal user id."""
    decoded = _decoded(token.partition(".")[0])
    return HIGH if decoded.isdigit() and 17 <= len(decoded) <= 20 else None


def _basic(value: str) -> float:
    """It should decode to `user:password`."""
    return HIGH if b":" in _decoded(value[: len(value) // 4 * 4].replace("+", "-").replace("/", "_")) else LOW


def _mixed(text: str) -> bool:
    """Digits or signs among letters, or both cases at length: no word of a language."""
    letters = any(map(str.isalpha, text))
    other = any(char.isdigit() or char in "!@#$%^&*+/=~" for char in text)
    both = len(text) >= 20 and text.lower() != text != text.upper()
    return letters and (other or both)


def _bearer(value: str) -> float | None:
    return MID if _mixed(value) or entropy(value) >= 4 else None


_CODE = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|(?:https?|file|ftp)://.*|(?:arn|urn):.*"
    r"|[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}|[~.]{0,2}/.*|\$.*",
    re.DOTALL,
)
_HEX = re.compile(r"[0-9a-fA-F]+")


def _assigned(value: str) -> float | None:
    """A value after `secret =`: random enough, and no expression, path or address."""
    if _CODE.fullmatch(value) or _HUMPS.fullmatch(value) or not _mixed(value):
        return None
    if _SAMPLE_PASSWORD.fullmatch(value) or _DESCRIBES.search(value) or _WORDS.fullmatch(value) or _counts(value):
        return None
    wanted = 3.0 if _HEX.fullmatch(value) else min(3.5, math.log2(len(value)) - 0.5)
    return LOW if entropy(value) >= wanted else None


def _said(value: str) -> float | None:
    """A value that stands in a sentence or behind a user's name: more than letters, and no sentence's end alone."""
    kinds = (str.isdigit, str.isalpha)
    return _assigned(value) if all(any(map(kind, value)) for kind in kinds) else None


def _stands_alone(value: str) -> float | None:
    """A value with but a blank behind its name: digits and letters mixed as in no word, time or version."""
    changes = sum(left.isdigit() != right.isdigit() for left, right in pairwise(filter(str.isalnum, value)))
    is_mixed = changes > 2 or _SIGN_INSIDE.search(value) is not None
    return _said(value) if is_mixed and not _COMPOUND.fullmatch(value) else None


_SIGN_INSIDE = re.compile(r"[!@#$%^*](?=\w)|\d[!#$%^*]")
_COMPOUND = re.compile(
    r"v?\d+(?:[.:/-]\w+)+|[A-Za-z]{2,}\d{0,4}(?:[._/-][A-Za-z]+\d{0,4})*|[\w.-]+=.*|[\w.-]*(?:/[\w.-]+)+"
)
"""A time, a version, words with numbers, a pair, a path: `2026-12-01T00:10:00Z`, `v2.3.1-rc4`, `pbkdf2-sha256`."""

_DESCRIBES = re.compile(
    r"(?:of|kind|some|any|the|my)[-_ ]?(?:my[-_ ]?)?(?:pass(?:word|phrase)|secret)"
    r"|(?:pass(?:word|phrase)|secret)[-_ ]?(?:must|goes|here|that)",
    re.IGNORECASE,
)
"""A value that says what should stand there: `rest-of-my-password`, `PasswordMustBeLong`."""


def _counts(value: str) -> bool:
    """Whether its letters and its digits mostly count up, as in `a1b2c3d4e5` and `abcd1234efgh5678`."""
    rows = ["".join(filter(kind, value.lower())) for kind in (str.isalpha, str.isdigit)]
    steps = [after in ((before + 1), before - 9) for row in rows for before, after in pairwise(map(ord, row))]
    return len(steps) >= 6 and sum(steps) >= 0.7 * len(steps)


_WORDS = re.compile(r"(?=[^._/]*[._/])[a-z]{2,}\d?(?:[-._/]+(?:[a-z]+\d?|\d{1,3}))+|[a-z]{2,}(?:-[a-z]{2,})*-v\d{1,3}")
"""Words with what parts a name, a path or a host in between: `the_quick_brown_fox_2`, `kubernetes.io/basic-auth`."""
_HUMPS = re.compile(
    r"_*(?:[A-Z]{2,6}\d{1,2})?(?:[A-Z]{0,6}[a-z]{2,}\d{0,2}_*){3,}:?|[A-Z]{2,}(?:_[A-Z0-9]+)+|[A-Z][a-z]+(?:-[A-Z][a-z]+)+"
)
"""Identifiers of several words: `TextGenerationStreamOutputToken`, `PKCS7PrivateKeyTypes`, `Access-Control-Allow`."""
_OPEN_NAME = re.compile(
    r"(?i:public|page|paging|pagination|next|prev(?:ious)?|continuation|continue|cursor|sync|resume|start|skip|delta|csrf"
    r"|eos|bos|pad|unk|mask|sep|cls|special|image|audio|video|vision|stop|max|min|num|total|prompt|completion|input"
    r"|output|cached?|reasoning|count|tokens?_per|type|kind|sort|partition|primary|foreign|idempotency|dedup\w*)"
    r"[_\- .]?(?i:key[_-]?)?(?i:token|key|secret)[\w-]{0,12}\W{0,8}\Z|::\w+\W{0,6}\Z|[\d}*]:secret:\Z"
    r"|(?i:client|request|verification|change|creation|lock|update|import|export|action|unit|grant|copy\w{0,8})[_-]?(?i:token)\W{0,8}\Z"
    r"|(?i:token|key|secret)s?[_-]?(?i:id|type"
    r"|name|len(?:gth)?|size|count|class|path|file|url|uri|arn|hash|format|field|header|prefix|expir\w*|ttl|version|url)"
    r"\W{0,6}\Z|(?i:badge|shield)[^\s]{0,12}\?token=\Z|\.svg\?token=\Z|X-(?:Amz|Goog)-Credential\W{0,6}\Z"
)
"""Names whose values may be seen: public keys, places in lists, tokens of a text, types of resources, badges."""


def _may_be_secret(left: str, right: str) -> bool:
    """Whether the name before a value is one of a secret, and no call or index follows it."""
    return right not in _CALLS and not _OPEN_NAME.search(left)


_CALLS = frozenset("([")


def _may_name_secret(left: str, right: str) -> bool:
    """The same of a pair, whose name stands before the word `value`."""
    return _may_be_secret(left[: left.lower().rfind("value")], right)


def _of_command(left: str, _: str) -> bool:
    """Whether the option before a value belongs to a command that takes a password by it."""
    return bool(_COMMAND.search(left[-BEFORE:]))


_COMMAND = re.compile(
    r"(?:\b(?:mysql\w{0,8}|mariadb[\w-]{0,8}|sshpass|7z[arz]?)\b[^\n|;&]*\s-p"
    r"|\b(?:sshpass|(?:docker|podman|oc|az|helm registry) login|mongo\w{0,8}|cqlsh)\b[^\n|;&]*\s-p "
    r"|\bredis-cli\b[^\n|;&]*\s-a |\bldap\w{3,8}\b[^\n|;&]*\s-w "
    r"|\b(?:unzip|zip|sqlcmd|mosquitto_\w{3})\b[^\n|;&]*\s-P )[\"']?\Z",
    re.ASCII,
)
"""`mysql -p shop` asks for the password, and `shop` is a database: there nothing may stand between."""


def _may_have_password(left: str, _: str) -> bool:
    """Whether what stands before the `@` of an address can be a password: not so with `github://owner:repository@`."""
    return not _NAMES_REPOSITORY.search(left)


_NAMES_REPOSITORY = re.compile(r"\b(?:github|gh|gitlab|hf|pkg|urn)://[^/]*\Z")


def _three_kinds(value: str) -> float | None:
    """Digits, small letters and capitals: no words with a hyphen."""
    kinds = (str.isdigit, str.islower, str.isupper)
    return MID if all(any(map(kind, value)) for kind in kinds) else None


def _aws_secret(value: str) -> float | None:
    return _three_kinds(value) if entropy(value) >= 3.8 else None


def _url_password(value: str) -> float | None:
    return None if _SAMPLE_PASSWORD.fullmatch(value) or _is_template(value) else 0.8


def _connection_password(value: str) -> float | None:
    return None if _SAMPLE_PASSWORD.fullmatch(value) or _is_template(value) else 0.6


def _is_template(value: str) -> bool:
    """Whether it is a place to fill in: `%s`, `{password}`, `$PASSWORD`, `:param`."""
    return bool(_TEMPLATE.search(value))


_TEMPLATE = re.compile(r"%[sd(]|\$\w|[{}\[\]()]|\\[A-Za-z]|\A[:#]|\A[A-Z][A-Z_]+\Z|['\"`+|*^?]")


_BEGINS_HERE = re.compile(rf"(?:\A|[^0-9A-Za-z_]|{_ESCAPES})\Z", re.ASCII)


def _begins_here(left: str, _: str) -> bool:
    """Whether no token goes on from the left: what `GUARD` says."""
    return bool(_BEGINS_HERE.search(left))


_PAIR_BEFORE = re.compile(r";\s{0,4}[A-Za-z ]{3,15}=\Z")


def _among_pairs(left: str, right: str) -> bool:
    """Whether a `;` joins this pair to another."""
    return right == ";" or bool(_PAIR_BEFORE.search(left))


def _outside_base64(left: str, _: str) -> bool:
    """Whether no base64 goes on from the left, in which any four letters stand once in a while."""
    return not left.endswith(("+", "/"))


def _pem(begun: str) -> float | None:
    """The last 16 characters are the first of the key."""
    key = begun[-16:]
    return HIGH if any(map(str.isdigit, key)) or (key.lower() != key != key.upper()) else None


# ---------------------------------------------------------------- the table

_B62, _B64, _B64U, _HEXES = "[0-9A-Za-z]", "[0-9A-Za-z+/=]", "[0-9A-Za-z_-]", "[0-9a-f]"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_VALUE = r"[^\s\"',;<>`(){}\[\]\\]"
_PASSWORDS = (
    r"passw(?:or)?d|pwd|pass(?:phrase|code)|passwor[dt]|kennwort|contrase\u00f1a|senha|mot de passe|wachtwoord|passord"
    r"|l\u00f6senord|adgangskode|salasana|has\u0142o|heslo|jelsz\u00f3|parol[ae]|\u015fifre"
)
_PASSWORDS_ELSEWHERE = (
    "[\u041f\u043f]\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|\u5bc6\u78bc"
    "|\u30d1\u30b9\u30ef\u30fc\u30c9|\ube44\ubc00\ubc88\ud638"
)
"""In scripts in which ASCII's `\\b` sees no boundary."""
_NAMED = (
    rf"(?:(?:\b|[_-]|\bPG|\bSSH)(?i:api[_-]?key|secret|token|{_PASSWORDS}|pass|client[_-]?secret|access[_-]?key|credentials?"
    r"|(?:encryption|signing|private|auth|master|shared|hmac|jwt|openai|webhook)[_-]?key)"
    rf"|{_PASSWORDS_ELSEWHERE}"
    r"|ApiKey|APIKey|Secret|Token|Password|Passwd|AccessKey)(?i:[_-]?(?:key|base|token|value))?"
)
_NAMED_SHORTLY = f"(?i:{_PASSWORDS}|secret|token|api[_-]?key|access[_-]?key)"
"""In an element's name, or in the name of a pair."""
_ASSIGN = r"\\?[\"'`*]{0,3}\]?\s{0,3}(?::=|=>|=|:|\|)(?:\*\*)?\s{0,3}`?\\?[\"']?"
_AUTHORIZATION = r"(?:\b|-)(?i:authorization)\\?[\"']?\s{0,3}[:=]\s{0,3}\\?[\"']?"
_AWS_KEY_ID = "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
_SPACE = r"(?:\s|\\[nr]|[\"'+,])"
PEM_KIND = "PEM private key"

FORMATS = (
    Format("GITHUB_TOKEN", "GitHub token", "gh[pousr]_[0-9A-Za-z]{36}", check=_github),
    Format("GITHUB_TOKEN", "GitHub fine-grained token", "github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}"),
    Format(
        "GITLAB_TOKEN",
        "GitLab token",
        r"gl(?:pat|dt|rt|ptt|ft|cbt|soat|imt|agent|ffct|oas|rtr)-[0-9A-Za-z_-]{20,64}(?:\.[0-9a-z]{9})?",
        tail=rf"(?:\.?{_B64U})*",
    ),
    Format("AWS_ACCESS_KEY_ID", "AWS access key id", _AWS_KEY_ID),
    Format(
        "AWS_SECRET_ACCESS_KEY",
        "AWS secret access key",
        r"(?:\b|_)(?i:aws_?secret|secret_?access_?key)[\s\S]{0,40}?[^0-9A-Za-z/+](?P<secret>[0-9A-Za-z/+]{40})",
        check=_aws_secret,
        not_before=string.ascii_letters + string.digits + "/+=_",
    ),
    Format(
        "AWS_SECRET_ACCESS_KEY",
        "AWS secret access key beside its id",
        rf"{GUARD}{_AWS_KEY_ID}[^0-9A-Za-z/+][\s\S]{{0,60}}?(?:[^0-9A-Za-z/+])?(?P<secret>[0-9A-Za-z/+]{{40}})",
        check=_aws_secret,
        not_before=string.ascii_letters + string.digits + "/+=_",
    ),
    Format("AWS_BEDROCK_KEY", "AWS Bedrock key", "ABSK[0-9A-Za-z+/]{100,200}", tail=f"{_B64}*"),
    Format("GOOGLE_API_KEY", "Google API key", f"AIza{_B64U}{{35}}"),
    Format("GOOGLE_OAUTH_SECRET", "Google OAuth client secret", f"GOCSPX-{_B64U}{{28}}"),
    Format(
        "GOOGLE_OAUTH_TOKEN", "Google OAuth access token", rf"ya29\.{_B64U}{{20,250}}", MID, tail=rf"(?:\.?{_B64U})*"
    ),
    Format(
        "AZURE_CLIENT_SECRET",
        "Azure client secret",
        r"(?P<secret>[0-9A-Za-z_~.]{3}[0-9]Q~[0-9A-Za-z_~.-]{31,34})",
        context=_begins_here,  # it may begin with a sign, where `GUARD` cannot stand
    ),
    Format("AZURE_STORAGE_KEY", "Azure storage key", r"\b(?i:accountkey)=(?P<secret>[0-9A-Za-z+/]{86}==)"),
    Format(
        "OPENAI_API_KEY",
        "OpenAI key",
        f"sk-(?:proj-|svcacct-|admin-)?{_B64U}{{20,80}}T3BlbkFJ{_B64U}{{20,80}}",
        tail=f"{_B64U}*",
    ),
    Format("ANTHROPIC_API_KEY", "Anthropic key", f"sk-ant-(?:api|admin)[0-9]{{2}}-{_B64U}{{93}}AA"),
    Format("OPENROUTER_API_KEY", "OpenRouter key", "sk-or-v1-[0-9a-f]{64}"),
    Format("OPENAI_API_KEY", "OpenAI key of the first kind", "sk-[0-9A-Za-z]{48}"),
    Format("DEEPSEEK_API_KEY", "DeepSeek key", "sk-[0-9a-f]{32}", MID),
    Format("ELEVENLABS_API_KEY", "ElevenLabs key", "sk_[0-9a-f]{48}", MID),
    Format("LANGFUSE_SECRET_KEY", "Langfuse secret key", f"sk-lf-{_UUID}"),
    Format("LANGSMITH_API_KEY", "LangSmith key", "lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    Format("TAVILY_API_KEY", "Tavily key", "tvly-(?:dev-|prod-)?[0-9A-Za-z]{20,40}"),
    Format("CEREBRAS_API_KEY", "Cerebras key", "csk-[0-9a-z]{48}"),
    Format("NVIDIA_API_KEY", "NVIDIA key", f"nvapi-{_B64U}{{60,80}}"),
    Format("PINECONE_API_KEY", "Pinecone key", "pcsk_[0-9A-Za-z]{5,6}_[0-9A-Za-z]{60,70}"),
    Format("FIREWORKS_API_KEY", "Fireworks key", "fw_[0-9A-Za-z]{22,28}", MID),
    Format("TOGETHER_API_KEY", "Together key", f"tgp_v1_{_B64U}{{40,50}}"),
    Format("JINA_API_KEY", "Jina key", f"jina_[0-9a-f]{{32}}{_B64U}{{20,40}}"),
    Format("RUNPOD_API_KEY", "RunPod key", "rpa_[0-9A-Z]{40,50}"),
    Format("RESEND_API_KEY", "Resend key", "re_[0-9A-Za-z]{8}_[0-9A-Za-z]{24,28}"),
    Format("SUPABASE_KEY", "Supabase key", f"(?:sbp_[0-9a-f]{{40}}|sb_secret_{_B64U}{{31,40}})"),
    Format("VERCEL_TOKEN", "Vercel token", "vc[kpiar]_[0-9A-Za-z]{56}"),
    Format("NEON_API_KEY", "Neon key", "napi_[0-9a-z]{60,70}"),
    Format("RENDER_API_KEY", "Render key", "rnd_[0-9A-Za-z]{28,32}"),
    Format("FIGMA_TOKEN", "Figma token", f"fig[duor]_{_B64U}{{40,44}}"),
    Format("CONTENTFUL_TOKEN", "Contentful token", f"CFPAT-{_B64U}{{43}}"),
    Format("TYPEFORM_TOKEN", "Typeform token", "tfp_[0-9A-Za-z_.-]{50,70}"),
    Format("HUBSPOT_TOKEN", "HubSpot token", f"pat-(?:na|eu|ap)[0-9]-{_UUID}"),
    Format("BUILDKITE_TOKEN", "Buildkite token", "bk(?:ua|pt|ct)_[0-9a-f]{40}"),
    Format("APIFY_TOKEN", "Apify token", "apify_api_[0-9A-Za-z]{36}"),
    Format("NETLIFY_TOKEN", "Netlify token", "nf[pcoub]_[0-9A-Za-z]{36}"),
    Format("POSTHOG_API_KEY", "PostHog personal key", "ph[xs]_[0-9A-Za-z]{40,60}"),
    Format("FIRECRAWL_API_KEY", "Firecrawl key", "fc-[0-9a-f]{32}", MID),
    Format("LLAMA_CLOUD_API_KEY", "LlamaCloud key", "llx-[0-9A-Za-z]{48}"),
    Format("E2B_API_KEY", "E2B key", "e2b_[0-9a-f]{40}"),
    Format("AXIOM_TOKEN", "Axiom token", f"xa(?:at|pt)-{_UUID}"),
    Format("POLAR_TOKEN", "Polar token", "polar_[a-z]{2,3}_[0-9A-Za-z]{40,60}"),
    Format("PADDLE_API_KEY", "Paddle key", "pdl_(?:live|sdbx)_apikey_[0-9a-z]{26}_[0-9A-Za-z]{22}_[0-9A-Za-z]{3}"),
    Format("INNGEST_SIGNING_KEY", "Inngest signing key", "signkey-(?:prod|test|branch)-[0-9a-f]{32,64}"),
    Format("CURSOR_API_KEY", "Cursor key", "crsr_[0-9a-f]{64}"),
    Format("CONTEXT7_API_KEY", "Context7 key", f"ctx7sk-{_UUID}"),
    Format("CLICKUP_TOKEN", "ClickUp token", "pk_[0-9]{5,9}_[0-9A-Z]{32}"),
    Format("NUGET_API_KEY", "NuGet key", "oy2[0-9a-z]{43}", MID),
    Format("TENCENT_SECRET_ID", "Tencent Cloud secret id", "AKID[0-9A-Za-z]{32}", MID),
    Format("MODAL_TOKEN", "Modal token", "a[ks]-[0-9A-Za-z]{22}", MID, check=_three_kinds),
    Format("JFROG_API_KEY", "JFrog reference token", "cmVmdGtu[0-9A-Za-z]{56}"),
    Format("SONAR_TOKEN", "Sonar token", "sq[apu]_[0-9a-f]{40}"),
    Format("PREFECT_API_KEY", "Prefect key", "pn[ub]_[0-9A-Za-z]{36}"),
    Format("MAPBOX_SECRET_TOKEN", "Mapbox secret token", rf"sk\.eyJ{_B64U}{{40,120}}\.{_B64U}{{20,24}}"),
    Format(
        "TAILSCALE_KEY", "Tailscale key", "tskey-(?:auth|api|client|scim|webhook)-[0-9A-Za-z]{8,20}-[0-9A-Za-z]{20,40}"
    ),
    Format("GOOGLE_API_KEY", "Google AI key of the second kind", rf"AQ\.Ab{_B64U}{{40,60}}"),
    Format(
        "ANTHROPIC_API_KEY",
        "Anthropic OAuth token",
        f"sk-ant-(?:oat|ort|sid)[0-9]{{2}}-{_B64U}{{80,120}}",
        tail=f"{_B64U}*",
    ),
    Format("CIRCLECI_TOKEN", "CircleCI token", "CCI(?:PAT|PRJ)_[0-9A-Za-z]{22}_[0-9a-f]{40}"),
    Format("WANDB_API_KEY", "Weights & Biases key", "wandb_v1_[0-9A-Za-z_]{40,100}"),
    Format("CLOUDFLARE_TOKEN", "Cloudflare token", "cf(?:ut|at|k)_[0-9A-Za-z]{40}[0-9a-f]{8}"),
    Format("BITBUCKET_TOKEN", "Bitbucket token", "ATCTT3[0-9A-Za-z_=-]{180,200}", tail="[0-9A-Za-z_=-]*"),
    Format("XENDIT_KEY", "Xendit key", "xnd_(?:production|development)_[0-9A-Za-z]{40,100}"),
    Format("RAZORPAY_KEY", "Razorpay key", "rzp_live_[0-9A-Za-z]{14}", MID),
    Format(
        "PLAID_TOKEN",
        "Plaid token",
        f"access-(?:sandbox|development|production)-{_UUID}",
    ),
    Format("HUGGINGFACE_TOKEN", "Hugging Face token", "(?:hf_[0-9A-Za-z]{34}|api_org_[0-9A-Za-z]{34})"),
    Format("PERPLEXITY_API_KEY", "Perplexity key", "pplx-[0-9A-Za-z]{48}"),
    Format("GROQ_API_KEY", "Groq key", "gsk_[0-9A-Za-z]{52}"),
    Format("XAI_API_KEY", "xAI key", "xai-[0-9A-Za-z]{70,90}"),
    Format("REPLICATE_TOKEN", "Replicate token", "r8_[0-9A-Za-z]{37,40}"),
    Format("SLACK_TOKEN", "Slack token", "xox[abeoprs]-[0-9A-Za-z-]{10,250}", tail="[0-9A-Za-z-]*"),
    Format(
        "SLACK_TOKEN",
        "Slack app-level token",
        "xapp-[0-9]-[A-Z0-9]{8,16}-[0-9]{8,16}-[0-9a-f]{32,80}",
    ),
    Format(
        "SLACK_WEBHOOK",
        "Slack webhook",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[0-9A-Za-z+/]{40,60}",
        tail="[0-9A-Za-z+/]*",
    ),
    Format(
        "DISCORD_WEBHOOK",
        "Discord webhook",
        rf"discord(?:app)?\.com/api/webhooks/[0-9]{{17,20}}/{_B64U}{{60,70}}",
        tail=f"{_B64U}*",
    ),
    Format(
        "DISCORD_TOKEN",
        "Discord bot token",
        rf"[MNO]{_B64U}{{23,27}}\.{_B64U}{{6}}\.{_B64U}{{27,40}}",
        MID,
        check=_discord,
    ),
    Format("TELEGRAM_TOKEN", "Telegram bot token", f"[0-9]{{6,12}}:A{_B64U}{{34}}", MID),
    Format(
        "STRIPE_KEY",
        "Stripe key",
        "(?:(?:sk|rk)_(?:live|test)|sk_org_(?:live|test))_[0-9A-Za-z]{16,120}",
        tail=f"{_B62}*",
    ),
    Format("STRIPE_WEBHOOK_SECRET", "Stripe webhook secret", f"whsec_{_B64}{{32,64}}", tail=f"{_B64}*"),
    Format(
        "SQUARE_TOKEN",
        "Square token",
        f"(?:sq0atp-{_B64U}{{22}}|sq0csp-{_B64U}{{43}}|EAAA{_B64U}{{56,64}})",
        context=_outside_base64,
    ),
    Format("SHOPIFY_TOKEN", "Shopify token", "shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"),
    Format("TWILIO_API_KEY", "Twilio API key", "SK[0-9a-f]{32}", MID),
    Format("SENDGRID_API_KEY", "SendGrid key", rf"SG\.{_B64U}{{22}}\.{_B64U}{{43}}"),
    Format("MAILGUN_API_KEY", "Mailgun key", "key-[0-9a-f]{32}", MID),
    Format("MAILCHIMP_API_KEY", "Mailchimp key", "[0-9a-f]{32}-us[0-9]{1,2}", MID),
    Format("NPM_TOKEN", "npm token", "npm_[0-9A-Za-z]{36}", check=_raised_by(has_base62_checksum)),
    Format("PYPI_TOKEN", "PyPI token", f"pypi-AgEIcHlwaS5vcmc{_B64U}{{50,200}}", tail=f"{_B64U}*"),
    Format("RUBYGEMS_TOKEN", "RubyGems token", "rubygems_[0-9a-f]{48}"),
    Format("CRATES_IO_TOKEN", "crates.io token", "cio[0-9A-Za-z]{32}", MID),
    Format("DOCKER_HUB_TOKEN", "Docker Hub token", f"dckr_(?:pat|oat)_{_B64U}{{27,32}}"),
    Format("DIGITALOCEAN_TOKEN", "DigitalOcean token", "do[por]_v1_[0-9a-f]{64}"),
    Format("DATABRICKS_TOKEN", "Databricks token", "dapi[0-9a-f]{32}(?:-[0-9])?"),
    Format("DOPPLER_TOKEN", "Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[0-9A-Za-z_.-]{40,60}"),
    Format("VAULT_TOKEN", "HashiCorp Vault token", rf"hv[sbr]\.{_B64U}{{24,200}}", tail=f"{_B64U}*"),
    Format("TERRAFORM_TOKEN", "Terraform Cloud token", r"[0-9A-Za-z]{14}\.atlasv1\.[0-9A-Za-z_=-]{60,70}"),
    Format("CLOUDFLARE_ORIGIN_KEY", "Cloudflare origin CA key", r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}"),
    Format("HEROKU_API_KEY", "Heroku key", f"HRKU-AA{_B64U}{{58}}"),
    Format("FLY_IO_TOKEN", "Fly.io token", "fm[12][ar]?_[0-9A-Za-z+/]{100,200}", tail=f"{_B64}*"),
    Format(
        "GRAFANA_TOKEN",
        "Grafana service account token",
        "glsa_[0-9A-Za-z]{32}_[0-9a-fA-F]{8}",
        check=_raised_by(has_hex_checksum),
    ),
    Format("SENTRY_TOKEN", "Sentry token", "sntry[su]_[0-9A-Za-z+/=_]{64,200}", tail="[0-9A-Za-z+/=_]*"),
    Format("NEW_RELIC_KEY", "New Relic user key", "NRAK-[0-9A-Z]{27}"),
    Format("NOTION_TOKEN", "Notion token", "(?:ntn_[0-9]{11}[0-9A-Za-z]{35}|secret_[0-9A-Za-z]{43})"),
    Format("LINEAR_API_KEY", "Linear key", "lin_(?:api|oauth)_[0-9A-Za-z]{40,64}"),
    Format(
        "ATLASSIAN_TOKEN",
        "Atlassian token",
        "ATATT3[0-9A-Za-z_=-]{180,200}",
        check=_raised_by(has_hex_checksum),
        tail="[0-9A-Za-z_=-]*",
    ),
    Format("AIRTABLE_TOKEN", "Airtable token", r"pat[0-9A-Za-z]{14}\.[0-9a-f]{64}"),
    Format("POSTMAN_API_KEY", "Postman key", "PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    Format("PULUMI_TOKEN", "Pulumi token", "pul-[0-9a-f]{40}"),
    Format("PLANETSCALE_TOKEN", "PlanetScale token", r"pscale_(?:tkn|oauth|pw)_[0-9A-Za-z=._-]{32,64}"),
    Format("JFROG_API_KEY", "JFrog key", "AKCp[0-9A-Za-z]{69}"),
    Format("DYNATRACE_TOKEN", "Dynatrace token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    Format("FACEBOOK_TOKEN", "Facebook token", "EAA[0-9A-Za-z]{90,200}", MID, tail=f"{_B62}*", context=_outside_base64),
    Format("ADOBE_SECRET", "Adobe client secret", "p8e-[0-9A-Za-z_-]{32}"),
    Format("ALIBABA_ACCESS_KEY_ID", "Alibaba Cloud access key id", "LTAI[0-9A-Za-z]{20}"),
    Format(
        "AUTHRESS_KEY",
        "Authress access key",
        r"(?:sc|ext|scauth|authress)_[0-9a-z]{5,30}\.[0-9a-z]{4,6}\.acc[_-][0-9a-z-]{10,32}\.[0-9A-Za-z+/_=-]{30,120}",
        tail="[0-9A-Za-z+/_=-]*",
    ),
    Format("BREVO_API_KEY", "Brevo key", "xkeysib-[0-9a-f]{64}-[0-9A-Za-z]{16}"),
    Format("CLOJARS_TOKEN", "Clojars token", "CLOJARS_[0-9a-z]{60}"),
    Format("DUFFEL_TOKEN", "Duffel token", "duffel_(?:test|live)_[0-9A-Za-z_=-]{43}"),
    Format("EASYPOST_API_KEY", "EasyPost key", "EZ[AT]K[0-9A-Za-z]{54}"),
    Format("FLUTTERWAVE_SECRET_KEY", "Flutterwave secret key", "FLWSECK(?:_TEST)?-[0-9A-Za-z]{12,40}(?:-X)?"),
    Format("FRAMEIO_TOKEN", "Frame.io token", "fio-u-[0-9A-Za-z_=-]{64}"),
    Format("GITLAB_TOKEN", "GitLab runner registration token", f"GR1348941{_B64U}{{20}}"),
    Format("GRAFANA_TOKEN", "Grafana Cloud token", "glc_[0-9A-Za-z+/]{32,400}", tail=f"{_B64}*"),
    Format("GRAFANA_TOKEN", "Grafana key of the first kind", "eyJrIjoi[0-9A-Za-z]{70,400}", tail=f"{_B64}*"),
    Format("README_API_KEY", "ReadMe key", "rdme_[0-9a-z]{70}"),
    Format("SCALINGO_TOKEN", "Scalingo token", f"tk-us-{_B64U}{{48}}"),
    Format("SHIPPO_TOKEN", "Shippo token", "shippo_(?:live|test)_[0-9a-f]{40}"),
    Format(
        "TEAMS_WEBHOOK",
        "Microsoft Teams webhook",
        rf"webhook\.office\.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/[0-9a-f]{{32}}/{_UUID}",
    ),
    Format("SOURCEGRAPH_TOKEN", "Sourcegraph token", "sgp_(?:[0-9a-fA-F]{16}_|local_)?[0-9a-fA-F]{40}"),
    Format("ONEPASSWORD_TOKEN", "1Password service account token", "ops_eyJ[0-9A-Za-z+/]{250}", tail=f"{_B64}*"),
    Format(
        "AGE_SECRET_KEY",
        "age key",
        "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
        check=_raised_by(has_bech32_checksum),
    ),
    Format(
        "JWT",
        "JSON web token",
        rf"eyJ{_B64U}{{10,300}}\.eyJ{_B64U}{{10}}",
        check=_jwt,
        tail=rf"(?:\.?{_B64U})*",
    ),
    Format(
        "PRIVATE_KEY",
        PEM_KIND,
        rf"(?P<secret>-----BEGIN [A-Z ]{{0,24}}PRIVATE KEY(?: BLOCK)?-----{_SPACE}{{0,16}}"
        rf"(?:[A-Za-z-]{{1,24}}: [^\n\\]{{1,72}}{_SPACE}{{1,8}}){{0,3}}{_B64}{{16}})",
        check=_pem,
        not_before="",
    ),
    Format(
        "URL_PASSWORD",
        "password in a URL",
        r"\b[a-z][a-z0-9+.-]{1,15}://[^\s:@/]{0,64}:(?P<secret>[^\s:@/]{3,128})@",
        check=_url_password,
        not_before="",
        context=_may_have_password,
    ),
    Format(
        "BASIC_AUTH",
        "HTTP basic credentials",
        rf"{_AUTHORIZATION}(?i:basic)\s{{1,3}}(?P<secret>{_B64}{{8,64}})",
        check=_basic,
        tail=f"{_B64}*",
    ),
    Format(
        "BEARER_TOKEN",
        "HTTP bearer token",
        rf"{_AUTHORIZATION}(?i:bearer)\s{{1,3}}(?P<secret>[0-9A-Za-z._~+/=-]{{8,64}})",
        check=_bearer,
        tail="[0-9A-Za-z._~+/=-]*",
    ),
    Format(
        "CONNECTION_STRING_PASSWORD",
        "password in a connection string",
        r"\b(?i:password|pwd|accountkey|sharedaccesskey)=(?P<secret>[^;\s\"']{6,128})",
        check=_connection_password,
        not_before="",
        context=_among_pairs,
    ),
    Format(
        "GENERIC_SECRET",
        "random value assigned to a secret's name",
        rf"{_NAMED}{_ASSIGN}(?P<secret>{_VALUE}{{8,128}})",
        check=_assigned,
        tail=f"{_VALUE}*",
        context=_may_be_secret,
    ),
    Format(
        "GENERIC_SECRET",
        "random value in a secret's element",
        rf"<[\w:.-]{{0,24}}{_NAMED_SHORTLY}>(?P<secret>[^\s\"',;<>`(){{}}\[\]\\@:/]{_VALUE}{{7,128}})",
        check=_assigned,
        tail=f"{_VALUE}*",
        context=_may_be_secret,
    ),
    Format(
        "GENERIC_SECRET",
        "random value of an option for a secret",
        rf"(?:\s|\A)--?(?i:(?:[a-z][a-z-]{{0,23}})?(?:{_PASSWORDS}|pass|secret|token|api-key|access-key))[ ][\"']?"
        rf"(?P<secret>{_VALUE}{{8,128}})",
        check=_assigned,
        tail=f"{_VALUE}*",
        context=_may_be_secret,
    ),
    Format(
        "GENERIC_SECRET",
        "random value of a pair that names a secret",
        r"(?i:name|key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:[\w.-]{0,40}[_.-])?"
        rf"{_NAMED_SHORTLY}[\"']?\s{{0,3}},?\s{{0,24}}[\"']?(?i:value)[\"']?\s{{0,3}}[:=]"
        rf"\s{{0,3}}[\"']?(?P<secret>{_VALUE}{{8,128}})",
        check=_assigned,
        tail=f"{_VALUE}*",
        context=_may_name_secret,
    ),
    Format(
        "GENERIC_SECRET",
        "value said to be a password",
        rf"(?:\b(?i:{_PASSWORDS})\s{{1,3}}(?i:is|ist|lautet|es|est|\u00e8|\u00e9)[ :]{{1,3}}"
        rf"|(?:{_PASSWORDS_ELSEWHERE})[\u662f\u306f][ :]{{0,3}})[\"'`]?"
        rf"(?P<secret>{_VALUE}{{8,128}})",
        check=_said,
        tail=f"{_VALUE}*",
        context=_may_be_secret,
    ),
    Format(
        "BASIC_AUTH",
        "password behind a user in an option",
        r"\s(?:-u[ =]?|(?:-[Ua]|--user|--auth)[ =])[\"']?[\w.@+-]{1,64}[:%](?P<secret>[^\s\"':@/]{8,64})",
        check=_said,
        not_before="",
    ),
    Format(
        "GENERIC_SECRET",
        "value behind the word password",
        rf"(?:(?:\A|[^\w-])(?i:{_PASSWORDS})|{_PASSWORDS_ELSEWHERE})[ ][\"'`]?(?P<secret>{_VALUE}{{8,128}})",
        check=_stands_alone,
        tail=f"{_VALUE}*",
        context=_may_be_secret,
    ),
    Format(
        "GENERIC_SECRET",
        "password in an option of a command",
        rf"\s-[pPaw][ ]?[\"']?(?P<secret>{_VALUE}{{8,128}})",
        check=_said,
        tail=f"{_VALUE}*",
        context=_of_command,
    ),
    Format(
        "GENERIC_SECRET",
        "random value with an escaped quote",
        rf"{_NAMED}[\"']?\s{{0,3}}(?::=|=>|=|:)\s{{0,3}}[\"'](?P<secret>{_VALUE}{{1,64}}\\[\"']{_VALUE}{{4,64}})",
        check=_assigned,
        tail=rf"(?:\\[\"']|{_VALUE})*",
        context=_may_be_secret,
    ),
)
