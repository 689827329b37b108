#include "cli/posix/signals.hpp"

#include "cli/posix/write_all.hpp"
#include "relay/db/database.hpp"
#include "relay/model/outcome.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>

#include <unistd.h>

namespace relay::cli {

namespace {

volatile std::sig_atomic_t remembered = 0;
int (*report_after_commit)() noexcept = nullptr;
std::atomic<char const *> words = nullptr;
static_assert(std::atomic<char const *>::is_always_lock_free);

/// Async-signal-safe. While a handler runs, its signal is blocked, so it is unblocked before it is raised.
void die_of(int signal) {
    if (char const *const text = words) {
        write_all(STDERR_FILENO, text);
    }
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, signal);
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    ::raise(signal);
    ::_exit(128 + signal);
}

extern "C" void handle_signal(int signal) {
    if (!db::in_transaction()) {
        if (outcome::so_far() == Changed::no) {
            die_of(signal);
        }
        if (remembered != 0) {  // someone waits in vain for the program to end
            ::_exit(report_after_commit());
        }
    }
    remembered = signal;
    db::interrupt();
}

}  // namespace

void install_signal_handlers(int (*report_committed)() noexcept) {
    report_after_commit = report_committed;
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, nullptr);
    ::sigaction(SIGXFSZ, &ignore, nullptr);  // a write past `ulimit -f` is an error (EFBIG), which is cleaned up after

    struct sigaction handle {};
    handle.sa_handler = handle_signal;  // no SA_RESTART: a read that waits for input must end, too
    for (int const signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction before {};
        ::sigaction(signal, nullptr, &before);
        if (before.sa_handler != SIG_IGN) {
            ::sigaction(signal, &handle, nullptr);
        }
    }
}

bool signal_came() noexcept { return remembered != 0; }

void set_last_words(char const *text) noexcept { words = text; }

char const *last_words() noexcept { return words; }

void die_of_signal() {
    die_of(remembered == 0 ? SIGINT : static_cast<int>(remembered));
    std::abort();
}

}  // namespace relay::cli
