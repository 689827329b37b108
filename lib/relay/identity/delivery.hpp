#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/model/ids.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// A new key and whose it is, on its way to a KeyDelivery.
struct NewKey {
    OrgId const &org;
    AgentId const *agent;  ///< null for an organization's admin token
    ApiKey const &key;
    std::string
        database_id{};  ///< of the database in which it becomes live; what stays behind must not be judged by another
    std::optional<std::string> owner{};  ///< who receives it, where that is known: a team, a mail address; any text
};

/// Who is to be given a key.
struct Recipient {
    OrgId const &org;
    AgentId const &agent;
    std::optional<std::string> const &owner;
};

/// The way of new secrets around their COMMIT, so that no key is ever live that nobody holds: what is prepared is delivered, then comes the
/// COMMIT, then exactly one of committed, rolled_back and left_unknown.
class Delivery {
  public:
    virtual ~Delivery() = default;

    /// Makes the secret durable at its destination. Runs inside the transaction, before COMMIT, once: a retried transaction does not deliver again;
    /// of a batch it may run while the server still writes. Throws Error (sink): the transaction is then rolled back.
    virtual void deliver() = 0;
    /// The keys are live. Finishes what can only be done now (the rename of a replacement). Throws Error (unknown, changed yes) if it cannot.
    virtual void committed() = 0;
    /// The keys will never be live: takes back what can be taken back.
    virtual void rolled_back() noexcept = 0;
    /// Nobody can tell yet: keeps everything.
    virtual void left_unknown() noexcept = 0;
    /// Where it went, for people and audit: "file:payment.env", "stdout", "terminal", "fd:3".
    virtual std::string destination() const = 0;
};

/// Where a new secret goes.
class KeyDelivery : public Delivery {
  public:
    /// Renders the secret for its destination, in memory only, and names the transaction that will make it live:
    /// `operation_id_for(content)` where the content stays in a file that a later run may find, otherwise a random id.
    virtual OperationId prepare(NewKey const &issued) = 0;
};

/// Where the secrets of many transactions go, a batch with each; after a verdict the next batch begins.
class BatchDelivery : public Delivery {
  public:
    /// Renders a secret of this batch, in memory only.
    virtual void add(NewKey const &issued) = 0;
    /// The names of the transaction that will make this batch live, one for each file that a later run may find: all are to be recorded.
    virtual std::vector<OperationId> operations() const = 0;
    /// How many secrets a batch may have.
    virtual std::size_t most_at_once() const = 0;

    /// Why nothing can be delivered to this one, which then fails alone; asked before a key is made, and for dry runs too.
    virtual std::optional<std::string> why_not(Recipient const &) const { return std::nullopt; }

    /// True if deliver() may succeed for some and fail for others.
    virtual bool may_refuse() const { return false; }
    struct Refusal {
        AgentId agent_id;
        std::string reason{};
    };
    /// After deliver(): those whose keys must not become live; all others' must.
    virtual std::vector<Refusal> refused() const { return {}; }
    /// How long deliver() may take beyond what a transaction may: the database waits meanwhile.
    virtual std::chrono::seconds extra_time() const { return {}; }
};

/// A delivery into the calling program: `take` is called with the whole key before COMMIT, and may throw to refuse it.
class DeliverTo final : public KeyDelivery {
  public:
    using Take = std::function<void(std::string_view key)>;
    explicit DeliverTo(Take take);

    OperationId prepare(NewKey const &issued) override;
    void deliver() override;
    void committed() override {}
    void rolled_back() noexcept override {}
    void left_unknown() noexcept override {}
    std::string destination() const override { return "caller"; }

  private:
    Take m_take;
    std::optional<SecretBuffer> m_key;
};

}  // namespace relay
