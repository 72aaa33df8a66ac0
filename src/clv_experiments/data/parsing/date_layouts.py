"""What dates look like as text, as plain regular expressions (no backslash, which Spark takes for an escape)."""

ZONE = "(?:Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}|[+-][0-9]{2})"
CLOCK = "[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)? *(?:[AaPp][.]?[Mm][.]?)? *"
END = f"(?:,?[ T]+{CLOCK}{ZONE}?)?$"
YEAR = "([0-9]{4}|[0-9]{2})"
# Layouts of a date, and the order of year, month and day in them.
LAYOUTS = {
    "^([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + END: "ymd",
    "^([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{6})?" + END: "ymd",
    "^([0-9]{1,2})[- ]([A-Za-z]+)[.]?[-, ]+" + YEAR + END: "dmy",  # 1 December 2010, 01-Dec-10
    "^([A-Za-z]+)[.]? +([0-9]{1,2}),? +" + YEAR + END: "mdy",  # Dec 1, 2010
}
EITHER_ORDER = "^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]" + YEAR + END
YEAR_FIRST = "^([0-9]{2})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + END
DATE_ORDERS = {"dmy": EITHER_ORDER, "mdy": EITHER_ORDER, "ymd": YEAR_FIRST}  # layouts that need an order to be read
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
CENTURY_PIVOT = "69"  # two-digit years from here on are of the 1900s, as POSIX has it
LEAP_YEAR = "(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
CALENDAR_DATE = (
    "(?:[1-9][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{LEAP_YEAR}-02-29)"
)
