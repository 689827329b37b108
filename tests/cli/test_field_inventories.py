"""Inventories as spreadsheets, shells, databases and people write them: each is read, or the error names what it is."""

import gzip
import json

import pytest
from support.prepared import prepared

PROGRAM = "dev"  # hostile input

GUARD = '="00123"'

# name: (bytes, agents that are imported, lines that are refused)
READ = {
    "semicolons": (b"agent_id;org_id;name\r\nbilling-1;acme;Billing\r\n", ["billing-1"], []),
    "a line sep=": (b"sep=;\r\nagent_id;org_id;name\r\nbilling-1;acme;Billing\r\n", ["billing-1"], []),
    "sep= in quotes": (b'"sep=;"\nagent_id;org_id\nbilling-1;acme\n', ["billing-1"], []),
    "sep= and a tab": (b"SEP=\t\nagent_id\torg_id\nbilling-1\tacme\n", ["billing-1"], []),
    "an odd separator that is named": (b"sep=^\nagent_id^org_id\nbilling-1^acme\n", ["billing-1"], []),
    "tabs": (b"agent_id\torg_id\tname\nbilling-1\tacme\tBilling\n", ["billing-1"], []),
    "a header that begins like SQL": (b"Set ID;agent_id;org_id\n1;a-1;acme\n", ["a-1"], []),
    "bars": (b"agent_id|org_id\nbilling-1|acme\n", ["billing-1"], []),
    "commas inside fields of semicolons": (b'agent_id;org_id;name\na-1;acme;"A, B"\na-2;acme;1,5\n', ["a-1", "a-2"], []),
    "Unicode text of Excel": ("agent_id\torg_id\tname\r\nbilling-1\tacme\tMüller\r\n".encode("utf-16"), ["billing-1"], []),
    "UTF-16, big end first": (b"\xfe\xff" + "agent_id,org_id\nbilling-1,acme\n".encode("utf-16-be"), ["billing-1"], []),
    "UTF-16 without a mark": ("agent_id,org_id\nbilling-1,acme\n".encode("utf-16-le"), ["billing-1"], []),
    "UTF-16, big, without a mark": ("agent_id,org_id\nbilling-1,acme\n".encode("utf-16-be"), ["billing-1"], []),
    "characters beyond 16 bits": ("agent_id,org_id,name\nbilling-1,acme,🤖\n".encode("utf-16"), ["billing-1"], []),
    "UTF-16 cut in a character": (b"\xff\xfe" + "agent_id,org_id,name\na-1,acme,x\na-2,acme,y".encode("utf-16-le") + b"\x3d", ["a-1"], [3]),
    "half a pair": (b"\xff\xfe" + "agent_id,org_id,name\na-1,acme,".encode("utf-16-le") + b"\x3d\xd8\n\0", [], [2]),
    "carriage returns only": (b"agent_id,org_id\ra-1,acme\ra-2,acme\r", ["a-1", "a-2"], []),
    "mixed line ends": (b"agent_id,org_id\r\na-1,acme\ra-2,acme\na-3,acme", ["a-1", "a-2", "a-3"], []),
    "a mark and capitals": (b"\xef\xbb\xbfAgent_ID,ORG_ID\nbilling-1,acme\n", ["billing-1"], []),
    "blanks in headers": (b' Agent ID ,"Org Id"\nbilling-1,acme\n', ["billing-1"], []),
    "camel case": (b"agentId,orgId\nbilling-1,acme\n", ["billing-1"], []),
    "quoted headers": (b'"agent_id","org_id"\n"billing-1","acme"\n', ["billing-1"], []),
    "comments and blank lines first": (b"\n# made by hand\n\nagent_id,org_id\nbilling-1,acme\n", ["billing-1"], []),
    "the header is a comment": (b"# fleet\n#agent_id,org_id\nbilling-1,acme\n", ["billing-1"], []),
    "ghost rows": (b'agent_id,org_id\r\nbilling-1,acme\r\n,\r\n,\r\n"",\r\n\xc2\xa0,\r\n', ["billing-1"], []),
    "separators at the end": (b"agent_id,org_id,\nbilling-1,acme,\nbilling-2,acme\nbilling-3,acme,,,\n", ["billing-1", "billing-2", "billing-3"], []),
    "no-break spaces": ("agent_id,org_id\n\u00a0billing-1\u00a0,\u200bacme\ufeff\n".encode(), ["billing-1"], []),
    "Excel keeps zeros": (f"agent_id,org_id\n{GUARD},acme\n\"=\"\"00124\"\"\",acme\n".encode(), ["00123", "00124"], []),
    "files put together": (b"agent_id,org_id\na-1,acme\nagent_id,org_id\na-2,acme\n", ["a-1", "a-2"], []),
    "a database's null": (b"agent_id,org_id,name,owner\na-1,acme,\\N,NULL\n\\N,acme,x,y\n", ["a-1"], [3]),
    "a line end in a field": (b'agent_id,org_id,name\n"a-1\n",acme,A\na-2,acme,"two\nlines"\na-3,acme,\n', ["a-1", "a-3"], [4]),
    "zero bytes": (b"agent_id,org_id,name\na-1,acme,x\0y\na-2,acme,z\n", ["a-2"], [2]),
    "Windows-1252": (b"agent_id,org_id,name\na-1,acme,Caf\xe9\na-2,acme,Bar\n", ["a-2"], [2]),
    "Windows-1252 in a column that is not read": (b"agent_id,org_id,note\na-1,acme,Caf\xe9\n", ["a-1"], []),
    "cut off in a character": ("agent_id,org_id,name\na-1,acme,ok\na-2,acme,Z".encode() + b"\xc3", ["a-1"], [3]),
    "one JSON list": (b'[{"agent_id":"billing-1","org_id":"acme"},\n {"agent_id":"billing-2","org_id":"acme"}]\n', ["billing-1", "billing-2"], []),
    "a list on one line": (b'[{"agent_id":"a-1","org_id":"acme","x":"},{"},{"agent_id":"a-2","org_id":"acme"}]', ["a-1", "a-2"], []),
    "a list over many lines": (json.dumps([{"agent_id": "a-1", "org_id": "acme", "permissions": ["x:y"]}] * 2, indent=2).encode(), ["a-1"], []),
    "an empty list": (b"[]", [], []),
    "a list that is cut off": (b'[{"agent_id":"a-1","org_id":"acme"},\n{"agent_id":"a-2","or', ["a-1"], [2]),
    "a list without its end": (b'[{"agent_id":"a-1","org_id":"acme"}', ["a-1"], [1]),
    "text after a list": (b'[{"agent_id":"a-1","org_id":"acme"}]\nmore\n', ["a-1"], [2]),
    "objects over many lines": ((json.dumps({"agent_id": "a-1", "org_id": "acme"}, indent=1) + "\n" + json.dumps({"agent_id": "a-2", "org_id": "acme"}, indent=1)).encode(), ["a-1", "a-2"], []),
    "lines with commas between them": (b'{"agent_id":"a-1","org_id":"acme"},\n{"agent_id":"a-2","org_id":"acme"}\n', ["a-1", "a-2"], []),
    "the first line of JSON is cut off": (b'{"agent_id":"a-0","or\n{"agent_id":"a-1","org_id":"acme"}\n', ["a-1"], [1]),
    "UTF-16 JSON": ('{"agent_id":"a-1","org_id":"acme"}\r\n'.encode("utf-16"), ["a-1"], []),
    "names in other cases": (b'{"agentId":"a-1","ORG_ID":"acme"}\n', ["a-1"], []),
    "numbers": (b'{"agent_id":100234,"org_id":"acme","revoked":0}\n{"agent_id":100235,"org_id":7}\n', ["100234", "100235"], []),
    "numbers that are exact": (b'{"agent_id":9007199254740993,"org_id":"acme"}\n{"agent_id":18446744073709551615,"org_id":"acme"}\n', ["9007199254740993", "18446744073709551615"], []),
    "numbers that are not": (b'{"agent_id":1e5,"org_id":"acme"}\n{"agent_id":18446744073709551616,"org_id":"acme"}\n{"agent_id":1.0,"org_id":"acme"}\n{"agent_id":00123,"org_id":"acme"}\n', [], [1, 2, 3, 4]),
    "true as an id": (b'{"agent_id":true,"org_id":"acme"}\n', [], [1]),
    "a name twice": (b'{"agent_id":"a-1","agent_id":"a-2","org_id":"acme"}\n{"agent_id":"a-3","org_id":"acme"}', ["a-3"], [1]),
    "a name twice in other words": (b'{"agentId":"a-1","AgentID":"a-2","org_id":"acme"}\n', [], [1]),
    "no id in JSON": (b'{"id":"a-1","org_id":"acme"}\n', [], [1]),
}  # fmt: skip

# name: (bytes, words of the message or its reason, words of the next step)
NAMED = {
    "a spreadsheet": (b"PK\x03\x04" + bytes(200), "zip archive", "libreoffice"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(200), "old Excel", "libreoffice"),
    "gzip": (gzip.compress(b"agent_id,org_id\na,b\n"), "gzip", "zcat odd.file"),
    "PDF": (b"%PDF-1.7\n", "a PDF", "pdftotext"),
    "zstd": (b"\x28\xb5\x2f\xfd\x24", "zstd", "zstdcat"),
    "SQLite": (b"SQLite format 3\0" + bytes(90), "SQLite", "sqlite3"),
    "pg_dump -Fc": (b"PGDMP\x01\x0e", "pg_dump", "pg_restore"),
    "UTF-32": ("agent_id,org_id\na,b\n".encode("utf-32"), "UTF-32", "iconv"),
    "a web page": (b"\n<!DOCTYPE html><html><body>Log in", "HTML", "CSV"),
    "a web page in UTF-16": ("<html><table>".encode("utf-16"), "HTML", "CSV"),
    "XML": (b'<?xml version="1.0"?><rows/>', "XML", "CSV"),
    "an SQL dump": (b"--\n-- PostgreSQL database dump\n--\n\nCOPY public.agents (agent_id) FROM stdin;\n", "SQL", "--from-table"),
    "INSERTs": (b"INSERT INTO agents VALUES ('a-1', 'acme');\n", "SQL", "--from-table"),
    "a dump of SQLite": (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "SQL", "--from-table"),
    "COPY": (b"COPY public.agents (agent_id, org_id) FROM stdin;\na-1\tacme\n", "SQL", "--from-table"),
    "YAML": (b"- agent_id: a-1\n  org_id: acme\n", "YAML", "yq"),
    "YAML with a key": (b"agents:\n  - agent_id: a-1\n", "YAML", "yq"),
    "psql's table": (b" agent_id | org_id \n----------+--------\n a-1      | acme\n(1 row)\n", "drawn", "--csv"),
    "mysql's table": (b"+----------+--------+\n| agent_id | org_id |\n+----------+--------+\n", "drawn", "CSV"),
    "Markdown": (b"| agent_id | org_id |\n| --- | --- |\n| a-1 | acme |\n", "drawn", "CSV"),
    "an object around the rows": (b'{"total":1,"keys":[{"agent_id":"a-1","org_id":"acme"}]}\n', "list 'keys'", "jq -c '.keys[]' odd.file"),
    "deeper": (json.dumps({"data": {"items": [{"agent_id": "a-1"}]}}, indent=2).encode(), "list 'data.items'", "jq -c '.data.items[]'"),
    "an object longer than the memory": (b'{"items":[' + b",".join([b'{"agent_id":"a-1","org_id":"acme"}'] * 9000) + b"]}", "", ""),
    "another language": ("id_agente;organización\na-1;acme\n".encode(), "'id_agente', 'organización'", "--map agent_id="),
    "no header": (b"a-1,acme\na-2,acme\n", "'a-1', 'acme'", "--map agent_id="),
    "a title above": (b"Agents of 2024,,\nagent_id,org_id,name\na-1,acme,x\n", "'Agents of 2024'", "--map agent_id="),
    "a header that is not UTF-8": (b"agent_id,org_id,num\xe9ro\na-1,acme,1\n", "byte 4 of it (0xE9)", ""),
}  # fmt: skip


@prepared
def acme(relay):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    relay("org", "create", "7", "--name", "Seven", "--plan", "paid", check=0)
    return relay


def import_file(relay, tmp_path, content, *more, name="odd.file", check=None):
    (tmp_path / name).write_bytes(content)
    result = relay("migrate-legacy", "import", name, *more, "-o", "json")
    assert result.code in ((0, 7) if check is None else (check,)), result
    return result


@pytest.mark.parametrize("name", READ)
def test_what_can_be_read_is_read(acme, database, tmp_path, name):
    content, agents, lines = READ[name]
    result = import_file(acme, tmp_path, content, check=7 if lines else 0)
    assert [fault["line"] for fault in result.data()["faults"]] == lines, result
    assert {row["agent_id"] for row in database.rows("SELECT agent_id FROM relay.agents")} == set(agents)
    assert database.value("SELECT count(*) FROM relay.legacy_agents") == len(agents)


def test_values_come_through_every_encoding(acme, database, tmp_path):
    text = "agent_id;org_id;name;owner\r\na-1;acme;Zoë “☃” 🤖; team a \r\n"
    for number, encoding in enumerate(("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be")):
        import_file(acme, tmp_path, text.replace("a-1", f"a-{number}").encode(encoding), check=0)
    rows = database.rows("SELECT name, legacy_agents.owner FROM relay.agents JOIN relay.legacy_agents USING (agent_id)")
    assert [(row["name"], row["owner"]) for row in rows] == [("Zoë “☃” 🤖", "team a")] * 5


@pytest.mark.parametrize("name", NAMED)
def test_what_cannot_be_read_is_named(acme, database, tmp_path, name):
    content, words, next_step = NAMED[name]
    (tmp_path / "odd.file").write_bytes(content)
    error = acme.error("migrate-legacy", "import", "odd.file", check=2)
    said = error["message"] + " " + (error["why"] or "")
    assert words in said and next_step in json.dumps(error["next"], ensure_ascii=False), error
    assert database.value("SELECT count(*) FROM relay.agents") == 0


def test_a_row_says_which_byte_is_wrong_and_what_converts_the_file(acme, tmp_path):
    fault = import_file(acme, tmp_path, b"agent_id,org_id,name\na-1,acme,Caf\xe9s\n", check=7).data()["faults"][0]
    assert "its name" in fault["reason"] and "byte 4 of it (0xE9)" in fault["reason"] and "iconv -f WINDOWS-1252" in fault["reason"]


def test_a_pipe_is_read_like_a_file(acme, database):
    done = acme("migrate-legacy", "import", "-", "-o", "json", stdin="agent_id;org_id\na-1;acme\n".encode("utf-16"), check=0).data()
    assert done["imported"] == 1
    assert "zcat FILE" in json.dumps(acme.error("migrate-legacy", "import", "-", stdin=gzip.compress(b"x"), check=2)["next"])
