#include "relay/model/error.hpp"

#include <utility>

namespace relay {

Error::Error(ErrorKind kind, std::string message, Hint hint)
    : m_kind(kind), m_message(std::move(message)), m_hint(std::move(hint)) {}

}  // namespace relay
