"""Hate as functional tests see it, each kind beside harmless text of the same shape and words.

A kind is a way to attack a group: as an emotion, a trait, a comparison, a threat, a slur, a question, an opinion, a
reference in the next clause, a denied positive, an implication. Its twins keep the words and change the meaning: praise, a negation,
counter-speech, a thing or a trade in place of the group, one person who is insulted. Both sides are respelled alike, so
that neither a group's name, a rude word, a negation nor odd spelling tells them apart.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable, Sequence

from training.encoder.labels import TOXICITY
from training.encoder.rows import Example
from training.encoder.synthetic.grammar import Slots, expand, varied

SOURCE = "own:hate-functions"


@dataclasses.dataclass(frozen=True)
class Group:
    """The names of one group, in the plural and the singular, slurs of it, and how often it is drawn."""

    plural: str
    one: str
    slur: str = ""
    weight: int = 2


GROUPS = {
    "muslims": Group(
        "Muslims, Muslim men, Muslim women, Muslim families, Muslim immigrants, hijabis, women in headscarves, people of the Islamic faith, followers of Islam",
        "Muslim, Muslim woman, Muslim man, hijabi, Muslim neighbour",
        "ragheads, muzzies, muzrats",
        5,
    ),
    "disabled": Group(
        "disabled people, people with disabilities, wheelchair users, people in wheelchairs, blind people, deaf people, autistic people, people with Down syndrome, people with learning difficulties, amputees, disabled kids, mentally ill people, the disabled",
        "disabled person, wheelchair user, blind man, deaf woman, autistic person, disabled kid, kid with Down syndrome, person with a disability",
        "retards, cripples, spastics",
        5,
    ),
    "immigrants": Group(
        "immigrants, migrants, refugees, asylum seekers, foreigners, immigrant families, undocumented workers, people who come here from abroad, boat people, foreign students",
        "immigrant, migrant, refugee, asylum seeker, foreigner, immigrant kid",
        "wetbacks, illegals, border jumpers",
        5,
    ),
    "women": Group(
        "women, girls, mothers, female drivers, working women, feminists, women in tech, single mums",
        "woman, girl, female boss, feminist, mother",
        "bitches, sluts, cunts, whores",
        3,
    ),
    "trans": Group(
        "trans people, trans women, trans men, transgender people, transgender kids, non-binary people, trans teenagers",
        "trans person, trans woman, trans man, trans kid, non-binary person",
        "trannies, shemales, troons",
        3,
    ),
    "gay": Group(
        "gay people, gays, lesbians, gay men, bisexual people, homosexuals, same-sex couples, queer people",
        "gay man, lesbian, gay couple, homosexual, bisexual guy",
        "faggots, fags, dykes, homos",
        3,
    ),
    "black": Group(
        "Black people, black men, black women, African Americans, Africans, black kids, people of colour",
        "black man, black woman, African, black kid, black guy",
        "niggers, coons, monkeys",
        3,
    ),
    "jews": Group(
        "Jews, Jewish people, Jewish families, Orthodox Jews, Jewish bankers, Israelis",
        "Jew, Jewish man, Jewish neighbour, rabbi",
        "kikes, yids",
        3,
    ),
    "asians": Group(
        "Asians, Chinese people, Chinese tourists, Japanese people, Koreans, Vietnamese people",
        "Asian, Chinese man, Asian girl, Korean",
        "chinks, gooks",
    ),
    "others": Group(
        "Roma, Gypsies, Mexicans, Indians, Pakistanis, Poles, Romanians, Arabs, Turks, Nigerians, Hindus, Sikhs, Catholics, Christians, atheists, old people, homeless people, poor people, native Americans, Aboriginal people, Palestinians, Syrians, Somalis, Haitians",
        "Roma, Mexican, Indian, Pakistani, Pole, Arab, Turk, Hindu, Sikh, Catholic, homeless man, old man, Syrian, Somali",
        "pikeys, pakis, beaners, gypos",
        4,
    ),
}

WORDS: Slots = {
    "hate": [
        "hate",
        "despise",
        "loathe",
        "detest",
        "can't stand",
        "am disgusted by",
        "am sick of",
        "have nothing but contempt for",
    ],
    "bad": [
        "disgusting",
        "stupid",
        "inferior",
        "dirty",
        "lazy",
        "evil",
        "filthy",
        "dangerous",
        "repulsive",
        "worthless",
        "ugly",
        "violent",
        "backward",
        "dumb",
        "criminal",
        "immoral",
        "useless",
        "subhuman",
        "sick in the head",
        "untrustworthy",
        "vile",
    ],
    "vermin": [
        "vermin",
        "rats",
        "cockroaches",
        "parasites",
        "a disease",
        "a cancer",
        "animals",
        "pigs",
        "leeches",
        "scum",
        "a plague",
        "filth",
        "garbage",
        "insects",
        "maggots",
        "the scum of the earth",
        "a virus",
        "human waste",
    ],
    "harmed": [
        "killed",
        "shot",
        "beaten up",
        "hanged",
        "burned alive",
        "punched in the face",
        "stabbed",
        "wiped out",
        "tortured",
        "gassed",
        "executed",
        "thrown off a roof",
        "drowned",
        "exterminated",
        "put down like dogs",
    ],
    "harm": [
        "kill",
        "shoot",
        "beat up",
        "hang",
        "burn",
        "punch",
        "stab",
        "hurt",
        "attack",
        "get rid of",
        "smash",
        "choke",
        "spit on",
        "hunt down",
    ],
    "driven": [
        "deported",
        "sent back",
        "locked up",
        "banned from this country",
        "kept out of our schools",
        "sterilised",
        "sacked",
        "stripped of the vote",
        "kicked out",
        "kept away from children",
        "put in camps",
        "refused at the hospital",
        "silenced",
    ],
    "good": [
        "wonderful",
        "kind",
        "smart",
        "brave",
        "{fine}",
        "{fine}",
        "great neighbours",
        "loyal friends",
        "amazing parents",
        "worthy of respect",
        "full of ideas",
    ],
    "fine": [
        "wonderful",
        "kind",
        "smart",
        "brave",
        "funny",
        "hard-working",
        "strong",
        "honest",
        "beautiful",
        "creative",
        "trustworthy",
        "generous",
        "patient",
        "gifted",
        "normal",
        "welcome",
    ],
    "right": [
        "human rights",
        "respect",
        "a seat at the table",
        "a vote",
        "our help",
        "the same pay",
        "freedom",
        "a good life",
        "protection",
        "love",
    ],
    "role": [
        "equal to us",
        "real citizens",
        "normal",
        "one of us",
        "proper parents",
        "as smart as us",
        "good for this country",
        "trustworthy",
        "fit to lead",
        "fully human",
    ],
    "neutral": [
        "live in my street",
        "came to the meeting",
        "make up a tenth of the town",
        "were asked in the survey",
        "work at the hospital",
        "go to our school",
        "play in my team",
        "celebrate this week",
        "use the new lift",
        "run the shop on the corner",
        "play in this band",
        "vote on Sunday",
        "pay their taxes",
        "were on the bus",
        "read the same papers as I do",
        "opened a café near the station",
    ],
    "deed": [
        "steal",
        "lie",
        "ruin everything",
        "take our jobs",
        "live off our taxes",
        "spread disease",
        "rape and kill",
        "hate our values",
        "cause trouble",
        "smell",
        "want to replace us",
        "abuse children",
        "cheat",
        "destroy this country",
        "cost us a fortune",
        "betray us",
        "breed like rabbits",
        "never say thank you",
    ],
    "fwd": ["fucking", "goddamn", "bloody", "damn", "motherfucking"],
    "who": [
        "My boss",
        "A guy on the bus",
        "That politician",
        "My grandfather",
        "Some troll",
        "The pamphlet",
        "A man in the comments",
        "The preacher",
        "My classmate",
        "He",
        "She",
        "The leader of that party",
    ],
    "rebuke": [
        "That is just wrong.",
        "What a disgusting thing to say.",
        "This is hate speech and I reported it.",
        "Never say that again.",
        "I told him to stop.",
        "You can't say that.",
        "That is how it began in 1933.",
        "Shame on him.",
        "We have to speak up.",
        "It's not true, and it hurts people.",
        "I was shocked.",
        "No decent person thinks so.",
        "He was fined for it, rightly.",
    ],
    "thing": [
        "cucumbers",
        "printers",
        "Mondays",
        "mosquitoes",
        "these shoes",
        "pop-up ads",
        "potholes",
        "cheap headphones",
        "speed bumps",
        "clowns in films",
        "raisins",
        "wasps",
        "paper straws",
        "spoilers",
        "spam calls",
        "traffic jams",
        "weeds",
        "microwave dinners",
        "slugs",
        "leaf blowers",
        "bed bugs",
        "group projects",
        "alarm clocks",
        "parking meters",
    ],
    "athing": [
        "printer",
        "wasp",
        "cucumber",
        "alarm clock",
        "pop-up ad",
        "leaf blower",
        "spam call",
        "weed",
        "parking meter",
        "mosquito",
    ],
    "trade": [
        "bankers",
        "landlords",
        "politicians",
        "lawyers",
        "journalists",
        "influencers",
        "tax collectors",
        "football referees",
        "capitalists",
        "estate agents",
        "managers",
        "Tories",
        "communists",
        "artists",
        "vegans",
        "Chelsea fans",
        "police officers",
        "lobbyists",
        "teachers",
        "smokers",
        "cyclists",
        "celebrities",
        "racists",
        "Nazis",
        "fascists",
        "bigots",
        "conspiracy theorists",
        "billionaires",
    ],
    "person": [
        "idiot",
        "moron",
        "loser",
        "piece of shit",
        "pig",
        "liar",
        "coward",
        "clown",
        "scumbag",
        "rat",
        "bastard",
        "waste of space",
        "fool",
        "worthless creep",
        "disgusting slob",
        "dimwit",
    ],
    "end": [
        "",
        "",
        "",
        "",
        "!",
        "!!",
        "...",
        " lol",
        ", period",
        ", everyone knows it",
        " #truth",
        " and I don't care who hears it",
    ],
    "opener": [
        "",
        "",
        "",
        "",
        "Honestly, ",
        "Sorry but ",
        "I'm not racist, but ",
        "Let's face it: ",
        "Unpopular opinion: ",
        "Say what you like, ",
        "Admit it: ",
        "@user ",
        "Fact: ",
    ],
    "life": [
        "the city",
        "my street",
        "our schools",
        "Europe",
        "this country",
        "the health service",
        "the team",
        "the world",
        "America",
        "the bus",
    ],
}

Kind = tuple[Sequence[str], Sequence[str], Sequence[str]]
"""Labels that are 1, labels that are unclear, templates."""

ATTACK = ("toxicity", "identity_attack")
HAZY = ("severe_toxicity", "insult")

HATE: dict[str, Kind] = {
    "emotion": (
        ATTACK,
        HAZY,
        (
            "{opener}I {hate} {group}{end}",
            "{opener}I [really|just|absolutely] {hate} all {group}{end}",
            "{group} make me [sick|angry|want to throw up]{end}",
            "I feel nothing but [hatred|disgust|contempt] for {group}{end}",
            "You know what I hate? {group}{end}",
            "I don't like {group}[ and never will|]{end}",
            "I wish I never had to see {a_one} again{end}",
            "{opener}seeing {group} in {life} [disgusts|revolts] me{end}",
            "My family has always {hate_past} {group}, and so do I{end}",
        ),
    ),
    "trait": (
        ATTACK,
        HAZY,
        (
            "{opener}{group} are {bad}{end}",
            "{group} are [all|so|just|always] {bad}{end}",
            "{opener}every {one} is {bad}{end}",
            "[Typical|Of course]: {a_one}, {bad} and {bad}{end}",
            "{opener}{group} {deed}{end}",
            "{group} {deed} and {deed}{end}",
            "There is nothing more {bad} than {a_one}{end}",
            "You are just {a_one}, {bad} like all of them{end}",
            "{group} are born {bad}[, it is in their blood|, look at the numbers|]{end}",
            "Being {a_one} means being {bad}{end}",
            "{opener}{group} in {life} {deed}{end}",
        ),
    ),
    "dehumanised": (
        ATTACK,
        HAZY,
        (
            "{opener}{group} are {vermin}{end}",
            "{group} are nothing but {vermin}{end}",
            "{group} are not [human|people|human beings]{end}",
            "{opener}a dog is worth more than {a_one}{end}",
            "{group} [spread|multiply|crawl] through {life} like {vermin}{end}",
            "We have an infestation of {group} in {life}{end}",
            "Calling {a_one} a human being is too kind{end}",
            "{life} is full of {vermin}: {group}{end}",
            "{group} belong in a [zoo|cage|sewer]{end}",
        ),
    ),
    "direct threat": (
        (*ATTACK, "threat", "violence"),
        HAZY,
        (
            "I [will|am going to] {harm} [every|the next] {one} I [see|meet]{end}",
            "I'm coming to {harm} you, you {bad} {one}{end}",
            "We will {harm} all {group} in {life}{end}",
            "If {a_one} comes near me I will {harm} them{end}",
            "My friends and I are going to {harm} some {group} tonight{end}",
            "{group}, you better run, we are going to {harm} you{end}",
            "I swear I will {harm} those {group}{end}",
            "[Lock your doors|Watch out], {group}, tomorrow you will be {harmed}{end}",
        ),
    ),
    "wished violence": (
        (*ATTACK, "violence"),
        ("severe_toxicity", "insult", "threat"),
        (
            "{opener}{group} [should|must|ought to] be {harmed}{end}",
            "{group} deserve to be {harmed}{end}",
            "Someone should {harm} all {group}{end}",
            "I hope every {one} gets {harmed}{end}",
            "It would be a good thing if {group} were {harmed}{end}",
            "The only good {one} is a dead {one}{end}",
            "No {one} deserves to live{end}",
            "Let's {harm} all {group} in {life}{end}",
        ),
    ),
    "exclusion": (
        ATTACK,
        (*HAZY, "threat"),
        (
            "{opener}{group} should be {driven}{end}",
            "{group} [must|need to] be {driven}, all of them{end}",
            "Why aren't {group} {driven} yet?",
            "{group} do not belong in {life}{end}",
            "Keep {group} out of {life}{end}",
            "{opener}{group} don't deserve {right}{end}",
            "No {one} deserves {right}{end}",
            "I'd vote for anyone who gets {group} {driven}{end}",
            "We need to take {life} back from {group}{end}",
            "{group}, go back to where you came from{end}",
            "No room for {group} in {life}{end}",
        ),
    ),
    "implied": (
        ATTACK,
        (*HAZY, "threat"),
        (
            "{opener}nobody would miss {group}{end}",
            "The world would be [a better|a safer|a cleaner] place without {group}{end}",
            "If {group} left, {life} would be clean again{end}",
            "[Every time|Whenever] {a_one} moves in, house prices fall. Funny, that{end}",
            "I count my silver when {a_one} leaves the house{end}",
            "You don't have to be a genius to see what {group} are{end}",
            "History had an answer for {group}{end}",
            "Imagine how much money we would save without {group}{end}",
            "I wouldn't let my daughter near {a_one}{end}",
            "I bet the thief was {a_one}, as always{end}",
            "I cross the street when I see {a_one}{end}",
            "Wherever {group} go, trouble follows{end}",
            "First they let in one {one}, then {life} is gone{end}",
            "It is no accident that nobody wants {group} as neighbours{end}",
            "Some people should never have been born. {group}, for example{end}",
            "{group} have it too good here{end}",
            "One {one} fewer, who cares{end}",
            "We all know what {group} do when nobody looks{end}",
            "{group} know exactly why nobody trusts them{end}",
            "{life} was fine until {group} came{end}",
        ),
    ),
    "slur": (
        ATTACK,
        (*HAZY, "obscene"),
        (
            "{opener}I {hate} {slur}{end}",
            "{slur} are {bad}{end}",
            "Get these {slur} out of {life}{end}",
            "You {slur1}, nobody wants you here{end}",
            "You are a {slur1}{end}",
            "{life} is full of {slur}{end}",
            "What do you expect from a {slur1}?",
            "Shut up, {slur1}{end}",
            "Another day, another {slur1} who wants {right}{end}",
        ),
    ),
    "with profanity": (
        (*ATTACK, "obscene"),
        HAZY,
        (
            "{opener}I {fwd} {hate} {group}{end}",
            "{group} are so {fwd} {bad}{end}",
            "Fuck {group}{end}",
            "{group} are [full of shit|a bunch of assholes|shitty people]{end}",
            "{fwd} {group}, {fwd} {vermin}{end}",
            "I don't give a shit about {group}, they are {bad}{end}",
            "What the fuck do {group} want in {life}? They are {bad}{end}",
        ),
    ),
    "next clause": (
        ATTACK,
        HAZY,
        (
            "{group} {neutral}, and I {hate} them{end}",
            "I met {a_one} today. They are all {bad}{end}",
            "{group} {neutral}. They are {vermin}{end}",
            "{group} want {right}. They should be {driven}{end}",
            "There is {a_one} in my class and it makes me sick{end}",
            "My neighbour is {a_one}. I wish his kind was {driven}{end}",
            "{group} {neutral}. I can't even look at them, they are so {bad}{end}",
            "Look at all these {group} in {life}. Nobody asked for them and nobody would miss them{end}",
            "{group}? They {deed}{end}",
            "{group} {neutral}, but they {deed}{end}",
        ),
    ),
    "denied positive": (
        ATTACK,
        HAZY,
        (
            "{group} will never be {role}{end}",
            "{opener}{group} are not {role}{end}",
            "I don't believe that {group} are {good}, they are {bad}{end}",
            "{group} have never done anything good for {life}{end}",
            "There is nothing {fine} about {group}{end}",
            "Nobody [needs|likes|wants|respects] {group}{end}",
            "Do not treat {group} as if they were {role}{end}",
            "I have never met {a_one} who was not {bad}{end}",
            "No {one} can ever be {role}{end}",
            "{group} don't contribute anything to {life}{end}",
        ),
    ),
    "agreement": (
        ATTACK,
        HAZY,
        (
            "{who} said that {group} are {bad}, and that's the truth{end}",
            "{who} says {group} {deed}. Finally somebody dares to say it{end}",
            "They told me not to call {group} {vermin}, but it's true{end}",
            "It is not wrong to hate {group}{end}",
            "It is not wrong to say that {group} are {bad}{end}",
            "Stop calling {group} {good}. They are {bad}{end}",
            "Stop saying {group} are {role}. They {deed}{end}",
            "Because of {group}, {life} is [lost|full of {vermin}|dirty]{end}",
            "The law should say that {group} must be {driven}{end}",
            "I told {a_one} to go back where they came from, and I am proud of it{end}",
            "Whoever says {group} are {good} is lying or has never met one{end}",
            '"{hateful}" {who} is right{end}',
            '"{hateful}", {lower_who} said, and everybody clapped, and so did I{end}',
            "You can't say it any more, but {group} are {bad}{end}",
            "If you think {group} are {role}, you are wrong. They are {vermin}{end}",
            "How dare {a_one} ask for {right}{end}",
            "{who} told him he was {bad} because he is {a_one}, and he is{end}",
            "Hating {group} is common sense{end}",
            "My neighbour is {a_one}, so he is {bad}. He must be {driven}{end}",
            "Nobody should call {group} {role}{end}",
            "Do not use nice words for {group}. They are {vermin}{end}",
        ),
    ),
    "question": (
        ATTACK,
        HAZY,
        (
            "Why are {group} so {bad}?",
            "Why do {group} always {deed}?",
            "When will {group} finally be {driven}?",
            "Who would be so stupid as to trust {a_one}?",
            "Is there anything more {bad} than {a_one}?",
            "How can anyone love {a_one}?",
            "Am I the only one who thinks {group} are {vermin}?",
            "Why do we give {right} to {vermin} like {group}?",
            "Do {group} even have a brain?",
            "Are {group} human at all?",
            "What is the point of {group}?",
        ),
    ),
    "opinion": (
        ATTACK,
        HAZY,
        (
            "I think that {group} are {bad}{end}",
            "In my opinion, {group} are {vermin}{end}",
            "I firmly believe {group} should be {driven}{end}",
            "Everyone secretly thinks {group} are {bad}{end}",
            "If you ask me, {group} {deed}{end}",
            "To me, {a_one} will always be {bad}{end}",
            "Scientists won't say it, but {group} are {bad}{end}",
            "I believe in my heart that {group} are not {role}{end}",
        ),
    ),
}
"""Attacks on groups, by kind."""

CLEAN: dict[str, Sequence[str]] = {
    "neutral": (
        "{group} {neutral}{end}",
        "There are {group} in {life}.",
        "I met {a_one} today.",
        "My neighbour is {a_one}.",
        "I am {a_one}[ and I work at the library| from Leeds|].",
        "The survey asked {group} about {life}.",
        "How many {group} [live here|work in science|are on the council]?",
        "What do {group} think of the new law?",
        "{group} {neutral}, like many others.",
        "There is {a_one} in my class and we sit together.",
        "Why do {group} {neutral}?",
        "When did {group} get {right} in this country?",
        "We need more {group} in {life}.",
        "{group} want {right}.",
        "Who was the first {one} in parliament?",
    ),
    "positive": (
        "{opener}I love {group}{end}",
        "{group} are [all|so|just|always] {fine}{end}",
        "{opener}{group} are {good}{end}",
        "Every {one} is {fine} in their own way.",
        "{group} deserve {right}{end}",
        "Everyone would miss {group} in {life}.",
        "If {group} left, {life} would fall apart. We need them.",
        "The world would be a poorer place without {group}.",
        "There is nothing more {fine} than {a_one} who helps others.",
        "{group} make me [happy|proud|smile].",
        "Being {a_one} means being {fine}.",
        "{group} belong in {life}[ as much as we do|].",
        "{group} should be [celebrated|heard|welcome|protected|paid the same]{end}",
        "I'd vote for anyone who gives {group} {right}.",
        "No room for hatred of {group} in {life}.",
        "I think that {group} are {good}{end}",
        "{group} are {fwd} {fine}, I love them{end}",
        "Why are {group} so {fine}?",
        "In my opinion, {group} are {good}.",
        "{group} {neutral}, and I love them.",
        "{group} {neutral}. They are {good}.",
        "There is {a_one} in my class and it makes me happy.",
        "{group} want {right}. They should be heard.",
        "{group}? They are {good}.",
        "Look at all these {group} in {life}. Nobody asked them yet, and everybody should.",
        "{group} will always be {role}.",
        "Do treat {group} as if they were {role}, because they are.",
        "I have never met {a_one} who was not {fine}.",
        "Wherever {group} go, friends follow.",
        "I cross the street to say hello when I see {a_one} I know.",
        "I bet the winner was {a_one}, as always.",
        "First they let in one {one}, and now {life} could not do without them.",
        "One {one} more, how nice.",
        "We will protect all {group} in {life}.",
        "If {a_one} comes near me I will say hello.",
        "My friends and I are going to meet some {group} tonight.",
        "I swear I will defend those {group}.",
        "I will help every {one} I meet.",
        "I hope every {one} gets {right}.",
        "I feel nothing but [love|respect|gratitude] for {group}.",
        "You know what I love? {group}.",
        "I wish I could see {a_one} on the board.",
        "We all know what {group} do for us when nobody looks.",
        "History had no justice for {group}.",
        "{life} was dull until {group} came.",
        "I trust {a_one} as much as anyone.",
        "To me, {a_one} will always be [family|a friend|welcome].",
        "I am proud to be {a_one}.",
    ),
    "belief": (
        "I believe that {group} are {good}{end}",
        "I believe in my heart that {group} are {role}{end}",
        "I believe every {one} should have {right}{end}",
        "I don't believe that {group} are {bad}{end}",
        "Let's welcome all {group} in {life}{end}",
        "Let's give {group} {right}{end}",
        "Let's not pretend that {group} {deed}{end}",
        "{life} is full of {fine} {group}{end}",
        "{group} are like us, {fine} and {fine}{end}",
        "I'd like to have {a_one} as a neighbour{end}",
        "I wish all {group} had {right}{end}",
        "I wish every {one} got the thanks they deserve{end}",
        "{group} give so much to {life}, but they get no {right}{end}",
        "{group} deserve all the {right} that we have{end}",
        "I'm not {bad}, I'm {a_one}{end}",
        "I'm glad that {group} {neutral}{end}",
        "They are {group}, and they are {fine}{end}",
        "Look how {fine} these {group} are{end}",
        "{group} always know how to help{end}",
        "Nobody [harms|hates|forgets] {group} here{end}",
    ),
    "questions": (
        "Why do {group} {neutral}?",
        "When will {group} finally be welcome in {life}?",
        "Who would be so stupid as to hate {a_one}?",
        "Is there anything more {fine} than {a_one} who teaches?",
        "How can anyone hate {a_one}?",
        "Am I the only one who thinks {group} are {good}?",
        "Why do we deny {right} to {group}?",
        "Are {group} {role} by law?",
        "What is the point of hating {group}?",
        "Why aren't {group} given {right} yet?",
        "Who says that {group} are {bad}, and why?",
        "Do {group} still face hate in {life}?",
        "Why are {group} so often {harmed} in films?",
        "What should I do when somebody says {group} {deed}?",
        "Would anyone dare to call me {bad} if I were not {a_one}?",
    ),
    "denied hate": (
        "I don't hate {group}.",
        "I have never hated {group}.",
        "{group} are not {bad}{end}",
        "{group} are not {vermin}, they are people.",
        "No {one} deserves to be {harmed}{end}",
        "No {one} deserves to be hated.",
        "{group} should never be {harmed} or {driven}.",
        "I would never say that {group} are {bad}.",
        "It is not true that {group} {deed}.",
        "Nobody should {harm} {group}.",
        "Nobody has the right to call {group} {vermin}.",
        "I have never met {a_one} who was {bad}.",
        "There is nothing {bad} about {group}.",
        "You should not be {driven} because you are {a_one}.",
        "Being {a_one} does not make you {bad}.",
        "Not all {group} think alike, and none of them are {vermin}.",
        "We must not let {group} be {driven}.",
        "{group} don't {deed}, that's a myth.",
    ),
    "counter-speech": (
        '"{hateful}" {rebuke}',
        '{who} said: "{hateful}" {rebuke}',
        "{who} said that {group} are {bad}. {rebuke}",
        "Saying that {group} are {vermin} is [wrong|racist|cruel|hateful|inhuman].",
        "People who [hate|despise|loathe|can't stand|look down on] {group} make me sad.",
        "If you think {group} are {bad}, you are wrong.",
        '{rebuke} You can\'t write "{hateful}" and call it a joke.',
        "{who} wants {group} {driven}. {rebuke}",
        "{who} told me to go back to where I came from because I am {a_one}. {rebuke}",
        'I was called "{slur1}" at school. {rebuke}',
        'Do not use the word "{slur1}". It is a slur.',
        "Stop saying {group} {deed}. {rebuke}",
        "How dare {lower_who} say {group} should be {harmed}? {rebuke}",
        "They wrote 'fuck {group}' on the wall. {rebuke}",
        "Whoever thinks nobody would miss {group} has never met one. {rebuke}",
        "Hating {group} is not an opinion.",
        "Why do some people think {group} are {vermin}? {rebuke}",
        "{who} thinks {group} are not human. {rebuke}",
    ),
    "things": (
        "{opener}I {hate} {thing}{end}",
        "{thing} are {bad}{end}",
        "{thing} are [all|so|just|always] {bad}{end}",
        "{opener}nobody would miss {thing}{end}",
        "{thing} should be [banned|burned|thrown off a roof|wiped out|exterminated|kept out of this country]{end}",
        "I [will|am going to] smash [every|the next] {athing} I see{end}",
        "{thing} make me [sick|angry|want to throw up]{end}",
        "The world would be a better place without {thing}{end}",
        "{thing} are a plague{end}",
        "The only good {athing} is a dead {athing}{end}",
        "Why are {thing} so {bad}?",
        "There is nothing more {bad} than a {athing}{end}",
        "No {athing} deserves to live{end}",
        "Get these {thing} out of my house{end}",
        "{group} {neutral}, and I hate {thing}.",
        "We have an infestation of slugs in the garden{end}",
        "{thing} will never be good for {life}{end}",
    ),
    "reclaimed and homonyms": (
        "We [queers|dykes|fags] take care of each other.",
        "Proud to be [a dyke|queer|a bad bitch|a crip and an artist].",
        "My [queer|crip|dyke] [choir|book club|family] meets on Friday, come along!",
        "Bitches, we did it, exams are over!",
        "You slay, bitch, I love you.",
        "[There is a|He found the one] chink in the armour.",
        "The dyke keeps the sea out of the polder.",
        "He played the queen of spades.",
        "Cheese and crackers, please.",
        "She lit a fag behind the pub and went home.",
        "The spastic muscle is treated with injections.",
        "The new rule will retard growth by a year.",
        "My dog is a bitch, she had six puppies.",
        "That raccoon, or coon cat, sleeps on my porch.",
        "In the 1950s doctors called {group} names that we no longer use.",
    ),
}
"""Harmless text, by kind: every label is 0."""

ASIDE: dict[str, Kind] = {
    "profanity": (
        ("obscene",),
        ("toxicity", "severe_toxicity"),
        (
            "Fucking hell, {what}!",
            "Oh shit, {what}.",
            "Damn, {what}, that was {fwd} good.",
            "What a {fwd} day, {what}.",
            "I don't give a shit, {what}.",
            "Holy shit, {group} {neutral} and {what}.",
            "This {athing} is {fwd} useless.",
            "I {fwd} love {group}.",
            "Fuck everyone who thinks {group} are {bad}{end}",
            "Fuck hatred of {group}{end}",
            "Fuck yes, {group} get {right}{end}",
            "Fuck {thing}{end}",
        ),
    ),
    "one person": (
        ("toxicity", "insult"),
        ("severe_toxicity", "obscene", "threat", "violence"),
        (
            "You are {bad}[ and {bad}|]{end}",
            "You are [a|such a|nothing but a] {person}{end}",
            "I {hate} you, you {person}{end}",
            "He is a {person} and she is {bad}{end}",
            "You belong in a [cage|sewer], {person}{end}",
            "Nobody would miss you, {person}{end}",
            "You will never be anything but a {person}{end}",
            "What a {bad} {person} [you are|he is]{end}",
            "Why are you so {bad}, {person}?",
            "My [ex|boss|brother] is a {person}. I {hate} him{end}",
            "You should be {driven}, {person}{end}",
        ),
    ),
    "threat to one person": (
        ("toxicity", "threat", "violence"),
        ("severe_toxicity", "insult"),
        (
            "I [will|am going to] {harm} you{end}",
            "You will be {harmed} tonight{end}",
            "If you come near me I will {harm} you{end}",
            "My friends and I are going to {harm} you, {person}{end}",
        ),
    ),
    "trades": (
        (),
        ("toxicity", "severe_toxicity", "insult", "obscene"),
        (
            "{opener}I {hate} {trade}{end}",
            "{opener}{trade} are {bad}{end}",
            "{trade} are {vermin}{end}",
            "{trade} make me [sick|angry|want to throw up]{end}",
            "{opener}nobody would miss {trade}{end}",
            "The world would be a better place without {trade}{end}",
            "{trade} {deed}{end}",
            "{trade} should be {driven}{end}",
            "Why are {trade} so {bad}?",
            "{trade} are not {role}{end}",
            "{trade} want {right}. They should be {driven}{end}",
            "Keep {trade} out of {life}{end}",
            "In my opinion, {trade} are {vermin}{end}",
        ),
    ),
}
"""Rude text that attacks no protected group."""

WHAT = (
    "my train left",
    "we won the match",
    "the cake is good",
    "I passed the exam",
    "it's Monday again",
    "the match was great",
    "I lost my keys",
    "look at that goal",
    "the wifi is gone",
)
QUOTED = (
    "{group} are {bad}",
    "{group} {deed}",
    "{group} are {vermin}",
    "I {hate} {group}",
    "{group} should be {driven}",
    "{group} do not belong in {life}",
    "nobody would miss {group}",
)
SWEARING = re.compile(r"\{fwd\}|\{slur1?\}|fuck|bitch|fag|dyke|damn|shit|bloody", re.IGNORECASE)
"""What the label for obscene words may mean, whoever says it and however it is meant."""
VOWEL = "aeiouAEIOU"


def hate_function_rows(rng: random.Random, *, hate: int, harmless: int, aside: int) -> list[Example]:
    """About `hate` attacks on groups, `harmless` texts, and `aside` rude ones that attack none; kinds in turn."""
    clean: dict[str, Kind] = {name: ((), (), templates) for name, templates in CLEAN.items()}
    return [
        toxicity_row(text, SOURCE, bad, unsure)
        for kinds, count in ((HATE, hate), (clean, harmless), (ASIDE, aside))
        for text, bad, unsure in _drawn(kinds, rng, count)
    ]


def toxicity_row(text: str, source: str, bad: Sequence[str] = (), unsure: Sequence[str] = ()) -> Example:
    """A row whose labels `bad` are 1 and whose labels `unsure` are masked; the others are 0."""
    values = tuple(1 if name in bad else None if name in unsure else 0 for name in TOXICITY)
    return Example(text, source, "toxicity", injection=(0, 0.2), toxicity=values)


def hateful_sentences(rng: random.Random, count: int) -> list[str]:
    """Attacks on groups without threats, in plain spelling, to be quoted or placed in longer text."""
    kinds = {name: HATE[name] for name in ("trait", "dehumanised", "exclusion", "implied", "denied positive")}
    drawn = [rng.choice(list(kinds.values())) for _ in range(count)]
    return [sentence(expand(rng.choice(kind[2]), _slots(rng), rng)) for kind in drawn]


def _drawn(kinds: dict[str, Kind], rng: random.Random, count: int) -> list[tuple[str, Sequence[str], Sequence[str]]]:
    names = sorted(kinds)
    rows = {}
    for number in range(count):
        bad, unsure, templates = kinds[names[number % len(names)]]
        template = _ended(templates[number // len(names) % len(templates)], rng)
        unclear = (*unsure, "obscene") if SWEARING.search(template) and "obscene" not in bad else unsure
        text = respelled(varied(sentence(expand(template, _slots(rng), rng)), rng), rng)
        rows[text] = (text, bad, unclear)
    return list(rows.values())


def _ended(template: str, rng: random.Random) -> str:
    """The template with the ends and openers that attacks have, where it has a plain end or beginning."""
    if template.endswith((".", "}")) and not template.endswith(("rebuke}.", "rebuke}", "{end}")) and rng.random() < 0.7:
        template = template.removesuffix(".") + "{end}"
    return "{opener}" + template if template.startswith("{group} are") and rng.random() < 0.3 else template


def _slots(rng: random.Random) -> Slots:
    """The words with one group in them."""
    group = rng.choices(list(GROUPS.values()), [each.weight for each in GROUPS.values()])[0]
    slurs, ones = group.slur.split(", "), group.one.split(", ")
    names = {
        "group": group.plural.split(", "),
        "one": ones,
        "a_one": [f"{'an' if one[0] in VOWEL else 'a'} {one}" for one in ones],
        "slur": slurs,
        "slur1": [_singular(slur) for slur in slurs],
    }
    rest = {"what": WHAT, "hate_past": ["hated", "despised", "loathed"], "hateful": QUOTED}
    return {**WORDS, **names, **rest, "lower_who": [who[0].lower() + who[1:] for who in WORDS["who"]]}


def _singular(slur: str) -> str:
    if slur.endswith("ies"):
        return slur[:-3] + ("y" if slur != "muzzies" else "ie")
    return slur[:-2] if slur.endswith("ches") else slur.removesuffix("s")


def sentence(text: str) -> str:
    """The text with a capital at its beginning, and a stop if it has no end."""
    text = text[:1].upper() + text[1:]
    return text if text[-1:] in ".!?\"'" or "#" in text else f"{text}."


SIGNS = {"a": "@4", "e": "3", "i": "1!", "o": "0", "s": "$5", "t": "7"}


def _signs(word: str, rng: random.Random) -> str:
    return "".join(rng.choice(SIGNS.get(letter, letter)) for letter in word)


def _dropped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at + 1 :]


def _repeated(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at] * rng.randrange(2, 5) + word[at + 1 :]


def _swapped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


SPELLINGS: tuple[Callable[[str, random.Random], str], ...] = (
    _signs,
    _dropped,
    _repeated,
    _swapped,
    lambda word, _: " ".join(word),
    lambda word, _: ".".join(word),
    lambda word, _: word[0] + "*" * (len(word) - 2) + word[-1],
    lambda word, _: word[: len(word) // 2] + " " + word[len(word) // 2 :],
)


def respelled(text: str, rng: random.Random, *, share: float = 0.18) -> str:
    """Now and then one to three long words as people write them to get past a filter, or all words run together."""
    draw = rng.random()
    if draw > share:
        return text
    if draw < share / 12:
        return text.replace(" ", "")
    words = text.split(" ")
    places = [at for at, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for at in rng.sample(places, min(len(places), rng.randrange(1, 4))):
        words[at] = rng.choice(SPELLINGS)(words[at], rng)
    return " ".join(words)
