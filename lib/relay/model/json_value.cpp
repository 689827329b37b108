#include "relay/model/json_value.hpp"

namespace relay {

JsonValue const *JsonValue::find(std::string_view name) const {
    auto const found = members.find(name);
    return found == members.end() || found->second.is(Kind::null) ? nullptr : &found->second;
}

}  // namespace relay
