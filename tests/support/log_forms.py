"""What a log does to a text: something before each line, and a long line in parts."""

from .key_forms import run


def logged(dump, *before, after=""):
    """A dump, as a log prints it: with something before each line."""

    def encode(data):
        lines = run(*dump)(data).decode().splitlines()
        return "".join(before[number % len(before)] + line + after + "\n" for number, line in enumerate(lines)).encode()

    return encode


# What logs write before the lines of a dump.
LOGGED = {
    f"{' '.join(dump)}, {name}": logged(dump, *before, after=after)
    for dump in (
        ("xxd",), ("xxd", "-g1"), ("xxd", "-g4"), ("xxd", "-b"), ("hexdump", "-v"), ("hexdump", "-v", "-C"), ("od", "-v", "-tx1"), ("od", "-v", "-td4"), ("od", "-An", "-v", "-tx1"),
        ("xxd", "-p"), ("hexdump", "-v", "-c"), ("od", "-v", "-c"), ("od", "-v", "-a"), ("base64",), ("base32", "-w", "64"),
    )
    for name, before, after in (
        ("syslog", ("Nov 29 10:00:00 host app[12]: ", "Nov 29 10:00:01 host app[12]: "), ""),
        ("times", ("2026-11-29T10:00:00.123Z ", "2026-11-29T10:00:00.456Z "), ""),
        ("kernel", ("[   12.345678] usb 1-1: ", "[   12.345699] usb 1-1: "), ""),
        ("compose", ("app_1  | ",), ""),
        ("pod", ("[pod/web-1/app] ",), ""),
        ("container", ('{"log":"',), '\\n","stream":"stdout","time":"2026-11-29T10:00:00.1Z"}'),
    )
}  # fmt: skip

# What is before and after each part of a text that a log cuts, for the first part and the last.
CUT_LINES = {
    "json-file": (('{"log":"', '","stream":"stdout","time":"2026-11-29T10:00:00.1Z"}'), ('{"log":"', '\\n","stream":"stdout","time":"2026-11-29T10:00:00.1Z"}')),
    "CRI": (("2026-11-29T10:00:00.123456789Z stdout P ", ""), ("2026-11-29T10:00:00.123456999Z stdout F ", "")),
    "job": (("2026-11-29T10:00:00.123456Z 00O ", ""), ("2026-11-29T10:00:00.123499Z 00O+", "")),
    "times": (("2026-11-29T10:00:00.1234567Z ", ""), ("2026-11-29T10:00:01.7654321Z ", "")),
    "local times": (("2026-11-29 10:00:00,123 ", ""), ("2026-11-29 10:00:01,003 ", "")),
    "syslog": (("Nov  9 10:00:00 host app[12]: ", ""), ("Nov  9 10:00:01 host app[12]: ", "")),
    "compose": (("app-1  | ", ""), ("app-1  | ", "")),
    "coloured compose": (("\x1b[36mapp-1  |\x1b[0m ", ""), ("\x1b[36mapp-1  |\x1b[0m ", "")),
    "pod": (("[pod/web-1/app] ", ""), ("[pod/web-1/app] ", "")),
    "numbers": (("     9\t", ""), ("    10\t", "")),
    "messages": (('{"level":"info","msg":"', '"}'), ('{"level":"info","msg":"', '"}')),
}
