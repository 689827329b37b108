#include "relay/db/quick_query.hpp"

#include "relay/db/connect.hpp"
#include "relay/db/libpq_result.hpp"
#include "relay/model/error.hpp"

namespace relay::db {
namespace {

/// Has short time-outs, so that the server gives up too: it may not notice that we are gone.
constexpr char const *begin_quick_sql = R"sql(BEGIN READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL lock_timeout = 300;
SET LOCAL statement_timeout = 300)sql";

[[noreturn]] void give_up() { throw Error(ErrorKind::unavailable, "no quick answer from the database"); }

/// Returns the last result of what was sent. All results must be successes.
Result receive(PGconn *connection, Watchdog::Clock::time_point deadline) {
    Result last;
    for (;;) {
        while (PQisBusy(connection) != 0) {
            if (!wait_for_socket(connection, PGRES_POLLING_READING, deadline) || PQconsumeInput(connection) == 0) {
                give_up();
            }
        }
        Result next(PQgetResult(connection));
        if (!next) {
            return last;
        }
        auto const status = PQresultStatus(next.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            give_up();
        }
        last = std::move(next);
    }
}

std::vector<TextRow> rows_of(PGresult const *result) {
    std::vector<TextRow> rows(static_cast<std::size_t>(PQntuples(result)));
    for (int row = 0; row < PQntuples(result); ++row) {
        for (int column = 0; column < PQnfields(result); ++column) {
            rows[static_cast<std::size_t>(row)].emplace(PQfname(result, column), PQgetvalue(result, row, column));
        }
    }
    return rows;
}

}  // namespace

std::vector<TextRow> quick_query(Settings const &settings, char const *sql, std::vector<std::string> const &params,
                                 Watchdog::Clock::time_point deadline) {
    Watchdog watchdog;
    RawConnection const connection = connect(complete_conninfo(settings), settings, deadline, watchdog);
    Disarming const disarming(watchdog);
    watchdog.arm(PQsocket(connection.get()), deadline);
    if (PQsendQuery(connection.get(), begin_quick_sql) == 0) {
        give_up();
    }
    receive(connection.get(), deadline);
    std::vector<char const *> values;
    values.reserve(params.size());
    for (std::string const &param : params) {
        values.push_back(param.c_str());
    }
    if (PQsendQueryParams(connection.get(), sql, static_cast<int>(values.size()), nullptr, values.data(), nullptr,
                          nullptr, 0) == 0) {
        give_up();
    }
    return rows_of(receive(connection.get(), deadline).get());
}

}  // namespace relay::db
