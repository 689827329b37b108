#pragma once

#include "relay/db/canceller.hpp"
#include "relay/db/transaction.hpp"

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace relay::db {

/// RowStream: the rows of a statement of any length, in little memory.
///
/// A Rows is completely in memory, so a list of a million rows cannot be one. A stream reads a cursor of the transaction
/// page by page: one snapshot, and also through a pooler. Several pages are on their way while one is used, so the
/// server, the network and the client work at the same time. Each page is an answer like any other: it is bounded
/// (Watchdog), and has the whole time-out for itself. The time in which the rows are used does not count, however long
/// a reader holds us up, and a signal in it ends the program immediately: the transaction only reads. Rejected: COPY,
/// which takes no parameters; libpq's single-row mode, which makes a result of each row; pages by `WHERE id > ...`, which
/// the server would sort again for each.
class RowStream {
  public:
    /// Queues `sql`, a SELECT. One stream in a transaction, and no other statement while it is read.
    RowStream(Transaction &transaction, std::string const &sql, std::vector<Param> const &params);
    /// If the rows were not read to the end, cancels what the server still does for them.
    ~RowStream();
    RowStream(RowStream const &) = delete;
    RowStream &operator=(RowStream const &) = delete;

    /// Returns the next rows, which may be none; nothing after the end. Throws Error as Transaction::exec does; RunAgain only before the first
    /// rows, because a body cannot take back what it has shown.
    std::optional<Rows> next();

  private:
    void ask_for_more();
    Rows receive();

    Transaction &m_transaction;
    Canceller m_canceller;
    std::deque<Reply> m_on_the_way{};
    std::size_t m_most_on_the_way = 1;
    bool m_at_end = false;
    bool m_has_begun = false;
};

/// A stream of rows, each of which `read` makes a T of.
template <typename T>
class Stream {
  public:
    Stream(Transaction &transaction, std::string const &sql, std::vector<Param> const &params, T (*read)(Row const &))
        : m_rows(transaction, sql, params), m_read(read) {}
    /// Passes each item to `use`.
    template <typename Use>
    void for_each(Use const &use) {
        while (std::optional<Rows> const page = m_rows.next()) {
            for (Row const row : *page) {
                use(m_read(row));
            }
        }
    }

  private:
    RowStream m_rows;
    T (*m_read)(Row const &);
};

}  // namespace relay::db
