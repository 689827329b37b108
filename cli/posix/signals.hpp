#pragma once

namespace relay::cli {

/// SIGPIPE is ignored: a closed pipe is a write error like any other. SIGINT, SIGTERM and SIGHUP end a running transaction by a rollback
/// (db::interrupt; the caller then meets Interrupted), and otherwise the program at once. A signal that was ignored at the start
/// (nohup, a background job) stays ignored.
void install_signal_handlers();

/// True once a signal asked the program to end, and a transaction has yet to be rolled back.
bool signal_came() noexcept;

/// What goes to stderr when a signal ends the program: what clears a line of progress. Null: nothing. The text must live for ever.
void set_last_words(char const *text) noexcept;
char const *last_words() noexcept;

/// Ends the program by the signal that was remembered, SIGINT if none was, so that the shell sees it: 130, 143.
[[noreturn]] void die_of_signal();

}  // namespace relay::cli
