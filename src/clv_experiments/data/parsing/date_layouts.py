"""What dates look like as text or numbers, as plain regular expressions (no backslash: Spark takes it for an escape).

All patterns but that of a calendar date are for text in lower case.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

OFFSET = "[+-][0-9]{2}(?::?[0-9]{2})?"
ZONE_NAMES = "z|utc|gmt|bst|ist|wet|west|cet|cest|eet|eest|msk|est|edt|cst|cdt|mst|mdt|pst|pdt|jst|aest|aedt"
ZONE = f"(?:(?:utc|gmt)?{OFFSET}(?: +[(]?[a-z][a-z ]+[)]?)?|{ZONE_NAMES})"
HALF_DAY = "(?:[ap][.]? ?m[.]?)"
CLOCK = (
    f"(?:[0-9]{{1,2}}[:.h][0-9]{{2}}(?:[:.][0-9]{{2}}(?:[.,][0-9]+)?)? *(?:{HALF_DAY}|uhr)?|[0-9]{{1,2}} *{HALF_DAY}) *"
)
TIME = f"(?:,?[ t]+(?:(?:at|um|à|klo?[.]?|a las) +)?|:){CLOCK}"
TIME_WITH_ZONE = f"{TIME}({ZONE})$"
END = f"(?:{TIME}{ZONE}?)?$"

YEAR = "([0-9]{4}|[0-9]{2})"
COMMON_YEAR = "((?:19|20)[0-9]{2})"
DAY = "([0-9]{1,2})"
ORDINAL = "(?:st|nd|rd|th|er|[º°ª])?"
ARTICLE = "(?:(?:the|le|el|il|den|der) +)?"
WORD = "([a-zà-žа-яё]{3,})"
# Layouts of a date, such as 01DEC10 and Dec 1, 2010, and the order of year, month and day in them. At most one fits a
# text.
PART_ORDER_BY_DATE_PATTERN = {
    f"^([0-9]{{4}})(?:[-/.] ?|[年년] ?){DAY}(?:[-/.] ?|[月월] ?){DAY}[.日일]?{END}": "ymd",
    f"^([0-9]{{4}})(0[1-9]|1[0-2])([0-9]{{2}})(?:[0-9]{{6}}|[.]0)?{END}": "ymd",
    f"^{COMMON_YEAR}([0-9]{{2}})([0-9]{{2}})(?:[0-9]{{4}}|[t_][0-9]{{4}}(?:[0-9]{{2}})?z?)$": "ymd",
    f"^{ARTICLE}{DAY}{ORDINAL}[-/. ]*(?:de |of )?{WORD}[-/., ]*(?:de |del |of )?{YEAR}(?: [гr][.]?)?{END}": "dmy",
    f"^{WORD}[-/. ]*{ARTICLE}{DAY}{ORDINAL}[-/., ]+{YEAR}{END}": "mdy",
    f"^([0-9]{{4}})[-/. ]*{WORD}[-/. ]*{DAY}[.]?{END}": "ymd",  # 2010-Dec-01
    f"^{WORD} +{DAY} +{CLOCK}(?:(?:utc|gmt) +)?([0-9]{{4}})$": "mdy",  # Dec 1 10:00:00 2010
}
EITHER_ORDER = f"^{DAY}[-/.] ?{DAY}[-/.] ?{YEAR}[.]?{END}"
EITHER_COMPACT = f"^{DAY}([0-9]{{2}}){COMMON_YEAR}$"
TWO_DIGIT_YEAR_FIRST = f"^([0-9]{{2}})[-/.]{DAY}[-/.]{DAY}{END}"
DATE_ORDERS = {  # layouts that need an order to be read
    "dmy": (EITHER_ORDER, EITHER_COMPACT),
    "mdy": (EITHER_ORDER, EITHER_COMPACT),
    "ymd": (TWO_DIGIT_YEAR_FIRST,),
}
# Layouts of a period, which is read as its first day.
MONTH_LAYOUTS = {
    "^([0-9]{4})(?:[-/ ]|-?m)([0-9]{1,2})$": "ym",
    f"^{COMMON_YEAR}[.]?(0[1-9]|1[0-2])$": "ym",
    f"^([0-9]{{1,2}})[-/.]{COMMON_YEAR}$": "my",
    f"^([0-9]{{4}})[-/. ]*{WORD}[.]?$": "ym",
    f"^{WORD}[-/., ]*(?:de |del |of )?{COMMON_YEAR}$": "my",
    f"^{WORD}(?:[.]?-| ?['’])([0-9]{{2}})$": "my",
    f"^{COMMON_YEAR}[-/. ]?0(0[1-9]|1[0-2])$": "ym",  # 2022-006, in which the month is padded
}
QUARTER = "([qt][1-4]|[1-4][qt])"
QUARTER_LAYOUTS = {f"^([0-9]{{4}})[-/ ]?{QUARTER}$": "ym", f"^{QUARTER}[-/ '’]*([0-9]{{4}}|[0-9]{{2}})$": "my"}
PERIOD_LAYOUTS = {"month": MONTH_LAYOUTS, "quarter": QUARTER_LAYOUTS}
PERIOD_MAX_DAYS = {"week": 7, "month": 31, "quarter": 92, "year": 366}
COMPACT_LAYOUTS = {"yymmdd": {"^([0-9]{2})(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$": "ymd"}}  # if all rows are so
# ISO 8601's weeks: of year, week and day of the week.
WEEK_SIGN = "(?:wk?|kw|week|woche) ?"
WEEK_LAYOUTS = {
    f"^([0-9]{{4}})[-/. ]?{WEEK_SIGN}([0-9]{{1,2}})(?:-?([1-7]))?$": "ywd",
    f"^{WEEK_SIGN}([0-9]{{1,2}})[-/. ]*{COMMON_YEAR}$": "wy",
}
WEEK_NUMBER_LAYOUTS = {  # months, too, up to 12
    f"^{COMMON_YEAR}[-/. ]?([0-5][0-9])$": "yw",
    f"^{COMMON_YEAR}[-/. ]([1-9])$": "yw",
    f"^([0-9]{{1,2}})[-/. ]{COMMON_YEAR}$": "wy",
}
LATER_WEEK = "(?:1[3-9]|[2-4][0-9]|5[0-3])"
LATER_WEEKS = (f"^{COMMON_YEAR}[-/. ]?{LATER_WEEK}$", f"^{LATER_WEEK}[-/. ]{COMMON_YEAR}$")
DAY_OF_YEAR_LAYOUTS = {  # months of three digits, too, up to 12
    f"^{COMMON_YEAR}[-/. ]?([0-3][0-9]{{2}})(?:[.]0)?$": "yj",
    f"^([0-3][0-9]{{2}})[-/. ]{COMMON_YEAR}$": "jy",
}
LATER_DAY = "(?:01[3-9]|0[2-9][0-9]|[123][0-9]{2})"
LATER_DAYS = (f"^{COMMON_YEAR}[-/. ]?{LATER_DAY}(?:[.]0)?$", f"^{LATER_DAY}[-/. ]{COMMON_YEAR}$")
NUMBER = "^([0-9]{1,19})(?:[.,][0-9]+)?$"

# In English, German, French, Spanish, Italian, Portuguese, Dutch, the languages of Scandinavia, Finnish, Polish, Czech,
# Russian, Turkish, Romanian and Hungarian.
MONTH_WORDS = {
    "01": (
        "jan january januar jänner janvier janv ene enero gen gennaio janeiro januari tammikuu tammikuuta "
        "styczeń stycznia sty leden ledna январь января янв q1 1q t1 1t ocak oca ianuarie ian január"
    ),
    "02": (
        "feb febr february februar février fevrier févr fevr fév fev febrero febbraio fevereiro februari "
        "helmikuu helmikuuta luty lutego lut únor února unor unora февраль февраля фев şubat şub februarie "
        "február"
    ),
    "03": (
        "mar march märz maerz mär mrz mars marzo março marco maart mrt marts maaliskuu maaliskuuta marzec "
        "marca březen března brezen brezna март марта mart martie március márc"
    ),
    "04": (
        "apr april avril avr abr abril aprile huhtikuu huhtikuuta kwiecień kwietnia kwi duben dubna апрель "
        "апреля апр q2 2q t2 2t nisan nis aprilie április ápr"
    ),
    "05": (
        "may mai mayo mag maggio maio mei maj toukokuu toukokuuta maja květen května kveten kvetna май мая "
        "mayıs május máj"
    ),
    "06": (
        "jun june juni juin junio giu giugno junho kesäkuu kesäkuuta czerwiec czerwca cze červen června "
        "cerven cervna июнь июня июн haziran haz iunie iun június jún"
    ),
    "07": (
        "jul july juli juillet juil julio lug luglio julho heinäkuu heinäkuuta lipiec lipca lip červenec "
        "července cervenec cervence июль июля июл q3 3q t3 3t temmuz tem iulie iul július júl"
    ),
    "08": (
        "aug august août aout ago agosto augustus augusti elokuu elokuuta sierpień sierpnia sie srpen srpna "
        "август августа авг ağustos ağu augusztus"
    ),
    "09": (
        "sep sept september septembre septiembre setiembre set sett settembre setembro syyskuu syyskuuta "
        "wrzesień września wrz září zari сентябрь сентября сен сент eylül eyl septembrie szeptember szept"
    ),
    "10": (
        "oct october okt oktober octobre octubre ott ottobre out outubro lokakuu lokakuuta październik "
        "października paź říjen října rijen rijna октябрь октября окт q4 4q t4 4t ekim eki octombrie október"
    ),
    "11": (
        "nov november novembre noviembre novembro marraskuu marraskuuta listopad listopada listopadu lis "
        "ноябрь ноября ноя kasım kas noiembrie noi"
    ),
    "12": (
        "dec december dez dezember déc décembre decembre dic diciembre dicembre dezembro desember des "
        "joulukuu joulukuuta grudzień grudnia gru prosinec prosince декабрь декабря дек aralık ara decembrie"
    ),
}
MONTH_WORD_LOOKUP_STRING = "".join(f";{word}={month}" for month, words in MONTH_WORDS.items() for word in words.split())
WEEKDAY_WORDS = (
    "mon monday tue tues tuesday wed weds wednesday thu thur thurs thursday fri friday sat saturday sun sunday "
    "mo montag di dienstag mi mittwoch do donnerstag fr freitag sa samstag sonnabend so sonntag "
    "lun lundi mardi mer mercredi jeu jeudi ven vendredi sam samedi dim dimanche "
    "lunes martes mié mie miércoles miercoles jue jueves vie viernes sáb sab sábado sabado dom domingo "
    "lunedì lunedi martedì martedi mercoledì mercoledi gio giovedì giovedi venerdì venerdi sabato domenica "
    "seg segunda ter terça terca qua quarta qui quinta sex sexta "
    "ma maandag dinsdag wo woensdag donderdag vr vrijdag za zaterdag zo zondag "
    "måndag mandag man mån tisdag tirsdag tir tis onsdag ons torsdag tor tors fredag fre lördag lørdag lör lør söndag "
    "søndag sön søn maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai ti ke to pe la su "
    "poniedziałek pon pn wtorek wt środa sroda śr czwartek czw piątek piatek pt sobota sob niedziela nd niedz "
    "pondělí úterý středa čtvrtek pátek neděle po út čt pá понедельник вторник среда четверг пятница суббота "
    "воскресенье пн вт ср чт пт сб вс pazartesi salı sali çarşamba carsamba perşembe persembe cuma cumartesi pazar pzt "
    "sal çar per cum cmt paz luni marți marti miercuri joi vineri sâmbătă sambata duminică duminica hétfő kedd szerda "
    "csütörtök péntek szombat vasárnap"
)
EAST_ASIAN_WEEKDAY = "[月火水木金土日一二三四五六天월화수목금토일]"
ANY_WEEKDAY_WORD = f"(?:{'|'.join(WEEKDAY_WORDS.split())})(?:-feira)?"
# In front of a date, in parentheses anywhere, or at the end; mar is also the month of March, unless a comma follows.
WEEKDAY = (
    f"^{ANY_WEEKDAY_WORD}[.]?,? +|^mar[.]?, +|,? +{ANY_WEEKDAY_WORD}[.]?$"
    f"| *(?:[(]|（)(?:{ANY_WEEKDAY_WORD}[.]?|{EAST_ASIAN_WEEKDAY}(?:曜日?|요일)?)(?:[)]|）)"
    f"| *(?:星期|周|週|礼拜|禮拜){EAST_ASIAN_WEEKDAY}| *{EAST_ASIAN_WEEKDAY}(?:曜日?|요일)"
)
# Digits, dashes and blanks as other keyboards write them, and as patterns know them.
OTHER_CHARACTERS = "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９／：．－‐‑‒–—−\u00a0\u2007\u2009\u202f\u3000"
PLAIN_CHARACTERS = "0123456789" * 3 + "/:.-" + "-" * 6 + " " * 5
ZERO_DATE = (  # what databases write where there is none
    f"^(?:0000[-/.]?00[-/.]?00|00[-/.]00[-/.](?:0000|00)|0001[-/.]?01[-/.]?01|0?1[-/.]0?1[-/.]0001|0+(?:[.]0+)?){END}"
)
BUDDHIST_YEAR_OFFSET = 543  # before ours, as in Thailand
BUDDHIST_YEAR = "2[456][0-9]{2}"
BUDDHIST_DATE = (
    f"^{BUDDHIST_YEAR}(?:[-/. ]|[01][0-9][0-3][0-9]$)"
    f"|^[0-9]{{1,2}}[-/. ][^ -/.]{{1,12}}[-/. ]{BUDDHIST_YEAR}(?:[^0-9]|$)"
)

CENTURY_PIVOT = "69"  # two-digit years from here on are of the 1900s, as POSIX has it
LEAP_YEAR = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
CALENDAR_DATE = (
    "(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LEAP_YEAR}-02-29)"
)


@dataclass(frozen=True)
class SerialDateFormat:
    """A way to count days.

    Attributes
    ----------
    origin : date
        Day 0.
    per_day : int
        Units in a day.
    description : str
        What the numbers are, for notes.
    """

    origin: date
    per_day: int
    description: str

    def to_number(self, day: date) -> int:
        """Return the number of a day's first instant."""
        return (day - self.origin).days * self.per_day

    def to_day(self, number: int) -> date:
        """Return the day of a number."""
        return self.origin + timedelta(days=number // self.per_day)


EPOCH = date(1970, 1, 1)
NUMBER_FORMATS = {
    "epoch_seconds": SerialDateFormat(EPOCH, 86_400, "seconds since 1970-01-01 UTC"),
    "epoch_milliseconds": SerialDateFormat(EPOCH, 86_400_000, "milliseconds since 1970-01-01 UTC"),
    "epoch_microseconds": SerialDateFormat(EPOCH, 86_400_000_000, "microseconds since 1970-01-01 UTC"),
    "epoch_nanoseconds": SerialDateFormat(EPOCH, 86_400_000_000_000, "nanoseconds since 1970-01-01 UTC"),
    "epoch_days": SerialDateFormat(EPOCH, 1, "days since 1970-01-01"),
    "excel": SerialDateFormat(date(1899, 12, 30), 1, "Excel's serial numbers"),
    "excel_1904": SerialDateFormat(date(1904, 1, 1), 1, "Excel's serial numbers since 1904"),
}
# Counts that are told apart by their size alone, where all days lie in these years.
UNMISTAKABLE = ("epoch_seconds", "epoch_milliseconds", "epoch_microseconds", "epoch_nanoseconds", "excel")
FIRST_YEAR, LAST_YEAR = 1990, 2099
DATE_FORMATS = (*NUMBER_FORMATS, *PERIOD_LAYOUTS, *COMPACT_LAYOUTS, "week", "day_of_year", "buddhist")


def is_layout_compatible(layout: str, date_format: str | None) -> bool:
    """Return whether a layout of dates may stand beside a format: 2022006 is a month or a day rather than 2/02/2006."""
    return layout != EITHER_COMPACT or date_format not in ("month", "day_of_year")


def last_day_of_period(date_format: str, day: date) -> date:
    """Return the last day of the week that a day lies in, or of the month, quarter or year that it begins."""
    if date_format == "week":
        return day + timedelta(days=6 - day.weekday())
    following = day + timedelta(days=PERIOD_MAX_DAYS[date_format])  # at most four days into the next
    return following.replace(day=1) - timedelta(days=1)
