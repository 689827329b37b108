"""A certificate authority and a server certificate, for servers that speak TLS."""

import os
import subprocess

from . import binaries
from .account import server_account


def make_certificates(folder):
    """An authority, and a server key with a certificate for db.example; the server's account owns all of it."""

    def openssl(*words):
        subprocess.run(
            [binaries.tool("openssl"), *words],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test authority")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=db.example")
    (folder / "names").write_text("subjectAltName=DNS:db.example\n")
    openssl(
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "server.crt",
    )
    account = server_account()
    (folder / "server.key").chmod(0o600)
    for name in ("server.key", "server.crt"):
        if os.geteuid() == 0:
            os.chown(folder / name, account.pw_uid, account.pw_gid)
