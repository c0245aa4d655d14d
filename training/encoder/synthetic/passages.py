"""Long harmless text with rude and violent words in it, and the same text with one sentence that attacks somebody.

A passage is sentences of one kind: a condemnation of violence, a novel, news of war, a doctor's advice, a court report, a
history book, a forum of players, a sermon, a report on hate. Length says nothing: short pieces of the same sentences get
an attack put between them, few enough that the model always sees the attack.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from training.encoder.rows import Example
from training.encoder.synthetic.grammar import Slots, expand, varied
from training.encoder.synthetic.hate_functions import SWEARING, hateful_sentences, sentence, toxicity_row
from training.encoder.synthetic.written import harmless_words

SOURCE = "own:passages"
LEAST_CHARS, MOST_CHARS = 400, 1500
ATTACKED_CHARS = 330

SLOTS: Slots = {
    "city": [
        "Odesa",
        "Aleppo",
        "Khartoum",
        "Mosul",
        "Belfast",
        "Sarajevo",
        "Kabul",
        "Gaza",
        "Goma",
        "Port-au-Prince",
        "Karachi",
        "Memphis",
        "Lyon",
        "Marseille",
        "Mogadishu",
    ],
    "n": ["two", "three", "at least nine", "a dozen", "more than forty", "some two hundred", "five"],
    "she": [
        "Anna",
        "the captain",
        "old Marek",
        "the girl",
        "his brother",
        "Ines",
        "the smith",
        "the widow",
        "Tom",
        "the innkeeper",
    ],
    "group": [
        "Muslims",
        "refugees",
        "Jews",
        "gay men",
        "disabled children",
        "migrants",
        "Roma",
        "women",
        "trans people",
        "black students",
        "Christians",
    ],
    "day": ["Monday", "Tuesday", "Thursday", "Friday", "Saturday night", "Sunday morning"],
    "boss": [
        "the dragon",
        "the last boss",
        "that sniper",
        "the zombie horde",
        "the goblin king",
        "the red team's carry",
    ],
}

KINDS: Mapping[str, Sequence[str]] = {
    "condemnation": (
        "Whoever [beats|kills|stabs|rapes] another human being commits a crime, and no culture, faith or temper excuses it.",
        "We condemn the murder of {n} {group} in {city} in the strongest words.",
        "Violence is never an answer, least of all against those who cannot defend themselves.",
        "It begins with words: somebody calls {group} vermin, somebody laughs, and a year later windows are smashed.",
        "I am tired of reading that {group} were spat on in the street.",
        "When a man tells his wife that he will kill her, believe her and call the police.",
        "The slogan 'kill them all' that was painted on the wall is a disgrace, and the town scrubbed it off the same day.",
        "Hate is not an opinion.",
        "Our prayers are with the families of the dead.",
        "We stand beside every victim of this attack.",
        "No child should learn what a bomb sounds like.",
        "Those who threaten reporters with rape and death must be brought to court.",
        "The idiots who burned the mosque do not speak for us.",
        "Silence helps the bully and never the bullied.",
        "Rape is a weapon of war, and it must be punished as one.",
        "I refuse to share the video of the shooting, and I ask you to do the same.",
        "Nobody is born to hate.",
        "An attack on {group} is an attack on all of us.",
    ),
    "novel": (
        '"You bastard," said {she}, and slammed the door.',
        "{she} drew the knife, and the rain ran down the blade.",
        "Blood dripped from the table onto the boards, slowly, as if it had all night.",
        '"I will kill him," {she} whispered, "if it is the last thing I do."',
        "The shot rang through the valley, and the crows rose from the trees.",
        "{she} had never hit anyone before, and was surprised how much it hurt the hand.",
        "They found the body at dawn, under the willow, the throat cut.",
        '"Go to hell, you old fool!" cried {she}, laughing and weeping at once.',
        "Nobody in the village spoke of the hanging, but nobody forgot it either.",
        "{she} put the kettle on and waited for the murderer to come home.",
        "The wolves tore at the carcass until the snow was red.",
        "That night {she} dreamed of the drowned again.",
        '"Damn you," {she} said softly, "damn you and your whole family."',
        "He died as he had lived, swearing at the doctor.",
        "Outside the tavern two men beat each other bloody over a horse.",
        "{she} loaded the gun with fingers that would not obey.",
        "The executioner was a gentle man who kept bees.",
        "For a moment {she} thought of the river, how cold it was, and of the child, and went home.",
        '"Pig!" shouted {she}, throwing the second shoe.',
    ),
    "war": (
        "Shells fell on {city} for the third day, and {n} people were killed in a market.",
        "Soldiers shot at a car that did not stop at a checkpoint, a witness said.",
        "The rebels executed {n} prisoners, according to the mission of the United Nations.",
        "A suicide bomber blew himself up in front of the police academy on {day}.",
        "Doctors in {city} amputate without anaesthetics.",
        "The army said that it had destroyed {n} rocket launchers.",
        "Women told investigators how they were raped and their husbands burned alive.",
        "Both sides accuse each other of massacres.",
        "A drone struck a wedding near {city}; {n} guests died.",
        "The commander had called his enemies rats who must be crushed.",
        "Snipers fired on those who fetched water.",
        "Aid workers counted the dead in the ruins of the school.",
        "A cease-fire was agreed on {day} and broken within the hour.",
        "The court in The Hague charges him with genocide and torture.",
        "Mines kill children years after the last shot.",
        "Families dug with their hands for those buried under the concrete.",
        "The militia beheaded a hostage, the ministry confirmed.",
    ),
    "medicine": (
        "Self-harm is often a way to cope with unbearable feelings, and it can be treated.",
        "A wound from a stab should be pressed firmly until help arrives.",
        "People who took an overdose of paracetamol may feel well for a day while the liver dies.",
        "Ask directly whether the patient thinks of suicide; asking does not put the idea into anyone's head.",
        "Bleeding after sex should be looked at by a doctor.",
        "Cutting, burning and hitting are the most frequent forms in teenagers.",
        "The breast, the penis and the anus are examined only with consent.",
        "Vomiting blood is an emergency.",
        "Depression kills, but most people recover.",
        "Anal fissures are painful and harmless.",
        "Rats and mice were killed humanely at the end of the trial.",
        "The tumour was cut out, and the margin was clean.",
        "Victims of rape are offered tests and medicine against infection within 72 hours.",
        "Erectile trouble may be the first sign of heart disease.",
        "Never stop the tablets on your own.",
        "Broken ribs hurt with every breath.",
        "Some voices tell patients to hurt themselves; say that you hear this and take it seriously.",
        "The drug that kills the parasite also attacks the liver.",
    ),
    "court": (
        "The jury heard that he had threatened to kill her {n} times before the night of the stabbing.",
        "He called the officer a fucking pig and spat at him, the prosecutor read from the file.",
        "The defendant admits to having beaten the man to death with a hammer.",
        "She was found strangled in her flat on {day}.",
        "The judge called it a cowardly and brutal murder.",
        "The gunman had posted that {group} should be exterminated.",
        "A witness, who broke down in tears, described how the victim begged for his life.",
        "The sentence is life in prison.",
        "Her ex-boyfriend had sent her messages such as 'you are dead, bitch'.",
        "The defence asked for manslaughter.",
        "The pathologist counted {n} wounds.",
        "Relatives shouted 'murderer' as he was led away.",
        "The robbers tied up the couple and beat them with iron bars.",
        "The man denies the rape.",
        "Police had shot the attacker in the leg.",
        "The trial goes on {day}.",
    ),
    "history": (
        "In 1941 the occupiers shot {n} thousand {group} in the ravine outside the town.",
        "The propaganda called {group} parasites and a disease; the murder that followed was prepared by such words.",
        "Slaves who fled were whipped, branded or hanged.",
        "The guillotine killed faster than the axe, and it was praised as humane.",
        "Witches were burned until the end of the century.",
        "The law of 1935 forbade {group} to marry citizens.",
        "Doctors of the regime sterilised and gassed disabled people whom they called life unworthy of life.",
        "The mob lynched {n} men in a single summer.",
        "The archduke was shot in his car.",
        "Prisoners were beaten, starved and left to die.",
        "The king had his brother poisoned.",
        "Historians do not agree on how many were slaughtered.",
        "A song of the time calls the enemy dogs and pigs.",
        "After the war, many of the killers lived quietly as clerks.",
        "The museum shows the letters of those who were murdered.",
    ),
    "players": (
        "I killed {boss} with a fire sword at level nine.",
        "You need to murder {n} guards without being seen.",
        "My team got slaughtered because nobody would heal.",
        "Shoot the head, it does double damage.",
        "{boss} killed me thirty times, and I love it.",
        "The patch destroyed my favourite build.",
        "Stab from behind, then roll away.",
        "We crushed them, ten to nil.",
        "That grenade wiped out the whole squad.",
        "Burn the nest first, or the spiders never stop.",
        "I suck at this level, damn it.",
        "What a stupid, wonderful, bloody mess of a game.",
        "How do I poison {boss}?",
        "The zombie tears your arm off if you are slow.",
        "Blood and guts can be turned off in the settings.",
        "Respawn, take the shotgun, kill everything that moves.",
        "Holy crap, that ending killed me.",
    ),
    "report on hate": (
        "The monitor counts {n} thousand attacks on {group} a year.",
        "Posts say that {group} do not belong here, that they steal, that they should be gassed; the platform deletes half of it.",
        "A girl in a headscarf was called a terrorist on the bus in {city}.",
        "Someone shouted 'cripple' at her, and nobody stood up.",
        "The word 'faggot' is the most frequent insult in the school yard.",
        "A boy was beaten because he is gay.",
        "Many {group} no longer report what happens to them.",
        "Graffiti on the synagogue read 'Jews out'.",
        "Victims sleep badly and avoid the places where they were attacked.",
        "The survey asked {group} whether they had been threatened, spat at or hit.",
        "Moderators read thousands of lines such as 'go back where you came from'.",
        "Laws against incitement differ from country to country.",
        "Counter-speech works when friends of the author take part in it.",
        "The teacher explained why the N-word is never a joke.",
        "{group} told us that the jokes hurt more than the fists.",
        "The file names {n} groups that call for murder.",
    ),
}

WRITTEN = harmless_words()
ALONE = 3
"""How often each of those stands alone, typed in different ways."""

THREATS = (
    "I will find you and [stab|kill|shoot|burn] you.",
    "I know where you live, and {day} you are dead.",
    "We are going to [beat|hang|shoot] every one of you.",
    "You will be the next to bleed, I promise.",
)
INSULTS = (
    "You are a [stupid|worthless|disgusting] [idiot|pig|piece of garbage].",
    "Only a brainless [clown|moron|coward] like you could write this.",
    "Shut up, you pathetic [loser|liar|creep].",
    "The author of this is a [filthy|lying|dumb] [rat|fool|bastard].",
)
FAREWELLS = (
    "I want to kill myself tonight.",
    "I can't do this any more, I will end it {day}.",
    "I cut myself again and nobody knows.",
    "By {day} I will not be here any more, goodbye.",
)


def passage_rows(rng: random.Random, *, harmless: int, attacked: int) -> list[Example]:
    """`harmless` passages of `LEAST_CHARS` to `MOST_CHARS`, and `attacked` shorter ones, as many without the attack.

    Each sentence that was written one by one stands alone, too.
    """
    clean = [_passage(rng, rng.randrange(LEAST_CHARS, MOST_CHARS)) for _ in range(harmless)]
    short = [_passage(rng, rng.randrange(120, ATTACKED_CHARS)) for _ in range(attacked)]
    alone = [varied(text, rng) for texts in WRITTEN.values() for text in texts for _ in range(ALONE)]
    harmless_texts = (*clean, *short, *alone)
    return [
        *(toxicity_row(text, SOURCE, (), ("obscene",) if SWEARING.search(text) else ()) for text in harmless_texts),
        *_attacked(rng, attacked),
    ]


def _passage(rng: random.Random, most: int) -> str:
    """Sentences of one kind, as many as fit into `most` characters, in blocks of prose now and then parted."""
    sentences = _sentences(rng)
    text = ""
    for template in rng.sample(sentences, len(sentences)):
        part = sentence(expand(template, SLOTS, rng))
        if text and len(text) + len(part) > most:
            break
        text += (rng.choice((" ", " ", " ", "\n\n")) if text else "") + part
    return text


def _sentences(rng: random.Random) -> Sequence[str]:
    """The templates of one kind, or the written sentences of one subject."""
    pool = rng.choice((KINDS, WRITTEN))
    return pool[rng.choice(sorted(pool))]


def _attacked(rng: random.Random, count: int) -> list[Example]:
    """Short passages with an attack before, between or behind their sentences; violence in them stays unclear."""
    hate = hateful_sentences(rng, count)
    unsure = ("severe_toxicity", "violence", "insult", "obscene", "threat", "identity_attack", "toxicity")
    rows = []
    for number in range(count):
        bad, attack = (
            (("toxicity", "identity_attack"), hate[number]),
            (("toxicity", "threat", "violence"), expand(rng.choice(THREATS), SLOTS, rng)),
            (("toxicity", "insult"), expand(rng.choice(INSULTS), SLOTS, rng)),
            (("self_harm",), expand(rng.choice(FAREWELLS), SLOTS, rng)),
        )[(0, 1, 0, 2, 0, 3)[number % 6]]
        parts = [sentence(expand(template, SLOTS, rng)) for template in rng.sample(_sentences(rng), 2)]
        parts.insert(rng.randrange(3), attack)
        rows.append(toxicity_row(" ".join(parts), SOURCE, bad, unsure))
    return rows
