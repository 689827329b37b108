#pragma once

#include "relay/db/libpq_result.hpp"
#include "relay/db/transaction.hpp"

#include <deque>
#include <memory>
#include <vector>

namespace relay::db {

/// The reply to one statement of a Pipeline: none until it is read, and none if the server skipped the statement.
struct Reply::Slot {
    std::shared_ptr<Rows::Impl const> rows{};
};

/// Pipeline: statements that travel together.
///
/// A statement that waits for the answer to the one before costs the whole way to the server and back. So `send` only
/// queues, and `read` sends the queue as one message and then reads its answers, in order. After an error the server
/// skips the rest of the message. Queue statements with short answers only, because they are not read while the message
/// is sent. (libpq calls this pipeline mode, and needs it switched off for everything else; it is on only while something
/// is queued.)
class Pipeline {
  public:
    explicit Pipeline(PGconn *connection) : m_connection(connection) {}

    /// Queues a statement. Returns none if the connection is broken.
    std::shared_ptr<Reply::Slot> send(char const *sql, std::vector<Param> const &params);
    /// Ends the message and sends it, without waiting for the answers. What is queued afterwards is another message,
    /// which the server also runs after an error in this one. Returns false if the connection is broken.
    bool flush();
    /// Reads the answers to the oldest message; sends it first if need be. Returns the first error in it, or none. The
    /// error has no SQLSTATE if the connection broke, or if what came is not an answer to a statement: then unexpected() says
    /// what it is.
    Result read();
    /// Reads and forgets all answers.
    void drain();
    bool empty() const { return m_queue.empty(); }
    std::string_view unexpected() const { return m_unexpected; }

  private:
    Result read_one(Reply::Slot &slot);
    Result broken();

    PGconn *m_connection;
    std::string_view m_unexpected{};
    std::deque<std::shared_ptr<Reply::Slot>> m_queue{};  // a null pointer is the end of a message
};

}  // namespace relay::db
