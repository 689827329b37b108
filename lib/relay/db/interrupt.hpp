#pragma once

/// What a signal handler may know about the running transaction. Everything here is lock-free.
namespace relay::db::running {

/// The transaction that an interrupt shuts down; none if there is no socket.
struct Open {
    int socket = -1;
    bool is_open = false;
};

/// Call when a transaction opens: from now on, an interrupt shuts this socket down. Returns the transaction that was open
/// before, for closed(): a transaction may run while another one waits for its server.
Open opened(int socket) noexcept;
/// Call before COMMIT is sent: from now on, an interrupt is only remembered.
void commit_sent() noexcept;
/// Call when the transaction is open no more.
void closed(Open const &before = {}) noexcept;
/// Returns true once interrupt() was called.
bool interrupted() noexcept;

}  // namespace relay::db::running
