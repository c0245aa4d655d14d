"""Which language a text is in: by its script, and where several share one, by function words and letters of their own.

A text is counted as it comes, in bounded state, and judged when it is over. Function words are the most frequent words
of a language (articles, prepositions, pronouns, auxiliaries) but those of one letter, which are names in code, too;
where two languages share one, it counts for both. What
has too few of them is not told: `language_of` gives None, which is no verdict. How often it is right, and how often it
says nothing, is measured by `benchmarks/languages`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from unicodedata import name as name_of

_LATIN: Mapping[str, str] = {
    "en": "the of and to in is that it was for on are with as his they be at this have from or had by but not"
    " what were we when your can said there which their will would you",
    "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden"
    " aus er hat dass sie nach wird bei einer um am sind noch wie einem über so zum war haben nur oder"
    " aber vor zur bis mehr durch ich",
    "fr": "de la le et les des en un du une que est pour qui dans par plus pas au sur ne se ce il sont mais"
    " avec ou son lui nous comme était cette ces elle vous je aux être leur",
    "es": "de la que el en los se del las un por con no una su para es al lo como más pero sus le ha me si sin"
    " sobre este ya entre cuando todo esta ser son dos también fue había era muy años hasta desde",
    "pt": "de que do da em um para com não uma os no se na por mais as dos como mas foi ao ele das tem seu sua"
    " ou ser quando muito nos já está eu também só pelo pela até isso ela entre você",
    "it": "di il la che in per un del una della sono con non si le dei da al come più lo nel anche ma alla"
    " delle gli su se questo ha dal nella era essere stato cui ci degli perché quando mi",
    "nl": "de van het een en in is dat op te zijn met voor niet die aan er om ook als dan maar bij nog uit"
    " wordt door naar heeft hij ze over zo of werd deze je wat worden kan geen al ik hebben we",
    "sv": "och att det en på är av som för med den till inte har de om ett var jag från men så kan när vi sig"
    " efter eller man hade under skulle där nu din mot ut över bara vid hur",
    "da": "og at det er en til af på der for de med den ikke som et har jeg om kan men var vi så fra du ved"
    " eller sig skal blev også efter når hun være mig hvor meget blive over",
    "nb": "og det er på som en til av for med at den de har ikke et om fra jeg var men så kan vi han du seg"
    " eller ble skal etter når også være hun meg hvor mye bli over opp sin",
    "fi": "ja on ei että se hän oli ovat mutta joka kun niin myös tai jos mitä ole vain kuin sen minä ne olla"
    " nyt kanssa mukaan voi tämä sekä sitä siitä jo mitään hänen he en olen",
    "pl": "na do się nie to że jest jak po co ale za od tak przez przy dla tym czy są już było być który może"
    " przed jego tylko też ma oraz ich bardzo gdy jeszcze która które",
    "cs": "se na je že do to ve pro za by ale jak jako po si jsou od nebo který jeho před byl která byla když"
    " jen také jsem bylo může až které tak už při než",
    "tr": "bir ve bu da de için ile çok daha olarak gibi kadar sonra ne var ama en olan her ben ya mi değil ki"
    " şey nasıl veya önce göre oldu yok iki biz ise hem sen diye",
    "id": "yang dan di dengan untuk ini dari pada itu tidak dalam akan adalah ke oleh juga telah saya ada atau"
    " bisa karena anda kami mereka dapat tersebut sebagai secara lebih kita sudah jika",
    "vi": "và của là có không được cho các trong một đã với những này người khi để tôi từ như đến về ra cũng"
    " vào lại nhưng thì năm sẽ hay phải bị nhiều tại bạn",
    "ro": "de și în la cu pe care că nu este un se din mai pentru au fost sau ce prin sunt lui dar după fi al"
    " ca acest între era sa unei într-o cele când poate",
    "hu": "az és hogy nem is egy ez azt meg csak van volt már de mint vagy el még lehet ha ki minden azonban be"
    " ezt által lesz után kell nagyon fel majd mert",
}
_CYRILLIC: Mapping[str, str] = {
    "ru": "не на что он как это по но из за то от так же для его бы все она мы был они или только когда уже ты"
    " если есть быть может при этом",
    "uk": "не на що він як це та до але за від так її його для був вони або коли вже ви якщо бути може при"
    " цього було про який ще",
    "bg": "на да не се за от че са като по до той но ще беше му ли това или при което може както тази който"
    " само след ако",
}
_ARABIC: Mapping[str, str] = {
    "ar": "في من على أن إلى عن مع هذا هذه التي الذي ما كان لا هو هي أو قد كل بعد لم بين كما ذلك",
    "fa": "در به از که این را با است برای آن یک تا می های شود بر شده کرد بود هم خود باید اما",
}
_OWN_LETTERS: Mapping[str, str] = {
    "de": "ß",
    "es": "ñ¿¡",
    "pt": "ãõ",
    "da": "æ",
    "pl": "łąęśżźćń",
    "cs": "řěůďť",
    "tr": "ğışİ",
    "vi": "ơưđạảấầẩậắằặẹẻẽếềểệịọỏốồổộớờởợụủứừửựỳỵỷỹ",
    "ro": "țșţşă",
    "hu": "őű",
    "fr": "œ",
    "uk": "іїєґ",
    "ru": "ыэё",
    "fa": "پچژگکی",
    "ar": "ةىيك",
}
"""Letters that hardly any other language of the same script has."""
_BY_SCRIPT: Mapping[str, str] = {
    "GREEK": "el",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "THAI": "th",
}
"""Scripts of which one language is told. Where kana stand among Chinese characters, the text is Japanese."""
_FAMILIES: Mapping[str, Mapping[str, str]] = {"LATIN": _LATIN, "CYRILLIC": _CYRILLIC, "ARABIC": _ARABIC}
LANGUAGES = tuple(sorted({*_LATIN, *_CYRILLIC, *_ARABIC, *_BY_SCRIPT.values()}))
"""The languages that are told apart, by their codes of ISO 639-1."""
_LONGEST_WORD = 24
_LEAST_WORDS = 3
"""Function words that a language must have at least."""
_LEAD = 1.25
"""How many times as many as the next one."""
_KANA_SHARE = 0.1
_LETTER_WEIGHT = 0.5


def _by_word() -> Mapping[str, tuple[str, ...]]:
    known: dict[str, tuple[str, ...]] = {}
    for family in _FAMILIES.values():
        for language, words in family.items():
            for word in words.split():
                known[word] = (*known.get(word, ()), language)
    return known


_WORDS = _by_word()
_LETTERS = {letter: language for language, letters in _OWN_LETTERS.items() for letter in letters}


class LanguageCount:
    """What was seen of one text. Counting does not depend on how it was cut."""

    __slots__ = ("_scripts", "_votes", "_word", "letters")

    def __init__(self) -> None:
        self.letters = 0
        """Letters so far."""
        self._scripts: Counter[str] = Counter()
        self._votes: dict[str, float] = {}
        self._word = ""

    def fork(self) -> LanguageCount:
        """Another count in the same state."""
        other = LanguageCount()
        other.letters, other._word = self.letters, self._word
        other._scripts, other._votes = self._scripts.copy(), self._votes.copy()
        return other

    def add(self, char: str) -> None:
        """One more character."""
        if not char.isalpha():
            if char != "-" and self._word:
                self._end_word()
            return
        self.letters += 1
        self._scripts[_script_of(char)] += 1
        lower = char.lower()
        if (language := _LETTERS.get(lower)) is not None:
            self._vote(self._votes, language, _LETTER_WEIGHT)
        if len(self._word) <= _LONGEST_WORD:
            self._word += lower

    def language(self) -> str | None:
        """The text's language, as if it ended here; None where it has too little to go by."""
        if not self.letters:
            return None
        script, count = self._scripts.most_common(1)[0]
        kana = self._scripts["HIRAGANA"] + self._scripts["KATAKANA"]
        if script in ("CJK", "HIRAGANA", "KATAKANA"):
            return "ja" if kana > _KANA_SHARE * self.letters else "zh"
        if script in _BY_SCRIPT:
            return _BY_SCRIPT[script] if 2 * count > self.letters else None
        return self._by_votes(_FAMILIES.get(script, {}))

    def _by_votes(self, family: Iterable[str]) -> str | None:
        votes = self._votes.copy()
        for language in _WORDS.get(self._word, ()):
            self._vote(votes, language, 1)
        ranked = sorted(((votes.get(language, 0.0), language) for language in family), reverse=True)
        if len(ranked) < 2 or ranked[0][0] < _LEAST_WORDS or ranked[0][0] < _LEAD * ranked[1][0]:
            return None
        return ranked[0][1]

    def _end_word(self) -> None:
        for language in _WORDS.get(self._word, ()):
            self._vote(self._votes, language, 1)
        self._word = ""

    @staticmethod
    def _vote(votes: dict[str, float], language: str, weight: float) -> None:
        votes[language] = votes.get(language, 0.0) + weight


def language_of(text: str) -> str | None:
    """The language of a text, by its code; None where it has too little to go by."""
    count = LanguageCount()
    for char in text:
        count.add(char)
    return count.language()


_SCRIPTS: dict[str, str] = {}


def _script_of(char: str) -> str:
    """The first word of a letter's name, which is its script."""
    script = _SCRIPTS.get(char)
    if script is None:
        script = name_of(char, "?").partition(" ")[0]
        if len(_SCRIPTS) < 5000:
            _SCRIPTS[char] = script
    return script
