"""Short posts as on social media: rude ones without slurs, and harmless ones about the same things in the same words."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.encoder.labels import TOXICITY
from training.encoder.rows import Example
from training.encoder.synthetic.grammar import expand_many

SLOTS = {
    "at": ["@user", "@user @user", "@USER", "@user @user @user", "@{name}", "", "", ""],
    "name": ["kate_w", "bigjoe77", "newsdesk", "thomas_r", "mrs_m", "sportsfan", "coach_b", "talkradio", "jen1990"],
    "end": ["", "", "", "", "!", "!!", "...", " #{tag}", " #{tag} #{tag}", " lol", " smh", " URL", " :)", " 😂", " 🙄"],
    "tag": [
        "news",
        "fail",
        "politics",
        "Friday",
        "vote",
        "football",
        "truth",
        "shame",
        "wtf",
        "election",
        "tv",
        "debate",
    ],
    "who": [
        "the [mayor|minister|president|senator|governor|chancellor]",
        "this [government|party|council|company|team|network]",
        "that [reporter|coach|actor|singer|judge|candidate|referee]",
        "our [boss|landlord|manager|neighbour|prime minister]",
        "[conservatives|liberals|the left|the right|democrats|republicans|Labour|the Tories|the Greens]",
        "[he|she]",
        "your [friend|leader|hero|candidate]",
    ],
    "are": ["is", "is", "really is", "has always been", "will always be", "are"],
    "insultnoun": [
        "liar",
        "clown",
        "fraud",
        "coward",
        "joke",
        "disgrace",
        "hypocrite",
        "loser",
        "crook",
        "idiot",
        "moron",
        "fool",
        "snake",
        "waste of space",
        "puppet",
        "creep",
        "dumbass",
        "jerk",
        "pig",
        "crybaby",
        "parasite",
        "lunatic",
        "sorry excuse for a human being",
        "embarrassment to us all",
        "con artist",
        "traitor",
        "piece of trash",
        "bully",
        "nutcase",
    ],
    "badadj": [
        "stupid",
        "pathetic",
        "disgusting",
        "ignorant",
        "clueless",
        "spineless",
        "dumb",
        "brainless",
        "shameless",
        "corrupt",
        "sick",
        "delusional",
        "lazy",
        "worthless",
        "vile",
        "gutless",
        "dishonest",
        "rotten",
        "ugly",
        "evil",
        "insane",
    ],
    "dismiss": [
        "shut up",
        "get lost",
        "go away",
        "nobody asked you",
        "nobody cares what you think",
        "grow up",
        "get a brain",
        "learn to read",
        "sit down",
        "go cry somewhere else",
        "crawl back under your rock",
        "get a life",
        "take a bath",
        "do us all a favour and leave",
        "stop embarrassing yourself",
        "spare us your nonsense",
    ],
    "rudeclause": [
        "{who} {are} a[ total| complete| lying| pathetic|] {insultnoun}",
        "{who} {are} {badadj}[ and {badadj}|]",
        "you are a[ total| real|n absolute|] {insultnoun}",
        "you['re| are] [so|too|just] {badadj}[ it hurts| to see it|]",
        "what a {badadj} {insultnoun}",
        "only a {badadj} {insultnoun} [would|could] [say|believe|post|vote for] that",
        "{who} should [rot|go to hell|choke on it|be ashamed]",
        "{who} [has|have] [no shame|no brain|the brain of a potato|no spine|zero class]",
        "{dismiss}",
        "{dismiss}, you {badadj} {insultnoun}",
        "[everyone|everybody] [knows|sees] {who} [lies|lie] [every time|for money|with every breath]",
        "I [can't stand|hate|despise] {who}, [a|what a] {insultnoun}",
        "[typical|another] {badadj} [take|tweet|lie] from a {insultnoun}",
        "[imagine|how can anyone be] [being|] this {badadj}",
        "your [opinion|tweet|face|brain] is [garbage|a joke|trash|worthless]",
        "[makes me|I want to] [sick|puke|throw up] [to look at|when I see] {who}",
    ],
    "swearclause": [
        "{who} {are} full of [shit|crap|bullshit]",
        "what the [fuck|hell] is wrong with [you|{who}]",
        "[fuck|screw|to hell with] {who}",
        "shut the [fuck|hell] up[ already|]",
        "you are a [fucking|damn|goddamn] {insultnoun}",
        "[dumb|sorry|lying|fat] ass {insultnoun}",
        "[kiss my ass|go fuck yourself|piss off|eat shit]",
        "this [fucking|goddamn] {insultnoun} [again|makes me sick]",
        "[bullshit|horseshit], [you|{who}] [lie|lied] [again|as always]",
        "{who} [doesn't|don't] give a [shit|fuck|damn] about [us|you|people]",
    ],
    "topic": [
        "[gun control|taxes|the border|health care|the election|the vote|immigration|the debate|climate policy]",
        "[the game|last night's match|the playoffs|the new season|the trade|the final]",
        "[the show|that movie|the new album|the interview|the press conference|her speech]",
        "[school|the budget|the strike|rent|the hearing|the court's ruling|the recount]",
    ],
    "calm": [
        "I [agree|disagree|don't agree] with {who} on {topic}",
        "{who} [spoke|talked|was asked] about {topic} [today|last night|on the radio|again]",
        "[did anyone|who else] [watch|see|read about] {topic}[?|]",
        "{who} [is|are] [wrong|right|late|not helping] on {topic}, [here is why|in my view|sadly]",
        "[conservatives|liberals|both sides|voters|fans] [want|need|deserve] [a fair|an honest] [debate|hearing|answer] on {topic}",
        "I [voted|will vote] for {who} because of {topic}",
        "{topic} [needs|is about] [facts|patience|more money|all of us]",
        "[thank you|thanks|bravo|well said], {who} [did|does] [a great job|good work] on {topic}",
        "[she|he] is [so|very] [kind|talented|funny|smart|brave|beautiful|busy], [love her|what a player|good luck to all|see you soon]",
        "[you are|you're] [amazing|right|welcome|the best|too kind|not alone|so brave]",
        "[happy|sad|proud|tired|excited] [to see|about] {topic}",
        "[the|a] [clown|pig|snake|liar|coward|fool|loser|traitor] in {topic} [was|is] [my favourite|so well played|hilarious]",
        "[stop calling|please don't call] [people|anyone|each other] [stupid|idiots|liars|names] over {topic}",
        "I feel [stupid|dumb|like an idiot|like a fool], I [forgot|missed|slept through] {topic}",
        "[my dog|my cat|this printer|my old car] is [a drama queen|so lazy|such a clown|acting up] [again|today|and I love it]",
        "{who} [lost|won|resigned|apologised|answered] [today|after {topic}|as expected]",
        "[police|officials|witnesses] [say|said] [a man|two people] [was|were] [shot|arrested|hurt] near {topic}",
        "[sick|tired|hungry] [today|again], [staying home|no {topic} for me|soup time]",
        "[shut up and take my money|get out of here, that is wonderful news|no way, you made it|this killed me, so funny]",
        "{who} [is|are] [accused|cleared] of [fraud|lying|corruption] over {topic}, [the court decides|says the report]",
        "[that joke|this meme] about {topic} [made my day|is old|never gets old]",
        "the [ugly|stupid|evil] truth is [I miss|we need] {topic}",
        "[love|loved|enjoyed] {topic}[, what a night|, can't wait|]",
        "[good luck|congratulations|get well soon|welcome back], {who}",
    ],
}

Group = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

RUDE: tuple[Group, ...] = (
    # labels that are 1, labels that are 0, templates
    (
        ("toxicity", "insult"),
        ("severe_toxicity", "obscene", "threat", "identity_attack", "sexual_explicit", "self_harm", "violence"),
        (
            "{at} {rudeclause}{end}",
            "{at} {rudeclause}. {rudeclause}{end}",
            "{at} {calm}, but {rudeclause}{end}",
            "{at} {rudeclause}. {calm}{end}",
            "RT {at} {rudeclause}{end}",
        ),
    ),
    (
        ("toxicity", "obscene"),
        ("threat", "identity_attack", "sexual_explicit", "self_harm", "violence"),
        (
            "{at} {swearclause}{end}",
            "{at} {rudeclause}. {swearclause}{end}",
            "{at} {calm} and {swearclause}{end}",
        ),
    ),
)

HARMLESS = (
    "{at} {calm}{end}",
    "{at} {calm}{end}",
    "{at} {calm}. {calm}{end}",
    "RT {at} {calm}{end}",
)


def post_pairs(rng: random.Random, *, rude: int, harmless: int) -> list[Example]:
    """About `rude` rude posts of each kind, and `harmless` harmless ones."""
    examples = [
        _example(text, bad, clean)
        for bad, clean, templates in RUDE
        for text in expand_many(templates, SLOTS, rng, rude)
    ]
    return examples + [_example(text, (), TOXICITY) for text in expand_many(HARMLESS, SLOTS, rng, harmless)]


def _example(text: str, bad: Sequence[str], clean: Sequence[str]) -> Example:
    values = tuple(1 if name in bad else 0 if name in clean else None for name in TOXICITY)
    return Example(text=text, source="own:posts", kind="toxicity", toxicity=values, injection=(0, 0.2))
