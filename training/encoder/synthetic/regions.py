"""News-like sentences with the names of ten regions of the world: people, places, bodies, peoples, and days."""

from __future__ import annotations

import dataclasses
import random

from training.encoder.rows import Example
from training.encoder.synthetic.marked import DATES, filled


@dataclasses.dataclass(frozen=True)
class Region:
    """Names of one region, each a line of words split at commas. `title` comes before a person's name, unmarked."""

    given: str
    family: str
    places: str
    countries: str
    peoples: str
    bodies: str
    family_first: bool = False


REGIONS = (
    Region(
        "Chidi, Emeka, Ngozi, Folake, Bola, Yemi, Kwame, Akosua, Ama, Kojo, Fatoumata, Moussa, Aissata, Boubacar, Adama, Seydou, Mariama, Musa, Halima, Tunde, Oluwaseun, Ifeoma",
        "Okonkwo, Adebayo, Balogun, Nwosu, Eze, Bello, Danjuma, Mensah, Owusu, Boateng, Asante, Diop, Ndiaye, Sow, Keita, Coulibaly, Touré, Jallow, Koroma, Sesay, Kamara, Abubakar, Ogunleye",
        "Abuja, Ibadan, Kaduna, Port Harcourt, Enugu, Kumasi, Tamale, Bamako, Gao, Timbuktu, Ouagadougou, Dakar, Saint-Louis, Freetown, Monrovia, Banjul, Abidjan, Niamey, Cotonou, Lomé, Zaria, Borno State, Lagos Island",
        "Nigeria, Ghana, Mali, Burkina Faso, Senegal, Sierra Leone, Liberia, the Gambia, Ivory Coast, Niger, Benin, Togo, Guinea",
        "Nigerian, Ghanaian, Malian, Senegalese, Liberian, Gambian, Ivorian, Yoruba, Igbo, Fulani, Ashanti",
        "Nigeria Labour Congress, Ghana Health Service, Economic and Financial Crimes Commission, ECOWAS, Bank of Ghana, Daily Trust, Independent National Electoral Commission, Dangote Group, Ecobank, University of Ibadan, Makerere, Asante Kotoko, All Progressives Congress, Nigerian Bar Association, Premium Times, National Assembly, Nigeria Police Force",
    ),
    Region(
        "Wanjiru, Kamau, Otieno, Achieng, Juma, Asha, Neema, Baraka, Abebe, Almaz, Haile, Selam, Mulugeta, Jean-Paul, Claudine, Okello, Nakato, Ssebagala, Farah, Hodan, Abdi, Samia",
        "Mwangi, Odhiambo, Kiptoo, Njoroge, Ochieng, Mutua, Kenyatta, Tesfaye, Girma, Alemu, Desta, Uwimana, Habimana, Mugisha, Byaruhanga, Museveni, Warsame, Osman, Mohamud, Nyerere, Mushi, Chebet, Kipchoge",
        "Kisumu, Nakuru, Eldoret, Mombasa, Kampala, Entebbe, Gulu, Arusha, Dodoma, Zanzibar, Mwanza, Mekelle, Gondar, Dire Dawa, Mogadishu, Kismayo, Hargeisa, Djibouti, Bujumbura, Goma, Juba, Rift Valley, Lake Turkana, Turkana County",
        "Kenya, Uganda, Tanzania, Ethiopia, Somalia, Rwanda, Burundi, South Sudan, Eritrea, the Democratic Republic of Congo",
        "Kenyan, Ugandan, Tanzanian, Ethiopian, Somali, Rwandan, Maasai, Oromo, Tigrayan, Amhara, Kikuyu, Luo",
        "Safaricom, Kenya Airways, Ethics and Anti-Corruption Commission, Kenya Revenue Authority, Azimio, Daily Nation, African Union, al-Shabaab, Equity Bank, Tigray People's Liberation Front, Kenya Medical Research Institute, Addis Ababa University, Judiciary of Uganda, Kenya Wildlife Service, Parliament of Uganda",
    ),
    Region(
        "Thabo, Sipho, Nomvula, Lerato, Themba, Zanele, Tendai, Rutendo, Tapiwa, Blessing, Mpho, Kagiso, Pieter, Annelie, Naledi, Mulenga, Chanda, Farai, Lindiwe, Busisiwe",
        "Mokoena, Dlamini, Khumalo, Zulu, Ndlovu, Mahlangu, van der Merwe, Botha, Moyo, Ncube, Chikwanha, Phiri, Banda, Mwale, Tembo, Nujoma, Shikongo, Masire, Ramaphosa, Mabuza, Sithole, Machel",
        "Johannesburg, Pretoria, Durban, Soweto, Cape Town, Gqeberha, Polokwane, Bulawayo, Mutare, Lusaka, Kitwe, Ndola, Blantyre, Lilongwe, Windhoek, Gaborone, Maseru, Mbabane, Maputo, Beira, Luanda, KwaZulu-Natal, Limpopo, Gauteng",
        "South Africa, Zimbabwe, Zambia, Malawi, Namibia, Botswana, Lesotho, Eswatini, Mozambique, Angola, Madagascar, Mauritius",
        "South African, Zimbabwean, Zambian, Malawian, Namibian, Angolan, Mozambican, Zulu, Xhosa, Shona, Ndebele, Afrikaner",
        "African National Congress, Democratic Alliance, Eskom, Zanu-PF, Economic Freedom Fighters, South African Reserve Bank, Zesco, Kaizer Chiefs, Orlando Pirates, Mail & Guardian, University of Cape Town, SABC, Transnet, SADC, Zimbabwe Electoral Commission, Constitutional Court, Wits University",
    ),
    Region(
        "Ahmed, Mohamed, Mahmoud, Fatima, Aisha, Youssef, Khaled, Mariam, Nour, Rania, Samir, Layla, Hassan, Zainab, Tariq, Salma, Abdullah, Faisal, Hussein, Amal, Karim, Leila",
        "al-Masri, Hassan, Haddad, Khoury, al-Sayed, Abdel Rahman, Mansour, Saleh, Nasser, al-Otaibi, al-Harbi, bin Salman, al-Thani, Barzani, al-Maliki, al-Assad, Bouteflika, Benali, Belkacem, Ben Ali, Sadat, El-Baradei, Aoun, Hariri",
        "Alexandria, Giza, Luxor, Aleppo, Homs, Idlib, Basra, Mosul, Baghdad, Erbil, Sana'a, Aden, Hodeidah, Jeddah, Mecca, Abu Dhabi, Sharjah, Muscat, Manama, Tripoli, Benghazi, Tunis, Algiers, Oran, Rabat, Casablanca, Ramallah, Hebron, Gaza City, Khan Younis, the West Bank, the Suez Canal",
        "Egypt, Syria, Iraq, Yemen, Saudi Arabia, the United Arab Emirates, Qatar, Kuwait, Bahrain, Oman, Jordan, Lebanon, Libya, Tunisia, Algeria, Morocco, Sudan",
        "Egyptian, Syrian, Iraqi, Yemeni, Saudi, Emirati, Qatari, Kuwaiti, Jordanian, Lebanese, Libyan, Tunisian, Algerian, Moroccan, Palestinian, Druze, Yazidi, Coptic, Sunni, Shiite, Arab",
        "Hezbollah, Muslim Brotherhood, Al Arabiya, Saudi Aramco, Emirates, Egyptian Football Association, Al Ahly, Houthi movement, Arab League, Central Bank of Egypt, Royal Court, Qatar Airways, Ennahda, Al-Azhar, American University of Beirut, Supreme Judicial Council, Gulf Cooperation Council",
    ),
    Region(
        "Rajesh, Priya, Amit, Sunita, Arjun, Deepika, Mohammad, Ayesha, Imran, Sana, Farhana, Rahim, Kamal, Nimal, Chandrika, Sanjeewa, Bishal, Sita, Prakash, Gita, Vikram, Lakshmi, Tenzin, Naseem",
        "Sharma, Patel, Singh, Gupta, Iyer, Reddy, Banerjee, Das, Khan, Malik, Chaudhry, Bhutto, Hossain, Rahman, Begum, Islam, Perera, Fernando, Rajapaksa, Wickremesinghe, Thapa, Gurung, Shrestha, Adhikari, Mukherjee, Yadav, Joshi",
        "Mumbai, New Delhi, Bengaluru, Hyderabad, Chennai, Kolkata, Lucknow, Patna, Guwahati, Srinagar, Amritsar, Karachi, Lahore, Islamabad, Peshawar, Quetta, Rawalpindi, Dhaka, Sylhet, Cox's Bazar, Kandy, Jaffna, Galle, Pokhara, Lalitpur, Thimphu, Malé, Kabul, Kandahar, Herat, Uttar Pradesh, Tamil Nadu, Kerala, Assam, Khyber Pakhtunkhwa, Sindh",
        "India, Pakistan, Bangladesh, Sri Lanka, Nepal, Bhutan, the Maldives, Afghanistan",
        "Indian, Pakistani, Bangladeshi, Sri Lankan, Nepali, Afghan, Bengali, Punjabi, Tamil, Sinhalese, Hindu, Sikh, Pashtun, Hazara, Rohingya, Dalit",
        "Bharatiya Janata Party, Indian National Congress, Tehreek-e-Insaf, Awami League, Reserve Bank of India, Tata Motors, Reliance Industries, Supreme Court, Dawn, The Hindu, Rapid Action Battalion, Border Security Force, Board of Control for Cricket in India, Aam Aadmi Party, Lok Sabha, Dhaka University, Tribhuvan University, Infosys, National Accountability Bureau, Chennai Super Kings, Grameen Bank",
    ),
    Region(
        "Nguyen, Tran, Somchai, Prayut, Siti, Joko, Budi, Dewi, Agus, Maria, Rodrigo, Jose, Corazon, Ferdinand, Aung, Thida, Mahathir, Nurul, Wei Ling, Sok, Bopha, Bounmy, Surin, Nong",
        "Van Minh, Thi Hoa, Chan-ocha, Wongsawat, Shinawatra, Widodo, Subianto, Sukarno, Santoso, Wijaya, Dela Cruz, Santos, Reyes, Aquino, Duterte, San Suu Kyi, Hlaing, bin Abdullah, Ibrahim, Tan, Lim, Chea, Sovann, Phommachanh",
        "Ho Chi Minh City, Da Nang, Hue, Bangkok, Chiang Mai, Phuket, Pattani, Jakarta, Surabaya, Bandung, Aceh, Papua, Manila, Davao, Quezon City, Mindanao, Cebu, Yangon, Naypyidaw, Mandalay, Rakhine State, Penang, Johor, Sabah, Siem Reap, Vientiane, Luang Prabang, Dili, Bandar Seri Begawan, Changi, the Mekong Delta, the South China Sea",
        "Vietnam, Thailand, Indonesia, the Philippines, Myanmar, Malaysia, Singapore, Cambodia, Laos, Brunei, East Timor",
        "Vietnamese, Thai, Indonesian, Filipino, Burmese, Malaysian, Singaporean, Cambodian, Khmer, Malay, Javanese, Moro, Karen, Hmong",
        "Pheu Thai Party, Golkar, Petronas, San Miguel, Vinamilk, Garuda Indonesia, Straits Times, Bangkok Post, Rappler, Grab, Gojek, National League for Democracy, Corruption Eradication Commission, Royal Thai Army, Commission on Elections, University of the Philippines, Election Commission, Bank Negara, ASEAN, Abu Sayyaf, Tatmadaw, Singapore Airlines",
    ),
    Region(
        "Xiaoming, Jing, Wei, Lihua, Zhiqiang, Meiling, Haoran, Yuchen, Ming-che, Tsai-yi, Ka-fai, Ji-hoon, Min-seo, Seung-woo, Yuna, Hye-jin, Dong-hyun, Jong-un, Batbayar, Oyunaa",
        "Wang, Li, Zhang, Liu, Chen, Yang, Huang, Zhao, Wu, Zhou, Xu, Lam, Cheung, Lin, Tsai, Kim, Lee, Park, Choi, Jung, Kang, Moon, Yoon",
        "Shanghai, Guangzhou, Chengdu, Wuhan, Xi'an, Urumqi, Lhasa, Hangzhou, Tianjin, Harbin, Kowloon, Macau, Kaohsiung, Taichung, Incheon, Daegu, Gwangju, Jeju, Pyongyang, Kaesong, Ulaanbaatar, Xinjiang, Tibet, Inner Mongolia, Guangdong, Victoria Harbour, Gangnam",
        "China, Taiwan, South Korea, North Korea, Mongolia, Hong Kong",
        "Chinese, Taiwanese, Korean, South Korean, North Korean, Mongolian, Uyghur, Tibetan, Han, Hui, Cantonese",
        "Communist Party, People's Liberation Army, Xinhua, Huawei, Alibaba, Tencent, BYD, Democratic Progressive Party, Kuomintang, TSMC, Samsung Electronics, Hyundai, LG, SK Hynix, People Power Party, Peking University, Tsinghua University, Cathay Pacific, South China Morning Post, Yonhap, Blue House, National People's Congress, Legislative Council, Korea Football Association",
        family_first=True,
    ),
    Region(
        "Hiroshi, Yuki, Sakura, Kenji, Aiko, Takeshi, Haruka, Sione, Losa, Tevita, Mere, Ratu, Epeli, Manasseh, Julie, Michael, Aroha, Hone, Tane, James, Peter, Jacinda, Litia, Salote",
        "Tanaka, Suzuki, Sato, Watanabe, Yamamoto, Nakamura, Kobayashi, Kishida, Abe, Faleolo, Tuilagi, Sogavare, Marape, Bainimarama, Rabuka, Fonua, Waqa, Morrison, Ardern, Tamihere, Kaumatua, Vunipola, Nalatu, Taufa",
        "Osaka, Kyoto, Nagoya, Sapporo, Fukushima, Okinawa, Hiroshima, Shinjuku, Suva, Nadi, Lautoka, Apia, Nuku'alofa, Port Moresby, Lae, Mount Hagen, Bougainville, Honiara, Guadalcanal, Port Vila, Tarawa, Majuro, Wellington, Christchurch, Rotorua, Darwin, Alice Springs, Queensland, the Torres Strait",
        "Japan, Fiji, Samoa, Tonga, Papua New Guinea, Solomon Islands, Vanuatu, Kiribati, New Zealand, Australia, Palau, Tuvalu, Nauru",
        "Japanese, Fijian, Samoan, Tongan, Papua New Guinean, Maori, Aboriginal, Pacific Islander, Australian, Ainu, Melanesian, i-Taukei",
        "Liberal Democratic Party, Toyota, SoftBank, NHK, Nikkei, Bank of Japan, FijiFirst, University of the South Pacific, Pacific Islands Forum, Fiji Sun, Air Niugini, Komeito, All Blacks, ABC, Radio New Zealand, Sony, Nintendo, Te Pāti Māori, Royal Papua New Guinea Constabulary, Fiji Rugby Union",
    ),
    Region(
        "Carlos, María, Jorge, Lucía, Alejandro, Valentina, Evo, Nayib, Luiz, Dilma, João, Fernanda, Diego, Camila, Miguel, Rosa, Ximena, Kevin, Andrew, Mia, Jovenel, Marie-Claire, Portia, Yamileth, Camilo, Lourdes",
        "García, Hernández, Martínez, López, Quispe, Mamani, Morales, Maduro, Petro, Bukele, Silva, Souza, Bolsonaro, Lula da Silva, Fernández, Castillo, Ortega, Holness, Mottley, Moïse, Bautista, Arévalo, Boluarte, Díaz-Canel, Chávez, Lopes",
        "Guadalajara, Monterrey, Tijuana, Oaxaca, Chiapas, San Salvador, Tegucigalpa, Managua, San José, Medellín, Cali, Cartagena, Caracas, Maracaibo, Guayaquil, Cusco, Arequipa, Cochabamba, Santa Cruz, Valparaíso, Buenos Aires, Rosario, Montevideo, Asunción, São Paulo, Rio de Janeiro, Brasília, Salvador, Manaus, Kingston, Montego Bay, Port-au-Prince, Havana, Bridgetown, the Amazon, Patagonia",
        "Mexico, Guatemala, El Salvador, Honduras, Nicaragua, Costa Rica, Panama, Colombia, Venezuela, Ecuador, Peru, Bolivia, Chile, Argentina, Uruguay, Paraguay, Brazil, Jamaica, Haiti, Cuba, Barbados, the Dominican Republic",
        "Mexican, Guatemalan, Salvadoran, Colombian, Venezuelan, Ecuadorean, Peruvian, Bolivian, Chilean, Argentine, Brazilian, Jamaican, Haitian, Cuban, Aymara, Mapuche, Quechua, Garifuna, Latino",
        "Pemex, Morena, Workers' Party, Petrobras, Vale, Boca Juniors, River Plate, Supreme Electoral Tribunal, National Liberation Army, Sinaloa Cartel, Universidad de Chile, FARC, Organization of American States, CARICOM, Jamaica Labour Party, Avianca, Folha de S.Paulo, El Universal, Flamengo, Barbados Light and Power, Mercosur, Banco de la Nación",
    ),
    Region(
        "Aliya, Nursultan, Islam, Gulnara, Timur, Dilshod, Zarina, Ilham, Elchin, Nino, Giorgi, Irakli, Armen, Anahit, Nikol, Reza, Mahsa, Ali, Shirin, Mehmet, Ayşe, Emine, Kemal, Recep, Oleksandr, Olena, Dmytro, Svetlana, Marek, Ivana, Dragan",
        "Nazarbayev, Tokayev, Karimov, Mirziyoyev, Rahmon, Atambayev, Aliyev, Mammadov, Saakashvili, Ivanishvili, Pashinyan, Sargsyan, Rouhani, Khamenei, Raisi, Amini, Erdoğan, Yılmaz, Kaya, Demirtaş, Shevchenko, Kovalenko, Lukashenko, Horvat, Petrović, Novak, Ionescu, Popa",
        "Nur-Sultan, Almaty, Samarkand, Bukhara, Bishkek, Osh, Dushanbe, Ashgabat, Baku, Ganja, Tbilisi, Batumi, Yerevan, Gyumri, Tehran, Isfahan, Mashhad, Shiraz, Ankara, Izmir, Diyarbakir, Gaziantep, Kyiv, Kharkiv, Lviv, Odesa, Minsk, Chisinau, Belgrade, Sarajevo, Pristina, Skopje, Nagorno-Karabakh, the Caspian Sea, the Donbas, the Bosphorus",
        "Kazakhstan, Uzbekistan, Kyrgyzstan, Tajikistan, Turkmenistan, Azerbaijan, Georgia, Armenia, Iran, Turkey, Ukraine, Belarus, Moldova, Serbia, Kosovo, Bosnia, Romania, Bulgaria",
        "Kazakh, Uzbek, Kyrgyz, Tajik, Azerbaijani, Georgian, Armenian, Iranian, Turkish, Ukrainian, Belarusian, Serbian, Bosnian, Romanian, Kurdish, Crimean Tatar, Persian, Orthodox",
        "Nur Otan, Georgian Dream, Revolutionary Guard, Guardian Council, Justice and Development Party, Republican People's Party, Turkish Airlines, Gazprom, Naftogaz, SOCAR, Kazakhmys, Galatasaray, Verkhovna Rada, Radio Free Europe, Tehran Times, Azovstal, National Bank of Ukraine, Red Crescent, Kurdistan Workers' Party, OSCE, Hürriyet, Tbilisi State University",
    ),
)

WORLD_BODIES = (
    "United Nations, World Health Organization, UNHCR, World Bank, International Monetary Fund, Human Rights Watch, "
    "European Union, Reuters, AFP, Associated Press, FIFA, Amnesty International, Interpol, UNESCO, Red Cross, NATO, "
    "International Criminal Court, World Food Programme, Médecins Sans Frontières, Facebook, Google, WhatsApp, Boeing"
).split(", ")
GENERIC_BODIES = (
    "Ministry of [Health|Finance|Foreign Affairs|Education|Interior|Defence|Justice|Agriculture|Environment]",
    "[National|Central|Federal] [Police|Bank|Electoral Commission|Council|Statistics Office|Disaster Agency]",
    "[Supreme|High|Constitutional|Appeals] Court",
    "[Parliament|Senate|National Assembly|House of Representatives|Congress]",
    "{place} [Chamber of Commerce|University|City Council|High School|General Hospital|Stock Exchange|Football Club|United|Police]",
    "{country} [Football Federation|Red Cross|Medical Association|Airlines|Olympic Committee|Post|Telecom]",
    "{family} [Group|Holdings|Foundation|Industries|Law Chambers|& Co|Energy|Motors]",
)

NEWS = (
    "<P>, [a|the] [lawyer|spokeswoman|farmer|teacher|doctor|student|analyst|shopkeeper|fisherman|former minister] [from|in|based in] <L>, [said|told <O>|recalled|warned] [on <D>|that prices had doubled|the rains came late|nobody had been informed].",
    "[Speaking|Addressing reporters|At a rally] in <L> [on|last] <D>, <P> [said|insisted|promised] [the project would go on|no one was above the law|the vote was fair|schools would reopen].",
    "[More than|At least|Nearly|About] [30|120|5,000|a dozen] [people|villagers|workers|migrants] [were|have been] [killed|displaced|arrested|treated|evacuated] [in|near|around] <L>, [according to|said|the] <O>[ said|].",
    "<O> [spokesperson|chairman|director general|president|secretary general|general manager] <P> [denied|confirmed|dismissed|described] the [reports|allegations|plan|figures] [on <D>|in a statement|as baseless].",
    "The [deal|agreement|dispute|match|border|flight] between <C> and <C> [was|is] [signed|expected|closed|delayed] [on|by|until] <D>.",
    "[President|Prime Minister|Foreign Minister|Chief Justice|Governor|General|King|Professor|Imam|Bishop|Dr|Ms|Mr] <P> [arrived in|left|visited|flew to] <L> [on <D>|with <P>|for talks|to meet <P>].",
    "[Hundreds|Dozens|Thousands] of <N> [students|workers|families|refugees|soldiers|women] [marched|gathered|queued|protested] [through|in|outside <O> in] <L>[ on <D>|].",
    "“[We will not be silent|It changed my life|I have never seen anything like it|The law is clear|My children are hungry],” <P>, [34|a mother of three|52|her brother|the coach], [told|said to|said in an interview with] <O>.",
    "<P> and <P> [founded|joined|run|left] <O> [in|on] <D>, [when|before|after] <N> [music|farming|law|cinema] [was|had become] [popular|risky|profitable].",
    "The <O>, [led|chaired|founded] by <P>, [has|had] [accused|sued|backed|joined] <O> [of|over] [fraud|the delay|the election|pollution].",
    "<L>, [the capital|a city|a village|a port|a district|a town] [of|in|near] <C>, [was|has been] [hit|flooded|rebuilt|calm] [since|on|by] <D>.",
    "[Born|Raised|Educated] in <L>, <P> [moved|returned] to <C> [in|on] <D> and [worked for|taught at|played for] <O>.",
    "[In|On] <D>, the <N> [parliament|central bank|president|supreme court|cabinet|navy] [passed|raised|rejected|ordered|postponed] [a new law|interest rates|the appeal|the budget|the exercise].",
    "[Covid-19|Malaria|The drought|Inflation|The cyclone|The pandemic] [has|had] [killed|cost|reached|worsened] [hundreds|millions|in places] [across|in|from] <L> [to|and] <L>.",
    "[He|She|They|The suspect|The company] [was|were] [last seen|charged|registered|released|born] in <L> [on|in] <D>.",
    "[His|Her|Their] [lawyer|wife|son|manager|boss], <P>, [said|told reporters|hopes] [they would appeal|the family is in shock|he will play].",
    "[Critics|Opposition parties|Analysts|Rights groups|Unions] [say|fear|argue] [the bill|the tax|the dam|the ban] [will hurt|targets|ignores] <N> [farmers|voters|traders|journalists|minorities].",
    "[Shares of|Workers at|A factory of|The board of|Fans of] <O> [fell|struck|closed|met|cheered] [on|in|until] <D> [after|because] [the news|talks failed|of the ruling|a fire].",
    "[Mr|Mrs|Ms|Dr|Justice|Senator|Captain|Chief] <F> [added|declined to comment|was not available|said|resigned] [on <D>|that it was too early|yesterday|].",
    "<F> [said|told <O>|also|did not] [he had|she would|confirm|apologise] [to the families|on <D>|for the incident|in court].",
    "[Photo|Image|Picture]: <O>/<P>",
    "[By|Reporting by|Edited by] <P>[ in <L>|, <O>|]",
    "[The Golden Lion|The World Cup|The Nobel Prize|The Grammy Award|The Olympics|The Ramadan bazaar] [went to|began in|was won by|made] <P>[ in <L>| on <D>|].",
    "<L> [to|and|-] <L> [flights|trains|trade|ferries] [resume|resumed|stopped] [on|from] <D>.",
    "[Why|How|When] [did|will|can] <C> [leave|join|lead|feed|host] <O>?",
    "[The|This] [river|road|bridge|camp|mine|forest] [links|divides|supplies|lies between] <L> and <L>, [home to|where] [most|many] <M>.",
    "[Among|With] [the dead|the winners|the guests|those present] [were|are] <P>, <P> and <P>[ of <O>|].",
    "[Since|After|Before|Until] <D>, [prices|rents|cases|exports] [have|had] [risen|fallen|doubled] [in|across] <C>.",
    "[There was|Nobody expected|We saw|It took] [no sign|a delay|two hours|much rain|such a crowd] [and|but] [the market|the hospital|the school|the road] [stayed open|was closed|was full].",
    "[The minister|The court|The army|A witness|One resident|The union|Our reporter] [said|added|wrote|noted] [the vote|the fire|the trial|the road] [was over|had begun|is not safe|took hours].",
)
PLURALS = ("Muslims", "Christians", "Hindus", "Kurds", "Palestinians", "Rohingya", "Uyghurs", "Ukrainians", "Catholics")


class RegionNames:
    """Makes the values of the slots for one region; `P` person, `F` family name, `L` place, `C` country, `O` body."""

    def __init__(self, region: Region, rng: random.Random) -> None:
        self._region, self._rng = region, rng

    def of(self, kind: str) -> str:
        """A value for one slot letter."""
        makers = {"P": self._person, "L": self._place, "O": self._body}
        if kind in makers:
            return makers[kind]()
        region = self._region
        names = {"F": region.family, "C": region.countries, "N": region.peoples}
        if kind in names:
            return self._draw(names[kind]).removeprefix("the ")
        return self._rng.choice({"M": PLURALS, "D": DATES}[kind])

    def _draw(self, names: str) -> str:
        return self._rng.choice(names.split(", "))

    def _person(self) -> str:
        given, family, draw = self._draw(self._region.given), self._draw(self._region.family), self._rng.random()
        if draw < 0.12:
            return family
        if draw < 0.2:
            return given
        if draw < 0.3:
            given = f"{given} {self._draw(self._region.given)}"
        if self._region.family_first and draw < 0.8:
            return f"{family} {given}"
        return f"{given} {family}"

    def _place(self) -> str:
        names = self._region.places if self._rng.random() < 0.75 else self._region.countries
        return self._draw(names).removeprefix("the ")

    def _body(self) -> str:
        draw = self._rng.random()
        if draw < 0.45:
            return self._draw(self._region.bodies)
        if draw < 0.6:
            return self._rng.choice(WORLD_BODIES)
        template = self._rng.choice(GENERIC_BODIES)
        words = {"place": self._place(), "country": self.of("C"), "family": self._draw(self._region.family)}
        return chosen(template, self._rng).format(**words)


def chosen(template: str, rng: random.Random) -> str:
    """`template` with one alternative taken in each bracket."""
    before, opened, rest = template.partition("[")
    if not opened:
        return template
    inside, _, after = rest.partition("]")
    return before + rng.choice(inside.split("|")) + chosen(after, rng)


def region_rows(rng: random.Random, *, count: int) -> list[Example]:
    """`count` rows of one to three sentences, the regions in turn; sometimes a second region joins in."""
    rows = []
    for number in range(count):
        names = RegionNames(REGIONS[number % len(REGIONS)], rng)
        template = " ".join(rng.sample(NEWS, rng.choice((1, 1, 2, 2, 3))))
        rows.append(filled(template, names, rng, source="own:regions"))
    return rows
