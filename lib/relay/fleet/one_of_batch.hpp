#pragma once

#include "relay/identity/delivery.hpp"

namespace relay {

/// Delivers the one key of a use case to the place for many.
class OneOfBatch final : public KeyDelivery {
  public:
    explicit OneOfBatch(BatchDelivery &batch) : m_batch(batch) {}
    ~OneOfBatch() override { forget(); }
    OneOfBatch(OneOfBatch const &) = delete;
    OneOfBatch &operator=(OneOfBatch const &) = delete;

    OperationId prepare(NewKey const &issued) override {
        m_is_prepared = true;
        m_batch.add(issued);
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
    bool m_is_prepared = false;
};

}  // namespace relay
