#pragma once

#include "relay/crypto/api_key.hpp"
#include "relay/crypto/key_hash.hpp"
#include "relay/model/advice.hpp"
#include "relay/model/ids.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relay {

/// A new key with its owner, as it is handed to a KeyDelivery.
///
/// It holds references only, so that the secret stays in the one ApiKey that made it. The key is not live yet: it
/// becomes live if the transaction that prepared the delivery commits.
struct NewKey {
    OrgId const &org;
    AgentId const *agent;  ///< null for an organization's admin token
    ApiKey const &key;
    std::optional<std::string> owner{};  ///< who receives it, if known: a team, a mail address; any text
};

/// The deadlines of a delivery to a store that is not a file.
struct Staging {
    std::chrono::seconds timeout{60};  ///< from the COMMIT that stages the key until its delivery is ended
    std::chrono::seconds settle{
        std::chrono::minutes(10)};  ///< the longest time after that at which the store may take it
};

/// A key that was found where keys are kept. The hash is that of the whole key: a key id is public and proves nothing.
struct ShownKey {
    KeyId id;
    KeyHash hash;
};

/// What a store shows.
struct StoreView {
    std::optional<ShownKey> key{};  ///< none: it holds no key
};

/// An agent that is about to get a key.
struct Recipient {
    OrgId const &org;
    AgentId const &agent;
    std::optional<std::string> const &owner;
};

/// Takes new secrets to their destination, in step with the COMMIT that makes them live.
///
/// The order is fixed, so that no key is ever live that no one holds: prepare, deliver, COMMIT, and then exactly one
/// of committed, rolled_back and left_unknown. Committing first would be simpler, but a full disk or a closed pipe
/// would then leave a live key that was lost.
class Delivery {
  public:
    virtual ~Delivery() = default;

    /// Says in which database the secrets become live (Transaction::database_id): only this one may settle a file that
    /// is left behind. Called before deliver().
    virtual void made_for(std::string const & /*database_id*/) {}
    /// Makes the secret durable at its destination. Runs once, inside the transaction and before COMMIT; a retried
    /// transaction does not deliver again. For a batch, it may run while the server still writes the rows.
    /// Throws Error (sink): the transaction is then rolled back.
    virtual void deliver() = 0;
    /// Called when the keys are live. Finishes what had to wait (the rename of a replacement).
    /// Throws Error (unknown, changed yes) if it cannot.
    virtual void committed() = 0;
    /// Called when the keys will never be live. Undoes what can be undone.
    virtual void rolled_back() noexcept = 0;
    /// Called when the outcome is not known yet. Keeps everything.
    virtual void left_unknown() noexcept = 0;
    /// Returns where the secret went, for people and audit: "file:payment.env", "stdout", "terminal", "fd:3".
    virtual std::string destination() const = 0;
};

/// A store that is not a file: it may take a key late, twice, or although it reports a failure.
///
/// So its key is live before it is delivered (staged), and no transaction is open while deliver() runs: see
/// relay/identity/staged_delivery.hpp.
class Store {
  public:
    virtual ~Store() = default;
    virtual Staging const &staging() const = 0;
    /// Called before deliver(): nothing of the delivery may run after this.
    virtual void end_at(std::chrono::steady_clock::time_point deadline) = 0;
    /// Returns whether view() can ask the store.
    virtual bool has_view() const = 0;
    /// Returns what the store shows now; none if it did not answer.
    virtual std::optional<StoreView> view() = 0;
    /// Returns how to deliver a key to this agent again.
    virtual Advice again(AgentId const &agent) const = 0;
};

/// Takes one new secret to its destination: a file, stdout, a file descriptor, a store, or the calling program
/// (DeliverTo).
class KeyDelivery : public Delivery {
  public:
    /// Renders the secret for its destination, in memory only. Returns the operation id of the transaction that will
    /// make it live: `operation_id_for(content)` if the content goes to a file that a later run may find, otherwise a
    /// random id.
    virtual OperationId prepare(NewKey const &issued) = 0;
    /// Returns the store that it delivers to; null for any other destination.
    virtual Store *store() { return nullptr; }
};

/// Takes the secrets of many transactions to their destination, one batch per transaction. The next batch begins
/// after the verdict on the one before.
class BatchDelivery : public Delivery {
  public:
    /// Renders a secret of this batch, in memory only.
    virtual void add(NewKey const &issued) = 0;
    /// Returns the operation ids that the transaction of this batch must record: one per file that a later run may
    /// find.
    virtual std::vector<OperationId> operations() const = 0;
    /// Returns how many secrets a batch may have.
    virtual std::size_t most_at_once() const = 0;

    /// Called with all recipients of a batch before why_not, and again if the batch is tried again.
    virtual void announce(std::vector<Recipient> const &) {}
    /// Returns why nothing can be delivered to this recipient, who then fails alone. Called before a key is made,
    /// also on dry runs.
    virtual std::optional<std::string> why_not(Recipient const &) const { return std::nullopt; }

    /// Returns the deadlines if it delivers to a store that is not a file: then the keys are staged, and deliver() runs while
    /// no transaction is open, and may succeed for some recipients and fail for others. None for any other destination.
    virtual std::optional<Staging> staging() const { return std::nullopt; }
    /// Called before deliver() of such a delivery: nothing of it may run after this.
    virtual void end_at(std::chrono::steady_clock::time_point) {}
    struct Refusal {
        AgentId agent_id;
        std::string reason{};
    };
    /// Returns, after deliver() of such a delivery, the agents for which it failed.
    virtual std::vector<Refusal> refused() const { return {}; }
    /// Returns whether view() can ask the store.
    virtual bool has_view() const { return false; }
    /// Returns what the store shows of an agent now; none if it did not answer.
    virtual std::optional<StoreView> view(AgentId const &) { return std::nullopt; }
};

/// Delivers to the calling program: calls `take` with the whole key before COMMIT. `take` may throw to refuse it.
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
