"""Servers that speak TLS: a certificate authority, a server certificate, and a server with both."""

import os
import subprocess

import pytest

from . import binaries
from .account import server_account
from .cluster import Cluster
from .database import Database, make_template


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


@pytest.fixture(scope="module")
def encrypted():
    """A database with our schema on a server that speaks TLS, and is db.example by its certificate."""
    own = Cluster(tcp=True, name="encrypted")
    make_certificates(own.folder)
    own.settings.update(ssl="on", ssl_cert_file=f"{own.folder}/server.crt", ssl_key_file=f"{own.folder}/server.key")
    with own:
        yield Database(own, template=make_template(own))


def by_name(database, host="db.example"):
    """A name that no DNS knows, at an address of this machine: what a server elsewhere is to the program."""
    return f"host={host} hostaddr=127.0.0.1 port={database.cluster.port} dbname={database.name} user=postgres"
