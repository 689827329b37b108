#pragma once

#include "relay/db/database.hpp"
#include "relay/fleet/records.hpp"
#include "relay/identity/create_agent.hpp"
#include "relay/identity/delivery.hpp"
#include "relay/model/attribution.hpp"
#include "relay/model/text_of.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Many new agents, each with its first key.
namespace relay {

/// A row of the source.
struct AgentRow {
    std::size_t line = 0;  ///< in the file, from 1
    CreateAgent agent;
    bool has_name = false;  ///< these say which columns the row has: only they are compared with an agent that exists
    bool has_permissions = false;
    bool has_labels = false;
};

enum class ImportOutcome {
    created,
    unchanged,  ///< the agent exists as the row says
    failed,
};

template <>
struct EnumText<ImportOutcome> {
    static constexpr auto words = std::to_array<EnumWord<ImportOutcome>>({{ImportOutcome::created, "created"},
                                                                          {ImportOutcome::unchanged, "unchanged"},
                                                                          {ImportOutcome::failed, "failed"}});
};

/// What became of a row.
struct ImportedAgent {
    std::size_t line = 0;
    std::optional<std::string> agent_id{};  ///< as the row has it
    std::optional<OrgId> org_id{};
    std::optional<std::string> owner{};
    ImportOutcome outcome = ImportOutcome::created;
    std::optional<KeyId> key_id{};  ///< the new key
    std::string reason{};  ///< why it failed
};

struct ImportAgents {
    std::size_t batch = 1000;  ///< rows per transaction, at most; the delivery may allow fewer
    std::optional<std::int64_t> limit{};  ///< creates at most this many agents
    std::optional<std::int64_t> expect{};  ///< as many agents were counted: no more are created
    bool stop_on_fault = false;  ///< after the first row that fails, no further batch begins
    bool only_count = false;  ///< finds out what would be created, and creates nothing
    std::function<void(ImportedAgent const &)> each{};  ///< what became of a row is committed
    /// Called once the delivery to an agent is confirmed. Returns what went wrong; none: nothing.
    std::function<std::optional<std::string>(ImportedAgent const &)> after{};
    /// A second connection to the same database: the server writes two batches at the same time. None: one after the other.
    db::Database *beside = nullptr;
};

struct ImportedAgents : WriteReceipt {
    std::int64_t read = 0;
    std::int64_t created = 0;
    std::int64_t unchanged = 0;
    std::int64_t failed = 0;
    std::int64_t not_followed = 0;  ///< agents whose key is confirmed, but ImportAgents::after failed
    std::int64_t batches = 0;
    bool complete = true;  ///< no limit and no fault has stopped it
    std::string delivered_to{};
};

/// Imports rows, one batch per transaction: each is first delivered and then committed. A committed batch remains, and
/// importing the same rows again converges: an agent that exists as its row says is left as it is. A row that cannot be
/// imported fails alone. Throws Error as create_agent, for all rows: sink, unavailable, denied, schema, unknown.
class AgentImport {
  public:
    AgentImport(db::Database &database, ImportAgents request, WriteOptions options, BatchDelivery &delivery);
    ~AgentImport();
    AgentImport(AgentImport const &) = delete;
    AgentImport &operator=(AgentImport const &) = delete;

    void add(AgentRow row);
    /// Notes a row that could not be read.
    void refuse(ImportedAgent row);
    /// Imports the remaining rows and returns the result for all of them.
    ImportedAgents finish();

  private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

}  // namespace relay
