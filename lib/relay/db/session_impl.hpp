#pragma once

#include "relay/db/libpq_params.hpp"
#include "relay/db/other_schema.hpp"
#include "relay/db/pipeline.hpp"
#include "relay/db/pqxx_connection.hpp"
#include "relay/db/session.hpp"
#include "relay/db/sqlstate.hpp"

#include <optional>
#include <vector>

/// Only for session.cpp, session_start.cpp and session_commit.cpp.
namespace relay::db {

/// What a transaction must know at its start.
struct Session::Start {
    bool is_checked = false;
    bool may_write = false;
    bool checks_schema = false;
    bool identifies = false;
    std::shared_ptr<Reply::Slot> settings{};
    std::shared_ptr<Reply::Slot> facts{};
    Instant now{};
    std::string db_role{};
    std::string database_id{};
    bool has_schema = true;  // as far as is known
    DatabaseLabel label{};
};

struct Session::Impl {
    Impl(Conninfo const &to, Settings const &settings, Deadline until)
        : conninfo(to), connection(db::connect(to, settings, until, watchdog)), timeout(settings.timeout) {
        // A WARNING during COMMIT means that the wait for a standby was ended; other notices are ignored.
        PQsetNoticeReceiver(
            connection.raw(),
            [](void *self, PGresult const *notice) {
                auto *const impl = static_cast<Impl *>(self);
                impl->warned = impl->warned || (is_warning(notice) && impl->is_committing());
            },
            this);
    }

    /// False while the answers to statements before a queued COMMIT are read: a warning among them is not about it.
    bool is_committing() const { return !before_commit || before_commit->rows; }

    /// Returns the role that the server knows us as.
    char const *role() const {
        char const *const user = PQuser(connection.raw());
        return user != nullptr ? user : "";
    }

    Asker asker() const { return {.role = role(), .writes = start.may_write, .has_schema = start.has_schema}; }

    Conninfo conninfo;
    Watchdog watchdog{};
    PqxxConnection connection;
    Pipeline pipeline{connection.raw()};
    Start start{};
    bool opens_alone = false;  // a time-out of the role or the database came before ours
    bool undoes_foreign_settings = false;
    std::size_t most_growth = 0;  // what the answers to the message may take
    std::chrono::milliseconds timeout;
    Deadline deadline{};
    bool warned = false;
    std::vector<Param> our_settings{};
    std::shared_ptr<Reply::Slot> newest{};
    std::shared_ptr<Reply::Slot> before_commit{};
    std::shared_ptr<Reply::Slot> commit{};
    std::optional<Error> commit_error{};
};

}  // namespace relay::db
