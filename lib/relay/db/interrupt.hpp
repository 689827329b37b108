#pragma once

/// What a signal handler may know about the running transaction. Everything here is lock-free.
namespace relay::db::running {

/// Call when a transaction opens: from now on, an interrupt shuts this socket down.
void opened(int socket) noexcept;
/// Call before COMMIT is sent: from now on, an interrupt is only remembered.
void commit_sent() noexcept;
/// Call when no transaction is open any more.
void closed() noexcept;
/// Returns true once interrupt() was called.
bool interrupted() noexcept;

}  // namespace relay::db::running
