#include "relay/db/row_stream.hpp"

#include "relay/db/database.hpp"
#include "relay/db/interrupt.hpp"
#include "relay/db/session.hpp"

namespace relay::db {
namespace {

constexpr char const *fetch_sql = "FETCH FORWARD 200 FROM relay_list";
constexpr std::size_t page_size = 200;

/// Enough for 100,000 rows per second at a distance of 40 ms.
constexpr std::size_t most_pages_on_the_way = 20;

/// The server must not count the time in which a reader holds us up: its own time-outs would. For a page, our watchdog
/// counts, and the canceller stops the server. The rows are needed to the last, so the plan must not favor the first.
constexpr char const *patient_sql = R"sql(
SELECT pg_catalog.set_config('statement_timeout', '0', true),
       pg_catalog.set_config('idle_in_transaction_session_timeout', '0', true),
       pg_catalog.set_config('cursor_tuple_fraction', '1', true))sql";

Error ended_by_others() {
    return {ErrorKind::unavailable,
            "the server ended the list, because other sessions got in its way (on a standby: changes from the primary)",
            {.next = "try again", .sqlstate = "40001"}};
}

}  // namespace

RowStream::RowStream(Transaction &transaction, std::string const &sql, std::vector<Param> const &params)
    : m_transaction(transaction), m_canceller(transaction.m_session.canceller()) {
    m_transaction.send(patient_sql);
    m_transaction.send(("DECLARE relay_list NO SCROLL CURSOR FOR " + sql).c_str(), params);
    ask_for_more();
}

RowStream::~RowStream() {
    running::opened(m_transaction.m_session.socket());
    bool const may_still_work = m_has_begun || !m_transaction.m_session.connected();
    if (!m_at_end && may_still_work) {
        m_canceller.cancel();
    }
}

/// Pages end their own messages, so that each can be read as soon as it is there.
void RowStream::ask_for_more() {
    while (m_on_the_way.size() < m_most_on_the_way) {
        m_on_the_way.push_back(m_transaction.send(fetch_sql));
        m_transaction.m_session.flush();
    }
}

Rows RowStream::receive() {
    Reply const next = std::move(m_on_the_way.front());
    m_on_the_way.pop_front();
    m_transaction.m_session.restart_deadline();
    if (!m_has_begun) {
        Rows rows = next.rows();
        m_has_begun = true;
        return rows;
    }
    try {
        return next.rows();
    } catch (RunAgain const &) {
        throw ended_by_others();
    }
}

std::optional<Rows> RowStream::next() {
    if (m_at_end) {
        return std::nullopt;
    }
    running::opened(m_transaction.m_session.socket());
    Rows rows = receive();
    if (rows.size() == page_size) {
        m_most_on_the_way = most_pages_on_the_way;
        ask_for_more();
    } else {
        m_at_end = true;
        // The pages that were asked for beyond the end are empty. Read now: later, the time that a reader takes would count.
        while (!m_on_the_way.empty()) {
            receive();
        }
    }
    running::closed();
    return rows;
}

}  // namespace relay::db
