#pragma once

/// What a signal handler and the watchdog may know of the running transaction. All lock-free.
namespace relay::db::running {

/// The transaction on this socket may be cut off from now on.
void opened(int socket) noexcept;
/// COMMIT is about to be sent: from now on an interrupt is only remembered.
void commit_sent() noexcept;
/// No transaction is open.
void closed() noexcept;
/// True once interrupt() was called.
bool interrupted() noexcept;

}  // namespace relay::db::running
