"""Connection strings, broken in every way, from every place they come from: no part of a password is printed."""

import pytest

PROGRAM = "dev"  # hostile input
QUICK = True

MARK = "hunter2secret"


@pytest.mark.parametrize(
    "dsn", [f"host=/tmp dbname=x password={MARK}", f"password='{MARK}'", f"PASSWORD={MARK}",
    f"postgresql://u:{MARK}@127.0.0.1/x", f"postgres://u:{MARK}@/x",
            f"postgresql://127.0.0.1/x?password={MARK}", f"postgresql://127.0.0.1/x?p%61ssword={MARK}",
            f"host=/tmp sslpassword={MARK}",
            f"host=/tmp password = {MARK}", f"postgresql://127.0.0.1/x?sslpassword={MARK}"]
)  # fmt: skip
def test_a_password_in_dsn_is_refused_and_not_repeated(relay, dsn):
    for spelling in ([f"--dsn={dsn}"], ["-d", dsn], [f"-d{dsn}"]):
        result = relay("org", "list", "-v", *spelling, check=2)
        assert MARK not in result.err and MARK not in result.out
    if "PASSWORD" not in dsn:
        assert result.err.startswith(
            "relay-admin: error: --dsn contains a password\n"
            "  why:  every user of this machine can read command lines\n  next: "
        )
        assert "--dsn-file" in result.err


# The marker is where libpq's own message would quote it.
BROKEN = [
    f"postgresql://u:{MARK[:3]}%{MARK}@h/x", f"postgresql://u:%zz{MARK}@h/x", f"postgresql://u:a@{MARK}@[h/x",
    f"postgresql://u:p@h:{MARK}x/x",
    f"postgresql://u:{MARK}@[::1/x", f"postgresql://u:p@h/x?{MARK}", f"postgresql://u:p@h/x?{MARK}=1",
    f"postgresql://u:p@h/x?a=b={MARK}",
    f"host=h password='{MARK}", f"host=h password={MARK} {MARK}", f"host=h {MARK}=x", f"{MARK}", f"host=h port={MARK}",
    f"host=h connect_timeout={MARK}",
    f"host=h password=a {MARK} = ", f"= {MARK}", f"host=h sslmode={MARK}", f"host=h target_session_attrs={MARK}",
    f"host=h channel_binding={MARK}",
    f"host=h gssencmode={MARK}", f"host=h ssl_min_protocol_version={MARK}", f"host=h passfile=/x password={MARK}\\",
    f"postgresql://u:pa/{MARK}@h/x", f"postgresql://u:12/{MARK}@h/x", f"postgresql://u:a@{MARK}@h/x",
    f"postgresql://u:12/a@{MARK}", f"postgresql://h@{MARK}@/x",
    f"postgresql://u:{MARK}/x", f"postgresql://u:{MARK}@h@h/x", f"host=a@{MARK}", f"host='a {MARK}'",
    f"host=/tmp,{MARK}@h", f"host=h port='1 {MARK}'",
    f"host=a,b port=1,2,{MARK}", f"hostaddr={MARK}", f"host=h keepalives={MARK}", f"host=h\x01{MARK}",
    f"host=h password={MARK}\n=",
]  # fmt: skip


@pytest.mark.parametrize("dsn", BROKEN)
def test_nothing_of_a_broken_conninfo_is_repeated(relay_without_database, tmp_path, dsn):
    (tmp_path / "dsn").write_text(dsn)
    (tmp_path / "dsn").chmod(0o600)
    ways = ([["--dsn", dsn], {}], [["--dsn-file", "dsn"], {}], [[], {"RELAY_ADMIN_DSN": dsn}])
    for flags, env in ways:
        for form in ([], ["-v"], ["-o", "json"]):
            result = relay_without_database("org", "list", "--timeout", "1s", *flags, *form, env=env)
            # A string that libpq refuses later, or not at all, gets as far as the host, which does not exist.
            harmless = any(word in dsn for word in ("connect_timeout", "keepalives", "passfile"))
            assert result.code in ((2, 8) if harmless else (2,)) and result.err and result.out == "", result
            assert MARK not in result.err, result


def test_a_connection_string_that_is_no_text_is_refused(relay_without_database, tmp_path):
    (tmp_path / "dsn").write_bytes(b"host=h\0 password=" + MARK.encode())
    (tmp_path / "dsn").chmod(0o600)
    assert MARK not in relay_without_database("org", "list", "--dsn-file", "dsn", check=2).err
    (tmp_path / "dsn").write_text("")
    relay_without_database("org", "list", "--dsn-file", "dsn", check=2)
    for missing in ("no-such", ".", "/dev/zero"):
        relay_without_database("org", "list", "--dsn-file", missing, check=2)
    assert (
        MARK
        not in relay_without_database(
            "org", "list", env={"RELAY_ADMIN_DSN": b"host=h\xff password=" + MARK.encode()}, check=2
        ).err
    )


def test_a_readable_file_with_a_password_is_refused(relay_without_database, tmp_path):
    (tmp_path / "dsn").write_text(f"host=/nowhere password={MARK}")
    for mode in (0o644, 0o640, 0o604):
        (tmp_path / "dsn").chmod(mode)
        result = relay_without_database("org", "list", "--dsn-file", "dsn", check=2)
        assert "chmod 600 dsn" in result.err and MARK not in result.err
    (tmp_path / "dsn").chmod(0o600)
    relay_without_database("org", "list", "--dsn-file", "dsn", check=8)


@pytest.mark.parametrize(
    "service",
    [
        f"[a]\npassword={MARK}\nhost",
        f"[a]\n{MARK}\n",
        f"[a]\nport={MARK}\nhost=h",
        f"[a]\n{MARK}={MARK}",
        f"[b]\npassword={MARK}",
        "x" * 2000 + MARK,
    ],
)
def test_nothing_of_a_broken_service_file_is_repeated(relay_without_database, tmp_path, service):
    (tmp_path / "services").write_text(service)
    for flags, env in ((["--service", "a"], {}), ([], {"PGSERVICE": "a"}), ([], {"RELAY_ADMIN_DSN": "service=a"})):
        result = relay_without_database(
            "org", "list", "-v", *flags, env={**env, "PGSERVICEFILE": tmp_path / "services", "PGHOST": "/nowhere"}
        )
        assert result.code == 2 and MARK not in result.err and result.err.startswith("relay-admin: error: "), result


def test_a_setting_that_is_none_names_itself_but_not_its_value(relay_without_database):
    for env, says in (
        ({"PGSSLMODE": MARK}, "invalid sslmode value"),
        ({"PGPORT": MARK}, "invalid integer value"),
        ({"PGSERVICE": MARK}, "service"),
    ):
        result = relay_without_database("org", "list", env={"PGHOST": "h", **env}, check=2)
        assert says in result.err and MARK not in result.err and "PG*" in result.err


def test_the_ways_to_name_a_database_exclude_each_other(relay_without_database):
    result = relay_without_database("org", "list", "--dsn", "host=x", "--service", "y", check=2)
    assert "--dsn and --service cannot be used together" in result.err


# --- percent escapes of any byte


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("keyword, dsn", [
    ("dbname", "postgresql://127.0.0.1:1/x%ff"), ("user", "postgresql://u%c3%28@127.0.0.1:1/x"),
    ("dbname", "postgresql://127.0.0.1:1/?dbname=%ed%a0%80"), ("application_name", "postgresql://127.0.0.1:1/x?application_name=%80"),
    ("host", "postgresql://%fe/x"),
])  # fmt: skip
def test_bytes_that_are_not_text_are_refused_by_the_name_of_the_keyword(relay_without_database, output, keyword, dsn):
    result = relay_without_database("org", "list", "-o", output, "--dsn", dsn, check=2)
    assert f"its {keyword} is not valid UTF-8 (text withheld, from --dsn)" in result.err
    result = relay_without_database("config", "show", "-o", output, "--dsn", dsn, check=2)
    assert f"its {keyword} is not valid UTF-8" in result.err


def test_a_password_may_have_any_bytes(relay_without_database):
    result = relay_without_database("org", "list", env={"RELAY_ADMIN_DSN": "postgresql://u:%ff%fe@127.0.0.1:1/x"}, check=8)
    assert "Connection refused" in result.err


@pytest.mark.parametrize("output", ["table", "json"])
@pytest.mark.parametrize("escape, shown", [("%1b%5b31m", "\\x1b[31m"), ("%0a", "\\x0a"), ("%e2%80%ae", "\\u202e"), ("%7f", "\\x7f"), ("%c2%9b", "\\u009b")])
@pytest.mark.parametrize("dsn", ["postgresql://127.0.0.1:1/x{}y", "postgresql://u{}@127.0.0.1:1/x", "postgresql://127.0.0.1:1/x?application_name={}"])
def test_control_characters_never_reach_the_terminal(relay_without_database, output, escape, shown, dsn):
    raw = [character for character in ("\x1b", "\u202e", "\x7f", "\x9b")]
    for words in (("org", "list"), ("config", "show"), ("doctor", "db.connection"), ("init", "--dry-run", "--no-input")):
        result = relay_without_database(*words, "-o", output, "--dsn", dsn.format(escape))
        assert not [one for one in raw if one in result.err], result
        if output == "table":
            assert not [one for one in raw if one in result.out], result
    if "x{}y" in dsn:
        error = relay_without_database.error("org", "list", "--dsn", dsn.format(escape), check=8)
        assert f"x{shown}y" in error["message"]
