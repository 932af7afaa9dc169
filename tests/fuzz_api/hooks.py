"""What the OpenAPI document cannot say and the fuzzer has to know: how to log in, what a name or a certificate looks like, and
the few things that only this node can have made.

The node is one that `tests/fuzz_api/mod.rs` has started for this run and throws away after it.
"""

import os
import re
import subprocess
import unicodedata

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

URL = os.environ["FUZZ_URL"] + "/api/v1"
TRUSTED = os.environ["FUZZ_TRUSTED"]
USER = {"username": os.environ["FUZZ_USERNAME"], "password": os.environ["FUZZ_PASSWORD"]}

# Seconds; a token is good for 300.
TOKEN_IS_KEPT = 120

# What locks the file of the backup key.
FILE_PASSWORD = "Fuzz-pass-1"


def token():
    answer = requests.post(f"{URL}/auth/tokens", json=USER, verify=TRUSTED, timeout=30)
    answer.raise_for_status()
    return answer.json()["jwt"]


def ask(method, path, **more):
    headers = {"Authorization": f"Bearer {token()}"}
    answer = requests.request(method, f"{URL}/{path}", headers=headers, verify=TRUSTED, timeout=30, **more)
    answer.raise_for_status()
    return answer


def openssl(*arguments):
    command = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout", os.devnull]
    done = subprocess.run([*command, "-subj", "/CN=fuzz", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


# Only who has a backup and its key can send them; made once, on the node that is asked.
BACKUP = ask("POST", "backups", json={}).json()
BACKUP_FILE = ask("GET", f"backups/{BACKUP['id']}/download").content
KEY_FILE = ask("POST", f"backupkeys/{BACKUP['backupKey']}/download", json={"password": FILE_PASSWORD}).json()

REQUEST = openssl()

# What names have none of: control, format, separator and surrogate characters, and those that this Python does not know.
HIDDEN = ["Cc", "Cf", "Cs", "Zl", "Zp", "Cn"]

# The fields of requests that are of the formats `name` and `host`.
NAMES_ARE = {"name", "publicAddress", "localNodePublicAddress", "description", "hint"}
HOSTS_ARE = {"host", "localNodeHost", "memberNodeHost", "newNodeHost"}

NAMES = st.text(st.characters(exclude_categories=HIDDEN), max_size=200)

# None of these leads to a machine (RFC 2606, RFC 5737, RFC 3849).
HOST = re.compile(
    r"[a-z][a-z0-9]{0,20}(-[a-z0-9]{1,10}){0,2}\.invalid|198\.51\.100\.[1-9][0-9]?|2001:db8::[1-9a-f][0-9a-f]{0,3}"
)
HOSTS = st.from_regex(HOST, fullmatch=True)

schemathesis.openapi.format("name", NAMES)
schemathesis.openapi.format("host", HOSTS)
schemathesis.openapi.format("pem-request", st.just(REQUEST))
schemathesis.openapi.media_type("application/octet-stream", st.just(BACKUP_FILE))


@schemathesis.auth(refresh_interval=TOKEN_IS_KEPT)
class Token:
    """The bearer token of the node's administrator."""

    def get(self, case, context):
        return token()

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


def is_good(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def name_of(case):
    return case.operation.definition.raw.get("operationId")


def ends_the_node(case):
    """A reset, with every body but one that can never be taken: objects are taken whatever the content type says."""
    return name_of(case) == "resetServices" and not isinstance(case.body, (str, int, float, bool, list))


def is_of_its_format(field, text):
    if field in NAMES_ARE:
        return all(unicodedata.category(c) not in HIDDEN for c in text)
    return field not in HOSTS_ARE or HOST.fullmatch(text) is not None


def is_taken_for_good(case):
    """Schemathesis draws a text now and then past the strategy of a format that it does not know itself."""
    fields = case.body.items() if is_good(case) and isinstance(case.body, dict) else ()
    return any(text and isinstance(text, str) and not is_of_its_format(field, text) for field, text in fields)


def depends_on_what_is_there(case):
    """What no schema can know: how many members there are, how long a key is, what a syslog server has already."""
    if not is_good(case):
        return False
    body = case.body if isinstance(case.body, dict) else {}
    asked = [dict(case.headers or {}).get("x-keystead-ack"), body.get("ack")]
    return (
        any(str(ack).startswith("any-") for ack in asked)
        or (name_of(case) == "newKeyVersion" and bool(body.get("material")))
        or (name_of(case) == "patchSyslog" and body.get("transport") == "tls" and not body.get("caCert"))
    )


def is_taken_for_bad(case):
    """It cannot know what is none of such a format either; and a body of white space is none, which may be left out."""
    if is_good(case) or case.meta is None:
        return False
    mutations = getattr(case.meta.phase.data, "mutations", ())
    only_format = bool(mutations) and all(mutation.keywords == ("format",) for mutation in mutations)
    body = getattr(case.body, "data", case.body)
    return only_format or (isinstance(body, bytes) and not body.strip())


@schemathesis.hook
def filter_case(context, case):
    left_out = [ends_the_node, is_taken_for_good, is_taken_for_bad, depends_on_what_is_there]
    return not any(leaves(case) for leaves in left_out)


@schemathesis.hook
def map_case(context, case):
    """A file that no key of this node's has locked is refused, however well it is made."""
    if name_of(case) == "uploadBackupKey" and is_good(case):
        case.body = {"password": FILE_PASSWORD, "file": KEY_FILE}
    return case
