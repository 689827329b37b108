#pragma once

#include "relay/db/transaction.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

namespace relay::sql {

/// The details of an event: a JSON object of texts, whole numbers and values that are JSON already.
class Detail {
  public:
    Detail &add(std::string_view key, std::string_view text);
    Detail &add(std::string_view key, std::int64_t number);
    Detail &add_json(std::string_view key, std::string const &json);
    /// Returns nothing if there are no entries.
    std::optional<std::string> json() const;

  private:
    void add_raw(std::string_view key, std::string const &value);
    std::string m_entries{};
};

struct NewEvent {
    std::string action{};
    std::optional<OrgId> org_id{};
    std::optional<AgentId> agent_id{};
    std::optional<KeyId> key_id{};
    Detail detail{};
};

/// Writes the events of one change to auth_events, in its transaction. The database sets occurred_at and db_role.
/// `written` gets the number of rows that were inserted (see Transaction::send).
void insert_events(db::Transaction &transaction, Attribution const &by, std::vector<NewEvent> const &events,
                   std::function<void(std::size_t)> written);
/// The same, but none may be missing: otherwise the transaction fails with Error (schema).
void record_events(db::Transaction &transaction, Attribution const &by, std::vector<NewEvent> const &events);

/// Returns the event of a row with the columns of relay.recorded_events, each under its name.
Event read_event(db::Row const &row);
/// Returns an agent's last events, newest first. They include calls with a wrong secret for one of its keys, which name no
/// agent, because the caller has not proved to be one.
db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, AgentId const &agent, int count);
/// The same of one key.
db::Pending<std::vector<Event>> last_events(db::Transaction &transaction, KeyId const &key, int count);
/// Returns the last events of an agent, or of a key, that are not mere uses: what was done to it, and what was refused.
db::Pending<std::vector<Event>> last_changes(db::Transaction &transaction, AgentId const &agent, int count);
db::Pending<std::vector<Event>> last_changes(db::Transaction &transaction, KeyId const &key, int count);
/// Returns the key that was active until `key` became active. None if there was none, or if the event is gone.
/// Returns whether the rotation that made the key active leaves the grace of the old one until the key is used.
bool waits_for_use(db::Transaction &transaction, Key const &active);
std::optional<KeyId> previous_key(db::Transaction &transaction, Key const &key);

}  // namespace relay::sql
