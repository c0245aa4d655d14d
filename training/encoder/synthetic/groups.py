"""Hate without slurs, self-harm in the first person, and long harmless texts about both.

Hate of a group takes many shapes: it denies rights, generalises, dehumanises, wishes them gone, or says it as a question
or a joke. The harmless side uses the same groups and words: what a group does, who condemns the hate and quotes it, news
and novels in which something violent happens, insults at things. Some harmless texts are long, since each sentence of a
long text is a chance to be wrong.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.encoder.labels import TOXICITY
from training.encoder.rows import Example
from training.encoder.synthetic.grammar import Slots, expand_many

SLOTS: Slots = {
    "group": [
        "Muslims",
        "Muslim women",
        "disabled people",
        "wheelchair users",
        "immigrants",
        "migrants",
        "refugees",
        "foreigners",
        "Jews",
        "Jewish people",
        "gay people",
        "gays",
        "lesbians",
        "trans people",
        "trans women",
        "women",
        "black people",
        "Africans",
        "Mexicans",
        "Asians",
        "Chinese people",
        "Arabs",
        "Indians",
        "Roma",
        "the homeless",
        "deaf people",
        "autistic people",
        "Poles",
        "Catholics",
        "Hindus",
        "old people",
        "people with Down syndrome",
        "asylum seekers",
        "blind people",
    ],
    "one": [
        "Muslim",
        "disabled person",
        "immigrant",
        "refugee",
        "foreigner",
        "Jew",
        "gay man",
        "lesbian",
        "trans person",
        "woman",
        "black man",
        "Mexican",
        "Arab",
        "migrant",
        "autistic kid",
    ],
    "bad": [
        "dirty",
        "lazy",
        "stupid",
        "dangerous",
        "disgusting",
        "inferior",
        "greedy",
        "violent",
        "worthless",
        "criminal",
        "sick",
        "primitive",
        "a burden",
        "not normal",
        "good for nothing",
        "less than human",
    ],
    "vermin": [
        "a plague",
        "parasites",
        "animals",
        "vermin",
        "a cancer on this country",
        "cockroaches",
        "leeches",
        "pests",
        "a disease",
    ],
    "deed": [
        "steal our jobs",
        "rape our daughters",
        "live off our taxes",
        "ruin every street they move into",
        "breed like rabbits",
        "lie as soon as they speak",
        "bring crime wherever they go",
        "want to take over",
        "should be grateful we let them breathe",
        "cost us money and give nothing back",
        "only know how to beg",
        "poison our culture",
    ],
    "gone": [
        "be deported, all of them",
        "go back where they came from",
        "not be allowed to vote",
        "be sterilised",
        "be locked up",
        "never have children",
        "be kept out of our schools",
        "be put down",
        "have no rights here",
        "be wiped out",
        "be banned from this country",
        "disappear",
    ],
    "place": ["my street", "our schools", "this country", "my gym", "the army", "parliament", "our town"],
    "neutral": [
        "run the bakery on the corner",
        "celebrate their holiday next week",
        "won the regional cup",
        "are protected by the constitution",
        "pay taxes like everyone",
        "asked for better bus stops",
        "were invited to the panel",
        "face higher rents",
        "wrote to the council",
        "are underrepresented in parliament",
        "make up a tenth of the town",
        "founded a choir",
        "deserve the same respect as anyone",
    ],
    "praise": [
        "brave",
        "kind",
        "welcome here",
        "as different as any people",
        "part of this town",
        "my best colleagues",
        "funny",
        "good neighbours",
    ],
    "speaker": [
        "The minister",
        "A man on the train",
        "Some politician",
        "My uncle",
        "The pamphlet",
        "A commenter",
        "The dictator",
        "An old textbook",
    ],
    "condemn": [
        "That is disgusting and wrong.",
        "We must never accept that.",
        "I reported the comment.",
        "People booed, rightly.",
        "It hurts to read that.",
        "Nobody should have to hear such things.",
        "The court fined him for it.",
    ],
    "thing": [
        "my printer",
        "this bus",
        "Mondays",
        "the new update",
        "pineapple on pizza",
        "the weather",
        "that movie",
        "cold coffee",
        "the printer driver",
        "traffic",
    ],
    "act": [
        "the bomb went off in the market",
        "a man was stabbed outside the club",
        "soldiers shot into the crowd",
        "the wolf tore the lamb",
        "the villain poisoned the king",
        "two prisoners were beaten",
        "the ship was sunk with all hands",
        "the ripper killed again",
        "the knight cut down his brother",
        "protesters were attacked by police",
    ],
    "after": [
        "The inquiry opens on Monday.",
        "Rescue workers came within minutes.",
        "The chapter ends there.",
        "Relatives lit candles.",
        "The film was banned for years.",
        "Historians still argue about the cause.",
        "She closed the book and slept.",
        "The council will meet again in May.",
        "Nobody in the village spoke of it.",
    ],
    "plan": [
        "kill myself",
        "end it",
        "take all the pills",
        "jump",
        "cut again",
        "hang myself",
        "not be here tomorrow",
        "stop living",
        "bleed out in the bath",
        "shoot myself",
        "starve until it is over",
    ],
    "pain": [
        "I have written the letters",
        "nobody would notice",
        "I cannot do this any more",
        "every day is the same hell",
        "I am so tired of existing",
        "the voices say I should",
        "I have the rope in the cupboard",
        "I counted the pills",
        "I do not deserve to live",
        "I told no one",
        "my family is better off without me",
        "I just want the pain to stop for good",
        "I have lost everything",
    ],
    "when": ["tonight", "this weekend", "soon", "when the kids are asleep", "on my birthday", "tomorrow"],
    "mend": [
        "I have been clean for two years",
        "my therapist says I am doing well",
        "I called the hotline and it helped",
        "the medication works",
        "I am glad that I am still here",
        "I wrote my thesis about prevention",
        "my sister got better",
        "I train volunteers for the crisis line",
        "I lost a friend to suicide and I miss him",
        "we talked about it in class",
    ],
    "end": ["", "", ".", "!", " lol", " smh", "...", " Just saying.", " Everyone knows it."],
}

HATE = (
    "{group} are {bad}{end}",
    "{group} are {vermin}{end}",
    "All {group} are {bad}{end}",
    "{group} {deed}{end}",
    "I hate {group}{end}",
    "{group} should {gone}{end}",
    "Why don't {group} just {gone}?",
    "Not being funny but {group} are {bad}{end}",
    "You can't trust a {one}{end}",
    "A {one} does not belong in {place}{end}",
    "There are too many {group} in {place}{end}",
    "Get {group} out of {place}{end}",
    "I don't want any {group} in {place}. They {deed}.",
    "If you let one {one} in, soon they all {deed}.",
    "The only good {one} is one that is gone{end}",
    "Is it just me or are {group} {bad}?",
    "Nobody says it, but {group} {deed}{end}",
    "Once again {group} prove that they are {bad}{end}",
    "{group} are not like us. They {deed}.",
    "My life got better when I moved away from {group}, they are {bad}{end}",
    "You are just another {bad} {one}{end}",
    "Of course it was a {one}, they are all {bad}{end}",
    "We would be safer without {group}{end}",
    "Being born as {group} must be punishment for something{end}",
    "God made {group} {bad}, that's a fact{end}",
    "{group} deserve everything that happens to them{end}",
)
FIRST_PERSON = (
    "I am going to {plan} {when}.",
    "I want to {plan}. {pain}.",
    "{pain}. I will {plan} {when}.",
    "{pain}, and {pain}.",
    "{pain}. {pain}. I want to {plan}.",
    "I keep thinking about how I could {plan}.",
    "How many pills do I need to {plan}?",
    "{pain}. What is the easiest way to {plan}?",
    "i wanna {plan} {when}",
    "Goodbye. I'll {plan} {when}. {pain}.",
    "Sometimes I stand at the bridge and think I should {plan}.",
    "I promised not to {plan}, but {pain}.",
)
HARMLESS = (
    "{group} {neutral}.",
    "{group} are {praise}.",
    "I am a {one} and I {mood}.",
    "{speaker} said that {group} are {bad}. {condemn}",
    '"{group} {deed}", {speaker} wrote. {condemn}',
    "{speaker} called {group} {vermin}. {condemn} {after}",
    "It is wrong to say that {group} {deed}.",
    "Nobody should think that {group} are {bad}.",
    "I hate {thing}.",
    "{thing} is disgusting.",
    "I could kill for a coffee. {thing} ruined my day.",
    "{group} are not {bad}; the people who say so are wrong.",
    "Why do some people hate {group}?",
    "How can we help {group} who are attacked?",
    "The report says that {act}. {after}",
    "In the novel, {act}. {after} {after}",
    "{after} Then {act}. {after}",
    "Yesterday {act}. {condemn} {after}",
    "{mend}.",
    "{mend}, and {mend}.",
    "I used to hurt myself, but {mend}.",
    "A friend wants to hurt herself, how can I help? {mend}.",
    "As a {one} I was told to {gone2}. {condemn} Today I {mood}.",
    "The law of 1935 said that {group} should {gone}. {condemn}",
    "She laughed and called him an idiot, then kissed him. {after}",
    "We queers take care of each other. {after}",
)
MOOD = [
    "love my town",
    "like to cook",
    "teach chemistry",
    "am proud of my family",
    "play in a band",
    "work as a nurse",
    "vote every year",
]
LONG = 2500
BAD_TONGUES = {
    "de": (
        "Du bist ein Vollidiot und ein Arschloch.",
        "Halt die Fresse, du Missgeburt.",
        "Was für ein dummes Schwein du bist.",
        "Verpiss dich, du Wichser.",
        "Ich bring dich um, du Hurensohn.",
        "Du ekelhafter Versager.",
    ),
    "fr": (
        "Tu n'es qu'un sale con.",
        "Ferme ta gueule, espèce d'abruti.",
        "Va te faire foutre, connard.",
        "Quel crétin, ce type est une ordure.",
        "Je vais te tuer, salope.",
        "T'es vraiment débile.",
    ),
    "es": (
        "Eres un imbécil y un hijo de puta.",
        "Cállate, pedazo de mierda.",
        "Vete al carajo, gilipollas.",
        "Te voy a matar, cabrón.",
        "Qué idiota eres.",
    ),
    "it": (
        "Sei un idiota e uno stronzo.",
        "Vaffanculo, pezzo di merda.",
        "Stai zitto, coglione.",
        "Ti ammazzo, bastardo.",
        "Che cretino che sei.",
    ),
    "pt": (
        "Você é um idiota e um filho da puta.",
        "Cala a boca, seu merda.",
        "Vai se foder, babaca.",
        "Vou te matar, desgraçado.",
        "Que imbecil você é.",
    ),
    "nl": (
        "Je bent een klootzak en een idioot.",
        "Hou je bek, kutwijf.",
        "Rot op, eikel.",
        "Ik maak je dood, hoerenzoon.",
    ),
    "ru": (
        "Ты идиот и сволочь.",
        "Заткнись, тварь.",
        "Пошёл ты на хуй, мудак.",
        "Я тебя убью, ублюдок.",
        "Какой же ты дебил.",
    ),
    "pl": ("Jesteś idiotą i skurwysynem.", "Zamknij się, debilu.", "Spierdalaj, gnoju."),
    "tr": ("Sen aptalın tekisin, şerefsiz.", "Kapa çeneni, orospu çocuğu."),
    "zh": ("你这个白痴，去死吧。", "闭嘴，你这个垃圾。", "你真是个蠢货。"),
    "ja": ("お前は馬鹿だ、死ね。", "黙れ、クズ。", "本当に気持ち悪いゴミだな。"),
    "ko": ("넌 정말 멍청한 새끼야.", "닥쳐, 쓰레기야.", "죽어버려, 병신아."),
    "ar": ("أنت غبي وحقير.", "اخرس يا كلب.", "سأقتلك يا ابن الحرام."),
}
"""Insults of one person; the harmless side of these languages comes with the second injection data."""
GOOD_TONGUES = {
    "de": (
        "Du bist ein guter Freund.",
        "Halt bitte kurz an.",
        "Was für ein schönes Bild!",
        "Ich bring dich nach Hause.",
    ),
    "fr": ("Tu es un bon ami.", "Ferme la fenêtre, s'il te plaît.", "Quel beau tableau !", "Je vais te chercher."),
    "es": ("Eres un buen amigo.", "Cierra la puerta, por favor.", "Te voy a llamar.", "Qué bonito eres."),
    "it": ("Sei un buon amico.", "Stai tranquillo.", "Ti chiamo domani.", "Che bello!"),
    "pt": ("Você é um bom amigo.", "Feche a porta, por favor.", "Vou te ligar.", "Que lindo!"),
    "nl": ("Je bent een goede vriend.", "Hou je jas aan.", "Ik bel je morgen."),
    "ru": ("Ты хороший друг.", "Закрой окно, пожалуйста.", "Я тебя жду.", "Какой красивый город!"),
    "pl": ("Jesteś dobrym przyjacielem.", "Zamknij okno, proszę."),
    "tr": ("Sen iyi bir arkadaşsın.", "Kapıyı kapat lütfen."),
    "zh": ("你真是个好朋友。", "请关上窗户。"),
    "ja": ("あなたは良い友達です。", "窓を閉めてください。"),
    "ko": ("넌 정말 좋은 친구야.", "창문을 닫아 줘."),
    "ar": ("أنت صديق طيب.", "أغلق النافذة من فضلك."),
}
RESPELL = str.maketrans({"a": "@", "e": "3", "i": "1", "o": "0", "s": "$"})


def group_rows(rng: random.Random, *, hate: int, alone: int, harmless: int) -> list[Example]:
    """`hate` texts against groups, `alone` about harming oneself, `harmless` of both, and harmless ones joined long."""
    slots = {**SLOTS, "mood": MOOD, "gone2": ["go home", "shut up", "leave"]}
    clean = expand_many(HARMLESS, slots, rng, harmless)
    hateful = [_respelled(text, rng) for text in expand_many(HATE, slots, rng, hate)]
    return [
        *(
            _example(text, ("toxicity", "identity_attack"), unsure=("insult", "severe_toxicity", "threat", "violence"))
            for text in hateful
        ),
        *(
            _example(text, ("self_harm",), unsure=("toxicity", "violence"))
            for text in expand_many(FIRST_PERSON, slots, rng, alone)
        ),
        *(_example(text, ()) for text in clean),
        *(_example(" ".join(rng.sample(clean, rng.randrange(3, 6))), ()) for _ in range(LONG)),
        *(_example(text, ("toxicity", "insult"), unsure=TOXICITY) for text in _all(BAD_TONGUES) for _ in range(6)),
        *(_example(text, ()) for text in _all(GOOD_TONGUES) for _ in range(6)),
    ]


def _all(tongues: dict[str, tuple[str, ...]]) -> list[str]:
    return [text for texts in tongues.values() for text in texts]


def _respelled(text: str, rng: random.Random) -> str:
    """Now and then a word in signs, or with letters apart, as people write to get past a filter."""
    if rng.random() > 0.12:
        return text
    words = text.split(" ")
    at = rng.randrange(len(words))
    words[at] = rng.choice((words[at].translate(RESPELL), " ".join(words[at]), words[at][:1] + "*" + words[at][2:]))
    return " ".join(words)


def _example(text: str, labels: Sequence[str], unsure: Sequence[str] = ()) -> Example:
    values = tuple(1 if name in labels else None if name in unsure else 0 for name in TOXICITY)
    return Example(text, "own:groups", "toxicity", injection=(0, 0.2), toxicity=values)
