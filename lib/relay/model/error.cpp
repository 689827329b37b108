#include "relay/model/error.hpp"

#include <utility>

namespace relay {

Error::Error(ErrorKind kind, std::string message, Hint hint)
    : m_kind(kind), m_message(std::move(message)), m_hint(std::move(hint)) {}

std::string what_failed(Error const &error) {
    std::string text = error.message();
    for (std::string_view const misleading : {"; nothing was changed", ", nothing was changed"}) {
        if (text.ends_with(misleading)) {
            text.resize(text.size() - misleading.size());
        }
    }
    return text;
}

}  // namespace relay
