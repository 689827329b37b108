#pragma once

namespace relay::cli {

/// Installs the signal handlers. SIGPIPE is ignored: a closed pipe is a write error like any other. SIGINT, SIGTERM and
/// SIGHUP roll back a running transaction (db::interrupt; the caller gets Interrupted). Outside a transaction they end
/// the program immediately. Once a change is committed (or its COMMIT is sent), dying of a signal would say that it was
/// rolled back: the program writes its result, and a further wait or transaction throws Interrupted. If another signal
/// comes, it ends with `report_committed`, which is async-signal-safe, says what is committed, and returns the exit code.
/// A signal that was ignored at the start (nohup, a background job) stays ignored.
void install_signal_handlers(int (*report_committed)() noexcept);

/// Returns whether a signal has asked the program to end, which it has not done yet.
bool signal_came() noexcept;

/// Sets what is written to stderr when a signal ends the program, such as the sequence that clears a progress line.
/// Null: nothing. The text must live until the program ends.
void set_last_words(char const *text) noexcept;
char const *last_words() noexcept;

/// Ends the program with the signal that was remembered, or else SIGINT, so that the shell sees it: exit code 130 or
/// 143.
[[noreturn]] void die_of_signal();

}  // namespace relay::cli
