"""migrate-legacy status --html: one page that needs nothing else, as a real browser reads it, and the file that it is put in."""

import os
import re
import stat
from datetime import datetime
from html.parser import HTMLParser

import pytest

from support.chromium import Chromium, Listener
from support.database import Database, make_template
from support.legacy_past import import_agents, make_fleet, rewrite
from support.relay import Runner
from support.tmpfs import small_disk

COMMAND = ("migrate-legacy", "status")
LIGHT, DARK = {"page": "#f6f7f9", "chart": "#2058d6"}, {"page": "#10151c", "chart": "#79a6ff"}


@pytest.fixture(scope="module")
def listener():
    made = Listener()
    yield made
    made.close()


@pytest.fixture(scope="module")
def scene(cluster, tmp_path_factory, listener):
    """(relay, database, fleet, page): 60 agents in the ninth of 14 days, with owners whose names try to be more than
    names."""
    folder = tmp_path_factory.mktemp("page")
    database = Database(cluster, template=make_template(cluster))
    relay = Runner(dsn=database.dsn(), cwd=folder)
    fleet = make_fleet(relay, database, folder)
    rewrite(database, ("UPDATE relay.legacy_agents SET owner = %s WHERE owner = 'team-1'", (hostile(listener.url),)))
    relay(*COMMAND, "--html", folder / "status.html", check=0)
    yield relay, database, fleet, folder / "status.html"
    relay.close()
    database.drop()


def hostile(url):
    return f"</td><script>document.title='owned';fetch('{url}/script')</script>\"><img src={url}/image onerror=document.title='owned'> & 'co'"


class Reader(HTMLParser):
    """The tables of a document by the id of their section, as rows of cells; the ids of its sections; attributes of the svg."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.tags, self.attributes, self.svg, self.title = {}, [], set(), {}, ""
        self._section, self._cell, self._in = None, None, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.attributes |= attributes.keys()
        self._in.append(tag)
        if tag == "section":
            self._section = attributes.get("id")
        elif tag == "svg" and attributes.get("class") == "burn-down":
            self.svg.update(attributes)
        elif tag == "path" and attributes.get("class") == "left":
            self.svg["path"] = attributes["d"]
        elif tag == "rect" and attributes.get("class") == "plot":
            self.svg["plot"] = {key: float(attributes[key]) for key in ("x", "y", "width", "height")}
        elif tag == "tr":
            self.tables.setdefault(self._section, []).append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1].append("")
            self._cell = self.tables[self._section][-1]

    def handle_endtag(self, tag):
        while self._in and self._in.pop() != tag:
            pass
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, text):
        if self._cell is not None:
            self._cell[-1] += text
        if self._in[-1:] == ["title"] and "svg" not in self._in:
            self.title += text


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    return Chromium(tmp_path_factory.mktemp("chromium"))


@pytest.fixture(scope="module")
def document(scene, browser):
    """The page as the browser has it after loading."""
    return Reader(browser.dom(scene[3]))


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_tables_are_those_of_the_database(scene, document, listener):
    _, database, fleet, _ = scene
    sizes = {name: len(document.tables[name]) - 1 for name in ("on-the-secret", "silent", "never-seen")}
    assert sizes == {"on-the-secret": fleet.active, "silent": fleet.silent, "never-seen": fleet.never_seen}
    rows = {row[0]: row for name in sizes for row in document.tables[name][1:]}
    wanted = database.rows(
        "SELECT agent_id, org_id, owner, issued_key, host(last_seen_from) AS seen_from, "
        "  to_char(last_seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI \"UTC\"') AS seen_at "
        "FROM relay.legacy_agents LEFT JOIN relay.proven_agents AS p USING (agent_id, org_id) WHERE p.agent_id IS NULL"
    )
    assert len(rows) == len(wanted) == fleet.left
    for agent in wanted:
        _, owner, org, key, _, seen, source = rows[agent["agent_id"]]
        assert (owner, org, source) == (agent["owner"] or "–", agent["org_id"], agent["seen_from"] or "–")
        assert key == ("key issued" if agent["issued_key"] else "no key yet")
        assert seen.startswith(agent["seen_at"] or "never")
    assert hostile(listener.url) in {row[1] for row in rows.values()}, "shown as it is, as text"
    owners = document.tables["owners"][1:]
    assert sum(int(row[1]) for row in owners) == fleet.left and len(owners) == 6


def test_the_chart_is_drawn_from_the_figures_of_the_database(scene, document):
    relay, database, fleet, _ = scene
    svg = document.svg
    plot, begin, end, most = svg["plot"], at(svg["data-begin"]), at(svg["data-end"]), int(svg["data-most"])
    assert most >= fleet.size and begin == database.value("SELECT opened_at FROM relay.legacy_migrations")
    assert end >= database.value("SELECT deadline FROM relay.legacy_migrations")
    start, *steps = re.findall(r"[MHV][^MHV]+", svg["path"])
    assert start == f"M{plot['x']:.1f},{plot['y'] + plot['height'] * (1 - fleet.size / most):.1f}"
    drawn = [(float(along[1:]), float(up[1:])) for along, up in zip(steps[::2], steps[1::2])]
    assert len(drawn) > 50
    for x, y in drawn:
        when = begin + (end - begin) * ((x - plot["x"]) / plot["width"])
        # A tenth of a unit of the drawing is two and a half minutes; hours lie between agents that left.
        left = {
            database.value("SELECT count(*) FILTER (WHERE proven_at > %s + make_interval(mins => %s)) + %s FROM relay.proven_agents",
                           when, minutes, fleet.left)
            for minutes in (-3, 3)
        }  # fmt: skip
        assert any(abs(y - (plot["y"] + plot["height"] * (1 - count / most))) < 0.06 for count in left), (x, y, when)
    assert svg["role"] == "img" and svg["aria-labelledby"] == "chart-title chart-words"


def test_no_word_of_the_database_becomes_more_than_a_word(scene, document, listener):
    _, _, fleet, page = scene
    assert document.title == f"{fleet.left} of {fleet.size} agents left on the shared secret"
    assert not {"script", "img", "iframe", "link", "a"} & set(document.tags)
    assert listener.asked == []
    fetching = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "background", "style"}
    assert not fetching & document.attributes and not [name for name in document.attributes if name.startswith("on")]
    style = re.search("<style>(.*)</style>", page.read_text(), re.DOTALL)[1]
    assert not re.search(r"url\(|@import|http|</", style)


def test_what_slipped_through_would_be_stopped_by_the_policy_of_the_page(scene, browser, listener, tmp_path):
    text = scene[3].read_text()
    hurt, bare = tmp_path / "hurt.html", tmp_path / "bare.html"
    hurt.write_text(text.replace("<header>", "<header>" + hostile(listener.url)))
    assert "owned" not in Reader(browser.dom(hurt)).title and listener.asked == []
    bare.write_text(re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", hurt.read_text()))
    assert Reader(browser.dom(bare)).title == "owned", "without the policy the script runs: this test can fail"
    assert "/image" in listener.asked
    listener.asked.clear()


def test_it_looks_like_something_in_light_and_in_dark(scene, browser):
    for dark, colors in ((False, LIGHT), (True, DARK)):
        picture = browser.picture(scene[3], size=(640, 700), dark=dark)
        assert (picture.width, picture.height) == (640, 700)
        assert picture.count(colors["page"]) > 5000 and picture.count(colors["chart"]) > 80
        assert len(set(picture.pixels)) > 200


def test_it_is_made_anew_over_itself_and_keeps_its_mode(scene, tmp_path):
    relay, _, fleet, _ = scene
    page = tmp_path / "status.html"
    previous = os.umask(0)
    try:
        first = relay.json(*COMMAND, "--html", page)
        assert first["data"]["page"] == str(page) and stat.S_IMODE(page.stat().st_mode) == 0o600
    finally:
        os.umask(previous)
    page.chmod(0o644)
    made = page.stat()
    assert relay(*COMMAND, "--html", page, "--exit-code", check=10).out.count("Page:") == 1
    assert stat.S_IMODE(page.stat().st_mode) == 0o644 and page.stat().st_ino != made.st_ino
    assert page.read_text().endswith("</html>\n") and os.listdir(tmp_path) == ["status.html"]
    assert relay.json(*COMMAND)["data"]["page"] is None


@pytest.mark.parametrize("kind", ["text", "empty", "folder", "link", "fifo", "other page"])
def test_nothing_but_its_own_page_is_replaced(scene, tmp_path, kind):
    relay = scene[0]
    target, page = tmp_path / "target", tmp_path / "page"
    relay(*COMMAND, "--html", target, check=0)
    {
        "text": lambda: page.write_text("my notes"),
        "empty": page.touch,
        "folder": page.mkdir,
        "link": lambda: page.symlink_to(target),
        "fifo": lambda: os.mkfifo(page),
        "other page": lambda: page.write_text('<!DOCTYPE html>\n<html lang="en">\n'),
    }[kind]()
    before = (page.lstat().st_ino, target.read_bytes())
    error = relay.error(*COMMAND, "--html", page, check=5)
    assert "nothing was written" in error["message"] and error["next"] == "name another file, or remove this one"
    assert (page.lstat().st_ino, target.read_bytes()) == before and sorted(os.listdir(tmp_path)) == ["page", "target"]


@pytest.mark.parametrize("where", ["missing/page.html", "status.html/page.html", "."])
def test_where_no_page_can_be(scene, where):
    relay = scene[0]
    error = relay.error(*COMMAND, "--html", where, check=2 if where == "." else 12)
    assert error["changed"] == "no"


def test_a_full_disk_keeps_the_page_of_yesterday(scene):
    relay = scene[0]
    with small_disk("96k") as disk:
        page = disk / "status.html"
        relay(*COMMAND, "--html", page, check=0)
        yesterday = page.read_bytes()
        (disk / "ballast").write_bytes(b"x" * 36_000)
        relay.error(*COMMAND, "--html", page, check=12)
        assert page.read_bytes() == yesterday and sorted(os.listdir(disk)) == ["ballast", "status.html"]


def test_to_stdout_the_page_is_alone_and_a_dry_run_writes_none(scene, tmp_path):
    relay = scene[0]
    shown = relay(*COMMAND, "--html", "-", check=0)
    assert shown.out.startswith("<!DOCTYPE html>") and shown.out.endswith("</html>\n") and "Window: " in shown.err
    dry = relay(*COMMAND, "--html", tmp_path / "page", "--dry-run", check=0)
    assert "dry run" in dry.err and os.listdir(tmp_path) == []


def test_it_bounds_itself_and_says_so(relay, database, tmp_path):
    import_agents(relay, tmp_path, [(f"agent-{n:04}", "o", None) for n in range(2005)])
    relay("migrate-legacy", "start", "--deadline", "1d", check=0)
    page = tmp_path / "page.html"
    relay(*COMMAND, "--html", page, check=0)
    reader = Reader(page.read_text())
    assert len(reader.tables["never-seen"]) == 2001 and "5 more are not on this page" in page.read_text()
    relay(*COMMAND, "--html", page, "--all", "-q", check=0)
    assert len(Reader(page.read_text()).tables["never-seen"]) == 2006


@pytest.mark.parametrize("state", ["none", "empty", "finished"])
def test_there_is_a_page_in_every_state(relay, database, tmp_path, state):
    if state == "finished":
        make_fleet(relay, database, tmp_path, size=4, proven=4, active=0, silent=0, without_key=0)
        relay("migrate-legacy", "finish", "--confirm", "legacy-off", check=0)
    elif state == "none":
        import_agents(relay, tmp_path, [("one", "o", None)])
    relay(*COMMAND, "--html", tmp_path / "page.html", check=0)
    text = (tmp_path / "page.html").read_text()
    assert {"none": "Not running.", "empty": "no agents imported yet: use migrate-legacy import FILE", "finished": "Finished."}[state] in text
    assert ("<path" in text) is (state == "finished")
