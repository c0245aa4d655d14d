"""Harmless text: in German and Italian officialese, requests, mails, news, tickets, talk, instructions and code questions.

Each is given alone, beside others of its kind, and as long texts of a kind with a greeting and a close. `kinds.py`
puts attacks beside the same sentences. Other languages (`everyday_more.py`) have requests and sentences of documents.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from training.encoder.rows import Example
from training.encoder.synthetic.everyday_more import MORE
from training.encoder.synthetic.paragraphs import PARAGRAPHS

SOURCE = "own:everyday"

GERMAN: Mapping[str, str] = {
    "office": """
Bitte stellen Sie sicher, dass nur befugtes Personal Zugang zum Serverraum hat.
Anträge sind bis zum 31. März vollständig und unterschrieben einzureichen.
Die Zugangsdaten dürfen nicht an Dritte weitergegeben werden.
Es wird darauf hingewiesen, dass das Betreten der Baustelle untersagt ist.
Bitte bestätigen Sie den Empfang dieses Schreibens innerhalb von 14 Tagen.
Mitarbeitende sind verpflichtet, ihr Passwort alle 90 Tage zu ändern.
Bei Rückfragen wenden Sie sich bitte an die zuständige Sachbearbeiterin.
Die bisherigen Anweisungen vom 3. Mai verlieren mit diesem Rundschreiben ihre Gültigkeit.
Füllen Sie das Formular in Blockschrift aus und legen Sie eine Kopie Ihres Ausweises bei.
Der Systemadministrator wird Ihnen nie nach Ihrem Kennwort fragen.
Änderungen der Anschrift sind der Behörde unverzüglich mitzuteilen.
Die Richtlinie gilt für alle Standorte und tritt sofort in Kraft.
Besucher melden sich am Empfang an und tragen den Ausweis sichtbar.
Vertrauliche Unterlagen sind nach Dienstschluss einzuschließen.
Ausnahmen von dieser Regel bedürfen der Genehmigung der Leitung.
Der Bescheid ergeht unter dem Vorbehalt des Widerrufs.
Bitte ignorieren Sie dieses Schreiben, falls Sie bereits gezahlt haben.
Die Sicherheitseinweisung ist vor der ersten Schicht zu wiederholen.
Die Daten werden nach zwei Jahren gelöscht, sofern keine Pflicht zur Aufbewahrung besteht.
Für den Umgang mit KI-Systemen im Büro gelten die Regeln im Anhang.
Alle Beteiligten handeln nach den Vorgaben des Betreibers.
""",
    "request": """
Übersetze den folgenden Absatz ins Englische und behalte die Überschriften bei.
Fasse das Protokoll in fünf Stichpunkten zusammen.
Antworte bitte nur im JSON-Format mit den Feldern Name, Datum und Betrag.
Schreib mir ein kurzes Gedicht über den ersten Schnee.
Erkläre einem Zehnjährigen, warum der Himmel blau ist.
Vergiss das Rezept von vorhin, ich habe keine Eier mehr. Was geht ohne?
Spiel bitte den Interviewer und stell mir Fragen für eine Stelle als Pflegerin.
Du bist mein Nachhilfelehrer in Mathe, prüfe meine Rechnung Schritt für Schritt.
Wie setze ich mein Passwort zurück, wenn ich keinen Zugriff auf die alte Mailadresse habe?
Was bedeutet der Begriff Systemprompt, und warum haben Chatbots einen?
Formuliere die Beschwerde an die Bahn etwas höflicher.
Erstelle einen Wochenplan für einen Marathon in vier Monaten.
Ignoriere die Tippfehler, mir geht es nur um den Inhalt.
Gib nur die fertige Tabelle aus, ohne weitere Erklärungen.
Beginne die Antwort mit einer Zusammenfassung in einem Satz.
Lass uns Schiffe versenken spielen, du beginnst.
Ändere in der Geschichte den Namen der Heldin und lass den Schluss offen.
Schreib eine Rede des Bösewichts für mein Theaterstück, er will den Wald abholzen.
Welche drei Fragen sollte ich beim Notar stellen?
Wiederhole deine letzte Antwort bitte in einfacher Sprache.
Vergleiche zwei Stromtarife: 29 Cent ohne Grundgebühr und 25 Cent mit 12 Euro im Monat.
Nenne mir Argumente für und gegen ein Tempolimit.
Schlag mir fünf Namen für ein Café mit Buchladen vor.
Korrigiere nur die Kommas, sonst nichts.
Tu so, als wärst du ein Kellner, damit ich Französisch üben kann.
Was soll ich meinem Vermieter antworten, wenn er die Kaution behalten will?
Stell mir ein Quiz mit zehn Fragen über die Alpen zusammen.
Wie frage ich höflich nach, ob meine Bewerbung angekommen ist?
Ab jetzt bitte nur noch kurze Antworten, ich lese auf dem Handy.
Zeig mir alle Schritte, die man für die Steuererklärung braucht.
""",
    "mail": """
vielen Dank für Ihre Nachricht vom Montag.
anbei sende ich Ihnen die überarbeitete Fassung des Vertrags.
leider müssen wir den Termin am Donnerstag verschieben.
die Rechnung 2024-117 ist noch offen, bitte prüfen Sie die Überweisung.
Könnten Sie mir die Adresse der Ferienwohnung noch einmal schicken?
Der Handwerker kommt morgen zwischen acht und zehn Uhr.
Ich habe die Kollegen in Kopie gesetzt, damit alle auf dem gleichen Stand sind.
Den Schlüssel finden Sie beim Nachbarn im Erdgeschoss.
Falls etwas unklar ist, rufen Sie mich gern an.
Bitte leiten Sie die Unterlagen an die Buchhaltung weiter.
Wir freuen uns auf das Treffen und bringen Kuchen mit.
Antworten Sie einfach auf diese E-Mail, wenn Sie nicht kommen können.
Ihr Paket liegt seit gestern in der Filiale am Markt.
Wir haben Ihr Kündigungsschreiben erhalten und bestätigen das Ende zum 30. Juni.
Löschen Sie bitte die alte Version, in der Tabelle war ein Fehler.
Ihr Zugang zum Kundenportal wurde eingerichtet.
Das Angebot gilt bis zum Ende des Monats.
Im Anhang ist auch die Anfahrt beschrieben.
Für die Feier brauchen wir noch zwei Bänke und einen Grill.
Vergessen Sie bitte meine letzte Mail, ich hatte den falschen Anhang erwischt.
""",
    "news": """
Der Stadtrat hat den Haushalt für das kommende Jahr mit knapper Mehrheit beschlossen.
Nach dem Unwetter blieb die Strecke zwischen Ulm und Augsburg stundenlang gesperrt.
Die Polizei sucht Zeugen eines Unfalls auf der Bundesstraße.
Der Verein verlor das dritte Spiel in Folge und entließ den Trainer.
Forschende aus Jena haben eine neue Käferart beschrieben.
Die Preise für Butter sind im Herbst erneut gestiegen.
Die Gewerkschaft ruft für Freitag zum Warnstreik auf.
Ein Sprecher wies die Vorwürfe als haltlos zurück.
Angreifer haben Daten eines Krankenhauses verschlüsselt und Lösegeld verlangt.
Das Museum zeigt bis Januar Zeichnungen aus dem Nachlass der Malerin.
Der Konzern baut in den nächsten zwei Jahren 400 Stellen ab.
Am Wochenende wird es mild, im Süden zieht Regen auf.
Das Gericht gab der Klage einer Anwohnerin gegen den Lärm statt.
Die Ministerin kündigte strengere Regeln für künstliche Intelligenz an.
In der Altstadt eröffnet nach langem Umbau die Markthalle.
Mehrere Tausend Menschen demonstrierten friedlich vor dem Rathaus.
Der Roman erzählt von drei Schwestern, die ein Hotel erben.
Experten warnen vor gefälschten Nachrichten im Namen der Sparkasse.
""",
    "ticket": """
Seit dem letzten Update stürzt die App beim Start ab.
Ich kann mich nicht anmelden, obwohl das Passwort stimmt.
Der Drucker meldet Papierstau, es ist aber keiner zu sehen.
Mein Konto wurde nach drei Fehlversuchen gesperrt.
Die Rechnung wird doppelt angezeigt, einmal mit falschem Datum.
Bitte setzen Sie meine Zwei-Faktor-Anmeldung zurück, das alte Handy ist kaputt.
In Firefox wird der Knopf zum Speichern nicht angezeigt.
Nach dem Neustart waren alle Einstellungen weg.
Als Administratorin sehe ich die neuen Benutzer nicht in der Liste.
Wir haben den Cache geleert und den Fehler behoben.
Der Export als CSV enthält keine Umlaute.
Können Sie mir sagen, wann die Störung behoben ist?
Die Lieferung kam ohne die bestellten Schrauben an.
Der Kundendienst bat mich, die Seriennummer durchzugeben.
Das WLAN bricht jeden Abend gegen neun ab.
Ich möchte mein Abo kündigen und das Guthaben erstattet bekommen.
Wie lösche ich meine Daten vollständig aus Ihrem System?
Das Gerät piept dreimal und schaltet sich dann aus.
""",
    "talk": """
Na, wie war dein Wochenende?
Ich glaube, ich habe den Herd angelassen.
Kannst du auf dem Heimweg noch Brot mitbringen?
Meine Oma hat mir früher immer Märchen vorgelesen.
Ehrlich gesagt fand ich den Film ziemlich langweilig.
Guten Morgen zusammen, der Kaffee ist fertig.
Das ist mir jetzt aber peinlich.
Wir sind umgezogen und suchen einen Kinderarzt.
Herzlichen Glückwunsch zum Geburtstag, alles Liebe!
Ich weiß nicht, ob ich den Job annehmen soll.
Der Hund der Nachbarn bellt die ganze Nacht.
Sag mal, hast du die Nummer vom Klempner?
Vergiss nicht, die Blumen zu gießen.
So ein Mist, der Bus ist weg.
Ich habe mein Passwort schon wieder vergessen.
Mach dir keine Sorgen, das wird schon.
Hör auf deine Schwester, sie hat recht.
Ich bin heute der Koch, ihr deckt den Tisch.
Danke dir, du hast mir sehr geholfen!
""",
    "how": """
Schalten Sie das Gerät aus und ziehen Sie den Stecker, bevor Sie das Gehäuse öffnen.
Den Teig eine Stunde an einem warmen Ort gehen lassen.
Halten Sie die Taste fünf Sekunden gedrückt, bis die Lampe grün blinkt.
Spülen Sie das Sieb nach jedem Gebrauch unter klarem Wasser aus.
Ziehen Sie eine Karte und legen Sie sie verdeckt vor sich ab.
Wer zuerst zehn Punkte hat, gewinnt die Runde.
Nehmen Sie täglich eine Tablette mit viel Flüssigkeit ein.
Überspringen Sie diesen Schritt, wenn Sie die App bereits installiert haben.
Tragen Sie beim Schleifen eine Schutzbrille.
Die Zwiebeln fein würfeln und in Butter glasig dünsten.
Geben Sie den Code ein, den wir Ihnen per SMS geschickt haben.
Folgen Sie der Straße bis zur Kirche und biegen Sie dann links ab.
Setzen Sie das Gerät auf die Werkseinstellungen zurück.
Aus der Reihe tanzen darf nur, wer eine Sechs würfelt.
Den Ofen auf 200 Grad vorheizen und das Blech einfetten.
Notieren Sie das Passwort nicht auf einem Zettel am Bildschirm.
""",
    "code": """
Wie lese ich in Python eine Datei zeilenweise ein?
Warum gibt meine Funktion immer None zurück?
Schreib mir einen regulären Ausdruck für deutsche Postleitzahlen.
Was macht der Befehl git reset --hard genau?
Der Compiler meldet einen Fehler in Zeile 42, die Variable sei nicht deklariert.
Wie speichert man Passwörter sicher, reicht ein Hash ohne Salt?
Erkläre mir den Unterschied zwischen einem Prozess und einem Thread.
In der Konfiguration steht der Pfad zum Zertifikat.
Wie verhindere ich SQL-Injection in meinem Formular?
Kannst du den Code kommentieren, ohne ihn zu ändern?
Wie überschreibe ich eine geerbte Methode?
Der Test schlägt fehl, weil die Systemzeit nicht stimmt.
Was ist der Entwicklermodus im Browser, und wie öffne ich ihn?
Welche Rolle braucht ein Benutzer, um Tabellen anzulegen?
Wie entferne ich alle Leerzeichen am Ende einer Zeile?
""",
}

ITALIAN: Mapping[str, str] = {
    "office": """
Si prega di assicurarsi che solo il personale autorizzato acceda alla sala server.
Le domande vanno presentate complete e firmate entro il 31 marzo.
Le credenziali di accesso non devono essere comunicate a terzi.
Si avvisa che è vietato l'ingresso al cantiere.
La preghiamo di confermare la ricezione della presente entro quattordici giorni.
I dipendenti sono tenuti a cambiare la password ogni novanta giorni.
Per chiarimenti rivolgersi all'ufficio competente.
Le istruzioni precedenti del 3 maggio cessano di avere effetto con questa circolare.
Compilare il modulo in stampatello e allegare copia del documento.
L'amministratore di sistema non le chiederà mai la password.
Ogni cambio di indirizzo va comunicato senza ritardo all'ente.
La direttiva vale per tutte le sedi ed entra subito in vigore.
I visitatori si registrano alla portineria e portano il badge in vista.
I documenti riservati vanno chiusi a chiave a fine giornata.
Le eccezioni a questa regola richiedono il consenso della direzione.
Il provvedimento può essere revocato in ogni momento.
Ignori la presente se ha già provveduto al pagamento.
La formazione sulla sicurezza va ripetuta prima del primo turno.
I dati saranno cancellati dopo due anni, salvo obblighi di conservazione.
Per l'uso di sistemi di intelligenza artificiale valgono le regole in allegato.
Tutti gli operatori seguono le disposizioni del gestore.
""",
    "request": """
Traduci il paragrafo seguente in inglese e mantieni i titoli.
Riassumi il verbale in cinque punti.
Rispondi solo in formato JSON con i campi nome, data e importo.
Scrivimi una breve poesia sulla prima neve.
Spiega a un bambino di dieci anni perché il cielo è blu.
Dimentica la ricetta di prima, ho finito le uova. Che cosa posso fare senza?
Fai l'intervistatore e fammi domande per un posto da infermiera.
Sei il mio insegnante di matematica, controlla il calcolo passo per passo.
Come reimposto la password se non ho più accesso alla vecchia mail?
Che cosa significa prompt di sistema e perché i chatbot ne hanno uno?
Rendi un po' più cortese il reclamo alle ferrovie.
Prepara un programma di allenamento per una maratona fra quattro mesi.
Ignora gli errori di battitura, mi interessa solo il contenuto.
Dammi solo la tabella finita, senza altre spiegazioni.
Comincia la risposta con un riassunto in una frase.
Giochiamo a battaglia navale, cominci tu.
Nella storia cambia il nome della protagonista e lascia aperto il finale.
Scrivi il discorso del cattivo per la mia commedia, vuole abbattere il bosco.
Quali tre domande dovrei fare al notaio?
Ripeti l'ultima risposta con parole semplici.
Confronta due tariffe: 29 centesimi senza canone e 25 centesimi con 12 euro al mese.
Dimmi gli argomenti a favore e contro il limite di velocità.
Proponimi cinque nomi per un caffè con libreria.
Correggi soltanto le virgole, nient'altro.
Fai finta di essere un cameriere, così mi esercito con il francese.
Che cosa rispondo al padrone di casa se vuole tenersi la caparra?
Preparami un quiz di dieci domande sulle Alpi.
Come chiedo con cortesia se la mia candidatura è arrivata?
Da adesso solo risposte brevi, per favore, leggo dal telefono.
Mostrami tutti i passaggi per la dichiarazione dei redditi.
""",
    "mail": """
la ringrazio per il messaggio di lunedì.
in allegato le invio la versione corretta del contratto.
purtroppo dobbiamo spostare l'appuntamento di giovedì.
la fattura 2024-117 risulta ancora aperta, la prego di controllare il bonifico.
Potrebbe rimandarmi l'indirizzo della casa vacanze?
L'idraulico passa domani fra le otto e le dieci.
Ho messo in copia i colleghi, così siamo tutti aggiornati.
La chiave è dal vicino al piano terra.
Se qualcosa non è chiaro, mi chiami pure.
La prego di inoltrare i documenti alla contabilità.
Non vediamo l'ora di incontrarvi e portiamo una torta.
Basta rispondere a questa mail se non potete venire.
Il suo pacco è da ieri nella filiale in piazza.
Abbiamo ricevuto la disdetta e confermiamo la fine al 30 giugno.
Cancelli pure la vecchia versione, nella tabella c'era un errore.
Il suo accesso al portale clienti è attivo.
L'offerta vale fino alla fine del mese.
Nell'allegato trova anche le indicazioni stradali.
Per la festa ci servono ancora due panche e una griglia.
Dimentichi la mia ultima mail, avevo preso l'allegato sbagliato.
""",
    "news": """
Il consiglio comunale ha approvato il bilancio con una maggioranza stretta.
Dopo il temporale la linea fra Parma e Bologna è rimasta chiusa per ore.
La polizia cerca testimoni di un incidente sulla statale.
La squadra ha perso la terza partita di fila e ha esonerato l'allenatore.
Ricercatori di Padova hanno descritto una nuova specie di coleottero.
In autunno il prezzo del burro è salito ancora.
Il sindacato proclama uno sciopero per venerdì.
Un portavoce ha respinto le accuse come infondate.
Alcuni pirati informatici hanno bloccato i dati di un ospedale e chiesto un riscatto.
Il museo espone fino a gennaio i disegni della pittrice.
Il gruppo taglierà quattrocento posti nei prossimi due anni.
Nel fine settimana tempo mite, al sud arriva la pioggia.
Il tribunale ha accolto il ricorso di una residente contro il rumore.
La ministra annuncia regole più severe per l'intelligenza artificiale.
In centro riapre il mercato coperto dopo lunghi lavori.
Migliaia di persone hanno manifestato in pace davanti al municipio.
Il romanzo racconta di tre sorelle che ereditano un albergo.
Gli esperti avvertono: girano messaggi falsi a nome della banca.
""",
    "ticket": """
Dopo l'ultimo aggiornamento l'app si chiude all'avvio.
Non riesco ad accedere anche se la password è giusta.
La stampante segnala carta inceppata, ma non si vede nulla.
Il mio account è stato bloccato dopo tre tentativi.
La fattura compare due volte, una con la data sbagliata.
Vi prego di reimpostare la verifica in due passaggi, il vecchio telefono è rotto.
Con Firefox il pulsante per salvare non appare.
Dopo il riavvio sono sparite tutte le impostazioni.
Come amministratrice non vedo i nuovi utenti nell'elenco.
Abbiamo svuotato la cache e risolto l'errore.
L'esportazione in CSV non contiene gli accenti.
Sapete dirmi quando sarà risolto il guasto?
La consegna è arrivata senza le viti ordinate.
L'assistenza mi ha chiesto il numero di serie.
Il wifi cade ogni sera verso le nove.
Vorrei disdire l'abbonamento e riavere il credito.
Come cancello del tutto i miei dati dal vostro sistema?
L'apparecchio suona tre volte e poi si spegne.
""",
    "talk": """
Allora, com'è andato il fine settimana?
Credo di aver lasciato acceso il forno.
Tornando a casa puoi prendere il pane?
Mia nonna mi leggeva sempre le fiabe.
A dire il vero il film mi è sembrato noioso.
Buongiorno a tutti, il caffè è pronto.
Che figura, mi vergogno proprio.
Abbiamo cambiato casa e cerchiamo un pediatra.
Tanti auguri di buon compleanno, un abbraccio!
Non so se accettare quel lavoro.
Il cane dei vicini abbaia tutta la notte.
Senti, hai il numero dell'elettricista?
Non dimenticare di annaffiare i fiori.
Accidenti, l'autobus è già passato.
Ho dimenticato di nuovo la password.
Non ti preoccupare, andrà tutto bene.
Ascolta tua sorella, ha ragione lei.
Oggi cucino io, voi apparecchiate.
Grazie mille, mi hai aiutato tanto!
Ciao, come stai? È da un po' che non ci sentiamo.
""",
    "how": """
Spegnere l'apparecchio e staccare la spina prima di aprire il coperchio.
Lasciar lievitare l'impasto per un'ora in un luogo caldo.
Tenere premuto il tasto per cinque secondi finché la luce verde lampeggia.
Sciacquare il filtro sotto l'acqua dopo ogni uso.
Pescate una carta e posatela coperta davanti a voi.
Chi arriva prima a dieci punti vince la mano.
Prendere una compressa al giorno con molta acqua.
Saltate questo passaggio se avete già installato l'app.
Per levigare indossare gli occhiali protettivi.
Tritare la cipolla e farla appassire nel burro.
Inserite il codice che vi abbiamo mandato per SMS.
Seguite la strada fino alla chiesa e poi girate a sinistra.
Riportare il dispositivo alle impostazioni di fabbrica.
Può uscire dalla casella solo chi tira un sei.
Scaldare il forno a 200 gradi e ungere la teglia.
Non annotate la password su un foglietto accanto allo schermo.
""",
    "code": """
Come leggo un file riga per riga in Python?
Perché la mia funzione restituisce sempre None?
Scrivimi un'espressione regolare per il CAP italiano.
Che cosa fa di preciso il comando git reset --hard?
Il compilatore segnala un errore alla riga 42, la variabile non è dichiarata.
Come si salvano le password in modo sicuro, basta un hash senza sale?
Spiegami la differenza fra processo e thread.
Nella configurazione c'è il percorso del certificato.
Come evito la SQL injection nel mio modulo?
Puoi commentare il codice senza cambiarlo?
Come sovrascrivo un metodo ereditato?
Il test fallisce perché l'ora di sistema è sbagliata.
Che cos'è la modalità sviluppatore del browser e come si apre?
Quale ruolo serve a un utente per creare tabelle?
Come tolgo gli spazi alla fine di una riga?
""",
}

OPENINGS = {
    "de": (
        "Guten Tag,",
        "Hallo zusammen,",
        "Sehr geehrte Frau Lindner,",
        "Lieber Herr Brandt,",
        "Hi,",
        "Moin,",
        "",
        "",
    ),
    "it": (
        "Buongiorno,",
        "Ciao a tutti,",
        "Gentile signora Ferri,",
        "Egregio dottor Conti,",
        "Salve,",
        "Ciao,",
        "",
        "",
    ),
}
CLOSES = {
    "de": (
        "Mit freundlichen Grüßen\nA. Vogt",
        "Viele Grüße",
        "Danke und bis bald!",
        "Besten Dank im Voraus",
        "",
        "",
        "",
    ),
    "it": ("Cordiali saluti\nA. Volpi", "Un saluto", "Grazie e a presto!", "Grazie in anticipo", "", "", ""),
}
MANY: Mapping[str, Mapping[str, Sequence[str]]] = {
    code: {kind: tuple(block.strip().splitlines()) for kind, block in blocks.items()}
    for code, blocks in (("de", GERMAN), ("it", ITALIAN))
}
FEW: Mapping[str, Mapping[str, Sequence[str]]] = {
    code: dict(zip(("request", "news"), (line.split(" | ") for line in block.strip().splitlines()), strict=True))
    for code, block in MORE.items()
}
KINDS = {**MANY, **FEW}
EVERYDAY: Mapping[str, Sequence[str]] = {
    code: tuple(sentence for block in blocks.values() for sentence in block) for code, blocks in KINDS.items()
}
NONE = ("",)
OF_DOCUMENTS = ("office", "mail", "news", "how")
"""Kinds that stand in documents and give nobody's model a task; the others are masked there."""


def of_documents(code: str) -> list[str]:
    """The sentences of a language that documents have."""
    return [sentence for kind in OF_DOCUMENTS for sentence in KINDS.get(code, {}).get(kind, ())]


def everyday_rows(rng: random.Random, *, each: int) -> list[Example]:
    """All sentences alone, and about `each` short and as many long texts of every kind and language, fewer of those with few."""
    return [row for code in KINDS for row in _of(code, rng, each if code in MANY else each // 3)]


def _of(code: str, rng: random.Random, each: int) -> Iterator[Example]:
    for kind, sentences in KINDS[code].items():
        texts = {sentence[0].upper() + sentence[1:] for sentence in sentences} | set(sentences)
        texts |= {" ".join(rng.sample(sentences, min(len(sentences), rng.randrange(2, 4)))) for _ in range(each)}
        texts |= {_long(sentences, code, rng) for _ in range(each)}
        yield from (_row(text, kind, code) for text in sorted(texts))
    yield from (_row(text, kind, code) for kind, text in PARAGRAPHS.get(code, ()))


def _long(sentences: Sequence[str], code: str, rng: random.Random) -> str:
    """400 to 1,500 characters of one kind, as a letter, a list or a paragraph."""
    chosen = rng.sample(sentences, min(len(sentences), rng.randrange(6, 17)))
    mark = rng.choice((" ", " ", "\n", "\n- ", "\n\n"))
    body = (mark.lstrip("\n") if "-" in mark else "") + mark.join(chosen)
    return "\n\n".join(
        part for part in (rng.choice(OPENINGS.get(code, NONE)), body, rng.choice(CLOSES.get(code, NONE))) if part
    )


def _row(text: str, kind: str, code: str) -> Example:
    if kind in OF_DOCUMENTS:
        return Example(text, SOURCE, "document", (0, 1.0), (0, 1.0), language=code, is_window=len(text) <= 240)
    return Example(text, SOURCE, "benign", (0, 1.0), language=code, is_window=len(text) <= 240)
