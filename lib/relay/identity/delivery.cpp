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
        throw Error(ErrorKind::internal, "deliver() was called before prepare()");
    }
    // Wiped even if the caller refuses it: no one will hold this key.
    auto const key = std::move(*m_key);
    m_key.reset();
    m_take(key.reveal());
}

}  // namespace relay
