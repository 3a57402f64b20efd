#!/usr/bin/env python3
"""Makes the kept workspace of a release: runs of every kind, left as that release leaves them.

    tests/kept/make.py PROGRAM RELEASE

writes tests/kept/RELEASE.tar.gz and tests/kept/RELEASE.toml, the secrets of its invented account. It is
run once for each release, with the program of that release; tests/kept.rs opens what it has made with
the program of today. It needs Linux, Python and unshare (util-linux).

A run names the folder that it works in. So everything happens under /mnt, in a mount namespace of its own
where /mnt is another folder: the workspace is /mnt/workspace, its sandbox /mnt/sandbox, on any machine.
"""

import base64
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODICE_FISCALE = "20009000009"
PASSWORD = "Canarino42Zeta"
SUBMIT = "POST /v1/submissions"
TEN_YEARS = 3660 * 86_400


class Sandbox:
    """The pretend Agency of the release, in a process of its own."""

    def __init__(self, program, folder):
        command = [program, "sandbox", "serve", "--json", "--folder", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        said = json.loads(self.process.stdout.readline())
        self.url = said["url"]
        self.token = Path(said["admin_token_file"]).read_text().strip()

    def admin(self, method, path, body=None):
        headers = {"Ceralacca-Sandbox-Admin": self.token}
        return self.ask(method, path, headers, body and json.dumps(body).encode())

    def ask(self, method, path, headers, body=None):
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def settings(self, **wanted):
        self.admin("PUT", "/sandbox/v1/settings", {"certificate_seconds": TEN_YEARS, **wanted})

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


class Workspace:
    """The workspace, and the program that is called in it."""

    def __init__(self, program, place):
        self.program, self.place, self.folder = program, place, place / "workspace"
        self.folder.mkdir()

    def command(self, *arguments):
        inside = 'mount --bind "$0" /mnt && cd /mnt/workspace && exec "$@"'
        start = ["unshare", "--map-root-user", "--mount", "sh", "-c", inside, self.place]
        return [*start, self.program, *arguments]

    def run(self, expected, *arguments):
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True)
        if done.returncode != expected:
            sys.exit(f"{arguments}: {done.returncode}, not {expected}\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self, expected, workflow, *inputs):
        unattended = ["--approve", "--patience", "0s", "--secrets", "../segreti.toml"]
        return self.run(expected, "run", workflow, *unattended, *inputs)


def secrets_of(account):
    return {
        "pincode": account["pincode"],
        "portal_password": account["password"],
        "codice_pin": account["codice_pin"],
        "password": PASSWORD,
        "password_esistente": PASSWORD,
        "pin_di_revoca": "RevocaCanarino12345",
        "signer_password": "Firma dell'archivio 1",
    }


def write_secrets(path, secrets, heading=""):
    lines = [f"{name} = {json.dumps(text)}\n" for name, text in secrets.items()]
    path.write_text(heading + "".join(lines))
    path.chmod(0o600)


def filing(day, utente):
    return [
        "file_impronta", "archive=archivio", "lots=one", f"dal={day}", f"al={day}",
        f"codice_fiscale={CODICE_FISCALE}", "denominazione=ESEMPIO S.R.L.", "tipi_documento=D01",
        "signer=responsabile.p12", f"utente={utente}",
    ]


def upload(sandbox, account, path, tipo_documento):
    """What a person does at the portal; gives the protocollo."""
    access = {name: account[name] for name in ("utente", "password", "codice_pin")}
    session = sandbox.ask("POST", "/v1/sessions", {}, json.dumps(access).encode())
    body = path.read_bytes()
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers = {
        "Authorization": f"Bearer {session['token']}", "Idempotency-Key": f"person {time.time()}",
        "Ceralacca-File-Name": path.name, "Ceralacca-Tipo-Documento": tipo_documento,
        "Content-Digest": f"sha-256=:{digest}:", "Content-Type": "application/octet-stream",
    }
    return sandbox.ask("POST", "/v1/submissions", headers, body)["protocollo"]


def make_runs(sandbox, workspace, account):
    url, utente = sandbox.url, account["utente"]
    place = workspace.place
    archive = HERE.parent.parent / "examples/archive/2025-01-1"
    workspace.run(0, "init", "--gateway", url, "--tsa", f"{url}/tsa", "--trust", "../sandbox")
    (workspace.folder / "archivio").mkdir()
    for document in archive.iterdir():
        (workspace.folder / "archivio" / document.name).write_bytes(document.read_bytes())
    # 1, finished: an environment.
    inputs = [f"codice_fiscale={CODICE_FISCALE}", f"utente={utente}"]
    workspace.start(0, "setup_environment", *inputs)
    signer = sandbox.admin("POST", "/sandbox/v1/signers", {
        "codice_fiscale": "RSSMRA85M01H501Q", "common_name": "Mario Rossi",
        "password": secrets_of(account)["signer_password"], "valid_to": "2199-01-01T00:00:00Z",
    })
    (workspace.folder / "responsabile.p12").write_bytes(base64.b64decode(signer["p12"]))
    # 2, finished: a filing.
    workspace.start(0, *filing("2025-01-01", utente))
    # 3, waiting for a receipt that is there some seconds later.
    sandbox.settings(receipt_delay_seconds=20)
    workspace.start(4, *filing("2025-01-02", utente))
    sandbox.settings()
    # 4, in doubt: the line was cut when the Agency had it.
    fault = {"route": SUBMIT, "kind": "cut_after_commit"}
    sandbox.admin("PUT", "/sandbox/v1/faults", {"faults": [fault]})
    workspace.start(3, *filing("2025-01-03", utente))
    # 5, in doubt: the machine died while it was sending.
    fault = {"route": SUBMIT, "kind": {"slow": {"milliseconds": 600_000}}}
    sandbox.admin("PUT", "/sandbox/v1/faults", {"faults": [fault]})
    killed_while_sending(sandbox, workspace, filing("2025-01-04", utente))
    # 6, stopped before anything was sent; 7, the same and given up.
    refused = {"route": "GET /v1/ca/certificates", "kind": "refuse", "times": 2}
    sandbox.admin("PUT", "/sandbox/v1/faults", {"faults": [refused]})
    workspace.start(1, *filing("2025-01-05", utente))
    workspace.start(1, *filing("2025-01-06", utente))
    workspace.run(0, "abandon", "7", "--reason", "prova")
    # 8, with a person who has not uploaded it; 9, uploaded and confirmed, without its receipt.
    by_hand(sandbox, workspace)
    (workspace.folder / "dichiarazione.ccf").write_bytes(b"\x42" * 3000)
    workspace.start(4, "send_file", "file=dichiarazione.ccf", "tipo_documento=IVA26")
    workspace.start(4, *filing("2025-01-07", utente)[:-1])
    handed_over = workspace.folder / "Documenti/da inviare/9/comunicazione.ccf"
    protocollo = upload(sandbox, account, handed_over, "IMPRONTA")
    workspace.run(0, "confirm", "9", "--protocollo", protocollo)


def killed_while_sending(sandbox, workspace, inputs):
    arguments = ["run", *inputs, "--approve", "--secrets", "../segreti.toml"]
    process = subprocess.Popen(workspace.command(*arguments), stderr=subprocess.DEVNULL)
    log = lambda: sandbox.admin("GET", "/sandbox/v1/log?limit=1")["submissions"]["IMPRONTA"]
    before = log()
    while log() == before:
        time.sleep(0.1)
    process.kill()
    process.wait()


def by_hand(sandbox, workspace):
    """The same workspace, whose agency is a person from here on."""
    found = sandbox.ask("GET", "/v1/ca/certificates", {})["certificates"][0]
    (workspace.folder / "ca.cer").write_bytes(base64.b64decode(found))
    settings = workspace.folder / "ceralacca.toml"
    by_hand = 'hand_off = true\nca = ["ca.cer"]'
    settings.write_text(settings.read_text().replace(f'gateway = "{sandbox.url}"', by_hand))


def pack(place, archive):
    state = sqlite3.connect(place / "sandbox/stato-SANDBOX.sqlite")
    state.execute("VACUUM")
    state.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    state.close()
    (place / "sandbox/admin-token").unlink()
    found = [path for name in ("sandbox", "workspace") for path in (place / name).rglob("*")]
    folders = sorted(path for path in found if path.is_dir())
    # What is there twice stands side by side, and takes its room once.
    content = lambda path: (path.stat().st_size, path.read_bytes())
    files = sorted((path for path in found if path.is_file()), key=content)
    with tarfile.open(archive, "w:gz") as packed:
        for path in folders + files:
            name = str(path.relative_to(place))
            packed.add(path, name, recursive=False, filter=unowned)


def unowned(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def main():
    program, release = os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        workspace = Workspace(program, place)
        sandbox = Sandbox(program, place / "sandbox")
        try:
            sandbox.settings()
            wanted = {"codice_fiscale": CODICE_FISCALE, "sede": "000", "incaricato_di": []}
            account = sandbox.admin("POST", "/sandbox/v1/accounts", wanted)
            secrets = secrets_of(account)
            write_secrets(place / "segreti.toml", secrets)
            make_runs(sandbox, workspace, account)
        finally:
            sandbox.stop()
        heading = f"# THROW-AWAY: invented secrets of an invented account; they open {release}.tar.gz.\n"
        write_secrets(HERE / f"{release}.toml", secrets, heading)
        pack(place, HERE / f"{release}.tar.gz")
        print(workspace.run(0, "runs"))


main()
