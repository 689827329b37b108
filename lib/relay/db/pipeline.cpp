#include "relay/db/pipeline.hpp"

#include "relay/db/libpq_params.hpp"
#include "relay/db/rows_impl.hpp"

#include <sys/socket.h>
#include <algorithm>
#include <string_view>
#include <vector>

namespace relay::db {
namespace {

bool ended_transaction(Reply::Slot const &slot) {
    std::string_view const tag = slot.rows ? PQcmdStatus(slot.rows->result.get()) : "";
    return tag == "COMMIT" || tag == "ROLLBACK";
}

}  // namespace

std::shared_ptr<Reply::Slot> Pipeline::send(char const *sql, std::vector<Param> const &params) {
    std::vector<char const *> const values = libpq_values(params);
    bool const sent =
        PQenterPipelineMode(m_connection) == 1 && PQsendQueryParams(m_connection, sql, static_cast<int>(values.size()),
                                                                    nullptr, values.data(), nullptr, nullptr, 0) == 1;
    if (!sent) {
        broken();
        return nullptr;
    }
    return m_queue.emplace_back(std::make_shared<Reply::Slot>());
}

bool Pipeline::flush() {
    if (!m_queue.empty() && m_queue.back() != nullptr) {
        m_queue.emplace_back(nullptr);
        if (PQpipelineSync(m_connection) != 1) {
            broken();
            return false;
        }
    }
    return true;
}

void Pipeline::drain() {
    while (!m_queue.empty()) {
        read();
    }
}

/// Nothing that is still queued will be answered.
Result Pipeline::broken() {
    m_queue.clear();
    ::shutdown(PQsocket(m_connection), SHUT_RDWR);
    return Result(PQmakeEmptyPGresult(m_connection, PGRES_FATAL_ERROR));
}

Result Pipeline::read() {
    bool const is_sent = std::find(m_queue.begin(), m_queue.end(), nullptr) != m_queue.end();
    if (!is_sent && !flush()) {
        return broken();
    }
    m_unexpected = {};
    Result first_error;
    std::vector<std::shared_ptr<Reply::Slot>> answered;
    while (!m_queue.empty() && m_queue.front()) {
        Result error = read_one(*answered.emplace_back(m_queue.front()));
        if (error && !first_error) {
            first_error = std::move(error);
        }
        if (!m_queue.empty()) {
            m_queue.pop_front();
        }
    }
    if (m_queue.empty()) {
        return first_error;
    }
    Result end(PQgetResult(m_connection));
    Result late;
    if (PQresultStatus(end.get()) == PGRES_FATAL_ERROR && PQstatus(m_connection) == CONNECTION_OK) {
        // The server reports a time-out that fired as the last statement ended when it comes to the end of the message. Behind the
        // end of a transaction it has no effect; otherwise all that was answered is undone.
        late = std::move(end);
        Result const none(PQgetResult(m_connection));
        end.reset(PQgetResult(m_connection));
    }
    if (PQresultStatus(end.get()) != PGRES_PIPELINE_SYNC) {
        // None: the server has ended the session between two messages, and libpq takes its last words for a notice.
        m_unexpected = end ? "another result than asked for" : "";
        Result lost = broken();
        return first_error ? std::move(first_error) : std::move(lost);  // the server's last words
    }
    m_queue.pop_front();
    if (m_queue.empty()) {
        PQexitPipelineMode(m_connection);
    }
    if (late && (answered.empty() || !ended_transaction(*answered.back()))) {
        std::for_each(answered.begin(), answered.end(), [](auto const &slot) { slot->rows = nullptr; });
        first_error = first_error ? std::move(first_error) : std::move(late);
    }
    return first_error;
}

/// Returns the error, if the answer is one. After the answer, libpq returns a null result.
Result Pipeline::read_one(Reply::Slot &slot) {
    Result answer(PQgetResult(m_connection));
    auto const status = PQresultStatus(answer.get());
    if (!answer) {
        return broken();
    }
    if (is_copy(answer.get()) || status == PGRES_EMPTY_QUERY || status == PGRES_PIPELINE_SYNC) {
        m_unexpected = is_copy(answer.get()) ? "the start of a COPY" : "no result";
        return broken();
    }
    if (PQstatus(m_connection) != CONNECTION_OK || Result(PQgetResult(m_connection))) {
        m_unexpected = "two results for one statement";
        Result lost = broken();
        return status == PGRES_FATAL_ERROR ? std::move(answer) : std::move(lost);
    }
    if (status == PGRES_FATAL_ERROR) {
        return answer;
    }
    if (status != PGRES_PIPELINE_ABORTED) {
        slot.rows = std::make_shared<Rows::Impl>(Rows::Impl{std::move(answer)});
    }
    return nullptr;
}

}  // namespace relay::db
