"""Posts with names as people type them: @handles that are no names, hashtags that are, teams, nicknames, lower case."""

from __future__ import annotations

import random
import re

from training.encoder.rows import Example
from training.encoder.synthetic.grammar import Slots, expand
from training.encoder.synthetic.marked import filled
from training.encoder.synthetic.regions import REGIONS, RegionNames

SOURCE = "own:tweets"

GIVEN = "David,Nick,Ed,Boris,Sarah,Justin,Kate,Harry,Cheryl,Simon,Wayne,Steven,Frank,Lily,Beth,Gary,Rachel,Tony,Gordon,Julia,Kevin,Bob,Hillary,Mitt,Beyonce,Rihanna,Niall,Zayn,Andy,Laura,Mo,Jessica,Stephen,Ant,Holly,Brendan,Roy,Jose,Arsene,Malcolm,Enda,Leo,Rory,Siobhan".split(
    ","
)
FAMILY = "Hargreaves,Millwood,Ashdown,Barlow,Fenton,Gallagher,Redmond,Whitlock,O'Brien,Kendall,Farrow,Lockhart,McAllister,Bexley,Turner,Harper,Stanhope,Keane,Rodgers,Trent,Osgood,Cole,Winslow,Murphy,Pemberton,Sharma,Adeyemi,Costello,Byrne,Novak,Larsson,Khan".split(
    ","
)
PLACES = "London,Manchester,Leeds,Dublin,Cork,Belfast,Glasgow,Cardiff,Nottingham,Brighton,Sydney,Melbourne,Perth,Auckland,Toronto,Ontario,New York,NYC,Chicago,Texas,LA,Miami,Boston,Brooklyn,Ireland,Scotland,UK,USA,America,Canada,Australia,Syria,Egypt,Ukraine,Crimea,Gaza,Paris,Cornwall,Essex,Kent,Wimbledon,Heathrow,Hyde Park,Times Square,Oxford Street,Croke Park,Old Trafford,Camden,Bondi Beach,Africa,Europe,Brazil".split(
    ","
)
BODIES = "Arsenal,Chelsea,Spurs,Man Utd,Man City,Liverpool,Everton,Celtic,Lakers,Knicks,Yankees,Red Sox,Leinster,Wallabies,BBC,Sky News,ITV,CNN,Guardian,Daily Mail,Twitter,Facebook,Google,Apple,YouTube,Tesco,Greggs,Nandos,Starbucks,Primark,Argos,Ryanair,Virgin Trains,Vodafone,Labour,Tories,UKIP,Lib Dems,GOP,Congress,Fine Gael,NHS,NASA,NATO,UN,FIFA,Met Police,Arctic Monkeys,One Direction,Coldplay,Little Mix,HMV,Samsung,Nokia,McDonald's,Subway,Oxfam".split(
    ","
)
HANDLES: Slots = {
    "at": ["@{handle}", "@{handle}", "@{handle} @{handle}", "RT @{handle}:", ".@{handle}", "via @{handle}"],
    "handle": [
        "jen_1990",
        "skysportsfan",
        "BigMike77",
        "LondonFoodie",
        "mrs_tay",
        "bbcnewsfan",
        "thereal_dan",
        "iamKatie_x",
        "DublinLive1",
        "tom_hardyfan",
        "nyc_mum",
        "JoBloggs",
        "guardianreader",
        "chelsea4life",
        "ravi_k",
        "OhEmma",
        "AusPolNerd",
        "harry4eva",
        "kevmurphy9",
        "MelbourneCabbie",
        "ParisHoney",
        "leedslad",
        "Mary_OBrien",
        "cnnbrk_",
        "teamzayn",
    ],
    "tag": [
        "fail",
        "win",
        "ff",
        "nowplaying",
        "lol",
        "tbt",
        "jobs",
        "fml",
        "blessed",
        "mondaymotivation",
        "foodporn",
        "winning",
        "qt",
        "breaking",
        "love",
        "selfie",
        "yolo",
        "teamfollowback",
    ],
    "link": ["http://t.co/aB3xk9QZ", "http://t.co/7YhQm2Lp", "https://t.co/kk0Zq1Wv", "http://bit.ly/1x2y3z", ""],
    "end": ["", "", "", "!", "!!", " :)", " xx", " lol", " #{tag}", " #{tag} #{tag}", " {link}", " 😂", "...", " smh"],
}
POSTS = (
    "{at} [so proud of|can't believe|lol at|gutted for|well said] <P>{end}",
    "<P> [to|will] [leave|join|manage] <O>[?|??|]{end}",
    "[just|finally] [landed|got back] [in|from] <L>{end} #<I>",
    "Watching <O> [with|and thinking of] <P>{end}",
    "{at} are you in <L> [this weekend|tonight|tmrw]?{end}",
    "[Happy birthday|Congrats|RIP|Get well soon] <P>{end} {at}",
    "<O> [0-2|3-1|1-1] <O>, <P> with [the|a] goal{end} #<B>",
    "#<B> fans [in|from] <L> [we love you|make some noise]{end}",
    "[Traffic|Snow|Rain|Sunshine] in <L> [again|today]{end} {at}",
    "I [hate|love|miss] <L>{end}",
    "[Why is|Where is|Who is] <P> [on|at] <O>[?|??]{end}",
    "{at} [thanks for the follow|love this|haha yes|so true|no way]{end}",
    "{at} [good morning|night night] [everyone|lovelies|x]{end}",
    "[monday|friday] again, [need coffee|thank god]{end}",
    "[My mum|the cat|this guy|my phone] is [so funny|a legend|dead]{end}",
    "<P> on #<B> [is|was] [brilliant|so annoying]{end}",
    "Vote <P>! #<Q>",
    "#<Q> [was robbed|for president|you legend]{end}",
    "Breaking: [man|woman|two] [held|hurt|arrested] [after crash|in fire] in <L> {link} #<I>",
    "<L>: <P> [says|tells <O>] [sorry|no deal|more to come] {link}",
    "[Jobs|Job]: [Store Manager|Nurse|Developer], <L> - <O> {link} #jobs #<I>",
    "[In|at] <O> <L> [with|and] <P> and <P>{end}",
    "{at} [tell|ask] <P> [I said hi|to call me|about saturday]{end}",
    "<P> you are [a hero|my idol|so rude]{end} {at}",
    "[queue|service] [in|at] <O> <L> is [a joke|awful|great]{end}",
    "{at} <P> is [playing|in concert] in <L> [tonight|on Friday] {link}",
    "So [tired|hungry|bored]. [Bed|Food] [now|please]{end}",
    "[PM|President|Senator|Mayor] <P> [meets|attacks|backs] <P> [over|on] [tax|jobs|the vote] {link} #<I>",
    "Anyone [going to|been to] <L>? {at}",
    "{link} <P> and <P> [split|engaged|spotted in <L>]",
    "[ok|right] [off to work|bed time], [laters|night all] x",
    "[May|Will|Mark] I [be|have] [honest|a word][?|] {at}{end}",
    "[The Apprentice|the match|this film|the news] is [on|so good] [tonight|now]{end} {at}",
    "#<I> [looks stunning|is freezing|I'll be back]{end} via @{handle}",
    "If <O> [sell|sign|drop] <P> I [quit|will cry|am done]{end} #<B>",
    "{at} [Galaxy|iPhone 5|Xbox|Nexus 7] or [Kindle|iPad][?|??]{end}",
    "[new|my] blog post: [cake recipes|ten tips|how to run] {link} #{tag}",
    "<P>'s [new song|speech|haircut] {end}",
    "[Dr|Mr|Miss|Lord|Sir] <P> [teaching us|on <O>|late again]{end}",
)


class TweetNames:
    """Makes the values of the slots; `Q`, `I` and `B` are a person, place and body written as a hashtag's one word."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._regions = [RegionNames(region, rng) for region in REGIONS]

    def of(self, kind: str) -> str:
        """A value for one slot letter."""
        tagged = {"Q": "P", "I": "L", "B": "O"}
        if kind in tagged:
            return self._as_tag(self.of(tagged[kind]))
        if self._rng.random() < 0.2:
            return self._rng.choice(self._regions).of(kind)
        name = self._person() if kind == "P" else self._rng.choice(PLACES if kind == "L" else BODIES)
        return self._typed(name)

    def _person(self) -> str:
        draw, given, family = self._rng.random(), self._rng.choice(GIVEN), self._rng.choice(FAMILY)
        return given if draw < 0.25 else family if draw < 0.4 else f"{given} {family}"

    def _typed(self, name: str) -> str:
        draw = self._rng.random()
        return name.lower() if draw < 0.15 else name.upper() if draw < 0.2 else name

    def _as_tag(self, name: str) -> str:
        joined = re.sub(r"\W", "", name)
        return joined.lower() if self._rng.random() < 0.5 else joined


def tweet_rows(rng: random.Random, *, count: int) -> list[Example]:
    """`count` posts, each of one template or two."""
    names = TweetNames(rng)
    rows = []
    for _ in range(count):
        template = " ".join(rng.sample(POSTS, rng.choice((1, 1, 1, 2))))
        rows.append(filled(expand(template, HANDLES, rng), names, rng, source=SOURCE))
    return rows
