"""Names that nearly always mean the same: countries and their parts, great cities, peoples, and bodies of the world.

A model that has read little about the world takes `Iran` for a firm and `Japan` for a people. What is in these lists
is likelier to be what they say (`detectors.pii.tags`), and no more than that: `Bank of China` stays a bank. Names that
are as often something else are left out: `Jordan`, `Chad`, `Georgia`, `Virginia`, `WHO`; so is what is written small.
"""

from __future__ import annotations

from collections.abc import Mapping

ODDS, CITY_ODDS = 40.0, 4.0
"""How much likelier its label becomes, as on real development rows. Cities share their names with clubs and persons."""

_COUNTRIES = (
    "Afghanistan, Albania, Algeria, Andorra, Angola, Argentina, Armenia, Australia, Austria, Azerbaijan, Bahrain, "
    "Bangladesh, Barbados, Belarus, Belgium, Belize, Benin, Bhutan, Bolivia, Bosnia, Herzegovina, Botswana, "
    "Brazil, Britain, Brunei, Bulgaria, Burkina Faso, Burma, Burundi, Cambodia, Cameroon, Canada, Cape Verde, "
    "Catalonia, Central African Republic, Chechnya, Chile, China, Colombia, Comoros, Congo, Costa Rica, Crimea, "
    "Croatia, Cuba, Cyprus, Czech Republic, Czechia, Denmark, Djibouti, Dominican Republic, East Timor, Ecuador, "
    "Egypt, El Salvador, England, Equatorial Guinea, Eritrea, Estonia, Eswatini, Ethiopia, Fiji, Finland, France, "
    "Gabon, Gambia, Gaza, Germany, Ghana, Great Britain, Greece, Greenland, Grenada, Guadeloupe, Guatemala, "
    "Guinea, Guinea-Bissau, Guyana, Haiti, Holland, Honduras, Hong Kong, Hungary, Iceland, India, Indonesia, "
    "Iran, Iraq, Ireland, Israel, Italy, Ivory Coast, Jamaica, Japan, Kashmir, Kazakhstan, Kenya, Kosovo, "
    "Kurdistan, Kuwait, Kyrgyzstan, Laos, Latvia, Lebanon, Lesotho, Liberia, Libya, Liechtenstein, Lithuania, "
    "Luxembourg, Macau, Macedonia, Madagascar, Malawi, Malaysia, Maldives, Malta, Martinique, Mauritania, "
    "Mauritius, Mexico, Micronesia, Moldova, Monaco, Mongolia, Montenegro, Morocco, Mozambique, Myanmar, Namibia, "
    "Nauru, Nepal, Netherlands, New Zealand, Nicaragua, Niger, Nigeria, North Korea, North Macedonia, Northern "
    "Ireland, Norway, Oman, Pakistan, Palau, Palestine, Panama, Papua New Guinea, Paraguay, Peru, Philippines, "
    "Poland, Portugal, Puerto Rico, Qatar, Romania, Russia, Rwanda, Saint Lucia, Samoa, San Marino, Saudi Arabia, "
    "Scotland, Senegal, Serbia, Seychelles, Sierra Leone, Singapore, Slovakia, Slovenia, Somalia, Somaliland, "
    "South Africa, South Korea, South Sudan, Soviet Union, Spain, Sri Lanka, Sudan, Suriname, Swaziland, Sweden, "
    "Switzerland, Syria, Taiwan, Tajikistan, Tanzania, Thailand, Tibet, Timor-Leste, Togo, Tonga, Trinidad, "
    "Tobago, Tunisia, Turkey, Turkmenistan, Tuvalu, UAE, UK, U.K., US, U.S., USA, USSR, Uganda, Ukraine, "
    "United Arab Emirates, United Kingdom, United States, United States of America, Uruguay, Uzbekistan, Vanuatu, "
    "Venezuela, Vietnam, Wales, West Bank, Yemen, Yugoslavia, Zambia, Zimbabwe"
)
_PARTS = (
    "Africa, America, Antarctica, Arabia, Asia, Australasia, Balkans, Caribbean, Central America, East Africa, "
    "Eurasia, Europe, Latin America, Middle East, North Africa, North America, Oceania, Scandinavia, South "
    "America, South Asia, Southeast Asia, Siberia, West Africa, Western Europe, Eastern Europe, Alabama, Alaska, "
    "Arizona, Arkansas, California, Colorado, Connecticut, Delaware, Florida, Hawaii, Idaho, Illinois, Indiana, "
    "Iowa, Kansas, Kentucky, Louisiana, Maine, Maryland, Massachusetts, Michigan, Minnesota, Mississippi, "
    "Missouri, Montana, Nebraska, Nevada, New England, New Hampshire, New Jersey, New Mexico, New York, North "
    "Carolina, North Dakota, Ohio, Oklahoma, Oregon, Pennsylvania, Rhode Island, South Carolina, South Dakota, "
    "Tennessee, Texas, Utah, Vermont, West Virginia, Wisconsin, Wyoming, Alberta, British Columbia, Manitoba, New "
    "Brunswick, Newfoundland, Nova Scotia, Ontario, Quebec, Saskatchewan, Yukon, New South Wales, Queensland, "
    "South Australia, Tasmania, Western Australia, Northern Territory, Bavaria, Saxony, Andalusia, Brittany, "
    "Normandy, Sicily, Tuscany, Punjab, Gujarat, Kerala, Tamil Nadu, Uttar Pradesh, Maharashtra, West Bengal, "
    "Guangdong, Sichuan, Xinjiang, Yunnan"
)
_CITIES = (
    "Abidjan, Abu Dhabi, Abuja, Accra, Addis Ababa, Aleppo, Algiers, Amman, Amsterdam, Ankara, Athens, Atlanta, "
    "Auckland, Baghdad, Baku, Baltimore, Bangalore, Bangkok, Barcelona, Basra, Beijing, Beirut, Belfast, "
    "Belgrade, Berlin, Birmingham, Bogota, Boston, Brasilia, Brisbane, Bristol, Brooklyn, Brussels, Bucharest, "
    "Budapest, Buenos Aires, Cairo, Calcutta, Calgary, Canberra, Cape Town, Caracas, Cardiff, Casablanca, "
    "Chennai, Chicago, Cleveland, Cologne, Colombo, Copenhagen, Dakar, Dallas, Damascus, Delhi, Denver, Detroit, "
    "Dhaka, Doha, Dubai, Dublin, Durban, Edinburgh, Edmonton, Fallujah, Frankfurt, Geneva, Glasgow, Guangzhou, "
    "Hamburg, Hanoi, Harare, Havana, Helsinki, Ho Chi Minh City, Honolulu, Houston, Hyderabad, Islamabad, "
    "Istanbul, Jakarta, Jeddah, Jerusalem, Johannesburg, Kabul, Kampala, Karachi, Kathmandu, Khartoum, Kiev, "
    "Kigali, Kinshasa, Kolkata, Kuala Lumpur, Kyiv, Kyoto, Lagos, Lahore, Las Vegas, Leeds, Lisbon, Liverpool, "
    "London, Los Angeles, Luanda, Lusaka, Lyon, Madrid, Managua, Manchester, Manhattan, Manila, Maputo, "
    "Marseille, Mecca, Melbourne, Mexico City, Miami, Milan, Minneapolis, Mogadishu, Mombasa, Montevideo, "
    "Montreal, Moscow, Mosul, Mumbai, Munich, Nairobi, Naples, New Delhi, New Orleans, New York City, Nottingham, "
    "Osaka, Oslo, Ottawa, Panama City, Paris, Perth, Philadelphia, Phnom Penh, Pittsburgh, Portland, Prague, "
    "Pretoria, Pyongyang, Quito, Rabat, Ramallah, Rangoon, Riga, Rio de Janeiro, Riyadh, Rome, Rotterdam, "
    "Sacramento, San Diego, San Francisco, San Jose, Santiago, Sao Paulo, Sarajevo, Seattle, Seoul, Shanghai, "
    "Sheffield, Shenzhen, Sofia, Stockholm, Sydney, Taipei, Tehran, Tel Aviv, Tijuana, Tokyo, Toronto, Tripoli, "
    "Tunis, Vancouver, Vienna, Vilnius, Warsaw, Washington, Washington DC, Wellington, Wuhan, Yangon, Yokohama, "
    "Zagreb, Zurich"
)
_PEOPLES = (
    "Afghan, African, Albanian, Algerian, American, Angolan, Arab, Argentine, Argentinian, Armenian, Asian, "
    "Australian, Austrian, Azerbaijani, Bahraini, Bangladeshi, Belarusian, Belgian, Bolivian, Bosnian, Brazilian, "
    "British, Bulgarian, Burmese, Cambodian, Cameroonian, Canadian, Catalan, Catholic, Chadian, Chechen, Chilean, "
    "Chinese, Christian, Colombian, Congolese, Croatian, Cuban, Cypriot, Czech, Danish, Dominican, Dutch, "
    "Ecuadorian, Egyptian, Emirati, English, Eritrean, Estonian, Ethiopian, European, Fijian, Filipino, Finnish, "
    "French, Georgian, German, Ghanaian, Greek, Guatemalan, Haitian, Hawaiian, Hindu, Hispanic, Honduran, "
    "Hungarian, Icelandic, Indian, Indonesian, Iranian, Iraqi, Irish, Islamic, Islamist, Israeli, Italian, "
    "Ivorian, Jamaican, Japanese, Jewish, Jordanian, Kashmiri, Kazakh, Kenyan, Korean, Kurdish, Kuwaiti, Latino, "
    "Latvian, Lebanese, Liberian, Libyan, Lithuanian, Malaysian, Malian, Maltese, Maori, Mexican, Moldovan, "
    "Mongolian, Moroccan, Mozambican, Muslim, Namibian, Nepalese, Nepali, Nicaraguan, Nigerian, Norwegian, Omani, "
    "Pakistani, Palestinian, Panamanian, Paraguayan, Persian, Peruvian, Polish, Portuguese, Protestant, Qatari, "
    "Romanian, Russian, Rwandan, Saudi, Scottish, Senegalese, Serb, Serbian, Shia, Shiite, Sikh, Singaporean, "
    "Slovak, Slovenian, Somali, South African, North Korean, South Korean, Soviet, Spanish, Sri Lankan, Sudanese, "
    "Sunni, Swedish, Swiss, Syrian, Taiwanese, Tanzanian, Thai, Tibetan, Tunisian, Turkish, Ugandan, Ukrainian, "
    "Uruguayan, Uyghur, Uzbek, Venezuelan, Vietnamese, Welsh, Yemeni, Zambian, Zimbabwean, New Zealander, Jews, "
    "Arabs, Kurds, Serbs, Swedes, Brits, Turks"
)
_BODIES = (
    "UN, U.N., EU, NATO, IMF, UNESCO, UNICEF, UNHCR, OPEC, ASEAN, FIFA, UEFA, FBI, CIA, NASA, BBC, CNN, NBC, CBS, "
    "AFP, ISIS, Isis, Hamas, Hezbollah, Taliban, al-Qaeda, Al-Qaeda, al-Qaida, Al-Qaida, al Qaeda, Al Qaeda, "
    "European Union, United Nations, African Union, World Bank, European Commission, Red Cross, Al Jazeera, "
    "Reuters, Supreme Court, Congress, Senate, Pentagon, State Department"
)


def _listed() -> dict[str, tuple[str, float]]:
    known = dict.fromkeys(_CITIES.split(", "), ("LOCATION", CITY_ODDS))
    for label, names in (("ORGANIZATION", _BODIES), ("LOCATION", f"{_COUNTRIES}, {_PARTS}"), ("NRP", _PEOPLES)):
        known |= dict.fromkeys(names.split(", "), (label, ODDS))
    plurals = [f"{name}s" for name in _PEOPLES.split(", ") if name.endswith(("n", "i", "o"))]
    return dict.fromkeys(plurals, ("NRP", ODDS)) | known


KNOWN: Mapping[str, tuple[str, float]] = _listed()
"""The label of each name and its odds, by how it is written."""
MOST_WORDS = 4
"""Of such a name, as the tokenizer counts them: `U.S.` has four."""
