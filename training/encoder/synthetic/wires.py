"""Newswire in English from India, Pakistan, Nigeria, Kenya, China, Taiwan, the Gulf, the Philippines and elsewhere.

More names than `regions.py` has, in the ways that such papers print them: initials before a name, a family name
alone after its first mention, a body's short form in brackets, districts, parks and airports, clubs that bear a city's
name. Much else has capitals and is no name: products, laws, cups, headings, titles.
"""

from __future__ import annotations

import random

from training.encoder.rows import Example
from training.encoder.synthetic.marked import filled
from training.encoder.synthetic.regions import REGIONS, Region, RegionNames

SOURCE = "own:wires"

MORE = (
    Region(
        "Siddharth, Karthik, Ramesh, Mamata, Nirmala, Devendra, Yogendra, Suresh, Kavita, Ananya, Harsh, Meenakshi, Venkatesh, Arvind, Shashi, Rekha, Jagdish, Pinarayi, Manish, Ashok",
        "Gowda, Banerjee, Sitharaman, Fadnavis, Kejriwal, Tharoor, Vijayan, Pillai, Nair, Menon, Deshmukh, Kulkarni, Chatterjee, Bose, Ghosh, Rao, Naidu, Thackeray, Shinde, Bhagwat, Mishra, Tripathi, Hegde, Shetty",
        "Mysuru, Mangaluru, Thiruvananthapuram, Kochi, Pune, Nagpur, Surat, Vadodara, Indore, Raipur, Ranchi, Jamshedpur, Bhubaneswar, Visakhapatnam, Coimbatore, Madurai, Shillong, Imphal, Gurugram, Noida, Karnataka, Maharashtra, Gujarat, Odisha, Telangana, Manipur, Ladakh, Chikkamagaluru",
        "India, Nepal, Sri Lanka, Bhutan",
        "Indian, Gujarati, Kannadiga, Marathi, Malayali, Odia, Naga, Dalit, Brahmin, Lingayat, Jain",
        "Karnataka High Court, JD(S), Trinamool Congress, Shiv Sena, Telangana Rashtra Samithi, Communist Party of India, Enforcement Directorate, Central Bureau of Investigation, Bengaluru FC, Royal Challengers Bangalore, Mumbai Indians, Delhi Capitals, Kerala Blasters, Adani Group, Hindustan Unilever, State Bank of India, Indian Space Research Organisation, Deccan Herald, Times of India, Jawaharlal Nehru University, Press Trust of India, Bajrang Dal, Wipro",
    ),
    Region(
        "Shehbaz, Bilawal, Maryam, Asif, Nawaz, Shahid, Fawad, Hina, Sherry, Usman, Bilal, Zara, Saad, Hamza, Rabia, Nadeem, Javed, Khawaja, Murad, Sadia",
        "Sharif, Zardari, Bajwa, Qureshi, Abbasi, Niazi, Butt, Mirza, Baloch, Achakzai, Hussain, Chaudhry, Ahmed, Siddiqui, Awan, Shah, Soomro, Mehsud, Afridi, Rashid, Ansari",
        "Faisalabad, Multan, Hyderabad, Sialkot, Gwadar, Sukkur, Larkana, Swat, Abbottabad, Gilgit, Muzaffarabad, Bannu, Dera Ismail Khan, Balochistan, Punjab, North Waziristan, Rahim Yar Khan, Lyari, Clifton, Khuzdar",
        "Pakistan, Afghanistan, Iran, China",
        "Pakistani, Baloch, Sindhi, Pashtun, Ahmadi, Hazara, Punjabi, Kashmiri",
        "PTI, PML-N, Pakistan Peoples Party, Muttahida Qaumi Movement, Lahore High Court, Islamabad High Court, Election Commission of Pakistan, Federal Investigation Agency, State Bank of Pakistan, Pakistan Cricket Board, Karachi Kings, Peshawar Zalmi, Inter-Services Public Relations, Geo News, Express Tribune, Pakistan International Airlines, K-Electric, Aga Khan University, Edhi Foundation, Tehreek-i-Taliban Pakistan",
    ),
    Region(
        "Bola Ahmed, Atiku, Peter, Nyesom, Godwin, Aisha, Muhammadu, Yemisi, Chukwuma, Nnamdi, Obiageli, Babajide, Femi, Abdullahi, Rotimi, Uche, Ike, Hadiza, Olusegun, Simi",
        "Tinubu, Obi, Wike, Emefiele, Buhari, Soludo, Kanu, Sanwo-Olu, Falana, Ganduje, Amaechi, Ekweremadu, Obasanjo, El-Rufai, Umahi, Fashola, Osinbajo, Gbajabiamila, Ortom, Zulum, Akpabio, Makinde",
        "Lagos, Kano, Jos, Owerri, Onitsha, Aba, Uyo, Calabar, Warri, Benin City, Abeokuta, Ilorin, Sokoto, Maiduguri, Katsina, Makurdi, Lekki, Ikeja, Ogun State, Rivers State, Zamfara State, Niger Delta, Anambra, Federal Capital Territory",
        "Nigeria, Cameroon, Chad, Benin, Ghana",
        "Nigerian, Igbo, Yoruba, Hausa, Ijaw, Tiv, Kanuri, Fulani",
        "INEC, EFCC, PDP, APC, Labour Party, Department of State Services, Nigerian National Petroleum Company, Central Bank of Nigeria, Nigerian Army, IPOB, Academic Staff Union of Universities, Enyimba FC, Kano Pillars, Rivers United, Super Eagles, The Punch, Vanguard, Channels Television, Access Bank, MTN Nigeria, University of Lagos, Nigeria Centre for Disease Control, National Drug Law Enforcement Agency, Afenifere",
    ),
    Region(
        "William, Raila, Uhuru, Mutahi, Martha, Rigathi, Kalonzo, Musalia, Faith, Eliud, Wavinya, Anne, Mercy, Johnson, Babu, Gladys, Wafula, Kipchumba, Aden, Susan",
        "Ruto, Odinga, Kenyatta, Kagwe, Karua, Gachagua, Musyoka, Mudavadi, Kipyegon, Ndeti, Waiguru, Sakaja, Owino, Wanga, Chebukati, Murkomen, Duale, Nakhumicha, Cherono, Korir, Wekesa, Muthama",
        "Nairobi, Kiambu, Machakos, Kitui, Garissa, Mandera, Wajir, Lamu, Kakamega, Kericho, Nyeri, Thika, Naivasha, Bungoma, Homa Bay, Uasin Gishu County, Tana River, Westlands, Kibera, Tsavo National Park, Lodwar, Malindi",
        "Kenya, Uganda, Tanzania, Somalia, Ethiopia",
        "Kenyan, Kikuyu, Luo, Kalenjin, Maasai, Turkana, Somali",
        "IEBC, UDA, ODM, Jubilee Party, Azimio la Umoja, KCB, Kenya Power, Kenya Medical Supplies Authority, Directorate of Criminal Investigations, Gor Mahia, AFC Leopards, Tusker FC, Kariobangi Sharks, Athletics Kenya, Kenya Ports Authority, Nation Media Group, The Standard, Kenyatta National Hospital, University of Nairobi, Law Society of Kenya, Kenya National Union of Teachers, Kenya Rugby Union",
    ),
    Region(
        "Jinping, Keqiang, Yi, Lijian, Chunying, Zhanshu, Huning, Guoqiang, Zhengfei, Yun, Ing-wen, Cheng-chang, Wen-je, Tseng-chang, Yu-ih, Chih-chung, Pei-hsuan, Kin-fung, Wing-yan, Mengzhu",
        "Xi, Li, Zhao, Hua, Ren, Ma, Su, Ko, Hou, Chu, Lai, Wu, Leung, Ho, Tang, Deng, Sun, Guo, Luo, Tseng, Hsiao, Kuo, Yeh",
        "Tainan, Hsinchu, Keelung, Hualien, Kinmen, Taoyuan, Zhengzhou, Nanjing, Suzhou, Chongqing, Kunming, Hainan, Yunnan, Henan Province, Shandong, Zhejiang, Kashgar, Tiananmen Square, Taiwan Strait, Mong Kok, Shenyang, Qingdao, Pingtung County",
        "China, Taiwan, Hong Kong, Macau",
        "Chinese, Taiwanese, Uyghur, Tibetan, Hakka, Hokkien, Amis",
        "Mainland Affairs Council, Central Epidemic Command Center, DPP, KMT, Taiwan People's Party, Legislative Yuan, Executive Yuan, Taipei Times, Central News Agency, Foxconn, Evergrande, Xiaomi, ByteDance, China Eastern, Bank of China, Global Times, Politburo, Ministry of National Defense, National Taiwan University, Fubon Guardians, CTBC Brothers, Shanghai Port, PLA, Taiwan Power, Academia Sinica",
        family_first=True,
    ),
    Region(
        "Mohammed, Salman, Khalid, Sultan, Abdulaziz, Hamad, Tamim, Noura, Mevlut, Hakan, Mustafa, Barham, Nechirvan, Saad, Najib, Gebran, Yair, Naftali, Mahmoud, Ismail, Saeb, Bassem, Sara",
        "bin Salman, bin Zayed, Al Nahyan, Al Thani, Al Saud, Cavusoglu, Fidan, al-Kadhimi, al-Sadr, Barzani, Mikati, Bassil, Lapid, Bennett, Abbas, Haniyeh, Shtayyeh, Al-Qahtani, Al-Ghamdi, al-Sudani, Talabani, Al Maktoum",
        "Dammam, Medina, Tabuk, Neom, Al Ain, Fujairah, Lusail, Salalah, Kirkuk, Najaf, Karbala, Duhok, Sulaimaniyah, Tyre, Sidon, Jenin, Nablus, East Jerusalem, Haifa, Tel Aviv, Latakia, Deir ez-Zor, Red Sea, Persian Gulf, Golan Heights, Marib, Taiz",
        "Saudi Arabia, Qatar, Iraq, Israel, Palestine, Jordan, Turkey, Yemen",
        "Saudi, Emirati, Israeli, Palestinian, Iraqi, Kurdish, Turkish, Yemeni, Bedouin, Alawite, Maronite",
        "KAUST, Public Investment Fund, Saudi Press Agency, Arab News, Al-Hilal, Al-Nassr, Al-Ittihad, Maccabi Tel Aviv, Likud, Knesset, Fatah, Islamic Jihad, Palestinian Authority, Kurdistan Democratic Party, Rudaw, Peshmerga, Gulf Cooperation Council, DP World, Etihad Airways, Al-Monitor, Haaretz, Hashd al-Shaabi, Syrian Democratic Forces, UNRWA, Central Bank of Iraq",
    ),
    Region(
        "Ferdinand, Sara, Leni, Isko, Manny, Risa, Juan Miguel, Imee, Leila, Panfilo, Anwar, Muhyiddin, Najib, Prabowo, Puan, Anies, Pham, Vuong, Srettha, Pita, Prawit, Hun, Sam, Min Aung",
        "Marcos, Robredo, Pacquiao, Hontiveros, Zubiri, De Lima, Lacson, Ibrahim, Yassin, Razak, Subianto, Maharani, Baswedan, Minh Chinh, Dinh Hue, Thavisin, Limjaroenrat, Wongsuwan, Sen, Rainsy, Hlaing, Romualdez, Villanueva",
        "Makati, Iloilo, Baguio, Zamboanga, Palawan, Batangas, Marawi, Tacloban, Putrajaya, Ipoh, Kuching, Kota Kinabalu, Lombok, Makassar, Nusantara, Semarang, Chiang Rai, Hat Yai, Khon Kaen, Can Tho, Hai Phong, Battambang, Sagaing, Luzon, Visayas, Benham Rise",
        "the Philippines, Malaysia, Indonesia, Thailand, Vietnam, Myanmar, Cambodia",
        "Filipino, Malaysian, Indonesian, Thai, Vietnamese, Burmese, Ilocano, Moro, Dayak, Papuan, Shan",
        "Commission on Human Rights, Comelec, Department of Health, Philippine National Police, Bangko Sentral ng Pilipinas, Pakatan Harapan, UMNO, Barisan Nasional, Move Forward Party, Palang Pracharath, Barangay Ginebra, Persija Jakarta, Johor Darul Ta'zim, Buriram United, Philippine Star, Inquirer, Malaysiakini, Jakarta Post, Sandiganbayan, Meralco, AirAsia, Ateneo de Manila University, New People's Army, Petron",
    ),
)
FRAMES = (
    "<P> and <P> [will face|met|accused] each other [in|at] <L>, but <F> [said|insisted] [he was ready|it was over|nothing was signed].",
    "[Chief Minister|Deputy President|Health CS|Interior Minister|Vice-President|Crown Prince|Attorney General|Inspector General of Police|Health Secretary|Justice|Mayor|First Lady] <P> [said|told <O>] on <D> that [the scheme|the Bill|Phase 2] [would help farmers|was delayed|needs money].",
    "“[It is our duty|We condemn the attack|Nobody is above the law|We will go to court],” <F> [said|added|tweeted|told a press conference].",
    "The <O> (<B>) [said|has arrested|summoned|fined] [five people|a former governor|two officers|traders] in <L>.",
    "<O> [beat|drew with|lost to] <O> [2-1|by 24 runs|in straight sets|on penalties] [at|in] <L> on <D>, <P> [scoring both goals|taking four wickets|with the winner].",
    "<O> [coach|captain|midfielder|goalkeeper|manager] <P> [hailed|blamed|thanked] [his players|the referee|the fans] after the [Cup|League|Premiership|Derby] [match|final].",
    "[Residents of|Police in|Flights to|Schools in] <L>[, <L>,| and <L>|] [were|have been] [evacuated|suspended|closed] after [heavy rain|clashes|an earthquake|the outage].",
    "[A 34-year-old man|Two women|A police constable|A student] was [found dead|arrested|rescued] near [<I>|<I>|<L> police station|<L> market] on <D>.",
    "The [Right to Information Act|Public Order Bill|Finance Act|National Security Law|Constitution|Competency-Based Curriculum] [gives|denies|promises] <N> [workers|journalists|women|voters] [new rights|little protection].",
    "[Sales of the|The new|Reviews of the|Buyers of the] [Galaxy S23|iPhone 14 Pro|Model Y|PlayStation 5|Redmi Note 12|Windows 11|Hilux pickup|Sputnik V|Pixel 7] [rose|disappointed|were banned] in <C>, [according to|said] <O>.",
    "[Read more|Also Read|Photo|File Photo|Related|Editor's Note|Breaking News|Opinion|Explainer]: [Why Prices Rise|How The Vote Works|What We Know So Far|Five Things To Know] [in|about] <L>",
    "<O> [reported|posted|expects] a [net profit|loss|revenue] of [Rs 2,340 crore|Sh4.5 billion|N78 billion|NT$12 billion|Dh300 million] for the quarter ended <D>.",
    "On his part, <P> [lauded|urged|reminded] the [governor|committee|community] to [work together|keep the peace|vote early].",
    "<P>, [who hails from|a native of|speaking from|the MP for] <L>, [joined|quit|defected to] <O> in <D>.",
    "[Covid-19|Omicron|Dengue|Cholera|Lumpy skin disease] cases in <L> [rose|fell] to [1,240|86], the [ministry|department|county] said.",
    "In <D>, <N> [President|Foreign Minister|Ambassador] <P> [visited|phoned|hosted] <P> in <L>.",
    "<L>: [A court|The High Court|A sessions court|The tribunal] [granted bail to|acquitted|jailed] <P> in the [Gold Scam|Dam Case|Land Deal|Fertiliser Scandal] on <D>.",
    "The [northern|southern|eastern|western] part of <L> [has no power|is under curfew|grows tea|borders <C>].",
    "The [report|survey|index] [by|from] <O> ranks <C> [third|last|ahead of <C>] [on|in] [press freedom|tourism|rice exports].",
    "[Activist|Singer|Actor|Cricketer|Lawyer|Blogger|Author] <P>'s [new film|book|arrest|wedding] [shocked|delighted] fans [from|in] <L> to <L>.",
    "<F> [is|was] [survived by a wife|the first woman in the post|known for his songs|on a visit to <L>].",
    "[Some|Many|Most] [parents|traders|drivers|nurses] [say|fear|hope] that [the Government|the Ministry|the Union|the Council] [will not pay|has no plan], [but|and] the [strike|talks] [goes on|failed].",
    "[Monsoon|Harmattan|Eid|Diwali|Christmas|Lunar New Year|Ramadan] [prices|travel|sales] [rise|fall] every year, [shoppers|traders] say.",
    "<P> of <O> [won|took|missed] [gold|silver|the 10,000m|the Marathon|the Man of the Match award] in <L>.",
    "[Hundreds of|Three|Displaced] <N> [fishermen|families|students|pilgrims] [crossed|left|returned to] <L> [via|through] <I>.",
    "<L> Governor <P> and <L> Senator <P> [traded insults|signed the pact|skipped the meeting] on <D>.",
    "<O>’s <P> [told|said in an e-mail to] <O> [that|how] the [Metro|Expressway|Refinery|Port] [will open|was sold] [in|by] <D>.",
)
FEATURES = (
    "International Airport",
    "Railway Station",
    "National Park",
    "District",
    "Road",
    "Bridge",
    "Port",
    "River",
    "Province",
    "Valley",
    "Market",
    "Dam",
    "Stadium",
)


class WireNames:
    """Makes the values of the slots.

    `F` is the family name of the last person, `B` the short form of the last body, `I` a feature named after a place.
    """

    def __init__(self, region: Region, rng: random.Random) -> None:
        self._names, self._region, self._rng = RegionNames(region, rng), region, rng
        self._family, self._body = "", ""

    def of(self, kind: str) -> str:
        """A value for one slot letter."""
        if kind == "F":
            return self._family or self._names.of("F")
        if kind == "B":
            return self._short()
        if kind == "I":
            return f"{self._names.of('L')} {self._rng.choice(FEATURES)}"
        if kind == "P":
            return self._person()
        value = self._names.of(kind)
        self._body = value if kind == "O" else self._body
        return value

    def _short(self) -> str:
        """The last body's capitals, or its first letters if it is one word."""
        capitals = "".join(word[0] for word in self._body.split() if word[0].isupper())
        return capitals if len(capitals) > 1 else self._body[:3].upper()

    def _person(self) -> str:
        """A person, sometimes with initials for given names; the family name is kept for later sentences."""
        given, self._family = (
            self._rng.choice(names.split(", ")) for names in (self._region.given, self._region.family)
        )
        draw = self._rng.random()
        if draw < 0.08 and not self._region.family_first:
            initials = self._rng.sample("ABDGHKMNPRSTV", self._rng.choice((1, 2)))
            return f"{self._rng.choice(('. ', ' ', '.')).join(initials)}. {self._family}"
        if draw < 0.14:
            return self._family
        return f"{self._family} {given}" if self._region.family_first else f"{given} {self._family}"


def wire_rows(rng: random.Random, *, count: int) -> list[Example]:
    """`count` rows of one to three sentences; the new regions come twice as often as those of `regions.py`."""
    regions = (*MORE, *MORE, *REGIONS)
    rows = []
    for number in range(count):
        template = " ".join(rng.sample(FRAMES, rng.choice((1, 1, 2, 2, 3))))
        rows.append(filled(template, WireNames(regions[number % len(regions)], rng), rng, source=SOURCE))
    return rows
