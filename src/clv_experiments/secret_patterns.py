"""What a secret looks like in text: by the name before it, by its place in an address, or by how its issuer begins it.

Every pattern has two named groups: ``before``, which stays, and ``secret``. A pattern leaves alone what advice shows in
place of a secret, and none begins with a repetition: long text would take for ever.
"""

from __future__ import annotations

import re

# The end of a name whose value nobody should see: password, PGPASSWORD, motherduck_token, aws_secret_access_key, sig.
CONFIDENTIAL_NAMES = (
    r"password|passwd|passphrase|passcode|(?<![a-z\d+/])(?:pwd|sig)|(?<![\w+/-])pass|token|secret|credentials?|signature|"
    r"(?:access|account|api|client|encryption|master|private|secret|shared|signing)[_-]?key"
)
SECRET_NAME = re.compile(rf"(?i)(?:{CONFIDENTIAL_NAMES})$")
# What stands where a secret would, in advice, in what was masked before or in another setting's name.
PLACEHOLDER = r"\*\*\*|\.\.\.|<[^<>]*>|\$\{[^}]*\}|password\b|null\b|none\b|true\b|false\b"
QUOTED = r"'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\{(?:[^{}]|\}\})*\}"

# Tokens that begin as their issuers say, so that a secret scanner finds them; long enough to be no word.
TOKENS = (
    r"gh[opsur]_\w{16,}|github_pat_\w{16,}|gl[a-z]{2,6}-[\w-]{16,}|hf_[A-Za-z\d]{16,}|npm_[A-Za-z\d]{30,}|pypi-[\w-]{30,}",
    r"(?<!-)sk-(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{20,}|sk-[a-z\d]{32,}|[rs]k_(?:live|test)_\w{10,}|whsec_\w{16,}|shp[a-z]{2}_\w{16,}",
    r"xox[a-z]-[\w-]{10,}|xapp-[\w-]{16,}|A[KS]IA[A-Z\d]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{16,}",
    r"dapi[a-f\d]{32}|dop_v1_[a-f\d]{32,}|hvs\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|(?<!-)eyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]*",
)
TOKEN = "|".join(TOKENS)
# A user of an address that is none: a token's beginning, or at least 20 letters and digits that make no word.
TOKEN_USER = (
    rf"{TOKEN}|(?:gh[opsur]_|github_pat_|glpat-|hf_|sk-|xox[a-z]-|eyJ)[^\s:/@'\"?#]+|(?=[a-z_-]*\d)[\w-]{{20,}}"
)
WEB = r"(?:\b(?:(?:git|hg|svn)\+)?(?:https?|ftps?)|\bgit)://"
# Users that everybody knows, whose password is the secret, and passwords that everybody knows, whose user is.
KNOWN_USERS = (
    r"(?:oauth2?|x-access-token|x-token-auth|x-oauth-basic|__token__|token|git|anonymous|ftp|user(?:name)?)[:@]"
)
KNOWN_PASSWORDS = r"x-oauth-basic|x-access-token|x-token-auth|oauth2?|api[_-]?token|api[_-]?key|token|none|unused|x"
SHOWN_PASSWORD = rf"(?<=[*>}}]:)(?i:{KNOWN_PASSWORDS})@"
# Of an address that is percent-encoded within another, however often: what ends its parts.
ENCODED_END = "(?:" + "|".join(rf"%(?P=level){code}" for code in ("3A", "2F", "3F", "40")) + ")"

SOURCES = (
    # https://token:@host and https://token:x-oauth-basic@host; https://token@host, which databases do not take.
    rf"(?i)(?P<before>{WEB})(?!\*\*\*|<|\$|{KNOWN_USERS})(?P<secret>[^\s:/@'\"?#]+)(?=:(?:{KNOWN_PASSWORDS})?@[\w\[])",
    rf"(?i)(?P<before>{WEB})(?!\*\*\*|<|\$|{KNOWN_USERS})(?P<secret>{TOKEN_USER})(?=:[^\s/]*@[\w\[]|@[\w\[])",
    r"(?i)(?P<before>\bhttps?://)(?!\*\*\*|<|\$|git@|user(?:name)?@)(?P<secret>[^\s:/@'\"?#]+)(?=@[\w\[])",
    # scheme://user:secret@host, where the secret may hold an unencoded @, / or quote: up to the last @ before a blank.
    rf"(?P<before>(?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!password@|{SHOWN_PASSWORD})(?P<secret>(?:(?!://)\S)+)"
    r"(?=@[\w\[/.%-])",
    # The same with a blank in the secret, unless that is a port: up to the first @ before a host.
    rf"(?P<before>(?<=[\w+.-])://[^\s:/@'\"?#]*:)(?!\*\*\*@|password@|{SHOWN_PASSWORD}|\d{{1,5}}\b)"
    r"(?P<secret>(?:(?!://)[^\n])+?)(?=@[\w\[])",
    # An address within an address, percent-encoded.
    rf"(?i)(?P<before>%(?P<level>(?:25)*)3A%(?P=level)2F%(?P=level)2F(?:(?!{ENCODED_END})[^\s/'\"&])*%(?P=level)3A)"
    rf"(?!password%|\*\*\*|%(?:25)*2A)(?P<secret>(?:(?!{ENCODED_END})[^\s/'\"&])+)(?=%(?P=level)40)",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES}|(?<=3B|26|3F|20)(?:pwd|sig))%(?:25)*3D)(?!{PLACEHOLDER}|%(?:25)*2A)"
    r"(?P<secret>%(?:25)*7B(?:(?!%(?:25)*7D)[^\s&'\"])*%(?:25)*7D|(?:(?!%(?:25)*(?:3B|26|2[027]))[^\s&;'\"])+)",
    # name=secret of an address, up to the next & or blank.
    rf"(?i)(?P<before>[?&][\w.-]*(?:{CONFIDENTIAL_NAMES})=)(?!{PLACEHOLDER})(?P<secret>[^\s&#'\"]+)",
    # Pairs with semicolons between, as of ODBC: up to the next pair, or the end where all of the text is such pairs.
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})\s*=[ ]*)(?!{PLACEHOLDER})(?P<secret>[^\s;=&'\"{{}}][^;=&'\"\n{{}}]*)"
    r"(?=;\s*\w[\w ]*=)",
    rf"(?i)\A(?P<before>(?:[\w ]+=(?:\{{[^{{}}]*\}}|[^;\n]*);)+[\w ]*?(?:{CONFIDENTIAL_NAMES})\s*=[ ]*)"
    rf"(?!{PLACEHOLDER})(?P<secret>[^\s;'\"{{}}][^;\n]*)\Z",
    # name=secret of a query, a connection string or a command, and "name": secret of JSON, also of JSON in JSON.
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})(?:['\"]?\s*=|['\"]\s*:)\s*)(?!{PLACEHOLDER})"
    rf"(?P<secret>{QUOTED}|[^\s&;,'\"()\[\]]+)",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES})(?:\\+['\"])?\s*[:=]\s*\\+['\"])(?!{PLACEHOLDER})(?P<secret>[^'\"\\\n]+)",
    # A line of YAML, its block of lines, and {name: secret}; name: "secret" wherever it stands.
    rf"(?im)^(?P<before>(?P<indent>[ \t]*)(?:- )?[\w.-]*?(?:{CONFIDENTIAL_NAMES})['\"]?:[ \t]*[|>][-+\d]*[ \t]*\n)"
    r"(?P<secret>(?P=indent)[ \t]+\S.*(?:\n(?:[ \t]*\n)*(?P=indent)[ \t]+\S.*)*)",
    rf"(?im)^(?P<before>[ \t]*(?:- )?[\w.-]*?(?:{CONFIDENTIAL_NAMES}):[ \t]+)(?!{PLACEHOLDER})(?P<secret>\S.*)$",
    rf"(?i)(?P<before>[{{,]\s*[\w.-]*(?:{CONFIDENTIAL_NAMES}):\s+)(?!{PLACEHOLDER})"
    rf"(?P<secret>{QUOTED}|[^\s,{{}}'\"]+)(?=[^\n]{{0,1000}}\}})",
    rf"(?i)(?P<before>(?:{CONFIDENTIAL_NAMES}):\s*)(?P<secret>'(?!{PLACEHOLDER})[^'\n]+'|\"(?!{PLACEHOLDER})[^\"\n]+\")",
    # Headers of a request; what follows a scheme in a sentence is a word.
    r"(?i)(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?[\w-]+\s+)(?P<secret>(?=\S*[\d=_]|[\w.~+/=-]{12})[\w.~+/=:-]{6,})",
    r"(?i)(?P<before>\bbearer\s+)(?P<secret>(?=[\w.~+/-]*[\d=_]|[\w.~+/=-]{24})[\w.~+/=:-]{6,})",
    r"(?i)(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?)(?P<secret>(?=[\w.~+/-]*[\d=_])[\w.~+/=-]{12,})",
    rf"(?i)(?P<before>(?<![\w-])x-[\w-]{{0,80}}?(?:{CONFIDENTIAL_NAMES}):\s*)(?!{PLACEHOLDER})(?P<secret>[^\s'\",;]+)",
    r"(?i)(?P<before>\bcookie['\"]?:\s*['\"]?)(?P<secret>[\w.-]+=[^'\"\n]+)",
    # An option of a command, and an element of XML.
    rf"(?i)(?P<before>(?<!\S)--[\w-]*(?:{CONFIDENTIAL_NAMES})\s+)(?!{PLACEHOLDER}|-|(?:an?|and|are|for|in|is|or|the|to|with)\b)"
    rf"(?P<secret>{QUOTED}|\S+)",
    rf"(?i)(?P<before><[\w:.-]*(?:{CONFIDENTIAL_NAMES})>)(?!{PLACEHOLDER})(?P<secret>[^<>]+)(?=</)",
    r"(?P<before>-----BEGIN [A-Z ]*PRIVATE KEY-----)(?P<secret>(?:(?!-----END)[\s\S])+)(?=-----END|$)",
    r"(?P<before>\bhooks\.slack\.com/services/)(?P<secret>[\w/]+)",
    # Wherever it stands.
    rf"(?P<before>(?<![A-Za-z\d_]))(?P<secret>{TOKEN})(?!\w)",
)
SECRET_PATTERNS = tuple(map(re.compile, SOURCES))
