"""Personal-data rows of our own: news, chat and form sentences with names, places, groups and dates of the whole world."""

from __future__ import annotations

import random
import re
from typing import Protocol

from faker import Faker

from training.encoder.rows import Example

LOCALES = (
    "en_US",
    "en_GB",
    "en_IN",
    "en_NZ",
    "fr_FR",
    "de_DE",
    "es_ES",
    "es_MX",
    "it_IT",
    "pt_BR",
    "nl_NL",
    "pl_PL",
    "tr_TR",
    "sv_SE",
    "id_ID",
    "fi_FI",
    "cs_CZ",
    "ro_RO",
    "hr_HR",
    "en_PH",
    "vi_VN",
    "yo_NG",
    "zu_ZA",
    "tw_GH",
    "ha_NG",
    "en_KE",
)
NAMES = (
    "Nguyen Thi Lan",
    "Abdul Rahman al-Fadhli",
    "Kim Yong-ho",
    "Wang Xiaoming",
    "Fatou Diallo",
    "Chinedu Okafor",
    "Tadesse Bekele",
    "Siti Aminah",
    "Mahinda Perera",
    "Aung Ko Ko",
    "Sophea Chan",
    "Rajesh Kumar Sharma",
    "Amina Yusuf",
    "Mwangi Kariuki",
    "Kofi Mensah",
    "Leila Haddad",
    "Omar El-Sayed",
    "Reza Mohammadi",
    "Sibusiso Dlamini",
    "Hiroshi Tanaka",
    "Park Ji-woo",
    "Zhang Wei",
    "Ali Hassan",
    "Ngozi Eze",
    "Jose Rizal Santos",
    "Ana Lucía Quispe",
    "Bolat Nurlan",
    "Tui Faleolo",
    "Ashraf Ghani",
    "Benazir Ali",
    "Thabo Nkosi",
    "Ibrahim Traoré",
    "Lee Wei Ling",
)
PLACES = (
    "Lagos",
    "Nairobi",
    "Kigali",
    "Addis Ababa",
    "Accra",
    "Harare",
    "Lusaka",
    "Dar es Salaam",
    "Kano",
    "Mombasa",
    "Cairo",
    "Tripoli",
    "Amman",
    "Riyadh",
    "Doha",
    "Dubai",
    "Beirut",
    "Erbil",
    "Karachi",
    "Lahore",
    "Dhaka",
    "Chittagong",
    "Kathmandu",
    "Colombo",
    "Yangon",
    "Bangkok",
    "Phnom Penh",
    "Hanoi",
    "Manila",
    "Cebu",
    "Jakarta",
    "Bali",
    "Kuala Lumpur",
    "Taipei",
    "Seoul",
    "Busan",
    "Osaka",
    "Beijing",
    "Shenzhen",
    "Ulaanbaatar",
    "Tashkent",
    "Almaty",
    "Lima",
    "Bogotá",
    "Quito",
    "La Paz",
    "Suva",
    "Honiara",
    "Auckland",
    "Nigeria",
    "Ghana",
    "Kenya",
    "South Africa",
    "Egypt",
    "Ethiopia",
    "Uganda",
    "Rwanda",
    "Zimbabwe",
    "Somalia",
    "Mali",
    "Senegal",
    "India",
    "Pakistan",
    "Bangladesh",
    "Sri Lanka",
    "Nepal",
    "Myanmar",
    "Thailand",
    "Vietnam",
    "the Philippines",
    "Indonesia",
    "Malaysia",
    "Singapore",
    "China",
    "Hong Kong",
    "Japan",
    "South Korea",
    "Iran",
    "Iraq",
    "Syria",
    "Lebanon",
    "Jordan",
    "Yemen",
    "Qatar",
    "Saudi Arabia",
    "the UAE",
    "Israel",
    "Gaza",
    "Turkey",
    "Papua New Guinea",
    "Fiji",
    "Samoa",
    "Brazil",
    "Chile",
    "Peru",
    "Mexico",
    "Jamaica",
    "Haiti",
    "Cuba",
    "Texas",
    "Ohio",
    "London",
    "Berlin",
    "Europe",
    "Asia",
    "West Africa",
    "the Middle East",
    "the Gulf",
    "Latin America",
    "Central Asia",
    "the Sahel",
    "Kashmir",
    "Punjab",
    "Lake Victoria",
    "the Red Sea",
    "the Nile",
    "Mount Kenya",
    "the Mekong",
    "Heathrow Airport",
    "Tahrir Square",
    "Parliament House",
    "Wembley Stadium",
    "the White House",
)
NORPS = (
    "Nigerian",
    "Kenyan",
    "Indian",
    "Pakistani",
    "Chinese",
    "Japanese",
    "Iranian",
    "Israeli",
    "Palestinian",
    "Egyptian",
    "Ethiopian",
    "South African",
    "Ghanaian",
    "Thai",
    "Vietnamese",
    "Filipino",
    "Indonesian",
    "Malaysian",
    "Turkish",
    "Saudi",
    "Syrian",
    "Lebanese",
    "American",
    "British",
    "French",
    "German",
    "Russian",
    "Ukrainian",
    "Brazilian",
    "Mexican",
    "Australian",
    "Korean",
    "Arab",
    "African",
    "European",
    "Asian",
    "Western",
    "Muslim",
    "Christian",
    "Hindu",
    "Buddhist",
    "Jewish",
    "Catholic",
    "Sunni",
    "Shia",
    "Democratic",
    "Republican",
    "Maori",
    "Kurdish",
    "Tamil",
    "Hausa",
    "Zulu",
)
PEOPLES = (
    "Muslims",
    "Christians",
    "Nigerians",
    "Kenyans",
    "Indians",
    "Americans",
    "Palestinians",
    "Israelis",
    "Filipinos",
    "Kurds",
    "Tamils",
    "Hindus",
    "Jews",
    "Democrats",
    "Republicans",
    "Africans",
    "Europeans",
    "South Africans",
    "Egyptians",
    "Ukrainians",
    "Catholics",
    "Buddhists",
    "Rohingya",
)
ORG_NAMES = (
    "Ministry of {f}",
    "Department of {f}",
    "{p} Chamber of Commerce",
    "University of {p}",
    "{p} University",
    "Bank of {p}",
    "{p} {g} Union",
    "{p} {g} Association",
    "{p} {g} Authority",
    "National {g} Commission",
    "{s} Bank",
    "{s} Group",
    "{s} Airlines",
    "{s} & Sons",
    "{s} Ltd",
    "{s} Inc",
    "{s} Holdings",
    "{s} Foundation",
    "{p} United",
    "{p} FC",
    "{p} Police",
    "Supreme Court of {p}",
    "{p} Times",
    "Federal {g} Board",
    "All {p} Congress",
    "{s} Technologies",
    "{p} Stock Exchange",
    "High Court",
    "House of Representatives",
    "Senate",
    "World Bank",
    "United Nations",
    "IMF",
    "WHO",
    "UNICEF",
    "European Union",
    "African Union",
    "Reuters",
    "Al Jazeera",
    "BBC",
    "Twitter",
    "Facebook",
    "Google",
    "Microsoft",
    "Netflix",
    "Red Cross",
    "Amnesty International",
    "Hamas",
    "Taliban",
    "Boko Haram",
    "Hezbollah",
    "NATO",
    "FIFA",
    "ASEAN",
    "OPEC",
    "CNN",
    "Xinhua",
    "Labour Party",
    "Congress Party",
    "People's Democratic Party",
    "EFCC",
    "ANC",
    "BJP",
    "KPMG",
    "Toyota",
    "Samsung",
    "Air {p}",
    "{p} Railways",
    "{s} Pharma",
    "Central Bank of {p}",
)
FIELDS = (
    "Finance",
    "Health",
    "Education",
    "Foreign Affairs",
    "Justice",
    "Agriculture",
    "Transport",
    "Energy",
    "Labour",
    "Tourism",
    "Defence",
    "the Interior",
)
GENERAL = (
    "Football",
    "Electoral",
    "Teachers",
    "Revenue",
    "Ports",
    "Media",
    "Workers",
    "Cricket",
    "Energy",
    "Human Rights",
    "Electricity",
    "Traders",
)
DATES = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "yesterday",
    "today",
    "tomorrow",
    "last week",
    "last month",
    "last year",
    "next year",
    "this year",
    "next Monday",
    "in 2019",
    "2021",
    "March 2020",
    "January 5",
    "12 May 2018",
    "May 3rd, 2022",
    "the 1990s",
    "two weeks ago",
    "three years ago",
    "early 2023",
    "late October",
    "Sunday night",
    "Friday morning",
    "the past decade",
    "6 pm",
    "10:30 a.m.",
    "the end of the year",
    "June",
    "this week",
    "the weekend",
    "earlier this month",
    "24 hours",
    "five years",
    "Thursday evening",
    "2020-21",
    "mid-August",
    "the following day",
    "1948",
)

NEWS = (
    "<P>, [the |a ]<N> [minister|businessman|journalist|lawyer|activist|singer|footballer|professor], [said|told <O>|was arrested in <L>|died] [on |]<D>.",
    "The <O> [said|announced|confirmed] on <D> that <P> [would|will] [visit|leave|return to] <L>.",
    "<L> - [Police|Soldiers|Officials|Residents] in <L> [said|reported] [on |]<D> that <P> [was|had been] [killed|freed|elected|appointed].",
    "According to <P> of the <O>, [more than 200|most|many] <M> [live|work|fled|voted] in <L>.",
    "“[We are ready|It was a difficult year|This cannot go on],” [said|added|tweeted] <P>, [head|chair|spokesman|secretary] of <O>.",
    "[President|Prime Minister|Dr|Mr|Mrs|Senator|Governor|Justice|Chief|Sheikh|Pastor] <P> [met|thanked|criticised] <P> in <L> [on|last] <D>.",
    "<O> and <O> signed [a deal|an agreement|a memorandum] in <L> on <D>.",
    "In <D>, <O> [opened|closed|moved] its [office|plant|embassy|school] in <L>, <L>.",
    "The <N> [government|army|embassy|economy|team|president] [denied|grew|rejected|welcomed] [the claim|by 4 percent|the report] [on|in] <D>.",
    "<P> [joined|left|founded|sued|leads] <O> [in|on] <D> after [working|living|studying] in <L>.",
    "<M> in <L> [celebrate|celebrated|protested|gathered] on <D>.",
    "[Between|From] <D> [and|to] <D>, <N> [exports|tourists|troops] [to|in] <L> doubled.",
    "The [bill|court|match|trial|ceremony] [was|is] [due|postponed|held] [on|until] <D> in <L>, <O> said.",
    "<P> (<O>), <P> and <P> [attended|spoke at|missed] the [summit|launch|hearing] in <L>.",
    "[Like many|As a|For] <N> [families|woman|voters], <P> [has lived|grew up|works] in <L>.",
    "<O> [striker|captain|coach|CEO|spokesperson] <P> [scored|resigned|spoke] [on|in] <D>.",
)
CHAT = (
    "[hey|Hi|ok|lol], [did you see|have you met|who is] <P> [at|from] <O>?",
    "[just|finally] [landed|arrived|back] in <L> with <P>[!|!!| :)] [#travel|]",
    "RT [great|sad] news from <L>: <P> [wins|loses|joins] <O>",
    "[Watching|Listening to] <P> on <O> [tonight|right now|<D>]",
    "Happy birthday <P>[!|!!]",
    "[Can you|please] [forward|send] this to <P> [at|in] [<O>|<L>] [by|before] <D>[?|.]",
    "[I live|I work|We moved] in <L>, [near|not far from] <L>.",
    "My name is <P> and I [work for|study at|left] <O>.",
    "<P> is [coming|moving|flying] to <L> on <D>",
    "[Thanks|Thank you|Cheers], <P>",
    "[Never|Do not] buy from <O>, [the worst|terrible] service in <L>[!|.]",
    "Is <O> [open|closed] on <D>?",
    "[from|From]: <P>, <O>",
    "<P> wrote on <D>:",
    "[Loved|Great] [dinner|food] at <O> in <L>, ask for <P>.",
    "@user [so|why did] <P> [leave|quit|join] <O>[?|??]",
    "Attn: <P>, <L> office",
    "[The customer|Our patient|Applicant] <P> [called|moved|signed] on <D>.",
    "Name: <P>\nCity: <L>\nEmployer: <O>\nDate: <D>",
    "<P>, <L>",
    "<L>, <D>",
)
PLAIN = (
    "[The|Our|A] [order|ticket|build|server|meeting|test] [is ready|failed|was moved|passed|starts soon][.|!]",
    "[May I|Will you|Can we] [mark|bill|frank|grant|sue|pat|hope|chase] [this|it|the form|that][?| later?]",
    "[Open the|Check the|Read the] [window|rose|china|turkey|polish|lead|apple|amazon box|target].",
    "[Version|Release|Ticket|Step|Room|Page|Error|Order] [2.4.1|1187|3|B-204|404|#99812] [is out|fails|is done|is missing].",
    "[Set|Use|Replace] [{{name}}|NAME|YOUR_NAME|first_last|example_user|$CITY|%s|{city}] in the template.",
    "[He|She|They|We|The manager|My sister|The doctor] [went home|called|agreed|wrote a note] and [left|smiled|slept].",
    "[The north|The east|The city|The company|The government|The church] [is|was] [quiet|large|late].",
    "[I'm|We're] [on cloud nine|in hot water|between a rock and a hard place|all ears|over the moon].",
    "[import|from|class|def|SELECT|return] [numpy|Client|User|main|row|value] [as np|:|FROM table|;|()]",
    "[sha256|commit|id|uuid|token]: [a1b2c3d4e5|0xdeadbeef|9f86d081884c|7d793037|null]",
)
GENERATED = re.compile(r"<([PFLCONMD])>")
CHOICE = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]")
LABELS = {
    "P": "PERSON",
    "F": "PERSON",
    "L": "LOCATION",
    "C": "LOCATION",
    "O": "ORGANIZATION",
    "N": "NRP",
    "M": "NRP",
    "D": "DATE_TIME",
}


class SlotValues(Protocol):
    """Whatever makes a value for a slot letter of `LABELS`."""

    def of(self, kind: str) -> str:
        """A value for one slot letter."""


class Values:
    """Makes the values of the slots."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._fakers = [Faker(locale) for locale in LOCALES]
        for faker in self._fakers:
            faker.seed_instance(rng.randrange(2**31))

    def of(self, kind: str) -> str:
        """A value for one slot letter (see `LABELS`)."""
        makers = {"P": self._person, "L": self._place, "O": self._organization}
        if kind in makers:
            return makers[kind]()
        return self._rng.choice({"N": NORPS, "M": PEOPLES, "D": DATES}[kind])

    def _person(self) -> str:
        rng = self._rng
        faker = rng.choice(self._fakers)
        first, last = faker.first_name(), faker.last_name()
        if rng.random() < 0.25:
            return rng.choice(NAMES)
        return rng.choice(
            [
                f"{first} {last}",
                f"{first} {last}",
                f"{first} {last}",
                first,
                last,
                f"{first[0]}. {last}",
                f"{first} {last}-{faker.last_name()}",
            ]
        )

    def _place(self) -> str:
        if self._rng.random() < 0.25:
            return str(self._rng.choice(self._fakers).city())
        return self._rng.choice(PLACES).removeprefix("the ")

    def _organization(self) -> str:
        rng = self._rng
        faker = rng.choice(self._fakers)
        name = rng.choice(ORG_NAMES)
        return name.format(
            f=rng.choice(FIELDS), g=rng.choice(GENERAL), p=rng.choice(PLACES).removeprefix("the "), s=faker.last_name()
        )


def entity_rows(rng: random.Random, *, news: int, chat: int, plain: int) -> list[Example]:
    """Rows with entities (news and chat style) and rows without any."""
    values = Values(rng)
    return [
        filled(
            rng.choice(templates) if rng.random() < 0.7 else f"{rng.choice(templates)} {rng.choice(templates)}",
            values,
            rng,
            source="own:entities",
        )
        for templates, count in ((NEWS, news), (CHAT, chat), (PLAIN, plain))
        for _ in range(count)
    ]


def filled(template: str, values: SlotValues, rng: random.Random, *, source: str) -> Example:
    """A row from a template: its choices taken, its slots filled and marked."""
    while CHOICE.search(template):
        template = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)
    text, entities, at = "", [], 0
    for match in GENERATED.finditer(template):
        text += template[at : match.start()]
        value = values.of(match[1])
        entities.append((len(text), len(text) + len(value), LABELS[match[1]]))
        text, at = text + value, match.end()
    text += template[at:]
    text = _recased(text, rng)
    return Example(text=text, source=source, kind="pii", entities=tuple(entities), injection=(0, 0.2))


def _recased(text: str, rng: random.Random) -> str:
    draw = rng.random()
    changed = text.lower() if draw < 0.08 else text.upper() if draw < 0.1 else text
    return changed if len(changed) == len(text) else text
