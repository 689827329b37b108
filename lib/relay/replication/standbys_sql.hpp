#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/subject.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay::sql {

/// A place in the WAL of one history of one server. Everything that was committed when it was read is before it.
struct WalPlace {
    std::string history{};  ///< which server, and which of its timelines
    std::string lsn{};  ///< "0/3000148"
};

WalPlace wal_place(db::Transaction &transaction);

/// Returns true if this database has, for each of `subjects` (of one kind), a block or revocation that was not
/// lifted.
bool stand_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// A standby that is connected right now.
struct WalSender {
    std::int64_t pid = 0;
    std::string name{};  ///< application_name
    std::optional<std::string> address{};  ///< none: a unix socket, or we may not see it
    std::optional<std::string> slot{};
    std::optional<std::string> state{};  ///< streaming, catchup, ...; none: neither we nor relay_owner may see it
    bool synchronous = false;
    bool flushed = false;  ///< the place is on its disk
    bool replayed = false;  ///< queries there see what was committed
    std::optional<std::int64_t> behind_bytes{};  ///< from what it has replayed to the place; negative: it is past it
    std::optional<std::chrono::seconds> heard{};  ///< time since its last message; negative: its clock is ahead
};

/// A physical replication slot without a connection: its standby is away. Slots that were never used are left out.
struct IdleSlot {
    std::string name{};
    bool lost = false;  ///< the server has removed WAL that it needs, so that standby must be rebuilt
    bool flushed = false;
    std::optional<std::int64_t> behind_bytes{};
};

struct StandbySight {
    std::vector<WalSender> senders{};  ///< by name; without logical subscribers, base backups and archivers
    std::vector<IdleSlot> idle{};  ///< by name
    std::string synchronous_names{};  ///< the setting synchronous_standby_names
};

/// Returns what this primary knows about its standbys, measured against `lsn`.
StandbySight sight_standbys(db::Transaction &transaction, std::string const &lsn);

}  // namespace relay::sql
