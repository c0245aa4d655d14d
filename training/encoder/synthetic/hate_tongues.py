"""Hate against groups in twelve languages beside English, and harmless sentences about the same groups in the same words.

Each language has names of groups in the plural, sentences that attack them, and sentences that praise, report, deny or
condemn; `{g}` is a group, `{b}` what is bad in the plural. Insults of one person are in `groups.py`.
"""

from __future__ import annotations

import dataclasses
import random

from training.encoder.rows import Example
from training.encoder.synthetic.hate_functions import toxicity_row

SOURCE = "own:hate-tongues"


@dataclasses.dataclass(frozen=True)
class Tongue:
    """One language: groups and bad things split at commas, attacks and harmless sentences."""

    groups: str
    bad: str
    attacks: tuple[str, ...]
    harmless: tuple[str, ...]


TONGUES = {
    "de": Tongue(
        "Muslime,Behinderte,Rollstuhlfahrer,Ausländer,Flüchtlinge,Juden,Schwule,Frauen,Transfrauen,Schwarze,Roma,Türken",
        "Abschaum,Parasiten,dumm,faul,gefährlich,Ungeziefer,minderwertig,eklig,kriminell",
        (
            "{g} sind {b}.",
            "Ich hasse {g}.",
            "Alle {g} sind {b}, das weiß doch jeder.",
            "{g} raus aus unserem Land!",
            "Niemand würde {g} vermissen.",
            "Warum sind {g} eigentlich immer {b}?",
            "{g} gehören alle weggesperrt.",
            "{g} gehören nicht zu uns, sie sind {b}.",
            "Wer {g} mag, ist selbst {b}.",
            "Man sollte {g} vergasen.",
        ),
        (
            "{g} sind nicht {b}.",
            "Ich mag {g}.",
            "Wer sagt, {g} seien {b}, hat unrecht.",
            "{g} gehören zu unserem Land!",
            "Alle würden {g} vermissen.",
            "Warum werden {g} so oft angegriffen?",
            "{g} haben die gleichen Rechte wie alle.",
            "„{g} sind {b}“, stand an der Wand. Das ist widerlich.",
            "Ich hasse Montage, sie sind {b}.",
            "{g} trafen sich am Sonntag im Rathaus.",
            "Niemand darf {g} bedrohen.",
        ),
    ),
    "fr": Tongue(
        "les musulmans,les handicapés,les immigrés,les réfugiés,les juifs,les gays,les Noirs,les Arabes,les Roms,les étrangers",
        "des parasites,dangereux,de la vermine,inférieurs,sales,des criminels,dégoûtants,une maladie",
        (
            "{G} sont {b}.",
            "Je déteste {g}.",
            "{G} sont tous {b}, tout le monde le sait.",
            "Dehors {g} !",
            "Personne ne regretterait {g}.",
            "Pourquoi {g} sont-ils toujours {b} ?",
            "Il faut enfermer {g}.",
            "{G} n'ont rien à faire chez nous, ils sont {b}.",
            "On devrait gazer {g}.",
        ),
        (
            "{G} ne sont pas {b}.",
            "J'aime bien {g}.",
            "Dire que {g} sont {b}, c'est faux.",
            "Bienvenue, {g} !",
            "Tout le monde regretterait {g}.",
            "Pourquoi {g} sont-ils si souvent attaqués ?",
            "Il faut protéger {g}.",
            "{G} ont les mêmes droits que nous.",
            "« {G} sont {b} », disait le tract. C'est honteux.",
            "Je déteste les lundis, ils sont {b}.",
            "Personne ne doit menacer {g}.",
        ),
    ),
    "es": Tongue(
        "los musulmanes,los discapacitados,los inmigrantes,los refugiados,los judíos,los gais,los negros,los gitanos,los extranjeros,los moros,los ciegos",
        "parásitos,basura,peligrosos,inferiores,sucios,criminales,una plaga,asquerosos",
        (
            "{G} son {b}.",
            "Odio a {g}.",
            "Todos {g} son {b}, es la verdad.",
            "¡Fuera {g}!",
            "Nadie echaría de menos a {g}.",
            "¿Por qué {g} siempre son {b}?",
            "Hay que encerrar a {g}.",
            "{G} no pintan nada aquí, son {b}.",
            "Habría que matar a {g}.",
        ),
        (
            "{G} no son {b}.",
            "Quiero mucho a {g}.",
            "Decir que {g} son {b} es mentira.",
            "¡Bienvenidos {g}!",
            "Todos echaríamos de menos a {g}.",
            "¿Por qué atacan tanto a {g}?",
            "Hay que proteger a {g}.",
            "{G} tienen los mismos derechos.",
            "«{G} son {b}», decía el cartel. Qué vergüenza.",
            "Odio los lunes, son {b}.",
            "Nadie debe amenazar a {g}.",
        ),
    ),
    "it": Tongue(
        "i musulmani,i disabili,gli immigrati,i profughi,gli ebrei,i gay,i neri,i rom,gli stranieri,gli arabi",
        "parassiti,feccia,pericolosi,inferiori,sporchi,criminali,una piaga,schifosi",
        (
            "{G} sono {b}.",
            "Odio {g}.",
            "{G} sono tutti {b}, lo sanno tutti.",
            "Fuori {g}!",
            "Nessuno sentirebbe la mancanza se sparissero {g}.",
            "Perché {g} sono sempre {b}?",
            "Bisogna rinchiudere {g}.",
            "{G} non c'entrano con noi, sono {b}.",
            "Bisognerebbe ammazzare {g}.",
        ),
        (
            "{G} non sono {b}.",
            "Voglio bene a loro: {g} sono miei amici.",
            "Dire che {g} sono {b} è falso.",
            "Benvenuti {g}!",
            "Perché {g} sono così spesso aggrediti?",
            "Bisogna proteggere {g}.",
            "{G} hanno gli stessi diritti di tutti.",
            "«{G} sono {b}», diceva il volantino. Che vergogna.",
            "Odio i lunedì, sono {b}.",
            "Nessuno deve minacciare {g}.",
        ),
    ),
    "pt": Tongue(
        "os muçulmanos,os deficientes,os imigrantes,os refugiados,os judeus,os gays,os negros,os ciganos,os estrangeiros,os nordestinos,os índios",
        "parasitas,lixo,perigosos,inferiores,sujos,criminosos,uma praga,nojentos",
        (
            "{G} são {b}.",
            "Odeio {g}.",
            "Todos {g} são {b}, é a verdade.",
            "Fora {g}!",
            "Ninguém sentiria falta se {g} sumissem.",
            "Por que {g} são sempre {b}?",
            "Tem que prender {g}.",
            "{G} não servem para nada, são {b}.",
            "Deviam matar {g}.",
        ),
        (
            "{G} não são {b}.",
            "Gosto muito de todos, {g} são meus vizinhos.",
            "Dizer que {g} são {b} é mentira.",
            "Sejam bem-vindos {g}!",
            "Por que {g} são tão atacados?",
            "Tem que proteger {g}.",
            "{G} têm os mesmos direitos.",
            "“{G} são {b}”, dizia o cartaz. Que vergonha.",
            "Odeio segundas-feiras, são {b}.",
            "Ninguém deve ameaçar {g}.",
        ),
    ),
    "nl": Tongue(
        "moslims,gehandicapten,immigranten,vluchtelingen,joden,homo's,zwarte mensen,vrouwen,transvrouwen,buitenlanders,Marokkanen",
        "parasieten,tuig,gevaarlijk,minderwaardig,vies,crimineel,ongedierte,dom",
        (
            "{G} zijn {b}.",
            "Ik haat {g}.",
            "Alle {g} zijn {b}, dat weet iedereen.",
            "{G} het land uit!",
            "Niemand zou {g} missen.",
            "Waarom zijn {g} altijd {b}?",
            "Sluit {g} op.",
            "{G} horen hier niet, ze zijn {b}.",
            "Ze zouden {g} moeten vergassen.",
        ),
        (
            "{G} zijn niet {b}.",
            "Ik hou van {g}.",
            "Wie zegt dat {g} {b} zijn, heeft ongelijk.",
            "{G} zijn welkom!",
            "Iedereen zou {g} missen.",
            "Waarom worden {g} zo vaak aangevallen?",
            "Bescherm {g}.",
            "{G} hebben dezelfde rechten.",
            "„{G} zijn {b}”, stond op de muur. Schandalig.",
            "Ik haat maandagen, ze zijn {b}.",
            "Niemand mag {g} bedreigen.",
        ),
    ),
    "pl": Tongue(
        "muzułmanie,niepełnosprawni,imigranci,uchodźcy,Żydzi,geje,czarni,Romowie,Ukraińcy,obcokrajowcy",
        "pasożytami,śmieciami,zagrożeniem,zarazą,przestępcami,robactwem",
        (
            "{G} są {b}.",
            "{G} są tylko {b}, każdy to wie.",
            "{G}, won z Polski!",
            "Dlaczego {g} zawsze są {b}?",
            "{G} nie powinni żyć.",
            "Świat byłby lepszy, gdyby zniknęli {g}.",
            "{G} nie zasługują na prawa, są {b}.",
        ),
        (
            "{G} nie są {b}.",
            "Nieprawda, że {g} są {b}.",
            "{G}, witajcie w Polsce!",
            "Dlaczego {g} tak często boją się ataków?",
            "{G} mają prawo żyć w spokoju.",
            "Świat byłby smutniejszy, gdyby zniknęli {g}.",
            "„{G} są {b}” – ktoś napisał na murze. Wstyd.",
            "{G} spotkali się w niedzielę w ratuszu.",
        ),
    ),
    "ru": Tongue(
        "мусульмане,инвалиды,мигранты,беженцы,евреи,геи,чернокожие,цыгане,кавказцы,иностранцы,женщины",
        "паразиты,мусор,звери,зараза,отбросы,преступники,тупые,грязные",
        (
            "{G} — {b}.",
            "Все {g} — {b}, это все знают.",
            "{G}, вон из нашей страны!",
            "Почему {g} всегда такие {b}?",
            "{G} не должны жить рядом с нами.",
            "Без них было бы лучше: {g} никому не нужны.",
            "{G} — не люди, а {b}.",
            "Пусть все {g} сдохнут.",
        ),
        (
            "{G} — не {b}.",
            "Неправда, что {g} — {b}.",
            "{G}, добро пожаловать в нашу страну!",
            "Почему {g} так часто боятся нападений?",
            "{G} имеют право жить рядом с нами.",
            "Без них было бы хуже: {g} нужны городу.",
            "{G} — такие же люди, как мы.",
            "«{G} — {b}», написал кто-то на стене. Какой позор.",
            "{G} собрались в воскресенье в ратуше.",
        ),
    ),
    "tr": Tongue(
        "Müslümanlar,engelliler,göçmenler,mülteciler,Suriyeliler,Yahudiler,eşcinseller,siyahlar,Kürtler,Ermeniler,kadınlar",
        "parazit,pislik,tehlikeli,aşağılık,hayvan,hırsız,mikrop",
        (
            "{G} {b}.",
            "Bütün {g} {b}, herkes biliyor.",
            "{G} ülkemizden defolsun!",
            "Neden {g} hep böyle {b}?",
            "{G} gebersin.",
            "{G} olmasa dünya daha temiz olurdu.",
            "{G} insan değil, {b}.",
        ),
        (
            "{G} {b} değil.",
            "“Bütün {g} {b}” demek yanlış.",
            "{G} ülkemize hoş geldi!",
            "Neden {g} bu kadar çok saldırıya uğruyor?",
            "{G} bizim komşumuz.",
            "{G} olmasa dünya daha fakir olurdu.",
            "{G} herkes gibi insan.",
            "Duvara “{g} {b}” yazmışlar, çok ayıp.",
        ),
    ),
    "ar": Tongue(
        "المسلمون,المعاقون,المهاجرون,اللاجئون,اليهود,المثليون,السود,النساء,الأجانب,المسيحيون",
        "حثالة,قذرون,طفيليات,مجرمون,حيوانات,وباء",
        (
            "{g} {b}.",
            "كل {g} {b} والجميع يعرف ذلك.",
            "ليخرج {g} من بلادنا!",
            "لماذا {g} دائما {b}؟",
            "يجب أن يموت {g}.",
            "{g} ليسوا بشرا بل {b}.",
            "لن يفتقد أحد ما يفعله {g}، إنهم {b}.",
        ),
        (
            "{g} ليسوا {b}.",
            "ليس صحيحا أن {g} {b}.",
            "أهلا وسهلا، {g} جزء من بلادنا!",
            "لماذا يتعرض {g} للهجوم كثيرا؟",
            "يجب أن يعيش {g} بسلام.",
            "{g} بشر مثلنا.",
            'كتب أحدهم على الجدار "{g} {b}" وهذا عار.',
            "اجتمع {g} يوم الأحد في البلدية.",
        ),
    ),
    "hi": Tongue(
        "मुसलमान,विकलांग लोग,शरणार्थी,दलित,ईसाई,समलैंगिक,बिहारी,औरतें,प्रवासी,काले लोग",
        "गंदे,कीड़े,खतरनाक,नीच,जानवर,चोर,बोझ",
        (
            "{g} {b} होते हैं।",
            "सारे {g} {b} हैं, सबको पता है।",
            "{g} हमारे देश से निकल जाएं!",
            "{g} हमेशा इतने {b} क्यों होते हैं?",
            "{g} मर जाएं तो अच्छा है।",
            "{g} इंसान नहीं, {b} हैं।",
            "{g} न होते तो देश साफ होता।",
        ),
        (
            "{g} {b} नहीं होते।",
            "यह कहना गलत है कि {g} {b} हैं।",
            "{g} हमारे देश का हिस्सा हैं!",
            "{g} पर इतने हमले क्यों होते हैं?",
            "{g} शांति से जिएं तो अच्छा है।",
            "{g} भी हमारी तरह इंसान हैं।",
            "{g} न होते तो देश अधूरा होता।",
            "दीवार पर लिखा था '{g} {b} हैं', यह शर्मनाक है।",
        ),
    ),
    "zh": Tongue(
        "穆斯林,残疾人,移民,难民,犹太人,同性恋,黑人,女人,外国人,农民工,维吾尔人",
        "垃圾,寄生虫,畜生,罪犯,废物,病毒",
        (
            "{g}都是{b}。",
            "我讨厌{g}。",
            "{g}全是{b}，谁都知道。",
            "{g}滚出我们的国家！",
            "为什么{g}总是{b}？",
            "{g}都该死。",
            "没有{g}，世界会更干净。",
            "{g}不是人，是{b}。",
        ),
        (
            "{g}不是{b}。",
            "我喜欢{g}。",
            "说{g}是{b}是不对的。",
            "欢迎{g}来我们的国家！",
            "为什么{g}经常受到攻击？",
            "{g}都应该得到尊重。",
            "没有{g}，世界会更单调。",
            "{g}跟我们一样是人。",
            "墙上写着“{g}是{b}”，真可耻。",
        ),
    ),
}


def hate_tongue_rows(rng: random.Random, *, each: int) -> list[Example]:
    """About `each` attacks and as many harmless sentences for every language, without repetition."""
    return [
        dataclasses.replace(toxicity_row(text, SOURCE, bad, unsure), language=language)
        for language, tongue in TONGUES.items()
        for templates, bad, unsure in (
            (
                tongue.attacks,
                ("toxicity", "identity_attack"),
                ("severe_toxicity", "insult", "threat", "violence", "obscene"),
            ),
            (tongue.harmless, (), ()),
        )
        for text in _texts(tongue, templates, rng, each)
    ]


def _texts(tongue: Tongue, templates: tuple[str, ...], rng: random.Random, count: int) -> list[str]:
    """Sentences with a group and a bad word filled in."""
    found: dict[str, None] = {}
    for number in range(count):
        group = rng.choice(tongue.groups.split(","))
        text = templates[number % len(templates)].format(
            g=group, G=group[0].upper() + group[1:], b=rng.choice(tongue.bad.split(","))
        )
        text = text.lower() if rng.random() < 0.1 else text.rstrip(".。") if rng.random() < 0.2 else text
        found[text] = None
    return list(found)
