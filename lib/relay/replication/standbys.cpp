#include "relay/replication/standbys.hpp"

#include "relay/identity/use_case.hpp"
#include "relay/replication/standby_names.hpp"
#include "relay/replication/standbys_sql.hpp"

#include <algorithm>

namespace relay {
namespace {

/// Returns true if `slot` is `name` with underscores for dashes and dots: slot names allow neither, so cluster
/// managers name a standby's slot like that.
bool is_slot_of(std::string const &slot, std::string name) {
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
    return same_standby_name(slot, name);
}

std::optional<std::int64_t> at_least_zero(std::optional<std::int64_t> bytes) {
    return bytes ? std::optional(std::max<std::int64_t>(*bytes, 0)) : std::nullopt;
}

/// Adds the slot or the address to names that two standbys have.
void tell_apart(std::vector<Standby> &standbys) {
    std::vector<std::string> names;
    for (Standby const &standby : standbys) {
        names.push_back(standby.name);
    }
    for (std::size_t i = 0; i < standbys.size(); ++i) {
        Standby &standby = standbys[i];
        if (std::count(names.begin(), names.end(), names[i]) > 1) {
            standby.name += standby.slot      ? " (slot " + *standby.slot + ")"
                            : standby.address ? " at " + *standby.address
                                              : " #" + std::to_string(i + 1);
        }
    }
}

Error another_server() {
    return {ErrorKind::conflict,
            "a different server answers than the one that committed, as after a failover",
            {.next = "run the same command again", .changed = Changed::yes}};
}

}  // namespace

/// The standbys that were connected at any time of the wait. One that goes away is still waited for.
class StandbyWait::Roll {
  public:
    void update(std::vector<sql::WalSender> const &senders) {
        for (Entry &entry : m_entries) {
            entry.connected = false;
        }
        for (sql::WalSender const &sender : senders) {
            note(entry_of(sender, senders), sender);
        }
    }

    std::vector<Standby> list(sql::StandbySight const &sight) const {
        std::vector<Standby> standbys;
        for (Entry const &entry : m_entries) {
            standbys.push_back(entry.standby);
            if (!entry.connected) {
                standbys.back().presence = StandbyPresence::away;
                standbys.back().heard.reset();
            }
        }
        add_idle_slots(standbys, sight.idle);
        add_absent_names(standbys, synchronous_standby_names(sight.synchronous_names));
        tell_apart(standbys);
        return standbys;
    }

  private:
    struct Entry {
        std::int64_t pid = 0;
        bool connected = false;
        Standby standby{};
    };

    static bool is_present(std::int64_t pid, std::vector<sql::WalSender> const &senders) {
        return std::any_of(senders.begin(), senders.end(),
                           [pid](sql::WalSender const &sender) { return sender.pid == pid; });
    }

    /// Returns the entry of the same connection, or of the same standby on an earlier connection, or a new entry.
    Entry &entry_of(sql::WalSender const &sender, std::vector<sql::WalSender> const &senders) {
        auto found = std::find_if(m_entries.begin(), m_entries.end(),
                                  [&](Entry const &entry) { return entry.pid == sender.pid; });
        if (found == m_entries.end()) {
            found = std::find_if(m_entries.begin(), m_entries.end(), [&](Entry const &entry) {
                return !is_present(entry.pid, senders) && entry.standby.slot == sender.slot &&
                       entry.standby.address == sender.address &&
                       same_standby_name(entry.standby.name, name_of(sender));
            });
        }
        return found != m_entries.end() ? *found : m_entries.emplace_back();
    }

    static std::string name_of(sql::WalSender const &sender) {
        return !sender.name.empty() ? sender.name : sender.slot.value_or(sender.address.value_or("unnamed"));
    }

    static void note(Entry &entry, sql::WalSender const &sender) {
        bool const replayed = entry.standby.replayed || sender.replayed;
        entry.pid = sender.pid;
        entry.connected = true;
        entry.standby = {.name = name_of(sender),
                         .address = sender.address,
                         .slot = sender.slot,
                         .presence = sender.state ? StandbyPresence::connected : StandbyPresence::hidden,
                         .link_state = sender.state.value_or(""),
                         .synchronous = sender.synchronous,
                         .flushed = replayed || sender.flushed,
                         .replayed = replayed,
                         .behind_bytes = replayed ? 0 : at_least_zero(sender.behind_bytes),
                         .heard = sender.heard};
        if (entry.standby.heard) {
            entry.standby.heard = std::max(*entry.standby.heard, std::chrono::seconds(0));
        }
    }

    /// Adds the slots without a connection: of standbys that went away during the wait, and of those that were away
    /// before.
    static void add_idle_slots(std::vector<Standby> &standbys, std::vector<sql::IdleSlot> const &idle) {
        for (sql::IdleSlot const &slot : idle) {
            auto known = std::find_if(standbys.begin(), standbys.end(),
                                      [&](Standby const &standby) { return standby.slot == slot.name; });
            if (known == standbys.end()) {
                standbys.push_back({.name = slot.name, .slot = slot.name});
                known = std::prev(standbys.end());
            }
            known->presence = slot.lost ? StandbyPresence::lost : StandbyPresence::away;
            known->flushed = known->flushed || slot.flushed;
            known->behind_bytes = known->replayed ? 0 : at_least_zero(slot.behind_bytes);
        }
    }

    static void add_absent_names(std::vector<Standby> &standbys, std::vector<std::string> const &names) {
        for (std::string const &name : names) {
            bool const known =
                name == "*" || std::any_of(standbys.begin(), standbys.end(), [&](Standby const &standby) {
                    return same_standby_name(standby.name, name);
                });
            if (known) {
                continue;
            }
            auto const by_slot = std::find_if(standbys.begin(), standbys.end(), [&](Standby const &standby) {
                return standby.slot == standby.name && is_slot_of(*standby.slot, name);
            });
            if (by_slot != standbys.end()) {
                by_slot->name = name;
                by_slot->synchronous = true;
            } else {
                standbys.push_back({.name = name, .synchronous = true});
            }
        }
    }

    std::vector<Entry> m_entries{};
};

StandbyWait::StandbyWait(db::Database &database, std::vector<Subject> subjects, std::chrono::milliseconds patience)
    : Acknowledgement(patience),
      m_database(database),
      m_subjects(std::move(subjects)),
      m_roll(std::make_unique<Roll>()) {}

StandbyWait::~StandbyWait() = default;

bool StandbyWait::ask() {
    sql::StandbySight sight;
    m_database.transact(reading(), [&](db::Transaction &transaction) {
        sql::WalPlace const place = sql::wal_place(transaction);
        bool const first = m_lsn.empty();
        if (first ? !sql::stand_shut_out(transaction, m_subjects) : place.history != m_history) {
            throw another_server();
        }
        if (first) {
            m_history = place.history;
            m_lsn = place.lsn;
        }
        sight = sql::sight_standbys(transaction, m_lsn);
    });
    m_roll->update(sight.senders);
    m_standbys = m_roll->list(sight);
    m_hidden = std::any_of(sight.senders.begin(), sight.senders.end(),
                           [](sql::WalSender const &sender) { return !sender.state; });
    if (m_hidden || m_standbys.empty()) {
        end();
    }
    return !m_hidden && !m_standbys.empty() && replayed() == m_standbys.size();
}

std::size_t StandbyWait::replayed() const {
    return static_cast<std::size_t>(
        std::count_if(m_standbys.begin(), m_standbys.end(), [](Standby const &standby) { return standby.replayed; }));
}

}  // namespace relay
