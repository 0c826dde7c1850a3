# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by the openssl program: right ones, and wrong in each way."""

import datetime
import pathlib
import shutil
import ssl
import subprocess
import unittest

CONFIGURATION = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
email_in_dn = no
[any]
commonName = supplied
[server]
basicConstraints = CA:false
subjectAltName = {names}
"""


class Authority:
    """Signs; `file` is its certificate, which whoever trusts it is given."""

    def __init__(self, folder, name="authority"):
        if shutil.which("openssl") is None:
            raise unittest.SkipTest("there is no openssl here")
        self.folder = pathlib.Path(folder, name)
        self.folder.mkdir()
        self.file, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.file, "-subj",
                      f"/CN={name}", "-days", "2")

    def server(self, names, begin_hours=-1, end_hours=24):
        """A server's side of TLS, with a certificate for `names` ("DNS:localhost") that is good in that time."""
        number = len(list(self.folder.glob("*.conf")))
        configuration, request, key, file = (self.folder / f"{number}.{ending}" for ending in ("conf", "csr", "key", "pem"))
        configuration.write_text(CONFIGURATION.format(folder=self.folder, names=names))

        def at(hours):
            return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).strftime("%Y%m%d%H%M%SZ")

        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=server")
        self._openssl("ca", "-batch", "-config", configuration, "-extensions", "server", "-cert", self.file, "-keyfile", self.key, "-in", request, "-out", file,
                      "-notext", "-startdate", at(begin_hours), "-enddate", at(end_hours))
        return server_side(file, key)

    def self_signed(self):
        """Of nobody but itself, for localhost."""
        file, key = self.folder / "self.pem", self.folder / "self.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", file, "-subj", "/CN=localhost",
                      "-addext", "subjectAltName=DNS:localhost", "-days", "2")
        return server_side(file, key)

    @staticmethod
    def _openssl(*words):
        done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"openssl {words}: {done.stderr}")


def server_side(file, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return context
