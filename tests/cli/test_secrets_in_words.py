"""A secret that was typed or pasted on the command line is repeated by no error, wherever it is and whatever is wrong."""

import itertools

import pytest
from support import command_line, sampling

SECONDS = 240

PASSWORD = "Sek-ret%ge4711"
ADDRESS = f"postgresql://ana:{PASSWORD}@db.example/relay"
SECRETS = {
    "address": ADDRESS,
    "another scheme": ADDRESS.replace("postgresql", "mysql"),
    "pairs": f"host=db.example user=ana password={PASSWORD}",
    "a wrong keyword": f"host=db.example passwrod={PASSWORD}",
    "no scheme": f"ana:{PASSWORD}@db.example/relay",
    "in quotes": f'"{ADDRESS}"',
    "a key": "relay_sk_05nz8zrm2c3d" + PASSWORD.replace("-", "").replace("%", "") + "0123456789abcdef0123456789",
}
NOWHERE = "host=/nowhere-at-all dbname=none"
ALL = command_line.commands()

# How a word holds the secret: alone, behind a flag, glued to one, behind a dash of a word processor, in a list.
SHAPES = ("{}", "--dsn={}", "-d{}", "--{}", "-x{}", "--no-such-flag={}", "\u2014dsn={}", "--dsn:{}", "a,{}", "NAME={}")


@pytest.fixture
def relay(relay_without_database):
    return relay_without_database.with_(dsn=NOWHERE)


def marks(secret):
    """What no output may have: the password, or the secret part of the key."""
    return [PASSWORD] if PASSWORD in secret else [secret[21:]]


OUTPUTS = ("table", "json")


def repeats_nothing(relay, *words, secret, outputs=OUTPUTS):
    for output in outputs:
        said = relay(*words, env={"RELAY_ADMIN_OUTPUT": output}, timeout=30)
        for mark in marks(secret):
            assert mark not in said.out + said.err, (words, said.out, said.err)
        assert "terminate called" not in said.err and said.code >= 0


def lines_of(page, word, dice):
    """Command lines with the word in each position: before, within and behind the command, and as each flag's value, behind a
    space or an equals sign: in a sample, one of the two, as the dice say."""
    path = list(page.path)
    for at in range(len(path) + 1):
        yield [*path[:at], word, *path[at:]]
    yield [*path, "x", word]
    yield [*path, "--", word]
    yield [*path, word, "--no-such-flag"]
    # The value of a global flag is judged before the command: with each command, some of them.
    everywhere = command_line.globals_()
    drawn = everywhere if sampling.FULL else dice.sample(everywhere, 4)
    for flag in (*page.flags, *drawn):
        name = flag.names[-1]
        if name in ("--deliver", "--after", "--exec", "--read-back", "--actor"):
            continue  # a command of the user's, which is run; a name that is kept and shown as given
        if flag.takes_value:
            forms = ([*path, name, word], [*path, f"{name}={word}"])
            yield from forms if sampling.FULL else [dice.choice(forms)]


@pytest.mark.parametrize("page", ALL, ids=[" ".join(page.path) for page in ALL])
def test_no_command_repeats_it(relay, page):
    """Each position, with the shapes and secrets in turn, so that every command sees each of them; a sample in one kind of
    output each."""
    dice = sampling.dice(f"words of {' '.join(page.path)}")
    turns = itertools.cycle(itertools.product(SHAPES, SECRETS.values()))
    for words in lines_of(page, "\0", dice):
        shape, secret = next(turns)
        filled = [word.replace("\0", shape.format(secret)) for word in words]
        repeats_nothing(relay, *filled, secret=secret, outputs=OUTPUTS if sampling.FULL else [dice.choice(OUTPUTS)])


# Where a person types it, whatever the command.
PLACES = tuple(
    line.split()
    for line in (
        "{}", "org {}", "org show {}", "agent delete {}", "help {}", "--dsn {}", "--reason {}", "-o {} org list",
        "org list --timeout {}", "schema json {}", "completion {}", "rotate-key bot --secret-file /nowhere/{}",
        "org list --dsn-file {}", "block -f {}", "config name {}", "audit maintain --keep-months {}",
    )
)  # fmt: skip
GRID = sampling.sample(
    "secrets in shapes and places",
    itertools.product(SHAPES, SECRETS, range(len(PLACES))),
    lambda point: itertools.combinations(enumerate(point), 2),
)


@pytest.mark.parametrize("shape, kind, place", GRID)
def test_no_shape_is_repeated(relay, shape, kind, place):
    """Each shape with each secret, and both in each place."""
    word = shape.format(SECRETS[kind])
    repeats_nothing(relay, *(part.replace("{}", word) for part in PLACES[place]), secret=SECRETS[kind])


def test_what_is_withheld_is_said_and_the_rest_stays(relay):
    error = relay.error("--dsn", f"--dsn={ADDRESS}", check=2)
    assert error["message"].startswith("flag --dsn needs a value, but the next word is --dsn=[")
    assert "characters withheld" in error["message"] and "characters withheld" in error["next"]
    assert "unknown command '[" in relay(ADDRESS, check=2).err
    assert "next word is --color=never" in relay.error("--reason", "--color=never", check=2)["message"]
