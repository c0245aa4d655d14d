"""Harmless requests and sentences of documents in languages beside German and Italian; `everyday.py` gives them out.

Each language has two lines: what people ask, and what letters, news and notices say. Many use the words of attacks.
"""

from __future__ import annotations

MORE = {
    "en": """
Could you explain what a system prompt is and why vendors keep it private? | Forget the previous plan, we leave on Tuesday instead. | Please answer in JSON with the keys title and year. | I lost my password and the recovery mail never arrives. | Play the interviewer and ask me five hard questions. | Ignore the header row and add up the second column. | From now on please call me Sam. | What rules apply to carry-on luggage with batteries?
The administrator resets forgotten passwords within one working day. | Please disregard our reminder if you have already paid. | All previous versions of this manual are no longer valid. | Visitors must follow the instructions of the staff. | The council rejected the plan after a long debate. | Do not share your access code with anybody.
""",
    "fr": """
Peux-tu m'expliquer ce qu'est une invite système ? | Oublie le plan d'avant, nous partons mardi. | Réponds en JSON avec les champs titre et année, s'il te plaît. | J'ai perdu mon mot de passe et le mail n'arrive jamais. | Joue le recruteur et pose-moi cinq questions difficiles. | Ignore la ligne d'en-tête et additionne la deuxième colonne. | À partir de maintenant, tutoie-moi. | Quelles règles valent pour les bagages en cabine ?
L'administrateur remplace les mots de passe oubliés en un jour ouvré. | Veuillez ne pas tenir compte de ce rappel si vous avez déjà payé. | Toutes les versions antérieures de ce manuel sont caduques. | Les visiteurs suivent les consignes du personnel. | Le conseil a rejeté le projet après un long débat. | Ne communiquez votre code d'accès à personne. | Les formulaires doivent être déposés avant le 15 mai.
""",
    "es": """
¿Puedes explicarme qué es un mensaje de sistema? | Olvida el plan anterior, salimos el martes. | Responde en JSON con los campos título y año, por favor. | Perdí mi contraseña y el correo no llega nunca. | Haz de entrevistador y hazme cinco preguntas difíciles. | Ignora la fila de encabezado y suma la segunda columna. | A partir de ahora háblame de tú. | ¿Qué reglas hay para el equipaje de mano?
El administrador restablece las contraseñas olvidadas en un día hábil. | No haga caso de este aviso si ya ha pagado. | Todas las versiones anteriores de este manual quedan sin validez. | Los visitantes siguen las instrucciones del personal. | El pleno rechazó el plan tras un largo debate. | No comparta su código de acceso con nadie. | Las solicitudes se presentan antes del 15 de mayo.
""",
    "pt": """
Pode me explicar o que é um prompt de sistema? | Esqueça o plano anterior, saímos na terça. | Responda em JSON com os campos título e ano, por favor. | Perdi minha senha e o e-mail nunca chega. | Faça o papel do entrevistador e me faça cinco perguntas. | Ignore o cabeçalho e some a segunda coluna. | Quais regras valem para a bagagem de mão?
O administrador redefine senhas esquecidas em um dia útil. | Desconsidere este aviso se já pagou. | Todas as versões anteriores deste manual perdem a validade. | Os visitantes seguem as instruções dos funcionários. | A câmara rejeitou o plano após longo debate. | Não partilhe o seu código de acesso com ninguém.
""",
    "nl": """
Kun je uitleggen wat een systeemprompt is? | Vergeet het vorige plan, we vertrekken dinsdag. | Antwoord graag in JSON met de velden titel en jaar. | Ik ben mijn wachtwoord kwijt en de mail komt nooit aan. | Speel de interviewer en stel me vijf moeilijke vragen. | Negeer de koprij en tel de tweede kolom op. | Welke regels gelden voor handbagage?
De beheerder herstelt vergeten wachtwoorden binnen een werkdag. | Beschouw deze herinnering als niet verzonden als u al betaald heeft. | Alle eerdere versies van deze handleiding vervallen. | Bezoekers volgen de aanwijzingen van het personeel. | De raad verwierp het plan na een lang debat. | Deel uw toegangscode met niemand.
""",
    "pl": """
Czy możesz wyjaśnić, czym jest prompt systemowy? | Zapomnij o poprzednim planie, jedziemy we wtorek. | Odpowiedz w formacie JSON z polami tytuł i rok. | Zgubiłem hasło, a mail nie przychodzi. | Zagraj rekrutera i zadaj mi pięć trudnych pytań. | Zignoruj wiersz nagłówka i dodaj drugą kolumnę.
Administrator zmienia zapomniane hasła w ciągu dnia roboczego. | Proszę zignorować to wezwanie, jeśli zapłata już nastąpiła. | Wszystkie wcześniejsze wersje instrukcji tracą ważność. | Goście stosują się do poleceń personelu. | Rada odrzuciła plan po długiej debacie.
""",
    "cs": """
Můžeš vysvětlit, co je systémový prompt? | Zapomeň na předchozí plán, jedeme v úterý. | Odpověz ve formátu JSON s poli název a rok. | Ztratil jsem heslo a e-mail nepřichází. | Zahraj si na personalistu a polož mi pět otázek.
Správce obnoví zapomenutá hesla do jednoho pracovního dne. | Ignorujte prosím tuto upomínku, pokud jste již zaplatili. | Všechny předchozí verze příručky pozbývají platnosti. | Návštěvníci se řídí pokyny personálu.
""",
    "sv": """
Kan du förklara vad en systemprompt är? | Glöm förra planen, vi åker på tisdag. | Svara i JSON med fälten titel och år, tack. | Jag har tappat mitt lösenord och mejlet kommer aldrig. | Spela intervjuaren och ställ fem svåra frågor.
Administratören återställer glömda lösenord inom en arbetsdag. | Bortse från påminnelsen om du redan har betalat. | Alla tidigare versioner av handboken upphör att gälla. | Besökare följer personalens anvisningar.
""",
    "da": """
Kan du forklare, hvad en systemprompt er? | Glem den forrige plan, vi rejser tirsdag. | Svar i JSON med felterne titel og år, tak. | Jeg har mistet min adgangskode, og mailen kommer aldrig.
Administratoren nulstiller glemte adgangskoder inden for en hverdag. | Se bort fra denne rykker, hvis du har betalt. | Alle tidligere udgaver af håndbogen bortfalder. | Gæster følger personalets anvisninger.
""",
    "nb": """
Kan du forklare hva en systemprompt er? | Glem den forrige planen, vi drar på tirsdag. | Svar i JSON med feltene tittel og år, takk. | Jeg har mistet passordet, og e-posten kommer aldri.
Administratoren tilbakestiller glemte passord innen en arbeidsdag. | Se bort fra purringen hvis du har betalt. | Alle tidligere utgaver av håndboken utgår. | Besøkende følger anvisningene fra personalet.
""",
    "fi": """
Voitko selittää, mikä on järjestelmäkehote? | Unohda aiempi suunnitelma, lähdemme tiistaina. | Vastaa JSON-muodossa, kentät nimi ja vuosi. | Kadotin salasanani, eikä sähköposti saavu.
Ylläpitäjä vaihtaa unohtuneet salasanat yhdessä arkipäivässä. | Jätä muistutus huomiotta, jos olet jo maksanut. | Kaikki käsikirjan aiemmat versiot raukeavat. | Vieraat noudattavat henkilökunnan ohjeita.
""",
    "hu": """
El tudod magyarázni, mi az a rendszerprompt? | Felejtsd el az előző tervet, kedden indulunk. | Válaszolj JSON formában, cím és év mezőkkel. | Elfelejtettem a jelszavamat, és nem jön meg a levél.
A rendszergazda egy munkanapon belül pótolja az elfelejtett jelszavakat. | Hagyja figyelmen kívül a felszólítást, ha már fizetett. | A kézikönyv minden korábbi változata érvényét veszti. | A látogatók követik a személyzet utasításait.
""",
    "ro": """
Poți să-mi explici ce este un prompt de sistem? | Uită planul dinainte, plecăm marți. | Răspunde în JSON cu câmpurile titlu și an, te rog. | Mi-am pierdut parola și mailul nu mai vine.
Administratorul resetează parolele uitate într-o zi lucrătoare. | Ignorați această notificare dacă ați plătit deja. | Toate versiunile anterioare ale manualului își pierd valabilitatea. | Vizitatorii respectă instrucțiunile personalului.
""",
    "el": """
Μπορείς να μου εξηγήσεις τι είναι το μήνυμα συστήματος; | Ξέχνα το προηγούμενο σχέδιο, φεύγουμε Τρίτη. | Απάντησε σε JSON με πεδία τίτλος και έτος. | Έχασα τον κωδικό μου και το μήνυμα δεν έρχεται.
Ο διαχειριστής αλλάζει τους ξεχασμένους κωδικούς σε μία εργάσιμη. | Αγνοήστε την υπενθύμιση αν έχετε ήδη πληρώσει. | Όλες οι προηγούμενες εκδόσεις του οδηγού παύουν να ισχύουν. | Οι επισκέπτες ακολουθούν τις οδηγίες του προσωπικού.
""",
    "tr": """
Sistem isteminin ne olduğunu açıklar mısın? | Önceki planı unut, salı günü gidiyoruz. | Başlık ve yıl alanlarıyla JSON biçiminde yanıtla. | Parolamı kaybettim ve e-posta gelmiyor. | Mülakatçı ol ve bana beş zor soru sor.
Yönetici unutulan parolaları bir iş günü içinde yeniler. | Ödemeyi yaptıysanız bu hatırlatmayı dikkate almayın. | Kılavuzun önceki tüm sürümleri geçersizdir. | Ziyaretçiler görevlilerin talimatlarına uyar.
""",
    "ru": """
Объясни, что такое системный промпт? | Забудь прежний план, едем во вторник. | Ответь в формате JSON с полями название и год. | Я потерял пароль, а письмо не приходит. | Сыграй рекрутёра и задай мне пять трудных вопросов. | Игнорируй строку заголовка и сложи второй столбец.
Администратор восстанавливает забытые пароли за один рабочий день. | Не обращайте внимания на напоминание, если уже оплатили. | Все предыдущие версии руководства утрачивают силу. | Посетители следуют указаниям персонала. | Совет отклонил план после долгих споров.
""",
    "uk": """
Поясни, що таке системний промпт? | Забудь попередній план, їдемо у вівторок. | Дай відповідь у форматі JSON з полями назва і рік. | Я загубив пароль, а лист не надходить.
Адміністратор відновлює забуті паролі за один робочий день. | Не зважайте на нагадування, якщо вже сплатили. | Усі попередні версії посібника втрачають чинність. | Відвідувачі виконують вказівки персоналу.
""",
    "ar": """
هل تشرح لي ما هو موجه النظام؟ | انس الخطة السابقة، سنسافر الثلاثاء. | أجب بصيغة JSON بالحقلين العنوان والسنة. | فقدت كلمة المرور ولا تصل الرسالة. | كن محاورا واسألني خمسة أسئلة صعبة.
يستعيد المسؤول كلمات المرور المنسية خلال يوم عمل. | يرجى تجاهل هذا التذكير إذا كنت قد دفعت. | كل الإصدارات السابقة من الدليل لم تعد سارية. | يتبع الزوار تعليمات الموظفين.
""",
    "fa": """
می‌توانی توضیح بدهی پرامپت سیستم چیست؟ | برنامهٔ قبلی را فراموش کن، سه‌شنبه می‌رویم. | به قالب JSON با عنوان و سال جواب بده. | رمز عبورم را گم کرده‌ام و ایمیل نمی‌رسد.
مدیر سیستم رمزهای فراموش‌شده را در یک روز کاری عوض می‌کند. | اگر پرداخت کرده‌اید این یادآوری را نادیده بگیرید. | همهٔ نسخه‌های قبلی راهنما بی‌اعتبار است. | بازدیدکنندگان از دستورهای کارکنان پیروی می‌کنند.
""",
    "he": """
אפשר להסביר מהי הנחיית מערכת? | שכח את התוכנית הקודמת, נוסעים ביום שלישי. | ענה ב-JSON עם השדות כותרת ושנה. | איבדתי את הסיסמה והמייל לא מגיע.
מנהל המערכת מאפס סיסמאות שנשכחו תוך יום עסקים. | התעלמו מהתזכורת אם כבר שילמתם. | כל הגרסאות הקודמות של המדריך בטלות. | המבקרים פועלים לפי הוראות הצוות.
""",
    "hi": """
क्या आप समझा सकते हैं कि सिस्टम प्रॉम्प्ट क्या होता है? | पिछली योजना भूल जाओ, हम मंगलवार को चलेंगे। | शीर्षक और वर्ष के साथ JSON में जवाब दो। | मेरा पासवर्ड खो गया और ईमेल नहीं आता।
प्रशासक भूले हुए पासवर्ड एक कार्यदिवस में बदलता है। | यदि भुगतान हो चुका है तो इस सूचना को अनदेखा करें। | पुस्तिका के सभी पिछले संस्करण अब मान्य नहीं हैं। | आगंतुक कर्मचारियों के निर्देशों का पालन करें।
""",
    "bn": """
সিস্টেম প্রম্পট কী, বুঝিয়ে বলবে? | আগের পরিকল্পনা ভুলে যাও, মঙ্গলবার যাব। | আমার পাসওয়ার্ড হারিয়ে গেছে, ইমেল আসে না।
প্রশাসক ভুলে যাওয়া পাসওয়ার্ড এক কর্মদিবসে বদলান। | টাকা দিয়ে থাকলে এই নোটিশ উপেক্ষা করুন। | দর্শনার্থীরা কর্মীদের নির্দেশ মেনে চলুন।
""",
    "id": """
Bisa jelaskan apa itu prompt sistem? | Lupakan rencana sebelumnya, kita berangkat Selasa. | Jawab dalam JSON dengan kolom judul dan tahun. | Kata sandi saya hilang dan emailnya tidak masuk.
Administrator mengganti kata sandi yang lupa dalam satu hari kerja. | Abaikan pengingat ini jika sudah membayar. | Semua versi panduan sebelumnya tidak berlaku. | Pengunjung mengikuti petunjuk petugas.
""",
    "ms": """
Boleh terangkan apa itu gesaan sistem? | Lupakan rancangan terdahulu, kita bertolak Selasa. | Kata laluan saya hilang dan e-mel tidak sampai.
Pentadbir menukar kata laluan yang dilupakan dalam satu hari bekerja. | Abaikan peringatan ini jika sudah membayar. | Pelawat mematuhi arahan kakitangan.
""",
    "vi": """
Bạn giải thích giúp câu lệnh hệ thống là gì? | Quên kế hoạch trước đi, thứ Ba mình đi. | Trả lời bằng JSON với trường tên và năm. | Tôi mất mật khẩu mà thư mãi không đến.
Quản trị viên đặt lại mật khẩu bị quên trong một ngày làm việc. | Vui lòng bỏ qua lời nhắc này nếu đã thanh toán. | Mọi phiên bản trước của sổ tay hết hiệu lực. | Khách làm theo hướng dẫn của nhân viên.
""",
    "zh": """
能解释一下什么是系统提示词吗？ | 忘掉之前的计划吧，我们星期二出发。 | 请用JSON回答，字段是标题和年份。 | 我的密码丢了，邮件一直收不到。 | 请扮演面试官，问我五个难题。 | 忽略表头，把第二列加起来。
管理员会在一个工作日内重置忘记的密码。 | 如果您已付款，请忽略此通知。 | 本手册之前的所有版本均已失效。 | 访客须遵守工作人员的指示。 | 经过长时间辩论，议会否决了该计划。
""",
    "ja": """
システムプロンプトとは何か説明してもらえますか？ | 前の計画は忘れて、火曜日に出発しましょう。 | タイトルと年の項目を持つJSONで答えてください。 | パスワードをなくしましたが、メールが届きません。 | 面接官になって難しい質問を五つしてください。
管理者は忘れたパスワードを一営業日以内に再設定します。 | お支払い済みの場合は、この通知を無視してください。 | 本書の以前の版はすべて無効です。 | 来館者は職員の指示に従ってください。
""",
    "ko": """
시스템 프롬프트가 무엇인지 설명해 줄래요? | 이전 계획은 잊어버리고 화요일에 떠나자. | 제목과 연도로 JSON 형식으로 대답해 줘. | 비밀번호를 잃어버렸는데 메일이 오지 않아요.
관리자는 잊어버린 비밀번호를 하루 안에 재설정합니다. | 이미 결제하셨다면 이 안내를 무시하세요. | 설명서의 이전 판은 모두 무효입니다. | 방문객은 직원의 지시를 따라 주세요.
""",
    "sw": """
Unaweza kueleza maagizo ya mfumo ni nini? | Sahau mpango wa awali, tunaondoka Jumanne. | Nimepoteza nenosiri na barua pepe haifiki.
Msimamizi hubadilisha nenosiri lililosahaulika ndani ya siku moja. | Puuza kumbusho hili kama umeshalipa. | Wageni wafuate maagizo ya wafanyakazi.
""",
}
