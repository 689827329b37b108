#include "relay/schema/records.hpp"

namespace relay {

std::string_view schema_state_name(SchemaState state) {
    switch (state) {
        case SchemaState::absent: return "absent";
        case SchemaState::current: return "current";
        case SchemaState::behind: return "behind";
        case SchemaState::ahead: return "ahead";
        case SchemaState::edited: return "edited";
        case SchemaState::incomplete: return "incomplete";
    }
    return "unknown";
}

}  // namespace relay
