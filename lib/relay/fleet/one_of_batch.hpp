#pragma once

#include "relay/identity/delivery.hpp"

#include <optional>
#include <string>
#include <utility>

namespace relay {

/// Delivers the one key of a use case to the place for many, as that of an agent with this owner: the use case does not
/// know whose the agent is, but seals and folders go by it.
class OneOfBatch final : public KeyDelivery {
  public:
    OneOfBatch(BatchDelivery &batch, std::optional<std::string> owner) : m_batch(batch), m_owner(std::move(owner)) {}
    ~OneOfBatch() override { forget(); }
    OneOfBatch(OneOfBatch const &) = delete;
    OneOfBatch &operator=(OneOfBatch const &) = delete;

    OperationId prepare(NewKey const &issued) override {
        m_is_prepared = true;
        m_batch.add({.org = issued.org, .agent = issued.agent, .key = issued.key, .owner = m_owner});
        return m_batch.operations().front();
    }
    void made_for(std::string const &database_id) override { m_batch.made_for(database_id); }
    void deliver() override { m_batch.deliver(); }
    void committed() override {
        m_is_prepared = false;
        m_batch.committed();
    }
    void rolled_back() noexcept override { forget(); }
    void left_unknown() noexcept override {
        m_is_prepared = false;
        m_batch.left_unknown();
    }
    std::string destination() const override { return m_batch.destination(); }

  private:
    /// A key that was prepared, but needed no delivery, must not go with the next one.
    void forget() noexcept {
        if (m_is_prepared) {
            m_is_prepared = false;
            m_batch.rolled_back();
        }
    }

    BatchDelivery &m_batch;
    std::optional<std::string> m_owner;
    bool m_is_prepared = false;
};

}  // namespace relay
