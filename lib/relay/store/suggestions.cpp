#include "relay/store/suggestions.hpp"

#include "relay/model/text.hpp"

namespace relay::store {

Error no_such(std::string_view what, std::string const &id, db::Rows const &known) {
    std::vector<std::string> ids;
    for (db::Row const row : known) {
        ids.push_back(row.text("id"));
    }
    std::string const list = "relay-admin " + std::string(what) + " list";
    return {
        ErrorKind::not_found, "no " + std::string(what) + " " + id, {.next = list, .suggestions = closest(id, ids)}};
}

}  // namespace relay::store
