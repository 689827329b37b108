#pragma once

#include <libpq-fe.h>
#include <memory>
#include <string_view>

namespace relay::db {

struct ClearResult {
    void operator()(PGresult *result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// Returns a field of an error or notice; empty if the server did not send it. Valid as long as the result.
inline std::string_view error_field(PGresult const *result, int code) {
    char const *const text = PQresultErrorField(result, code);
    return text != nullptr ? text : "";
}

/// True if the server began a COPY. PQgetResult returns such a result again and again.
inline bool is_copy(PGresult const *result) {
    auto const status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/// True for a WARNING, unless it is from a server that crashes or is shut down (57P0x): during COMMIT, that says nothing
/// about the COMMIT, unless it was waiting for standbys.
inline bool is_warning(PGresult const *notice) {
    return error_field(notice, PG_DIAG_SEVERITY_NONLOCALIZED) == "WARNING" &&
           (!error_field(notice, PG_DIAG_SQLSTATE).starts_with("57P") ||
            error_field(notice, PG_DIAG_SOURCE_FUNCTION).starts_with("SyncRep"));
}

}  // namespace relay::db
