#pragma once

#include "relay/db/transaction.hpp"
#include "relay/model/subject.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace relay::sql {

/// A place in the WAL of one history of one server: behind everything that was committed when it was read.
struct WalPlace {
    std::string history{};  ///< which server, and which of its timelines
    std::string lsn{};  ///< "0/3000148"
};

WalPlace wal_place(db::Transaction &transaction);

/// True if each of `subjects`, of one kind, is shut out in this database by a row that was not lifted.
bool stand_shut_out(db::Transaction &transaction, std::vector<Subject> const &subjects);

/// A standby that is connected right now.
struct WalSender {
    std::int64_t pid = 0;
    std::string name{};  ///< application_name
    std::optional<std::string> address{};  ///< none: a unix socket, or not ours to see
    std::optional<std::string> slot{};
    std::optional<std::string>
        state{};  ///< streaming, catchup, ...; none: neither we nor relay_owner may see how far it is
    bool synchronous = false;
    bool flushed = false;  ///< the place is on its disk
    bool replayed = false;  ///< whoever asks there sees what was committed
    std::optional<std::int64_t> behind_bytes{};  ///< from what it has replayed to the place; negative: it is past it
    std::optional<std::chrono::seconds> heard{};  ///< since it last said anything; negative: its clock is ahead
};

/// A physical replication slot that nobody is connected by: its standby is away. Not one that was never used.
struct IdleSlot {
    std::string name{};
    bool lost = false;  ///< the server has removed what it would need: that standby must be made anew
    bool flushed = false;
    std::optional<std::int64_t> behind_bytes{};
};

struct StandbySight {
    std::vector<WalSender>
        senders{};  ///< by name; without logical subscribers, base backups, and archivers that replay nothing
    std::vector<IdleSlot> idle{};  ///< by name
    std::string synchronous_names{};  ///< the setting synchronous_standby_names
};

/// What this primary knows of its standbys, measured at `lsn`.
StandbySight sight_standbys(db::Transaction &transaction, std::string const &lsn);

}  // namespace relay::sql
