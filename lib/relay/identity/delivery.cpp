#include "relay/identity/delivery.hpp"

#include "relay/crypto/random_ids.hpp"
#include "relay/model/error.hpp"

namespace relay {

DeliverTo::DeliverTo(Take take) : m_take(std::move(take)) {}

OperationId DeliverTo::prepare(NewKey const &issued) {
    m_key = SecretBuffer::copy_of(issued.key.reveal());
    return generate_operation_id();
}

void DeliverTo::deliver() {
    if (!m_key) {
        throw Error(ErrorKind::internal, "a secret was to be delivered before it was prepared");
    }
    // Wiped in any case: what the caller refused is nobody's any more.
    auto const key = std::move(*m_key);
    m_key.reset();
    m_take(key.reveal());
}

}  // namespace relay
