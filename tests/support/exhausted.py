"""A machine that runs out of memory at a chosen moment of a run: a library for LD_PRELOAD, so the program does not know.

From then on, every `operator new` fails, as it does when the kernel refuses more memory, and it never works again."""

import subprocess
from functools import lru_cache
from pathlib import Path

SOURCE = r"""
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <new>

namespace {
bool exhausted = false;
bool committed = false;
constexpr int pipeline_sync = 10;  // PGRES_PIPELINE_SYNC

template <typename Function>
Function *next(char const *name) { return reinterpret_cast<Function *>(dlsym(RTLD_NEXT, name)); }

/// "begin", "answer" (of COMMIT, which is lost, as libpq loses it without memory) or "commit" (once it has succeeded)
bool is_set(char const *moment) {
    char const *const chosen = std::getenv("EXHAUSTED_AT");
    return chosen != nullptr && std::strcmp(chosen, moment) == 0;
}
}  // namespace

extern "C" int PQsendQueryParams(void *connection, char const *query, int count, void const *types, void const *values,
                                 void const *lengths, void const *formats, int format) {
    exhausted = exhausted || (is_set("begin") && std::strncmp(query, "BEGIN", 5) == 0);
    return next<int(void *, char const *, int, void const *, void const *, void const *, void const *, int)>(
        "PQsendQueryParams")(connection, query, count, types, values, lengths, formats, format);
}

extern "C" void *PQexec(void *connection, char const *query) {
    exhausted = exhausted || (is_set("begin") && std::strncmp(query, "BEGIN", 5) == 0);
    void *const result = next<void *(void *, char const *)>("PQexec")(connection, query);
    if (std::strcmp(query, "COMMIT") == 0) {
        exhausted = exhausted || is_set("answer") || is_set("commit");
        if (is_set("answer")) {
            next<void(void *)>("PQclear")(result);
            return nullptr;
        }
    }
    return result;
}

/// A COMMIT in a message of several statements: its answer has come when that to the whole message has.
extern "C" void *PQgetResult(void *connection) {
    void *const result = next<void *(void *)>("PQgetResult")(connection);
    if (result != nullptr && is_set("commit")) {
        exhausted = exhausted || (committed && next<int(void const *)>("PQresultStatus")(result) == pipeline_sync);
        committed = committed || std::strcmp(next<char *(void *)>("PQcmdStatus")(result), "COMMIT") == 0;
    }
    return result;
}

void *operator new(std::size_t size) {
    static auto *const real = next<void *(std::size_t)>("_Znwm");
    if (exhausted) {
        throw std::bad_alloc();
    }
    return real(size);
}
"""


@lru_cache(maxsize=None)
def _library(folder):
    source, library = Path(folder) / "exhausted.cpp", Path(folder) / "exhausted.so"
    source.write_text(SOURCE)
    compiler = ["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-o", library, source, "-ldl"]
    subprocess.run(compiler, check=True)
    return library


def exhausted_at(moment, folder):
    """The environment of a run whose memory ends at `moment`: begin, answer or commit."""
    library = _library(str(folder))
    # The sanitizer must accept that another library comes before it.
    return {"LD_PRELOAD": str(library), "EXHAUSTED_AT": moment, "ASAN_OPTIONS": "verify_asan_link_order=0"}
