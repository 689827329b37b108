#include "relay/model/error.hpp"

#include <utility>

namespace relay {

std::string_view error_code_name(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::internal: return "internal";
        case ErrorKind::usage: return "usage";
        case ErrorKind::not_found: return "not_found";
        case ErrorKind::denied: return "denied";
        case ErrorKind::conflict: return "conflict";
        case ErrorKind::limit: return "limit";
        case ErrorKind::partial: return "partial";
        case ErrorKind::unavailable: return "unavailable";
        case ErrorKind::unknown: return "unknown";
        case ErrorKind::check_no: return "check_no";
        case ErrorKind::schema: return "schema";
        case ErrorKind::sink: return "sink";
        case ErrorKind::declined: return "declined";
    }
    return "internal";
}

std::string_view changed_name(Changed changed) {
    switch (changed) {
        case Changed::no: return "no";
        case Changed::yes: return "yes";
        case Changed::partly: return "partly";
        case Changed::unknown: return "unknown";
    }
    return "unknown";
}

Error::Error(ErrorKind kind, std::string message, Hint hint)
    : m_kind(kind), m_message(std::move(message)), m_hint(std::move(hint)) {}

}  // namespace relay
