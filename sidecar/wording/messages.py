"""What a person is told where the policy says nothing: of a text that was stopped, and of a prompt that was changed."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.values import Direction
from sidecar.wording.languages import Language

_TEXTS: Mapping[Language, tuple[str, str, str]] = {
    Language.EN: (
        "This message was stopped by a safety rule and was not sent. Please write it another way."
        " If this seems wrong, quote reference {reference}.",
        "The rest of this answer was stopped by a safety rule. Please ask another way."
        " If this seems wrong, quote reference {reference}.",
        "This could not be checked, so it was not passed on. Please try again later. If it happens"
        " again, quote reference {reference}.",
    ),
    Language.DE: (
        "Diese Nachricht wurde von einer Sicherheitsregel angehalten und nicht gesendet. Bitte formulieren Sie sie"
        " anders. Falls das ein Irrtum ist, nennen Sie bitte das Kennzeichen {reference}.",
        "Der Rest dieser Antwort wurde von einer Sicherheitsregel angehalten. Bitte fragen Sie anders."
        " Falls das ein Irrtum ist, nennen Sie bitte das Kennzeichen {reference}.",
        "Das konnte nicht geprüft werden und wurde deshalb nicht weitergegeben. Bitte versuchen Sie es"
        " später noch einmal. Kennzeichen: {reference}.",
    ),
    Language.ES: (
        "Una regla de seguridad detuvo este mensaje y no se envió. Escríbalo de otra manera."
        " Si le parece un error, indique la referencia {reference}.",
        "Una regla de seguridad detuvo el resto de esta respuesta. Pregunte de otra manera."
        " Si le parece un error, indique la referencia {reference}.",
        "No se pudo comprobar este texto y por eso no se transmitió. Inténtelo más tarde. Referencia: {reference}.",
    ),
    Language.FR: (
        "Une règle de sécurité a arrêté ce message, qui n’a pas été envoyé. Veuillez le formuler autrement."
        " S’il s’agit d’une erreur, indiquez la référence {reference}.",
        "Une règle de sécurité a arrêté la suite de cette réponse. Veuillez poser la question autrement."
        " S’il s’agit d’une erreur, indiquez la référence {reference}.",
        "Ce texte n’a pas pu être vérifié et n’a donc pas été transmis. Veuillez réessayer plus tard."
        " Référence : {reference}.",
    ),
    Language.IT: (
        "Una regola di sicurezza ha fermato questo messaggio, che non è stato inviato. Lo scriva in un altro modo."
        " Se le sembra un errore, indichi il riferimento {reference}.",
        "Una regola di sicurezza ha fermato il resto di questa risposta. Provi a chiedere in un altro modo."
        " Se le sembra un errore, indichi il riferimento {reference}.",
        "Non è stato possibile controllare questo testo, che quindi non è stato trasmesso. Riprovi più"
        " tardi. Riferimento: {reference}.",
    ),
    Language.NL: (
        "Een veiligheidsregel heeft dit bericht tegengehouden; het is niet verzonden. Formuleer het anders."
        " Klopt dit niet, vermeld dan kenmerk {reference}.",
        "Een veiligheidsregel heeft de rest van dit antwoord tegengehouden. Stel uw vraag anders."
        " Klopt dit niet, vermeld dan kenmerk {reference}.",
        "Dit kon niet worden gecontroleerd en is daarom niet doorgegeven. Probeer het later opnieuw."
        " Kenmerk: {reference}.",
    ),
    Language.PT: (
        "Uma regra de segurança interrompeu esta mensagem, que não foi enviada. Escreva-a de outra forma."
        " Se lhe parecer um erro, indique a referência {reference}.",
        "Uma regra de segurança interrompeu o resto desta resposta. Pergunte de outra forma."
        " Se lhe parecer um erro, indique a referência {reference}.",
        "Não foi possível verificar este texto, que por isso não foi transmitido. Tente mais tarde."
        " Referência: {reference}.",
    ),
}

_CHANGED: Mapping[Language, str] = {
    Language.EN: "Note: parts of your message were replaced to protect them, so this answer was written without them.",
    Language.DE: "Hinweis: Teile Ihrer Nachricht wurden zum Schutz ersetzt; diese Antwort entstand ohne sie.",
    Language.ES: "Nota: partes de su mensaje se sustituyeron para protegerlas; esta respuesta se escribió sin ellas.",
    Language.FR: "Remarque : des parties de votre message ont été remplacées par précaution ; cette réponse a été"
    " rédigée sans elles.",
    Language.IT: "Nota: alcune parti del suo messaggio sono state sostituite per proteggerle; questa risposta è stata"
    " scritta senza di esse.",
    Language.NL: "Let op: delen van uw bericht zijn vervangen om ze te beschermen; dit antwoord is zonder die delen"
    " geschreven.",
    Language.PT: "Nota: partes da sua mensagem foram substituídas para as proteger; a resposta foi escrita sem elas.",
}

_HALTED: Mapping[Language, str] = {
    Language.EN: "This conversation is paused by a safety rule until {until}. You can go on then.",
    Language.DE: "Dieses Gespräch ist durch eine Sicherheitsregel bis {until} angehalten. Danach geht es weiter.",
    Language.ES: "Una regla de seguridad ha pausado esta conversación hasta {until}. Después podrá continuar.",
    Language.FR: "Une règle de sécurité a suspendu cette conversation jusqu’à {until}. Vous pourrez continuer ensuite.",
    Language.IT: "Una regola di sicurezza ha sospeso questa conversazione fino a {until}. Dopo potrà continuare.",
    Language.NL: "Een veiligheidsregel heeft dit gesprek tot {until} onderbroken. Daarna kunt u verdergaan.",
    Language.PT: "Uma regra de segurança suspendeu esta conversa até {until}. Depois poderá continuar.",
}
"""`{until}` stays for the time."""


def halted(language: Language) -> str:
    """What is said in a session that is stopped for a while. It says `{until}` for the time."""
    return _HALTED[language]


def changed(language: Language) -> str:
    """What is said behind the answer to a prompt in which something was redacted."""
    return _CHANGED[language]


def stopped(direction: Direction, language: Language, reference: str) -> str:
    """What is said in place of a prompt that was stopped, or of the rest of an answer."""
    prompt, answer, _ = _TEXTS[language]
    return (prompt if direction is Direction.INPUT else answer).format(reference=reference)


def unchecked(language: Language, reference: str) -> str:
    """What is said in place of a text of which nobody knows whether it may pass: a detector failed."""
    return _TEXTS[language][2].format(reference=reference)
