"""Names in running text of twenty languages: people, places and bodies as that language's newspapers print them.

Sentences are natural to the language, names stand in its script and, where it inflects, in the case that the sentence
asks for. Much that is written with a capital is no name: nouns in German, products, titles, days; nationalities are
groups and no places. Some sentences have no names at all.
"""

from __future__ import annotations

import dataclasses
import random

from training.encoder.rows import Example
from training.encoder.synthetic.marked import filled

SOURCE = "own:papers"


@dataclasses.dataclass(frozen=True)
class Paper:
    """One language's names, in lists split at commas, and its sentences.

    `people` are `given,given|family,family`, more such pairs behind a semicolon, so that given and family names agree in
    gender. What stands before a `|` in a date is no part of it. `of_people`, `in_places` and `of_bodies` are the same in the case that follows the preposition in the frames.
    """

    people: str
    places: str
    bodies: str
    nationals: str
    dates: str
    frames: tuple[str, ...]
    of_people: str = ""
    in_places: str = ""
    of_bodies: str = ""
    joint: str = " "
    family_first: bool = False


PAPERS = {
    "de": Paper(
        "Jürgen,Thomas,Stefan,Karl-Heinz,Mehmet,Sabine,Annette,Monika,Lena,Jan,Ursula,Friedrich,Svenja,Uwe|Müller,Schneider,Weiß,Özdemir,Hofmann,Becker,von der Heide,Krause,Lindner-Schulz,Wagner,Böhm,Schäfer,Zimmermann,Vogt,Koch,Richter,Jäger",
        "Berlin,Hamburg,München,Köln,Frankfurt am Main,Stuttgart,Leipzig,Dresden,Bremen,Graz,Wien,Zürich,Bern,Basel,Innsbruck,Bayern,Sachsen,Nordrhein-Westfalen,Deutschland,Österreich,Frankreich,Polen,Europa,Afrika,Kreuzberg,Göttingen,Garmisch-Partenkirchen,Bodensee,Ukraine,Israel,China",
        "Siemens,Volkswagen,Deutsche Bahn,Deutsche Bank,SPD,CDU,FDP,AfD,Bundesverfassungsgericht,Bundestag,Bayern München,Borussia Dortmund,FC St. Pauli,Hertha BSC,Spiegel,Süddeutsche Zeitung,ARD,Universität Heidelberg,Max-Planck-Institut,Bundeswehr,Lufthansa,SAP,Caritas,Verdi,Robert-Koch-Institut,Stadtwerke Kiel,Europäische Union,Nato,Greenpeace,TSV Havelse,Allianz",
        "deutsche,französische,türkische,russische,polnische,amerikanische,ukrainische,jüdische,syrische,italienische,katholische,muslimische",
        "am |Montag,Dienstag,Mittwoch,Freitagabend,Sonntag,im |März,12. Mai 2021,2019,gestern,vergangene Woche,Anfang Oktober,morgen,3. Januar,Sommer 2022,kommenden Donnerstag",
        (
            "<P>, Vorsitzende[r|] der Partei, sagte <D> in <L>, [die Regierung habe keine Zeit mehr|der Haushalt sei eine Katastrophe|die Mieten müssten sinken].",
            "Die Polizei in <L> [sucht|fand|verhörte] [einen Mann|zwei Zeugen], wie [ein Sprecher|die Staatsanwaltschaft] <D> mitteilte.",
            "Der Vorstand von <O> hat <P> zum neuen Chef der Abteilung Forschung ernannt.",
            "Bundeskanzler <P> traf in <L> die <N> Präsidentin <P>.",
            "Das <N> Unternehmen <O> [schließt|eröffnet|verkauft] sein Werk in <L>[, berichtet <O>|].",
            "Nach Angaben von <O> [stieg|sank] der Umsatz um vier Prozent[, der Gewinn blieb gleich|].",
            "Dr. <P> von <O> [warnt vor einer neuen Welle|hält die Zahlen für falsch|leitet die Studie].",
            "Zwischen <L> und <L> fallen bis <D> alle Züge aus.",
            "Trainer <P> [verlässt|lobt|wechselt zu] <O>, der Verein spielt <D> in <L>.",
            "Im Bundesland gilt seit <D> eine neue Verordnung für Hunde, Katzen und Pferde.",
            "Meine Schwester <P> wohnt in <L> und arbeitet bei <O>.",
            "[Der Winter|Das Wetter|Die Straße|Der Bus|Die Schule|Das Gericht] [war|bleibt|ist] [kalt|geschlossen|zu spät|voll], [und die Kinder blieben zu Hause|aber der Bäcker hatte offen].",
            "Bitte öffnen Sie das Fenster, prüfen Sie die Einstellungen im Menü Datei und drücken Sie die Taste Eingabe.",
            "Ich habe mir [einen Golf|ein Galaxy S23|eine Tasse Tee|einen Thermomix] gekauft, die Rechnung liegt beim Buchhalter.",
            "<P> (<O>) und <P> stritten im Fernsehen über Renten, Steuern und Schulen.",
            "Die Autorin <P>, geboren in <L>, erhielt <D> den Preis für ihren Roman über die Liebe und den Krieg.",
            "Frau <P> und Herr <P> haben den Mietvertrag für die Wohnung in <L> unterschrieben.",
        ),
    ),
    "fr": Paper(
        "Jean-Luc,Marie,Camille,Nicolas,Amélie,Rachid,Élodie,François,Sylvie,Thierry,Aurélie,Mamadou,Hélène,Benoît|Dupont,Lefebvre,Moreau,Benali,Girard,de Villiers,Rousseau,Fontaine,Mercier,Diallo,Chevalier,Le Gall,Bonnet,Garnier,Marchand",
        "Paris,Lyon,Marseille,Toulouse,Bordeaux,Lille,Strasbourg,Saint-Étienne,Nice,Bruxelles,Genève,Montréal,Dakar,Abidjan,Alger,Bretagne,Normandie,France,Belgique,Sénégal,Maroc,Ukraine,Seine-Saint-Denis,Aix-en-Provence,Corse,Europe",
        "Renault,TotalEnergies,SNCF,Air France,BNP Paribas,Assemblée nationale,Conseil constitutionnel,Sénat,Parti socialiste,Rassemblement national,La France insoumise,Olympique de Marseille,Paris Saint-Germain,Stade rennais,Le Monde,Libération,Agence France-Presse,CNRS,Université de Nantes,Médecins sans frontières,Union européenne,Carrefour,Orange,Institut Pasteur,CGT,Airbus,TF1",
        "français,belges,algériens,américains,allemands,sénégalais,russes,musulmans,catholiques,ukrainiens,espagnols",
        "lundi,mardi soir,vendredi,le |14 juillet 2020,en |mars,2018,hier,la semaine dernière,jeudi matin,début octobre,samedi,demain",
        (
            "<P>, [maire|député|avocate|boulangère] à <L>, [a annoncé|regrette|a démissionné] <D> [sa candidature|la fermeture de l'usine|après le vote].",
            "Selon <O>, [le chômage a baissé de deux points|les prix ont doublé|la grève continue] à <L>.",
            "Le ministre <P> s'est rendu à <L> <D> pour rencontrer <P>.",
            "« [Nous ne céderons pas|C'est une honte|Il faut attendre] », [a déclaré|répond|explique] <P>, [porte-parole|directeur|présidente] de <O>.",
            "<O> va supprimer trois cents postes sur son site de <L>.",
            "Les électeurs <N> sont appelés aux urnes <D>.",
            "L'entraîneur <P> quitte <O>, [battu à <L>|deuxième du championnat], <D>.",
            "Mme <P> et M. <P> habitent à <L>, près de la gare.",
            "Entre <L> et <L>, le trafic reprendra <D>, indique <O>.",
            "Le professeur <P>, de <O>, étudie [les volcans|la grippe|les abeilles] depuis <D>.",
            "[Le président|La cour|Le syndicat|Une voisine] a dit que [la réunion|le marché|la route] serait [reportée|fermé|coupée], sans donner de raison.",
            "J'ai acheté [une Clio|un iPhone|un pain au chocolat] et j'ai perdu la facture, pouvez-vous m'aider ?",
            "Née à <L>, <P> a publié <D> un roman sur la guerre et l'amour.",
            "Bonjour, je suis <P>, je vous écris de <L> au sujet de ma commande.",
            "<O> et <O> ont signé un accord à <L>.",
            "Des touristes <N> ont été blessés dans un accident de car près de <L>.",
        ),
    ),
    "es": Paper(
        "José Luis,María,Carmen,Javier,Lucía,Pedro,Ana Belén,Íñigo,Francisco,Ximena,Guadalupe,Martín,Rosario,Álvaro|García,Fernández López,Rodríguez,Muñoz,Etxeberria,Hernández,Puig,Castro Ruiz,Morales,Vázquez,Ibáñez,Quiroga,Salazar,de la Fuente,Ortega",
        "Madrid,Barcelona,Sevilla,Valencia,Bilbao,Zaragoza,Málaga,Ciudad de México,Monterrey,Bogotá,Lima,Buenos Aires,Santiago,Quito,Andalucía,Galicia,España,México,Argentina,Colombia,Venezuela,Chile,La Habana,San Sebastián,Castilla y León,América Latina,Pirineos",
        "Telefónica,Iberdrola,Banco Santander,PSOE,Partido Popular,Vox,Congreso de los Diputados,Tribunal Supremo,Guardia Civil,El País,La Vanguardia,Real Madrid,Atlético de Madrid,Athletic Club,Sevilla FC,Universidad de Salamanca,Cruz Roja,Renfe,Pemex,Boca Juniors,Clarín,Inditex,Unión Europea,ONU,Ayuntamiento de Valencia,Banco de España,Seat",
        "españoles,mexicanos,colombianos,catalanes,vascos,venezolanos,marroquíes,franceses,argentinos,católicos,estadounidenses",
        "el |lunes,este |martes,el |12 de octubre de 2021,en |marzo,2017,ayer,la semana pasada,el |viernes por la noche,mañana,a principios de enero,el |domingo",
        (
            "<P>, [alcalde|concejala|vecina|portavoz del sindicato] de <L>, [anunció|criticó|aseguró] <D> [la subida de impuestos|que no dimitirá|el cierre del hospital].",
            "La policía detuvo <D> en <L> a dos hombres [acusados de robo|tras una pelea].",
            "Según <O>, [la inflación bajó|las exportaciones crecieron|el paro subió] un tres por ciento.",
            "«[No nos rendiremos|Fue un milagro|Hay que esperar]», [dijo|explicó|respondió] <P>, [presidenta|director|abogado] de <O>.",
            "El presidente <P> viajará a <L> <D> para reunirse con <P>.",
            "<O> [ganó|perdió|empató] en <L> con dos goles de <P>.",
            "Turistas <N> visitan <L> cada verano.",
            "<O> despedirá a cuatrocientos trabajadores en <L> y <L>.",
            "El doctor <P>, investigador de <O>, estudia el cerebro desde <D>.",
            "La carretera entre <L> y <L> estará cortada hasta <D>.",
            "[El tribunal|El gobierno|Una testigo|El banco] dijo que [la sesión|el partido|la ley] [se aplazaría|era nula], y nadie protestó.",
            "He comprado [un Ibiza|una PlayStation|dos kilos de naranjas] y quiero devolverlo, ¿cómo lo hago?",
            "Me llamo <P> y vivo en <L>, trabajo en <O>.",
            "Nacida en <L>, <P> publicó <D> su primera novela.",
            "Los migrantes <N> esperan en <L>, denuncia <O>.",
            "Don <P> y doña <P> vendieron la casa de <L> <D>.",
        ),
    ),
    "it": Paper(
        "Giuseppe,Francesca,Luca,Giulia,Marco,Alessandra,Paolo,Chiara,Matteo,Giorgia,Salvatore,Elena,Davide,Concetta|Rossi,Bianchi,Esposito,Ferrari,De Luca,Romano,Conti,Della Valle,Ricci,Lombardi,Mancini,D'Angelo,Greco,Sartori,Fontana",
        "Roma,Milano,Napoli,Torino,Palermo,Bologna,Firenze,Venezia,Bari,Genova,Verona,Sicilia,Toscana,Lombardia,Italia,Francia,Svizzera,Sardegna,Reggio Calabria,L'Aquila,Bruxelles,Lampedusa,Ucraina,Libia,Puglia",
        "Fiat,Eni,Enel,Poste Italiane,Intesa Sanpaolo,Partito Democratico,Lega,Fratelli d'Italia,Movimento 5 Stelle,Corte costituzionale,Camera dei deputati,Corriere della Sera,la Repubblica,Ansa,Juventus,Inter,Milan,Napoli Calcio,Hellas Verona,Università di Bologna,Croce Rossa,Trenitalia,Confindustria,Banca d'Italia,Unione europea,Rai,Ferrero",
        "italiani,francesi,tedeschi,libici,ucraini,cinesi,cattolici,musulmani,albanesi,americani,siciliani",
        "lunedì,martedì sera,il |3 marzo 2020,in |agosto,2016,ieri,la settimana scorsa,venerdì,domani,a fine ottobre,domenica mattina",
        (
            "<P>, [sindaco|assessora|avvocato|pescatore] di <L>, ha [annunciato|criticato|difeso] <D> [il nuovo piano|la chiusura della scuola|le dimissioni].",
            "Secondo <O>, [i prezzi sono saliti|la disoccupazione cala|lo sciopero continua] a <L>.",
            "«[Non ci fermeremo|È una vergogna|Serve tempo]», [dice|spiega|ha risposto] <P>, [presidente|portavoce|direttrice] di <O>.",
            "Il ministro <P> è arrivato a <L> <D> per incontrare <P>.",
            "<O> batte <O> a <L>, decide un gol di <P> nel finale.",
            "<O> chiude lo stabilimento di <L>, a rischio trecento operai.",
            "I turisti <N> tornano a <L>.",
            "La dottoressa <P>, di <O>, studia i vulcani dal <D>.",
            "Treni fermi tra <L> e <L> fino a <D>, fa sapere <O>.",
            "[Il tribunale|Il governo|La squadra|Un testimone] ha detto che [la riunione|la partita|la legge] era [finita|rinviata], e tutti sono andati a casa.",
            "Ho comprato [una Panda|un iPad|due chili di mele] e vorrei sapere come si fa il reso.",
            "Mi chiamo <P>, vivo a <L> e lavoro per <O>.",
            "Nata a <L>, <P> ha scritto un romanzo sulla guerra.",
            "La signora <P> e il signor <P> hanno venduto la casa di <L>.",
            "Migranti <N> sbarcati a <L>, lo riferisce <O>.",
        ),
    ),
    "pt": Paper(
        "João,Maria Clara,Ana,Rui,Tiago,Fernanda,Luiz Carlos,Beatriz,António,Catarina,Paulo,Jussara,Gonçalo,Márcia|Silva,Santos,Oliveira,Pereira,da Costa,Souza Lima,Ferreira,Almeida,Carvalho,Gomes,Ribeiro,Nascimento,Figueiredo,dos Reis",
        "Lisboa,Porto,Coimbra,Braga,Faro,São Paulo,Rio de Janeiro,Brasília,Salvador,Recife,Belo Horizonte,Porto Alegre,Luanda,Maputo,Portugal,Brasil,Angola,Moçambique,Algarve,Minas Gerais,Bahia,Amazônia,Espanha,Curitiba,Açores",
        "Petrobras,Vale,Banco do Brasil,Caixa Geral de Depósitos,Supremo Tribunal Federal,Polícia Federal,Câmara dos Deputados,Partido dos Trabalhadores,PSD,PS,Benfica,Sporting,FC Porto,Flamengo,Corinthians,Folha de S.Paulo,Público,Globo,Universidade de Coimbra,USP,TAP,Cruz Vermelha,Embraer,Assembleia da República,União Europeia,Magazine Luiza",
        "portugueses,brasileiros,angolanos,moçambicanos,indígenas,evangélicos,espanhóis,americanos,ucranianos,argentinos",
        "na |segunda-feira,terça-feira,em |25 de abril de 2019,em |março,2015,ontem,na |semana passada,sexta-feira à noite,amanhã,no fim de outubro,domingo",
        (
            "<P>, [prefeito|vereadora|advogado|pescadora] de <L>, [disse|anunciou|negou] <D> que [as obras vão parar|não vai renunciar|a escola fecha].",
            "A polícia prendeu <D> dois homens em <L>, [informou|segundo] <O>.",
            "“[Não vamos desistir|Foi um susto|É preciso esperar]”, [afirmou|explica|respondeu] <P>, [presidente|diretora|porta-voz] de <O>.",
            "O presidente <P> chega a <L> <D> para encontrar <P>.",
            "<O> vence <O> em <L> com gol de <P>.",
            "<O> vai fechar a fábrica de <L> e demitir quinhentos trabalhadores.",
            "Turistas <N> voltam a <L>.",
            "O professor <P>, de <O>, pesquisa abelhas desde <D>.",
            "A estrada entre <L> e <L> fica fechada até <D>.",
            "[O tribunal|O governo|A vizinha|O banco] disse que [a reunião|o jogo|a lei] [foi adiada|acabou], e ninguém reclamou.",
            "Comprei [um Gol|um celular|dois quilos de laranja] e quero trocar, como faço?",
            "Meu nome é <P>, moro em <L> e trabalho em <O>.",
            "Nascida em <L>, <P> lançou <D> seu primeiro romance.",
            "Dona <P> e seu <P> venderam a casa de <L>.",
            "Famílias <N> protestaram em <L>, relata <O>.",
        ),
    ),
    "nl": Paper(
        "Jan,Pieter,Sanne,Fatima,Willem,Annelies,Bram,Lotte,Kees,Mohammed,Femke,Ruud,Marieke,Joost|de Vries,Jansen,van den Berg,Bakker,El Amrani,Visser,van Dijk,Smit,Mulder,de Boer,Vermeulen,Peeters,Dekker,ter Horst",
        "Amsterdam,Rotterdam,Utrecht,Den Haag,Eindhoven,Groningen,Maastricht,Antwerpen,Gent,Brussel,Nederland,België,Limburg,Friesland,Suriname,Duitsland,Schiphol,Zeeland,Tilburg,'s-Hertogenbosch,Curaçao,Oekraïne",
        "Philips,Shell,ING,KLM,Nederlandse Spoorwegen,VVD,GroenLinks,PvdA,Tweede Kamer,Raad van State,Ajax,Feyenoord,PSV,FC Utrecht,Club Brugge,de Volkskrant,NRC,NOS,Universiteit Leiden,Rode Kruis,Albert Heijn,Europese Unie,Rijkswaterstaat,Gemeente Amsterdam,ASML",
        "Nederlandse,Belgische,Duitse,Turkse,Marokkaanse,Surinaamse,Oekraïense,Amerikaanse,Poolse",
        "maandag,dinsdagavond,3 maart 2021,in |april,2018,gisteren,vorige week,vrijdag,morgen,eind oktober,zondagochtend",
        (
            "<P>, [burgemeester|wethouder|bakker|woordvoerder] in <L>, [zei|vindt|ontkende] <D> dat [de plannen te duur zijn|hij niet opstapt|de school dichtgaat].",
            "De politie hield <D> in <L> twee mannen aan.",
            "Volgens <O> [stegen de prijzen|daalde de werkloosheid] met drie procent.",
            "„[We geven niet op|Dit is een schande|Het duurt nog even]”, [aldus|zegt] <P>, [voorzitter|directeur] van <O>.",
            "Premier <P> ontmoet <D> de <N> president <P> in <L>.",
            "<O> sluit de fabriek in <L>.",
            "<O> won van <O> door een doelpunt van <P>.",
            "Tussen <L> en <L> rijden tot <D> geen treinen, meldt <O>.",
            "Hoogleraar <P> van <O> onderzoekt bijen.",
            "[De rechter|Het kabinet|De buurvrouw|De bank] zei dat [de vergadering|de wedstrijd] [later begon|niet doorging], en iedereen ging naar huis.",
            "Ik heb [een Golf|een iPad|twee kilo appels] gekocht en wil die terugsturen.",
            "Ik ben <P>, ik woon in <L> en werk bij <O>.",
            "Mevrouw <P> en meneer <P> verkochten hun huis in <L>.",
            "Veel <N> toeristen komen <D> naar <L>.",
        ),
    ),
    "sv": Paper(
        "Anders,Karin,Lars,Ingrid,Johan,Fatima,Elsa,Per-Olof,Maja,Gustav,Åsa,Hassan,Birgitta|Andersson,Johansson,Lindqvist,Nilsson,Bergström,Öberg,Ek,Ali,Sjöberg,Holm,Åkesson,Lundgren",
        "Stockholm,Göteborg,Malmö,Uppsala,Umeå,Kiruna,Västerås,Sverige,Norge,Finland,Skåne,Norrland,Helsingfors,Gotland,Örebro,Ukraina,Södertälje",
        "Volvo,Ericsson,Ikea,SVT,Dagens Nyheter,Socialdemokraterna,Moderaterna,Riksdagen,Högsta domstolen,AIK,IFK Göteborg,Hammarby,Uppsala universitet,Röda korset,SJ,Vattenfall,Försäkringskassan,Göteborgs kommun,Systembolaget,EU",
        "svenska,norska,finska,ryska,samiska,tyska,syriska,amerikanska",
        "på |måndagen,i tisdags,3 mars 2021,2017,i går,förra veckan,fredag kväll,i morgon,i slutet av oktober,söndag",
        (
            "<P>, [kommunalråd|bagare|talesperson|lärare] i <L>, [säger|anser|förnekar] att [skolan ska stängas|planen är för dyr|hyrorna måste ner].",
            "Polisen grep <D> två män i <L>.",
            "Enligt <O> [steg priserna|sjönk arbetslösheten] med tre procent.",
            "– [Vi ger inte upp|Det är en skam|Det tar tid], säger <P>, [ordförande|chef] för <O>.",
            "Statsminister <P> träffar den <N> presidenten <P> i <L> <D>.",
            "<O> stänger fabriken i <L>.",
            "<O> slog <O> efter mål av <P>.",
            "Mellan <L> och <L> går inga tåg, meddelar <O>.",
            "Professor <P> vid <O> forskar om bin.",
            "[Domstolen|Regeringen|Grannen|Banken] sade att [mötet|matchen] var [över|inställd], och alla gick hem.",
            "Jag har köpt [en Golf|en iPad|två kilo äpplen] och vill lämna tillbaka.",
            "Jag heter <P>, bor i <L> och jobbar på <O>.",
        ),
    ),
    "da": Paper(
        "Lars,Mette,Søren,Anne,Jens,Kirsten,Mikkel,Aisha,Rasmus,Bodil,Frederik,Ida,Åge|Jensen,Nielsen,Hansen,Sørensen,Kjær,Østergaard,Madsen,Thomsen,Frandsen,Holst,Ahmed,Bruun",
        "København,Aarhus,Odense,Aalborg,Esbjerg,Danmark,Grønland,Færøerne,Jylland,Fyn,Bornholm,Nuuk,Sverige,Tyskland,Roskilde,Helsingør",
        "Novo Nordisk,Mærsk,Carlsberg,DSB,DR,Politiken,Jyllands-Posten,Socialdemokratiet,Venstre,Folketinget,Højesteret,Brøndby IF,FC København,AGF,Københavns Universitet,Røde Kors,Ørsted,Aarhus Kommune,Danske Bank,Lego",
        "danske,grønlandske,svenske,tyske,syriske,russiske,amerikanske",
        "mandag,tirsdag aften,3. marts 2021,2016,i går,sidste uge,fredag,i morgen,sidst i oktober,søndag",
        (
            "<P>, [borgmester|bager|talsmand|lærer] i <L>, [siger|mener|afviser], at [skolen skal lukke|planen er for dyr|huslejen skal ned].",
            "Politiet anholdt <D> to mænd i <L>.",
            "Ifølge <O> [steg priserne|faldt ledigheden] tre procent.",
            "»[Vi giver ikke op|Det er en skam|Det tager tid],« siger <P>, [formand|direktør] for <O>.",
            "Statsminister <P> mødte den <N> præsident <P> i <L>.",
            "<O> lukker fabrikken i <L>.",
            "<O> slog <O> efter mål af <P>.",
            "Mellem <L> og <L> kører der ingen tog, oplyser <O>.",
            "[Retten|Regeringen|Naboen|Banken] sagde, at [mødet|kampen] var [slut|aflyst], og alle gik hjem.",
            "Jeg har købt [en Golf|en iPad|to kilo æbler] og vil gerne levere den tilbage.",
            "Jeg hedder <P>, bor i <L> og arbejder hos <O>.",
            "Professor <P> fra <O> forsker i bier.",
        ),
    ),
    "pl": Paper(
        "Jan,Piotr,Tomasz,Krzysztof,Andrzej,Marek|Kowalski,Wiśniewski,Nowak,Lewandowski,Zieliński,Wójcik,Mazur,Dąbrowski;Anna,Katarzyna,Małgorzata,Agnieszka,Zofia|Kowalska,Wiśniewska,Nowak,Lewandowska,Zielińska,Wójcik,Dąbrowska",
        "Warszawa,Kraków,Gdańsk,Wrocław,Łódź,Poznań,Lublin,Katowice,Polska,Ukraina,Niemcy,Śląsk,Zakopane,Białystok,Szczecin,Litwa",
        "Orlen,PKO BP,PKP Intercity,Prawo i Sprawiedliwość,Platforma Obywatelska,Sejm,Senat,Trybunał Konstytucyjny,Legia Warszawa,Lech Poznań,Wisła Kraków,Gazeta Wyborcza,Rzeczpospolita,TVN,Uniwersytet Jagielloński,Polski Czerwony Krzyż,Allegro,Unia Europejska,NATO,Narodowy Bank Polski,LOT",
        "polscy,ukraińscy,niemieccy,rosyjscy,amerykańscy,żydowscy,białoruscy",
        "w |poniedziałek,we |wtorek,3 maja 2021,w |marcu,w |2018 roku,wczoraj,w |zeszłym tygodniu,w |piątek wieczorem,jutro,w |niedzielę",
        (
            "<P> [mówi|twierdzi|przypomina], że [podatki są za wysokie|szkoła zostanie zamknięta|rząd nie ma planu].",
            "Policja zatrzymała <D> dwóch mężczyzn w <I>.",
            "<O> [zamyka|otwiera|sprzedaje] fabrykę w <I>.",
            "Jak podaje <O>, [ceny wzrosły|bezrobocie spadło] o trzy procent.",
            "„[Nie poddamy się|To wstyd|Trzeba czekać]” – mówi <P>, [szef|rzecznik] organizacji w <I>.",
            "Prezydent spotkał się <D> w <I> z <Q>.",
            "Według <B> [winnych nie ma|straty są duże|wyniki będą <D>].",
            "Tymczasem <N> turyści wracają do kraju, a <L> znów tętni życiem.",
            "Trener <P> odchodzi z <B>, a <O> gra <D>.",
            "Profesor <P> z <B> bada pszczoły.",
            "[Sąd|Rząd|Sąsiadka|Bank] nie odpowiada, a [spotkanie|mecz] [odwołano|przełożono], więc wszyscy poszli do domu.",
            "Kupiłem [golfa|iPada|dwa kilo jabłek] i chcę zwrócić, jak to zrobić?",
            "Nazywam się <P>, mieszkam w <I>, pracuję dla <B>.",
            "Rozmowa z <Q>, reżyserem filmu o wojnie, ukaże się <D>.",
        ),
        of_people="Janem,Piotrem,Tomaszem,Markiem|Kowalskim,Wiśniewskim,Nowakiem,Lewandowskim;Anną,Katarzyną,Zofią|Kowalską,Wiśniewską,Zielińską",
        in_places="Warszawie,Krakowie,Gdańsku,Wrocławiu,Łodzi,Poznaniu,Lublinie,Katowicach,Polsce,Niemczech,Zakopanem,Białymstoku,Szczecinie,Rzeszowie,Londynie,Kijowie,Berlinie",
        of_bodies="Orlenu,Sejmu,Senatu,Trybunału Konstytucyjnego,Legii Warszawa,Lecha Poznań,Uniwersytetu Jagiellońskiego,Unii Europejskiej,Narodowego Banku Polskiego,Gazety Wyborczej,Polskiego Czerwonego Krzyża,Platformy Obywatelskiej",
    ),
    "cs": Paper(
        "Jan,Petr,Tomáš,Václav,Jiří|Novák,Svoboda,Dvořák,Procházka,Kučera,Černý,Havel;Jana,Eva,Lenka,Kateřina,Marie|Nováková,Svobodová,Dvořáková,Procházková,Černá,Kučerová",
        "Praha,Brno,Ostrava,Plzeň,Liberec,Olomouc,Česko,Morava,Slovensko,Bratislava,Ukrajina,Německo,Zlín,Karlovy Vary",
        "Škoda Auto,ČEZ,Česká národní banka,Poslanecká sněmovna,Ústavní soud,ODS,ANO,Sparta Praha,Slavia Praha,Baník Ostrava,Česká televize,Mladá fronta Dnes,Univerzita Karlova,Člověk v tísni,České dráhy,Evropská unie,NATO",
        "čeští,slovenští,němečtí,ruští,ukrajinští,američtí,romští",
        "v |pondělí,v |úterý,3. března 2021,v |březnu,v |roce 2018,včera,minulý týden,v |pátek večer,zítra,v |neděli",
        (
            "<P> [říká|tvrdí|připomíná], že [daně jsou moc vysoké|školu zavřou|vláda nemá plán].",
            "Policie <D> v <I> zadržela dva muže.",
            "<O> [zavírá|otevírá] továrnu v <I>.",
            "Podle <B> [ceny vzrostly|nezaměstnanost klesla] o tři procenta.",
            "„[Nevzdáme se|Je to ostuda|Musíme počkat],“ říká <P>, [ředitel|mluvčí] pobočky v <I>.",
            "Prezident se <D> setkal v <I> s <Q>.",
            "Mezitím <N> turisté míří domů, <L> je zase plná.",
            "Trenér <P> končí, <O> hraje <D> v <I>.",
            "Profesor <P> z <B> zkoumá včely.",
            "[Soud|Vláda|Sousedka|Banka] neodpovídá a [schůze|zápas] se odkládá, takže všichni šli domů.",
            "Koupil jsem [golfa|iPad|dvě kila jablek] a chci to vrátit, jak na to?",
            "Jmenuji se <P>, bydlím v <I> a pracuji pro <B>.",
            "Rozhovor s <Q> vyjde <D>.",
        ),
        of_people="Janem,Petrem,Tomášem,Jiřím|Novákem,Svobodou,Dvořákem,Procházkou,Černým;Janou,Evou,Lenkou|Novákovou,Svobodovou,Dvořákovou,Černou",
        in_places="Praze,Brně,Ostravě,Plzni,Liberci,Olomouci,Česku,Bratislavě,Německu,Zlíně,Karlových Varech,Vídni,Kyjevě,Londýně,Berlíně",
        of_bodies="České národní banky,Ústavního soudu,Poslanecké sněmovny,Univerzity Karlovy,České televize,Sparty Praha,Evropské unie,Českých drah,Českého statistického úřadu",
    ),
    "ru": Paper(
        "Иван,Сергей,Алексей,Дмитрий,Владимир,Андрей,Рустам|Иванов,Петров,Смирнов,Кузнецов,Соколов,Лебедев,Васильев,Ахметов;Анна,Елена,Ольга,Мария,Наталья|Иванова,Петрова,Смирнова,Кузнецова,Соколова,Лебедева,Ахметова",
        "Москва,Санкт-Петербург,Новосибирск,Екатеринбург,Казань,Самара,Владивосток,Россия,Украина,Сибирь,Крым,Минск,Киев,Алматы,Краснодарский край,Татарстан,Сочи,Дагестан",
        "Газпром,Сбербанк,Роснефть,РЖД,Яндекс,Единая Россия,КПРФ,Госдума,Конституционный суд,Спартак,Зенит,ЦСКА,Коммерсантъ,РБК,ТАСС,МГУ,Красный Крест,Аэрофлот,Минздрав,Европейский союз,НАТО,ООН,Мемориал,Первый канал",
        "российские,украинские,немецкие,американские,татарские,чеченские,китайские,армянские",
        "в |понедельник,во |вторник,3 марта 2021 года,в |марте,в |2018 году,вчера,на прошлой неделе,в |пятницу вечером,завтра,в |воскресенье,летом",
        (
            "<P> [говорит|утверждает|напоминает], что [налоги слишком высоки|школу закроют|плана нет].",
            "Полиция задержала <D> двух мужчин в <I>.",
            "<O> [закрывает|открывает|продаёт] завод в <I>.",
            "Как сообщает <O>, [цены выросли|безработица снизилась] на три процента.",
            "«[Мы не сдадимся|Это позор|Надо подождать]», — говорит <P>, [директор|пресс-секретарь] филиала в <I>.",
            "Президент встретился <D> в <I> с <Q>.",
            "По данным <B>, [урожай хороший|ущерб велик|погода изменится].",
            "Тем временем <N> туристы возвращаются, а <L> снова ждёт гостей.",
            "Тренер <P> уходит из <B>, <O> играет <D>.",
            "Профессор <P> из <B> изучает пчёл.",
            "[Суд|Правительство|Соседка|Банк] не отвечает, [встреча|игра] [отменена|перенесена], и все пошли домой.",
            "Я купил [айфон|два кило яблок|новый стол] и хочу вернуть, как это сделать?",
            "Меня зовут <P>, я живу в <I> и работаю в компании <O>.",
            "Интервью с <Q> выйдет <D>.",
        ),
        of_people="Иваном,Сергеем,Алексеем,Дмитрием|Ивановым,Петровым,Смирновым,Кузнецовым;Анной,Еленой,Ольгой|Ивановой,Петровой,Смирновой,Соколовой",
        in_places="Москве,Санкт-Петербурге,Новосибирске,Екатеринбурге,Казани,Самаре,Владивостоке,России,Сибири,Крыму,Минске,Киеве,Сочи,Дагестане,Париже,Берлине,Анкаре",
        of_bodies="Газпрома,Сбербанка,Роснефти,Госдумы,Конституционного суда,Спартака,Зенита,МГУ,Росстата,Минздрава,Европейского союза,Красного Креста,Яндекса,ООН",
    ),
    "uk": Paper(
        "Іван,Сергій,Олексій,Дмитро,Володимир,Тарас,Андрій|Шевченко,Коваленко,Бондаренко,Ткачук,Мельник,Кравець;Олена,Оксана,Ірина,Марія,Наталія|Шевченко,Коваленко,Бондаренко,Ткачук,Мельник",
        "Київ,Харків,Львів,Одеса,Дніпро,Запоріжжя,Україна,Польща,Крим,Донбас,Чернігів,Ужгород,Маріуполь,Молдова,Європа",
        "Нафтогаз,ПриватБанк,Укрзалізниця,Верховна Рада,Слуга народу,Європейська солідарність,Динамо Київ,Шахтар,Українська правда,Суспільне,СБУ,НАБУ,Київський університет,Червоний Хрест,Нова пошта,Європейський Союз,НАТО,ООН,Мотор Січ",
        "українські,польські,російські,американські,німецькі,кримськотатарські",
        "у |понеділок,у |вівторок,3 березня 2021 року,у |березні,у |2018 році,учора,минулого тижня,у |п'ятницю ввечері,завтра,у |неділю",
        (
            "<P> [каже|стверджує|нагадує], що [податки зависокі|школу закриють|плану немає].",
            "Поліція затримала <D> двох чоловіків у <I>.",
            "<O> [закриває|відкриває|продає] завод у <I>.",
            "Як повідомляє <O>, [ціни зросли|безробіття знизилося] на три відсотки.",
            "«[Ми не здамося|Це ганьба|Треба чекати]», — каже <P>, [директор|речник] філії у <I>.",
            "Президент зустрівся <D> у <I> з <Q>.",
            "За даними <B>, [врожай добрий|збитки великі|погода зміниться].",
            "Тим часом <N> туристи повертаються, а <L> знову чекає гостей.",
            "Тренер <P> іде з <B>, <O> грає <D>.",
            "Професор <P> з <B> вивчає бджіл.",
            "[Суд|Уряд|Сусідка|Банк] не відповідає, [зустріч|гру] [скасовано|перенесено], і всі пішли додому.",
            "Я купив [айфон|два кіло яблук|новий стіл] і хочу повернути, як це зробити?",
            "Мене звати <P>, я живу у <I> і працюю в компанії <O>.",
            "Інтерв'ю з <Q> вийде <D>.",
        ),
        of_people="Іваном,Сергієм,Олексієм,Дмитром,Тарасом|Шевченком,Коваленком,Бондаренком,Ткачуком;Оленою,Оксаною,Іриною|Шевченко,Коваленко,Бондаренко",
        in_places="Києві,Харкові,Львові,Одесі,Дніпрі,Запоріжжі,Польщі,Криму,Чернігові,Ужгороді,Маріуполі,Варшаві,Берліні,Празі",
        of_bodies="Нафтогазу,ПриватБанку,Верховної Ради,Динамо Київ,Шахтаря,СБУ,НАБУ,Київського університету,Європейського Союзу,Червоного Хреста,Держстату,ООН",
    ),
    "tr": Paper(
        "Mehmet,Ayşe,Mustafa,Fatma,Emre,Zeynep,Hüseyin,Elif,Ahmet,Gülşen,Cem,Şule,İbrahim|Yılmaz,Kaya,Demir,Şahin,Çelik,Öztürk,Arslan,Doğan,Kılıç,Aydın,Koç,Güneş",
        "Ankara,İstanbul,İzmir,Bursa,Antalya,Diyarbakır,Trabzon,Gaziantep,Türkiye,Almanya,Suriye,Kıbrıs,Kadıköy,Şanlıurfa,Azerbaycan,Ege,Kapadokya",
        "Türk Hava Yolları,Koç Holding,Ziraat Bankası,AK Parti,CHP,Anayasa Mahkemesi,Türkiye Büyük Millet Meclisi,Galatasaray,Fenerbahçe,Beşiktaş,Trabzonspor,Hürriyet,Cumhuriyet,Anadolu Ajansı,Boğaziçi Üniversitesi,Kızılay,Merkez Bankası,Turkcell,Avrupa Birliği,NATO,Arçelik",
        "Türk,Kürt,Alman,Suriyeli,Rus,Ermeni,Amerikalı,Azeri",
        "pazartesi günü,salı akşamı,3 Mart 2021,mart ayında,2018,dün,geçen hafta,cuma günü,yarın,pazar sabahı",
        (
            "<L> Belediye Başkanı <P>, <D> [vergilerin artacağını|okulun kapanacağını|istifa etmeyeceğini] söyledi.",
            "Polis <D> <L> kentinde iki kişiyi gözaltına aldı.",
            "<O> [sözcüsü|başkanı|müdürü] <P>, [fiyatların düşeceğini|işsizliğin azaldığını] açıkladı.",
            "“[Vazgeçmeyeceğiz|Bu bir utanç|Beklemek gerek]” diyen <P>, <O> için çalışıyor.",
            "Cumhurbaşkanı <P>, <D> <L> ziyaretinde <P> ile görüştü.",
            "<O>, <L> fabrikasını kapatıyor.",
            "<O>, <D> <O> ile karşılaşacak, teknik direktör <P> umutlu.",
            "<L> ile <L> arasında tren seferleri durdu.",
            "<N> turistler <L> kentine geri dönüyor.",
            "Profesör <P>, <O> bünyesinde arıları inceliyor.",
            "[Mahkeme|Hükümet|Komşum|Banka] [toplantının|maçın] ertelendiğini söyledi, herkes eve gitti.",
            "[Bir iPad|İki kilo elma|Yeni bir masa] aldım, nasıl iade edebilirim?",
            "Benim adım <P>, <L> doğumluyum, <O> şirketinde çalışıyorum.",
            "<P>'ın yeni romanı <D> çıkıyor.",
        ),
    ),
    "ar": Paper(
        "محمد,أحمد,خالد,يوسف,عمر,فاطمة,مريم,ليلى,نور,حسن,سارة,عبد الله,رانيا|الحسن,العتيبي,حداد,الخوري,المصري,السيد,الزهراني,بن علي,القاسم,نصر الله,الشامي,عبد الرحمن,بوعزيزي",
        "القاهرة,الرياض,بغداد,دمشق,بيروت,عمّان,الدوحة,تونس,الرباط,الجزائر,الخرطوم,صنعاء,غزة,القدس,مصر,سوريا,العراق,السعودية,لبنان,اليمن,المغرب,حلب,البصرة,الإسكندرية,دبي,فرنسا,أوكرانيا",
        "أرامكو السعودية,الأهلي,الزمالك,الهلال,الجزيرة,الأهرام,الأمم المتحدة,جامعة القاهرة,جامعة الدول العربية,مجلس النواب,المحكمة الدستورية,وزارة الصحة,الهلال الأحمر,حزب الله,حركة النهضة,البنك المركزي المصري,وكالة رويترز,الاتحاد الأوروبي,طيران الإمارات,منظمة الصحة العالمية",
        "المصري,السعودي,العراقي,السوري,اللبناني,الفلسطيني,التركي,الأمريكي,الفرنسي",
        "يوم |الاثنين,الثلاثاء,مساء الجمعة,3 مارس 2021,في |مارس,عام 2018,أمس,الأسبوع الماضي,غدا,صباح الأحد",
        (
            "قال <P> في <L> <D> إن [الضرائب مرتفعة|المدرسة ستغلق|الأسعار ارتفعت].",
            "اعتقلت الشرطة رجلين في <L> <D>.",
            "أعلنت <O> [افتتاح مصنع|إغلاق مكتبها|نتائجها] في <L>.",
            "التقى الرئيس <N> <P> في <L> <D>.",
            "قال المتحدث باسم <O> <P> إن [البطالة انخفضت|الاجتماع تأجل|الوضع صعب].",
            "فاز <O> على <O> بهدف من <P>.",
            "«[لن نستسلم|هذا عار|علينا أن ننتظر]»، تقول <P> من <O>.",
            "الطريق بين <L> و <L> مغلق حتى <D>.",
            "الدكتور <P> من <O> يدرس النحل.",
            "[المحكمة|الحكومة|الجارة] قالت إن [الاجتماع|المباراة] انتهى، وذهب الجميع إلى البيت.",
            "اشتريت [هاتفا|كيلو من التفاح|طاولة جديدة] وأريد إرجاعه، كيف أفعل ذلك؟",
            "اسمي <P> وأسكن في <L> وأعمل في <O>.",
            "ولدت <P> في <L> عام 1980 ونشرت روايتها الأولى <D>.",
            "حذرت <O> من أزمة في <L>.",
        ),
    ),
    "hi": Paper(
        "राहुल,अमित,सुनीता,प्रिया,राजेश,दीपक,अनिता,मोहम्मद,आयशा,विक्रम,लक्ष्मी,संजय,कविता|शर्मा,वर्मा,सिंह,गुप्ता,यादव,खान,पटेल,जोशी,मिश्रा,रेड्डी,अंसारी,ठाकुर",
        "दिल्ली,मुंबई,लखनऊ,पटना,जयपुर,कोलकाता,भोपाल,वाराणसी,अहमदाबाद,चंडीगढ़,भारत,पाकिस्तान,नेपाल,उत्तर प्रदेश,बिहार,कश्मीर,चीन,राजस्थान,गंगा",
        "टाटा मोटर्स,रिलायंस,भारतीय रिजर्व बैंक,भारतीय जनता पार्टी,कांग्रेस,सुप्रीम कोर्ट,लोकसभा,चुनाव आयोग,दैनिक जागरण,दिल्ली विश्वविद्यालय,एयर इंडिया,बीसीसीआई,मुंबई इंडियंस,संयुक्त राष्ट्र,स्वास्थ्य मंत्रालय,इंफोसिस,रेलवे बोर्ड,आम आदमी पार्टी",
        "भारतीय,पाकिस्तानी,चीनी,अमेरिकी,नेपाली,पंजाबी,बंगाली,मुस्लिम,हिंदू",
        "सोमवार को,मंगलवार,शुक्रवार शाम,3 मार्च 2021,मार्च में,2018 में,कल,पिछले हफ्ते,रविवार",
        (
            "<P> ने <D> <L> में कहा कि [कर बहुत ज्यादा हैं|स्कूल बंद होगा|कीमतें बढ़ गई हैं]।",
            "पुलिस ने <D> <L> में दो लोगों को गिरफ्तार किया।",
            "<O> ने <L> में [नया कारखाना खोला|अपना दफ्तर बंद किया]।",
            "प्रधानमंत्री <P> <D> <L> में <N> राष्ट्रपति <P> से मिले।",
            "<O> के प्रवक्ता <P> ने कहा कि [बैठक टल गई है|बेरोजगारी घटी है]।",
            "<O> ने <O> को हराया, <P> ने दो गोल किए।",
            "“[हम हार नहीं मानेंगे|यह शर्म की बात है|इंतजार करना होगा]”, <P> ने कहा।",
            "<L> और <L> के बीच ट्रेनें <D> तक बंद रहेंगी।",
            "डॉ. <P> <O> में मधुमक्खियों पर शोध करते हैं।",
            "[अदालत|सरकार|पड़ोसन] ने कहा कि [बैठक|मैच] खत्म हो गया और सब घर चले गए।",
            "मैंने [एक फोन|दो किलो सेब|नई मेज] खरीदी, इसे कैसे लौटाऊं?",
            "मेरा नाम <P> है, मैं <L> में रहता हूं और <O> में काम करता हूं।",
            "<N> किसान <D> <L> में जमा हुए।",
        ),
    ),
    "zh": Paper(
        "伟,芳,明,静怡,建国,晓东,丽华,子涵,志强,雅婷,浩然,美玲|王,李,张,刘,陈,杨,黄,赵,周,吴,林,欧阳",
        "北京,上海,广州,深圳,成都,武汉,西安,杭州,台北,高雄,香港,澳门,中国,美国,日本,台湾,新疆,西藏,四川,广东省,新加坡,乌克兰,莫斯科,朝阳区",
        "华为,阿里巴巴,腾讯,比亚迪,新华社,人民日报,清华大学,北京大学,中国人民银行,外交部,国务院,全国人大,台积电,民进党,国民党,联合国,世界卫生组织,广州恒大,中国红十字会,小米公司,中国移动,最高人民法院",
        "中国,美国,日本,俄罗斯,韩国,法国",
        "周一,星期二,3月5日,2018年,昨天,上周,周五晚上,2021年3月,明天,去年",
        (
            "<P><D>在<L>表示，[税收太高|学校将关闭|物价上涨了]。",
            "警方<D>在<L>逮捕了两名男子。",
            "<O>宣布将在<L>[建新厂|关闭办事处]。",
            "<N>总统<P><D>抵达<L>，与<P>会面。",
            "<O>发言人<P>说，[会议推迟|失业率下降|情况复杂]。",
            "<O>在<L>以二比一击败<O>，<P>攻入两球。",
            "“[我们不会放弃|这是耻辱|还要等待]，”<O>的<P>说。",
            "<L>到<L>的列车停运至<D>。",
            "<P>教授在<O>研究蜜蜂。",
            "[法院|政府|邻居]说[会议|比赛]已经结束，大家都回家了。",
            "我买了[一部手机|两斤苹果|一张新桌子]，怎么退货？",
            "我叫<P>，住在<L>，在<O>工作。",
            "<P>出生于<L>，<D>出版了第一部小说。",
            "据<O>报道，<L>发生地震。",
        ),
        joint="",
        family_first=True,
    ),
    "ja": Paper(
        "太郎,健一,美咲,さくら,翔太,裕子,直樹,花子,大輔,恵子,誠,陽菜|佐藤,鈴木,高橋,田中,渡辺,伊藤,山本,中村,小林,加藤,吉田,斎藤",
        "東京,大阪,京都,名古屋,札幌,福岡,広島,沖縄,北海道,横浜市,神戸,日本,中国,アメリカ,韓国,ウクライナ,ロンドン,渋谷区,仙台,長野県",
        "トヨタ自動車,ソニー,任天堂,日本銀行,自民党,立憲民主党,最高裁判所,国会,朝日新聞,読売新聞,NHK,東京大学,京都大学,阪神タイガース,浦和レッズ,巨人,JR東日本,厚生労働省,国連,赤十字,ソフトバンク,三菱商事",
        "日本,中国,アメリカ,韓国,ロシア,フランス",
        "月曜日,火曜日,3月5日,2018年,昨日,先週,金曜日の夜,2021年3月,明日,今年",
        (
            "<P>氏は<D>、<L>で「[税金が高すぎる|学校は閉鎖される|値上がりが続く]」と述べた。",
            "警察は<D>、<L>で男性二人を逮捕した。",
            "<O>は<L>に[新しい工場を建てる|ある事務所を閉じる]と発表した。",
            "<P>首相は<D>、<L>で<P>大統領と会談した。",
            "<O>の<P>社長は、[会議は延期された|失業率が下がった]と話した。",
            "<O>は<L>で<O>に勝ち、<P>選手が二得点を挙げた。",
            "「[あきらめません|恥ずかしいことです|待つしかない]」と<O>の<P>さんは言う。",
            "<L>と<L>の間の列車は<D>まで運休する。",
            "<P>教授は<O>でミツバチを研究している。",
            "[裁判所|政府|隣の人]は[会議|試合]が終わったと言い、みんな家に帰った。",
            "[携帯電話|りんご二キロ|新しい机]を買いましたが、返品するにはどうすればいいですか。",
            "<P>と申します。<L>に住み、<O>で働いています。",
            "<L>生まれの<P>さんは<D>に小説を出した。",
            "<N>人の観光客が<L>を訪れた。",
        ),
        joint="",
        family_first=True,
    ),
    "ko": Paper(
        "민수,지훈,서연,영희,철수,수진,현우,은지,동현,미경,준호,하은|김,이,박,최,정,강,조,윤,장,임,한,오",
        "서울,부산,대구,인천,광주,대전,제주,강남구,경기도,한국,북한,중국,일본,미국,평양,수원,울산,우크라이나,파리,강원도",
        "삼성전자,현대자동차,카카오,네이버,한국은행,국민의힘,더불어민주당,헌법재판소,국회,조선일보,한겨레,연합뉴스,KBS,서울대학교,연세대학교,두산 베어스,전북 현대,대한항공,보건복지부,유엔,대한적십자사,SK하이닉스",
        "한국,중국,일본,미국,러시아",
        "월요일,화요일,3월 5일,2018년,어제,지난주,금요일 저녁,2021년 3월,내일,올해",
        (
            "<P> 씨는 <D> <L>에서 “[세금이 너무 높다|학교가 문을 닫는다|물가가 올랐다]”고 말했다.",
            "경찰은 <D> <L>에서 남성 두 명을 체포했다.",
            "<O> 측은 <L>에 [새 공장을 짓는다고|있는 사무소를 닫는다고] 밝혔다.",
            "<P> 대통령은 <D> <L>에서 <P> 총리와 만났다.",
            "<O> 대변인 <P> 씨는 [회의가 연기됐다고|실업률이 떨어졌다고] 전했다.",
            "<O> 팀의 <P> 선수가 <L>에서 두 골을 넣었다.",
            "“[포기하지 않겠다|부끄러운 일이다|기다려야 한다]”고 <O> 소속 <P> 씨가 말했다.",
            "<L>에서 <L>까지 가는 열차는 <D>까지 운행하지 않는다.",
            "<P> 교수는 <O>에서 꿀벌을 연구한다.",
            "[법원|정부|이웃] 측은 [회의|경기]가 끝났다고 말했고 모두 집에 갔다.",
            "[휴대폰|사과 두 상자|새 책상]을 샀는데 어떻게 반품하나요?",
            "제 이름은 <P>입니다. <L>에 살고 <O>에서 일합니다.",
            "<L>에서 태어난 <P> 작가는 <D> 첫 소설을 냈다.",
            "<N> 관광객이 <L>에 몰렸다.",
        ),
        joint="",
        family_first=True,
    ),
    "id": Paper(
        "Budi,Siti,Agus,Dewi,Joko,Sri,Muhammad,Rina,Eko,Putri,Bambang,Ratna|Santoso,Wijaya,Susanto,Hidayat,Lestari,Siregar,Nasution,Pratama,Simanjuntak,Rahmawati,Gunawan,Hartono",
        "Jakarta,Surabaya,Bandung,Medan,Yogyakarta,Makassar,Bali,Aceh,Papua,Indonesia,Malaysia,Singapura,Jawa Tengah,Sumatera Utara,Semarang,Denpasar,Kalimantan,Tiongkok",
        "Pertamina,Bank Mandiri,Garuda Indonesia,Gojek,PDI Perjuangan,Golkar,Komisi Pemberantasan Korupsi,Mahkamah Konstitusi,DPR,Persija Jakarta,Persib Bandung,Kompas,Tempo,Universitas Gadjah Mada,Kementerian Kesehatan,PLN,Palang Merah Indonesia,PBB,Nahdlatul Ulama,Muhammadiyah",
        "Indonesia,Malaysia,Jepang,Tionghoa,Jawa,Batak,Belanda",
        "Senin,Selasa malam,3 Maret 2021,Maret,2018,kemarin,pekan lalu,Jumat,besok,Minggu pagi",
        (
            "Wali Kota <L> <P> mengatakan pada <D> bahwa [pajak terlalu tinggi|sekolah akan ditutup|harga naik].",
            "Polisi menangkap dua pria di <L> pada <D>.",
            "<O> [membuka|menutup] pabrik di <L>.",
            "Presiden <P> bertemu <P> di <L>, <D>.",
            "Juru bicara <O> <P> menyatakan [rapat ditunda|pengangguran turun].",
            "<O> mengalahkan <O> lewat gol <P>.",
            '"[Kami tidak menyerah|Ini memalukan|Kita harus menunggu]," kata <P> dari <O>.',
            "Kereta dari <L> ke <L> berhenti sampai <D>.",
            "Dr. <P>, peneliti di <O>, mempelajari lebah.",
            "[Pengadilan|Pemerintah|Tetangga saya] bilang [rapat|pertandingan] sudah selesai, dan semua pulang.",
            "Saya membeli [ponsel|dua kilo apel|meja baru], bagaimana cara mengembalikannya?",
            "Nama saya <P>, saya tinggal di <L> dan bekerja di <O>.",
            "Warga <N> berkumpul di <L> pada <D>.",
        ),
    ),
    "vi": Paper(
        "Văn Minh,Thị Lan,Quốc Anh,Thu Hà,Đức Thắng,Ngọc Mai,Hữu Phước,Thị Hồng,Xuân Phúc,Bảo Châu|Nguyễn,Trần,Lê,Phạm,Hoàng,Vũ,Đặng,Bùi,Đỗ,Huỳnh",
        "Hà Nội,TP.HCM,Đà Nẵng,Huế,Hải Phòng,Cần Thơ,Việt Nam,Trung Quốc,Campuchia,Nhật Bản,Quảng Ninh,Đồng Nai,Sa Pa,Biển Đông,Nghệ An,Hàn Quốc",
        "Vingroup,Vietcombank,Vietnam Airlines,Viettel,Bộ Y tế,Bộ Ngoại giao,Quốc hội,Tòa án nhân dân tối cao,Hà Nội FC,Hoàng Anh Gia Lai,Tuổi Trẻ,VnExpress,Đại học Quốc gia Hà Nội,Hội Chữ thập đỏ,Liên Hợp Quốc,Ngân hàng Nhà nước,FPT,Petrolimex",
        "Việt Nam,Trung Quốc,Mỹ,Nhật Bản,Pháp",
        "thứ Hai,tối thứ Ba,ngày 3/3/2021,tháng 3,năm 2018,hôm qua,tuần trước,thứ Sáu,ngày mai,Chủ nhật",
        (
            "Ông <P> cho biết <D> tại <L> rằng [thuế quá cao|trường sẽ đóng cửa|giá đã tăng].",
            "Công an bắt hai người đàn ông ở <L> <D>.",
            "<O> [mở|đóng cửa] nhà máy tại <L>.",
            "Thủ tướng <P> gặp Tổng thống <P> ở <L> <D>.",
            "Người phát ngôn <O> <P> nói [cuộc họp bị hoãn|thất nghiệp giảm].",
            "<O> thắng <O> nhờ bàn thắng của <P>.",
            '"[Chúng tôi không bỏ cuộc|Thật đáng xấu hổ|Phải chờ]", bà <P> của <O> nói.',
            "Tàu từ <L> đến <L> ngừng chạy đến <D>.",
            "Tiến sĩ <P>, <O>, nghiên cứu về ong.",
            "[Tòa án|Chính phủ|Hàng xóm] nói [cuộc họp|trận đấu] đã xong, mọi người về nhà.",
            "Tôi mua [điện thoại|hai cân táo|cái bàn mới], làm sao để trả lại?",
            "Tôi tên là <P>, sống ở <L>, làm việc tại <O>.",
            "Du khách <N> trở lại <L>.",
        ),
        family_first=True,
    ),
}


class PaperNames:
    """Makes the values of the slots for one language; `Q`, `I` and `B` are `P`, `L` and `O` in another case."""

    def __init__(self, paper: Paper, rng: random.Random) -> None:
        self._paper, self._rng = paper, rng

    def of(self, kind: str) -> str:
        """A value for one slot letter."""
        paper = self._paper
        if kind in "PQ":
            return self._person(paper.of_people if kind == "Q" else paper.people)
        names = {"L": paper.places, "I": paper.in_places, "O": paper.bodies, "B": paper.of_bodies}
        return self._rng.choice({**names, "N": paper.nationals, "D": paper.dates}[kind].split(","))

    def _person(self, people: str) -> str:
        given, family = (self._rng.choice(names.split(",")) for names in self._rng.choice(people.split(";")).split("|"))
        draw = self._rng.random()
        if draw < 0.12 and self._paper.joint:
            return family
        if self._paper.family_first:
            return f"{family}{self._paper.joint}{given}"
        return f"{given}{self._paper.joint}{family}" if draw < 0.93 else f"{given[0]}. {family}"


def paper_rows(rng: random.Random, *, each: int) -> list[Example]:
    """`each` rows of one to three sentences for each language."""
    rows = []
    for language, paper in PAPERS.items():
        names = PaperNames(paper, rng)
        between = " " if paper.joint or language == "ko" else ""
        for _ in range(each):
            template = between.join(rng.sample(paper.frames, rng.choice((1, 1, 2, 2, 3))))
            rows.append(dataclasses.replace(filled(template, names, rng, source=SOURCE), language=language))
    return rows
